"""What a notebook shows of a set."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._set import Set

# Days of a longer set that are shown from its start, and from its end.
_DAYS = 5
_FIGURES = {
    "impressions": "impressions",
    "label_rate": "share of labels that are true",
    "zero_history_pct": "share without history",
    "avg_history_length": "actions per history",
    "clicked_pct": "share that was clicked",
    "users": "users",
    "merchants": "merchants",
    "rejected_rows": "rows rejected",
    "unused_sources": "sources without any effect",
}


def page_of(shown: Set) -> str:
    """Headline figures and days of a set, as HTML."""
    seconds = "" if shown.seconds is None else f", made in {shown.seconds:.2f} s"
    title = f"{html.escape(str(shown.path))}: {html.escape(shown.job)}{seconds}"
    unit = "samples" if shown.job == "sequences" else "rows"
    figures = [(unit, _number(shown.samples))]
    for name, what in _FIGURES.items():
        value = shown.metrics.get(name)
        if isinstance(value, (int, float)):
            figures.append((what, _number(value)))
    warnings = [_text(warning) for warning in shown.metrics.get("warnings") or ()]
    return (
        f"<div><strong>{title}</strong>"
        f"{_table(('figure', 'value'), figures)}{_table(('day', unit), _day_rows(shown))}"
        f"{_list(warnings)}</div>"
    )


def _day_rows(shown: Set) -> list[tuple[str, str]]:
    """Each day and its samples, or rows; the middle of many days is left out."""
    by_day = {day.get("day"): day for day in shown.metrics.get("days") or ()}
    rows = []
    for day in shown.days:
        figures = by_day.get(day.isoformat(), {})
        count = figures.get("samples", figures.get("rows"))
        rows.append((day.isoformat(), "" if count is None else _number(count)))
    left_out = len(rows) - 2 * _DAYS
    if left_out > 1:
        rows[_DAYS:-_DAYS] = [(f"… {left_out} more days", "")]
    return rows


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["".join(f"<th>{html.escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _list(texts: Sequence[str]) -> str:
    items = "".join(f"<li>{html.escape(text)}</li>" for text in texts)
    return f"<ul>{items}</ul>" if items else ""


def _text(warning: object) -> str:
    """A warning of the metrics, which is an object with a code and a message."""
    if isinstance(warning, dict):
        return ": ".join(str(value) for value in warning.values())
    return str(warning)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"

"""Which files of a set are read."""

from __future__ import annotations

import datetime
import difflib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ._errors import UsageError
from ._set import Set

if TYPE_CHECKING:
    from ._command import Day


def files_of(
    opened: Set, days: Day | Sequence[Day] | None, table: str | None
) -> list[tuple[str, datetime.date | None]]:
    """The Parquet files of a set with their days."""
    parts = [part for part in opened.parts if part.endswith(".parquet")]
    if opened.job == "dwell":
        names = sorted({os.path.basename(part).removesuffix(".parquet") for part in parts})
        one_of("table", table := table or "user_merchant", names)
        parts = [part for part in parts if os.path.basename(part) == f"{table}.parquet"]
    elif table is not None:
        raise UsageError(f"table is of sets of dwell; this one is of {opened.job}")
    found = [(part, _day_of(part)) for part in parts]
    if days is not None:
        if any(day is None for _, day in found):
            raise UsageError(
                "days: this set of dwell has no folders by day; dwell(by_day=True) makes them"
            )
        chosen = _days(days)
        lacking = sorted(chosen.difference(opened.days))
        if lacking:
            raise UsageError(
                f"the set has no day {lacking[0]}; it has {', '.join(map(str, opened.days))}"
            )
        found = [(part, day) for part, day in found if day in chosen]
    return [(os.path.join(opened.path, part), day) for part, day in found]


def _day_of(part: str) -> datetime.date | None:
    """The day of the folder of a file."""
    folder, slash, _ = part.partition("/")
    return datetime.date.fromisoformat(folder.partition("=")[2]) if slash else None


def _days(days: Day | Sequence[Day]) -> set[datetime.date]:
    """Days as dates."""
    many = [days] if isinstance(days, (str, datetime.date)) else days
    try:
        return {
            datetime.date.fromisoformat(day) if isinstance(day, str) else _date(day) for day in many
        }
    except (TypeError, ValueError, AttributeError) as error:
        raise UsageError(f'days are dates, or texts such as "2025-08-15", not {days!r}') from error


def _date(day: datetime.date) -> datetime.date:
    return day.date() if isinstance(day, datetime.datetime) else datetime.date(*day.timetuple()[:3])


def one_of(name: str, value: object, known: Sequence[object]) -> None:
    """Raises UsageError if a value is none of those that are known."""
    if value in known:
        return
    near = difflib.get_close_matches(str(value), [str(one) for one in known], 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(map(repr, known))}"
    raise UsageError(f"{name} has no {value!r}; {hint}", hint=hint)

"""Layout timeline, and rows in other layouts, against loops over hand-made files."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import hitherto as ht
from hitherto import _expand

Row = dict[str, Any]
SCHEMA = pa.schema(
    [
        ("customer_id", pa.int64()),
        ("ranking_id", pa.string()),
        ("items", pa.list_(pa.int32())),
        ("is_order", pa.list_(pa.bool_())),
        ("history_length", pa.int32()),
        ("history_start", pa.int32()),
        ("actions", pa.list_(pa.int32())),
        ("action_types", pa.list_(pa.int8())),
        ("price", pa.list_(pa.float32())),
    ]
)
HISTORIES = ("actions", "action_types", "price")
SETTINGS: dict[str, Any] = {
    "layout": "timeline",
    "max_actions": 6,
    "with": ["price:float32"],
    "negatives_sample": None,
    "null_label": "keep",
}


def random_group(seed: int) -> list[Row]:
    """The rows of a row group: customers with some impressions each, guests among them."""
    rng = random.Random(seed)
    rows: list[Row] = []
    for customer in range(rng.randrange(1, 9)):
        actions = rng.randrange(0, 12)
        timeline = {
            "actions": [rng.randrange(1, 1000) for _ in range(actions)],
            "action_types": [rng.randrange(1, 4) for _ in range(actions)],
            "price": [rng.random() for _ in range(actions)],
        }
        for number in range(rng.randrange(1, 4)):
            start = rng.randrange(0, actions + 1)
            items = rng.randrange(0, 4)
            rows.append(
                {
                    "customer_id": customer if customer else None,
                    "ranking_id": f"{seed}-{customer}-{number}",
                    "items": [rng.randrange(1, 99) for _ in range(items)],
                    "is_order": [rng.choice([True, False, None]) for _ in range(items)],
                    "history_length": rng.randrange(0, min(6, actions - start) + 1),
                    "history_start": start,
                    **(timeline if number == 0 else dict.fromkeys(HISTORIES)),
                }
            )
    return rows


def write_set(folder: Path, groups: list[list[Row]], **settings: Any) -> ht.Set:
    """A set of one day with these row groups."""
    part = "dt=2025-08-15/part-00000.parquet"
    (folder / part).parent.mkdir(parents=True)
    with pq.ParquetWriter(folder / part, SCHEMA) as writer:
        for rows in groups:
            writer.write_table(pa.Table.from_pylist(rows, SCHEMA), row_group_size=1 << 20)
    manifest = {
        "job": "sequences",
        "of": "whole",
        "settings": {**SETTINGS, **settings},
        "counts": {"samples": sum(len(row["items"]) for rows in groups for row in rows)},
        "days": [{"day": "2025-08-15"}],
        "parts": [{"path": part}],
    }
    (folder / "_manifest.json").write_text(json.dumps(manifest))
    (folder / "_metrics.json").write_text("{}")
    return ht.open(folder)


def expected(groups: list[list[Row]], *, width: int | None, by_item: bool) -> list[Row]:
    """The rows that a reader should see, made one by one."""
    out: list[Row] = []
    for rows in groups:
        timeline: Row = {}
        for row in rows:
            if row["actions"] is not None:
                timeline = row
            start, length = row["history_start"], row["history_length"]
            seen = {key: row[key] for key in ("customer_id", "ranking_id", "history_length")}
            for name in HISTORIES:
                values = np.asarray(timeline[name], np.float32).tolist()[start : start + length]
                seen[name] = values + [0] * (width - length if width else 0)
            if not by_item:
                out.append({**seen, "items": row["items"], "is_order": row["is_order"]})
                continue
            for position, (item, label) in enumerate(
                zip(row["items"], row["is_order"], strict=True)
            ):
                out.append({**seen, "position": position, "item_id": item, "is_order": label})
    return out


@pytest.mark.parametrize("piece", [1, 20, 1 << 24])
@pytest.mark.parametrize("by_item", [False, True])
@pytest.mark.parametrize("form", ["fixed", "list"])
def test_timelines_become_histories(
    form: Any, by_item: bool, piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_expand, "PIECE_VALUES", piece)
    groups = [random_group(seed) for seed in range(12)]
    made = write_set(tmp_path / "set", groups)
    table = made.read(histories=form, layout="sample" if by_item else None)
    width = 6 if form == "fixed" else None
    assert table.drop_columns(["dt"]).to_pylist() == [
        {name: row[name] for name in table.schema.names if name != "dt"}
        for row in expected(groups, width=width, by_item=by_item)
    ]
    names = ["customer_id", "ranking_id", "items", "is_order", "history_length", *HISTORIES, "dt"]
    if by_item:
        names[2:3] = ["position", "item_id"]
    assert table.schema.names == names
    assert made.read(layout="request").equals(made.read())


def test_columns_of_a_timeline_are_chosen(tmp_path: Path) -> None:
    groups = [random_group(seed) for seed in range(5)]
    made = write_set(tmp_path / "set", groups)
    every = made.read(layout="sample")
    wanted = ["price", "item_id"]
    assert made.read(layout="sample", columns=wanted).equals(every.select(wanted))
    assert "actions" not in made.read(histories="none").schema.names


def test_without_a_limit_the_longest_history_has_all_places(tmp_path: Path) -> None:
    groups = [random_group(1), random_group(2)]
    made = write_set(tmp_path / "set", groups, max_actions=None)
    longest = max(row["history_length"] for rows in groups for row in rows)
    assert made.read().schema.field("actions").type == pa.list_(pa.int32(), longest)
    assert made.read().equals(write_set(tmp_path / "same", groups, max_actions=longest).read())
    empty = write_set(tmp_path / "empty", [[one_row(history_length=0)]], max_actions=None)
    assert empty.read()["actions"].to_pylist() == [[0]]


def one_row(**changed: Any) -> Row:
    row = {
        "customer_id": 1,
        "ranking_id": "r",
        "items": [7],
        "is_order": [True],
        "history_length": 2,
        "history_start": 1,
        "actions": [1, 2, 3],
        "action_types": [1, 1, 1],
        "price": [0.5, 1.5, 2.5],
    }
    return {**row, **changed}


WRONG: list[Row] = [
    {"history_length": 3},
    {"history_length": -1},
    {"history_start": -1},
    {"history_start": 4, "history_length": 1},
    {"actions": None},
    {"price": [0.5]},
]


@pytest.mark.parametrize("changed", WRONG)
@pytest.mark.parametrize("form", ["fixed", "list"])
def test_a_history_outside_of_its_timeline_is_an_error(
    form: Any, changed: Row, tmp_path: Path
) -> None:
    good = write_set(tmp_path / "good", [[one_row()]])
    assert good.read(histories="list")["actions"].to_pylist() == [[2, 3]]
    made = write_set(tmp_path / "set", [[one_row(**changed)]])
    with pytest.raises(ht.DataError, match="is damaged"):
        made.read(histories=form)


def test_lists_of_different_lengths_are_an_error(tmp_path: Path) -> None:
    made = write_set(tmp_path / "set", [[one_row(is_order=[True, False])]])
    with pytest.raises(ht.DataError, match=r'lists of "is_order"'):
        made.read(layout="sample")

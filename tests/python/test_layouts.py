"""Sets of all layouts, orders and names have the same rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import hitherto as ht
import sets
from hitherto._ranges import seconds_before

Make = Callable[..., ht.Set]
WITH = ["price:float32", "time_delta", "time"]
LISTS = ["actions", "action_types", "price", "time_delta", "time"]
CUTOFFS: Any = ("day", "time")


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes a set of a shop with guests, prices and times, in small row groups and parts."""
    folder = tmp_path_factory.mktemp("layouts")
    logs = sets.richer_shop(folder / "logs")
    made: dict[str, ht.Set] = {}

    def make(layout: Any, cutoff: Any = "time", **more: Any) -> ht.Set:
        options: dict[str, Any] = {"max_actions": 12, "with_": WITH, **more}
        key = repr((layout, cutoff, options))
        if key not in made:
            made[key] = ht.sequences(
                logs,
                out=folder / str(len(made)),
                layout=layout,
                cutoff=cutoff,
                guests="empty",
                keep=["surface:int32", "item.rank:int32"],
                row_group_rows=37,
                part_rows=100,
                progress=False,
                **options,
            )
        return made[key]

    return make


def check_same(one: pa.Table, other: pa.Table) -> None:
    """Checks that tables are equal, where NaN equals NaN."""
    assert one.schema == other.schema
    assert one.num_rows > 0
    prices = [name for name in one.schema.names if name == "price"]
    assert one.drop_columns(prices).equals(other.drop_columns(prices))
    for name in prices:
        assert repr(one[name].to_pylist()) == repr(other[name].to_pylist())


@pytest.mark.parametrize("cutoff", CUTOFFS)
def test_a_timeline_is_read_as_requests_and_samples(make: Make, cutoff: str) -> None:
    requests, timelines = make("request", cutoff), make("timeline", cutoff)
    names = requests.read().schema.names
    assert [name for name in names if name in LISTS] == LISTS
    for form in ("fixed", "list", "none"):
        check_same(timelines.read(histories=form), requests.read(histories=form))
    in_file = timelines.path / timelines.parts[0]
    assert pq.read_schema(in_file).field("action_time").type.value_type.unit == "us"
    check_same(timelines.read(layout="sample"), make("sample", cutoff).read())
    for columns in (["time_delta"], ["item_id", "time_delta", "dt"]):
        layout: Any = "sample" if "item_id" in columns else None
        rows = timelines.read(columns=columns, layout=layout)
        check_same(rows, requests.read(columns=columns, layout=layout))


def test_histories_of_a_timeline_differ(make: Make) -> None:
    stored = [pq.ParquetFile(p).read() for p in sets.parts(make("timeline").path)]
    starts = [start for rows in stored for start in rows["history_start"].to_pylist()]
    assert len(set(starts)) > 3


@pytest.mark.parametrize("cutoff", CUTOFFS)
def test_a_timeline_without_a_limit(make: Make, cutoff: str) -> None:
    timelines = make("timeline", cutoff, max_actions="all")
    assert timelines.settings["max_actions"] is None
    assert make("timeline", cutoff, max_actions=None).settings["max_actions"] is None
    table = timelines.read()
    longest = max(table["history_length"].to_pylist())
    assert table.schema.field("time").type == pa.list_(pa.int64(), longest)
    check_same(table, make("request", cutoff, max_actions=longest).read())
    day = timelines.days[0]
    rows = timelines.read(days=day)
    assert rows.schema.field("time").type.list_size == max(rows["history_length"].to_pylist())


@pytest.mark.parametrize("layout", ["sample", "request", "timeline"])
def test_oldest_first_is_read_as_it_is(make: Make, layout: str) -> None:
    plain, oldest = make(layout), make(layout, oldest_first=True)
    assert oldest.settings["oldest_first"] is True
    rows, wanted = oldest.read(histories="list"), plain.read(histories="list")
    assert rows.drop_columns(LISTS).equals(wanted.drop_columns(LISTS))
    for name in LISTS:
        turned = [values[::-1] for values in wanted[name].to_pylist()]
        assert repr(rows[name].to_pylist()) == repr(turned)
    if layout == "timeline":
        check_same(oldest.read(), make("request", oldest_first=True).read())


RENAME = {
    "actions": "uih",
    "cutoff": "history_length",
    "history_length": "cutoff",
    "is_order": "a_b",
}
RENAMES = {
    "sample": {**RENAME, "item_id": "position", "position": "item_id"},
    "request": {**RENAME, "items": "candidates", "time_delta": "items"},
    "timeline": {
        **RENAME,
        "items": "candidates",
        "action_time": "when",
        "history_start": "actions",
    },
}


@pytest.mark.parametrize("layout", RENAMES)
def test_columns_keep_the_names_of_the_set(make: Make, layout: str) -> None:
    rename = RENAMES[layout]
    plain, renamed = make(layout), make(layout, rename=rename)
    for form in ("fixed", "list", "none"):
        rows = plain.read(histories=form)
        names = [rename.get(name, name) for name in rows.schema.names]
        check_same(renamed.read(histories=form), rows.rename_columns(names))
    if layout == "sample":
        return
    rows = plain.read(layout="sample")
    names = [{**rename, "item_id": "candidates"}.get(name, name) for name in rows.schema.names]
    check_same(renamed.read(layout="sample"), rows.rename_columns(names))
    chosen = ["candidates", "uih", "position"]
    expected = rows.select(["item_id", "actions", "position"]).rename_columns(chosen)
    check_same(renamed.read(layout="sample", columns=chosen), expected)


def test_a_name_of_two_columns_is_refused(make: Make) -> None:
    with pytest.raises(ht.UsageError, match='two columns named "time_delta"'):
        make("timeline", rename={"surface": "time_delta"})
    made = make("request", rename={"surface": "position"})
    assert made.read(columns=["position"]).num_rows == 120
    with pytest.raises(ht.UsageError, match='two columns would be called "position"'):
        made.read(layout="sample")


def values_of(day: Any, name: str) -> list[list[Any]]:
    """A list of each history of a loaded day."""
    lists, lengths = day.lists[name], day.lengths.tolist()
    if day.starts is None:
        return [row[:length].tolist() for row, length in zip(lists, lengths, strict=True)]
    starts = day.starts.tolist()
    return [lists[at : at + length].tolist() for at, length in zip(starts, lengths, strict=True)]


LOADED: list[tuple[str, dict[str, Any]]] = [
    ("sample", {}),
    ("sample", {"oldest_first": True}),
    ("request", {"no_pad": True, "oldest_first": True}),
    ("timeline", {}),
    ("timeline", {"max_actions": "all"}),
    ("timeline", {"max_actions": "all", "oldest_first": True}),
]


@pytest.mark.parametrize(("layout", "more"), LOADED)
@pytest.mark.parametrize("cutoff", CUTOFFS)
def test_a_day_in_memory(make: Make, cutoff: str, layout: str, more: dict[str, Any]) -> None:
    plain, other = make("request", cutoff), make(layout, cutoff, **more)
    for kept in (5, 12):
        wanted = plain.load("2025-08-15", max_actions=kept)
        got = other.load("2025-08-15", max_actions=kept)
        assert set(got.lists) == set(LISTS)
        for name in LISTS:
            assert repr(values_of(got, name)) == repr(values_of(wanted, name)), name
            assert got.lists[name].dtype == wanted.lists[name].dtype
        assert np.array_equal(got.history, wanted.history)
        assert np.array_equal(got.item_id, wanted.item_id)
    every = other.load("2025-08-16")
    assert len(every.item_id) == sum(map(len, plain.read(days="2025-08-16")["items"].to_pylist()))


@pytest.mark.parametrize("layout", RENAMES)
def test_a_day_in_memory_has_the_names_of_the_set(make: Make, layout: str) -> None:
    wanted = make(layout).load("2025-08-15")
    got = make(layout, rename=RENAMES[layout]).load("2025-08-15")
    assert next(iter(got.lists)) == "uih"
    assert got.items.tolist() == wanted.items.tolist()
    item = "position" if layout == "sample" else "candidates"
    assert got.columns[item].tolist() == got.item_id.tolist() == wanted.item_id.tolist()
    assert got.columns["a_b"] is got.is_order
    chosen = make(layout, rename=RENAMES[layout]).load(
        "2025-08-15", columns=["uih", "history_length"]
    )
    assert (list(chosen.lists), list(chosen.columns)) == (["uih"], ["history_length"])
    assert chosen.columns["history_length"].dtype == np.int64
    with pytest.raises(ValueError, match="no column"):
        make(layout, rename=RENAMES[layout]).load("2025-08-15", columns=["actions_"])
    with pytest.raises(ValueError, match="max_actions=0"):
        make(layout).load("2025-08-15", max_actions=0)


def test_seconds_are_rounded_down_and_saturate() -> None:
    cutoffs = np.array([1_999_999, 0, 2**31 * 10**6, 2**31 * 10**6 - 1, 2**63 - 1], np.int64)
    times = np.array([0, -1, 0, 0, -(2**63)], np.int64)
    wanted = [1, 0, 2**31 - 1, 2**31 - 1, 2**31 - 1]
    assert seconds_before(cutoffs, times).tolist() == wanted

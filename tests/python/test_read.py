"""The rows of a set, for each library."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import hitherto as ht

FIRST = datetime.date(2025, 8, 15)


def stored(made: ht.Set) -> list[dict[str, Any]]:
    """The rows as pyarrow alone reads them, with the day of the folder."""
    rows = []
    for part in made.parts:
        day = datetime.date.fromisoformat(part[3:13])
        table = pq.ParquetFile(made.path / part).read()
        rows += [{**row, "dt": day} for row in table.to_pylist()]
    return rows


@pytest.mark.parametrize("name", ["requests", "samples"])
def test_rows_are_those_of_the_files(name: str, request: pytest.FixtureRequest) -> None:
    made: ht.Set = request.getfixturevalue(name)
    table = made.read()
    assert table.schema.field("actions").type == pa.list_(pa.int32(), 1000)
    assert table.schema.field("action_types").type == pa.list_(pa.int8(), 1000)
    assert table.schema.names[-1] == "dt"
    assert table.to_pylist() == stored(made)


def test_lists_have_the_length_of_the_history(samples: ht.Set) -> None:
    expected = stored(samples)
    for row in expected:
        for name in ("actions", "action_types"):
            row[name] = row[name][: row["history_length"]]
    assert samples.read(histories="list").to_pylist() == expected


def test_histories_may_be_left_out(samples: ht.Set) -> None:
    names = samples.read(histories="none").schema.names
    assert "history_length" in names
    assert not {"actions", "action_types"} & set(names)


def test_a_set_without_padding_is_padded(shop: Path, samples: ht.Set, tmp_path: Path) -> None:
    made = ht.sequences(shop, out=tmp_path / "out", layout="sample", no_pad=True, progress=False)
    assert made.read().equals(samples.read())
    assert made.read(histories="list").equals(samples.read(histories="list"))


def test_requests_become_samples(shop: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"with_": ["time_delta"], "max_actions": 9, "progress": False}
    as_requests = ht.sequences(shop, out=tmp_path / "a", **options)
    as_samples = ht.sequences(shop, out=tmp_path / "b", layout="sample", **options)
    assert as_requests.read(layout="sample").equals(as_samples.read())
    lists = as_requests.read(layout="sample", histories="list")
    assert lists.equals(as_samples.read(histories="list"))
    assert as_requests.read(layout="request").equals(as_requests.read())
    with pytest.raises(ht.UsageError, match="make the set with layout='request'"):
        as_samples.read(layout="request")


def test_positions_are_left_out_where_items_are_missing(shop: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"negatives_sample": 0.5, "progress": False}
    as_requests = ht.sequences(shop, out=tmp_path / "a", **options)
    as_samples = ht.sequences(shop, out=tmp_path / "b", layout="sample", **options)
    expected = as_samples.read().drop_columns(["position"])
    assert as_requests.read(layout="sample").equals(expected)
    with pytest.raises(ht.UsageError, match="'position'"):
        as_requests.read(layout="sample", columns=["position"])


def logs(folder: Path) -> Path:
    """Logs with columns to keep, labels that are null, a guest, and an impression without items."""
    folder.mkdir()
    (folder / "impressions.ndjson").write_text(
        '{"ranking_id":"a","customer_id":1,"dt":"2025-08-15","surface":"x","impressions":'
        '[{"item_id":5,"is_order":true,"is_click":1},{"item_id":6,"is_click":null}]}\n'
        '{"ranking_id":"b","customer_id":null,"dt":"2025-08-15","surface":null,"impressions":'
        '[{"item_id":7,"is_order":false}]}\n'
        '{"ranking_id":"c","customer_id":1,"dt":"2025-08-16","surface":null,"impressions":[]}\n'
    )
    (folder / "clicks.csv").write_text(
        "customer_id,item_id,click_time,price\n"
        "1,9,2025-08-10T00:00:00Z,1.5\n1,8,2025-08-11T00:00:00Z,2.5\n"
    )
    return folder


def test_kept_columns_guests_and_empty_days(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "with_": ["price", "time_delta"],
        "keep": ["surface", "item.is_click:int32"],
        "guests": "empty",
        "without": ["carts", "orders"],
        "max_actions": 3,
        "progress": False,
    }
    source = logs(tmp_path / "logs")
    as_requests = ht.sequences(source, out=tmp_path / "a", **options)
    as_samples = ht.sequences(source, out=tmp_path / "b", layout="sample", **options)
    assert as_requests.read(layout="sample").equals(as_samples.read())
    rows = as_requests.read(layout="sample", histories="list").to_pylist()
    by_item = {row["item_id"]: row for row in rows}
    assert by_item[6]["price"] == [2.5, 1.5]
    assert (by_item[5]["is_click"], by_item[6]["is_order"], by_item[7]["actions"]) == (1, None, [])
    empty = as_requests.read(days="2025-08-16")
    assert (empty.num_rows, empty.schema) == (0, as_requests.read().schema)
    assert as_requests.read(days="2025-08-16", layout="sample", to="polars").height == 0


DAYS: list[Any] = [FIRST, "2025-08-15", [FIRST], ["2025-08-15"], datetime.datetime(2025, 8, 15, 7)]


@pytest.mark.parametrize("days", [*DAYS, pd.Timestamp("2025-08-15")])
def test_days_are_chosen(days: Any, samples: ht.Set) -> None:
    table = samples.read(days=days)
    assert table.num_rows == 332
    assert set(table["dt"].to_pylist()) == {FIRST}


def test_columns_are_chosen_in_order(requests: ht.Set) -> None:
    wanted = ["dt", "actions", "item_id", "position"]
    table = requests.read(columns=wanted, layout="sample")
    assert table.schema.names == wanted
    assert table.num_rows == 661
    assert requests.read(columns=["dt"]).num_rows == 116


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"columns": ["action"]}, "did you mean 'actions'"),
    ({"columns": "actions"}, "columns"),
    ({"columns": ["dt", "dt"]}, "different names"),
    ({"days": "2024-01-01"}, "it has 2025-08-15, 2025-08-16"),
    ({"days": "soon"}, "days are dates"),
    ({"days": [7]}, "days are dates"),
    ({"to": "numpy"}, "to has no 'numpy'"),
    ({"histories": "padded"}, "histories has no 'padded'"),
    ({"layout": "requests"}, "did you mean 'request'"),
    ({"table": "user"}, "table is of sets of dwell"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_what_there_is_not_is_refused_at_once(
    arguments: dict[str, Any], message: str, samples: ht.Set
) -> None:
    with pytest.raises(ht.UsageError, match=message):
        ht.read(samples, **{"to": "batches", **arguments})


def test_each_library_has_the_same_rows(requests: ht.Set) -> None:
    table = requests.read()
    batches = list(requests.read(to="batches"))
    assert pa.Table.from_batches(batches).equals(table)
    polars = requests.read(to="polars")
    assert isinstance(polars, pl.DataFrame)
    assert polars.schema["actions"] == pl.Array(pl.Int32, 1000)
    assert polars.select("history_length", "dt").rows() == list(
        zip(*table.select(["history_length", "dt"]).to_pydict().values(), strict=True)
    )
    frame = requests.read(to="pandas")
    assert isinstance(frame, pd.DataFrame)
    assert np.array_equal(np.stack(list(frame["actions"])), np.array(table["actions"].to_pylist()))
    relation = requests.read(to="duckdb")
    assert isinstance(relation, duckdb.DuckDBPyRelation)
    found = relation.aggregate("count(*), sum(actions[1])").fetchall()
    assert found == [(116, sum(row[0] for row in table["actions"].to_pylist()))]


def test_polars_makes_tensors_of_it(samples: ht.Set) -> None:
    pytest.importorskip("torch", reason="torch is not installed: no tensors are made")
    frame = samples.read(to="polars", columns=["actions", "is_order"])
    tensors = frame.select("actions").to_torch("dict")
    assert tensors["actions"].shape == (661, 1000)
    expected = np.array(samples.read(columns=["actions"])["actions"].to_pylist())
    assert np.array_equal(tensors["actions"].numpy(), expected)


def test_head(requests: ht.Set, samples: ht.Set) -> None:
    first: Callable[[int], pa.Table] = samples.head
    assert first(5).equals(samples.read().slice(0, 5))
    assert first(0).num_rows == 0
    assert first(10_000).num_rows == 661
    assert requests.head(3, layout="sample").num_rows == 3
    assert requests.head(1, columns=["dt"]).schema.names == ["dt"]
    with pytest.raises(ht.UsageError, match="not -1"):
        first(-1)
    with pytest.raises(ht.UsageError, match="column"):
        samples.head(1, column=["dt"])

"""Sources that are tables: of each library, and of each type of text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import hitherto as ht
from tables import EXPECTED, TIME, clicks, impressions, read_back


def cast(**types: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        for name, kind in types.items():
            if name in table.column_names:
                at = table.column_names.index(name)
                table = table.set_column(at, name, table[name].cast(kind))
        return table

    return change


def views(table: pa.Table) -> pa.Table:
    """Texts as views. Old versions of pyarrow have no cast to them."""
    for name in TEXT:
        if name in table.column_names:
            column = pa.array(table[name].to_pylist(), pa.string_view())
            table = table.set_column(table.column_names.index(name), name, column)
    return table


class Stream:
    """Nothing but the protocol."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def dictionaries_that_change(table: pa.Table) -> pa.RecordBatchReader:
    """Each row in a batch of its own, with a dictionary of its own."""
    of_text = pa.dictionary(pa.int8(), pa.string())
    schema = pa.schema(
        [field.with_type(of_text) if field.type == pa.string() else field for field in table.schema]
    )
    rows = [table.slice(i, 1).combine_chunks().cast(schema) for i in range(table.num_rows)]
    return pa.RecordBatchReader.from_batches(schema, [row.to_batches()[0] for row in rows])


TEXT = {"customer_id", "ranking_id", "dt"}
LIBRARIES: dict[str, Callable[[pa.Table], Any]] = {
    "table": lambda table: table,
    "batch": lambda table: table.combine_chunks().to_batches()[0],
    "reader": lambda table: table.to_reader(max_chunksize=1),
    "protocol": Stream,
    "pandas": lambda table: table.to_pandas(),
    "pandas arrow": lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
    "pandas category": lambda table: table.to_pandas().astype({"customer_id": "category"}),
    "polars": pl.from_arrow,
    "polars lazy": lambda table: pl.LazyFrame(pl.from_arrow(table)),
    "polars categorical": lambda table: pl.DataFrame(pl.from_arrow(table)).with_columns(
        pl.col("customer_id").cast(pl.Categorical)
    ),
    "polars enum": lambda table: pl.DataFrame(pl.from_arrow(table)).with_columns(
        pl.col("customer_id").cast(pl.Enum(["bob", "ann"]))
    ),
    "duckdb": lambda table: duckdb.from_arrow(table),
    "duckdb enum": lambda table: duckdb.from_arrow(table).select(
        "* replace (customer_id::enum('bob', 'ann') as customer_id)"
    ),
    "large_string": cast(**dict.fromkeys(TEXT, pa.large_string())),
    "string_view": views,
    "dictionary": cast(customer_id=pa.dictionary(pa.int32(), pa.string())),
    "large dictionary": cast(customer_id=pa.dictionary(pa.int32(), pa.large_string())),
    "changing dictionaries": dictionaries_that_change,
    "ns": cast(click_time=pa.timestamp("ns", "UTC")),
    "dates": lambda table: cast(dt=pa.date32())(table),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_table_is_read_as_its_file_is(library: str, tmp_path: Path) -> None:
    convert = LIBRARIES[library]
    rows = read_back(convert(impressions()), convert(clicks()), tmp_path / "out")
    assert rows == EXPECTED


def test_tables_and_files_make_the_same_set(
    sources: dict[str, str], requests: ht.Set, tmp_path: Path
) -> None:
    clicks = duckdb.read_csv(f"{sources['clicks']}/*/*.csv", hive_partitioning=False)
    carts = pl.read_ndjson(sources["carts"])
    given: dict[str, Any] = {**sources, "clicks": clicks, "carts": carts}
    made = ht.sequences(**given, out=tmp_path / "out", progress=False)
    assert made.read().equals(requests.read())
    planned = ht.plan("sequences", out=tmp_path / "plan", **{**given, "clicks": clicks.pl()})
    assert planned.rows == requests.counts["rows"]


def test_many_batches_go_through(tmp_path: Path) -> None:
    times = np.arange(300_000)
    many = pa.table(
        {
            "customer_id": pa.repeat("ann", 300_000),
            "item_id": times + 1,
            "click_time": pa.array(times * 1_000_000 + 1_750_000_000_000_000).cast(TIME),
        }
    )
    rows = read_back(impressions(), many, tmp_path / "out")
    assert rows[0]["actions"] == [300_000, 299_999, 299_998]


def test_a_table_may_stand_in_a_job(tmp_path: Path) -> None:
    sources = {
        "impressions": {"path": impressions()},
        "views": {"path": clicks(), "type": 9, "columns": {"time": "click_time"}},
    }
    job = {"job": "sequences", "customer_type": "string", "max_actions": 3, "sources": sources}
    made = ht.run(job, out=tmp_path / "out", layout="request", progress=False)
    assert sorted(made.read()["actions"].to_pylist()) == [[12, 0, 0], [13, 11, 0]]


def test_dwell_and_features_take_tables(tmp_path: Path) -> None:
    events = ht.generate(tmp_path / "events", job="dwell", events=500, users=9, progress=False)
    frame = pl.read_parquet(f"{events}/*/*.parquet", hive_partitioning=False)
    of_files = ht.dwell(events, out=tmp_path / "a", progress=False)
    assert ht.dwell(frame, out=tmp_path / "b", progress=False).read().equals(of_files.read())
    sizes: dict[str, Any] = {"impressions": 90, "clicks": 500, "users": 9, "listings": 9}
    logs = ht.generate(tmp_path / "logs", job="features", progress=False, **sizes)
    names = ("impressions", "clicks", "listings")
    frames: dict[str, Any] = {name: pd.read_parquet(logs / name) for name in names}
    of_tables = ht.features(**frames, out=tmp_path / "c", progress=False)
    assert of_tables.read().equals(ht.features(logs, out=tmp_path / "d", progress=False).read())

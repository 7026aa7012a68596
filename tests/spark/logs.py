"""Logs for the tests, and the comparison of a set made by Spark with one of a single run.

The twin of a set of Spark is one run of the binary on plain files of the same rows: it knows
neither Spark, nor shards, nor anything of ``hitherto.spark``.
"""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import hitherto as ht

Tables = dict[str, pa.Table]

SOURCES = {
    "impressions": "impressions",
    "clicks": "clicks",
    "carts": "add_to_carts",
    "orders": "previous_orders",
}


def shop(folder: Path, **flags: Any) -> Tables:
    """The four logs of a made shop, as tables; the day of an impression is a column."""
    ht.generate(folder, progress=False, **flags)
    return {name: _table(folder / place, name) for name, place in SOURCES.items()}


def _table(folder: Path, name: str) -> pa.Table:
    pieces = []
    for path in sorted(glob.glob(f"{folder}/dt=*/*.parquet")):
        piece = pq.read_table(path, partitioning=None)
        if name == "impressions":
            day = np.datetime64(Path(path).parent.name[3:])
            piece = piece.append_column("dt", pa.array(np.full(len(piece), day)))
        pieces.append(piece)
    return pa.concat_tables(pieces)


def with_customers(tables: Tables, change: Any) -> Tables:
    """The same logs with other customers: `change` gets the ids of a source and its name."""
    made = {}
    for name, table in tables.items():
        column = change(table["customer_id"].to_numpy(), name)
        at = table.schema.get_field_index("customer_id")
        made[name] = table.set_column(at, "customer_id", column)
    return made


def write(tables: Tables, folder: Path) -> dict[str, Any]:
    """A file for each source; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: str(folder / f"{name}.parquet") for name in tables}
    for name, table in tables.items():
        # Several row groups, so that Spark reads a file by several tasks.
        pq.write_table(table, paths[name], row_group_size=max(len(table) // 3, 1))
    return paths


def frames(spark: Any, paths: Mapping[str, str]) -> dict[str, Any]:
    """DataFrames of files."""
    return {name: spark.read.parquet(path) for name, path in paths.items()}


def rows_of(made: ht.Set) -> dict[str, pa.Table]:
    """The rows of a set in the order of its files, by day or table."""
    found: dict[str, list[pa.Table]] = {}
    for part in sorted(made.parts):
        if part.endswith(".parquet"):
            name = part.partition("/part-")[0]
            table = pq.read_table(made.path / part, partitioning=None)
            found.setdefault(name, []).append(table)
    return {name: pa.concat_tables(tables) for name, tables in found.items()}


def digest_of(tables: Mapping[str, pa.Table]) -> str:
    """A hash of all rows in order."""
    digest = hashlib.sha256()
    for name, table in sorted(tables.items()):
        digest.update(f"{name} {len(table)} {table.schema.remove_metadata()}".encode())
        for row in table.to_pylist():
            digest.update(repr(row).encode())
    return digest.hexdigest()


def assert_same(got: ht.Set, one: ht.Set) -> None:
    """Checks that a set has the rows of another in their order, its counts and its metrics."""
    ours, theirs = rows_of(got), rows_of(one)
    assert {x: len(t) for x, t in ours.items()} == {x: len(t) for x, t in theirs.items()}
    assert digest_of(ours) == digest_of(theirs)
    assert got.counts == one.counts
    assert got.days == one.days
    # Of one machine, parts have so many rows, unless it is told to make shards of them.
    assert {**got.settings, "shards": None} == {**one.settings, "shards": None}
    assert _values(got.metrics) == _values(one.metrics)
    assert manifest_of(got).get("actions") == manifest_of(one).get("actions")
    for path in one.path.glob("*=*/_metrics.json"):
        day = path.relative_to(one.path)
        ours_of_day, theirs_of_day = (
            json.loads((made.path / day).read_bytes()) for made in (got, one)
        )
        assert _values(ours_of_day) == _values(theirs_of_day), day
    ht.verify(got, audit_rows=0)
    assert_nothing_left(got.path.parent)


def assert_nothing_left(folder: Path) -> None:
    """Checks that no folder of a run stayed beside its output."""
    left = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    assert left == []


def assert_same_bytes(got: ht.Set, one: ht.Set) -> None:
    """Checks that the parts of a set have the bytes of those of a run that made the same shards."""
    assert got.parts == one.parts
    for part in got.parts:
        assert (got.path / part).read_bytes() == (one.path / part).read_bytes(), part
    assert got.settings == one.settings
    assert manifest_of(got)["parts"] == manifest_of(one)["parts"]
    assert manifest_of(got)["days"] == manifest_of(one)["days"]


def manifest_of(made: ht.Set) -> dict[str, Any]:
    """The manifest of a set."""
    found: dict[str, Any] = json.loads((made.path / "_manifest.json").read_bytes())
    return found


def _values(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics without the seal of the file."""
    return {name: value for name, value in metrics.items() if name != "xxh64"}

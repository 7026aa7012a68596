"""Errors: of the class and with the message of the binary, and nothing is published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import hitherto as ht
import hitherto.spark
from logs import Tables, assert_nothing_left, frames, shop, write


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Logs of a small shop."""
    folder = tmp_path_factory.mktemp("shop") / "made"
    return shop(folder, impressions=60, actions=3000, customers=30)


def refused(
    spark: Any, kind: type[ht.Error], match: str, folder: Path, sources: Any, **flags: Any
) -> ht.Error:
    """Checks that a run ends with an error, and leaves nothing."""
    before = sorted(folder.iterdir())
    with pytest.raises(kind, match=match) as caught:
        hitherto.spark.sequences(spark, **sources, **{"out": folder / "got", "shards": 3, **flags})
    assert sorted(folder.iterdir()) == before
    assert_nothing_left(folder)
    assert caught.value.exit_code == kind.exit_code
    return caught.value


def test_a_bad_row_is_named(spark: Any, tables: Tables, tmp_path: Path) -> None:
    clicks = tables["clicks"]
    items = clicks["item_id"].to_numpy().copy()
    items[1234 % len(items)] = 0
    at = clicks.schema.get_field_index("item_id")
    bad = {**tables, "clicks": clicks.set_column(at, "item_id", pa.array(items, pa.int32()))}
    paths = write(bad, tmp_path / "logs")
    error = refused(spark, ht.DataError, r"shard \d of 3: .*clicks", tmp_path, frames(spark, paths))
    # Of a file that is gone nobody learns anything.
    assert "hitherto-spool" not in error.message
    with pytest.raises(ht.DataError) as caught:
        ht.sequences(**paths, out=tmp_path / "one", progress=False)
    # What is wrong is said as in a run without Spark.
    assert error.message.rpartition(": ")[2] == caught.value.message.rpartition(": ")[2]


def test_gates(spark: Any, tables: Tables, tmp_path: Path) -> None:
    sources = frames(spark, write(tables, tmp_path / "logs"))
    error = refused(spark, ht.GateFailed, "samples", tmp_path, sources, fail_if=["samples<1000000"])
    assert isinstance(error, ht.GateFailed)
    assert (error.metric, error.bound) == ("samples", "<1000000")
    hitherto.spark.sequences(spark, **sources, out=tmp_path / "got", shards=3, fail_if="samples<1")
    refused(spark, ht.OutputExists, "exists", tmp_path, sources)


def test_flags_are_those_of_the_binary(spark: Any, tables: Tables, tmp_path: Path) -> None:
    sources = frames(spark, write(tables, tmp_path / "logs"))
    refused(spark, ht.UsageError, "max-actions", tmp_path, sources, max_actions=0)
    refused(spark, ht.UsageError, "no-such-flag", tmp_path, sources, no_such_flag=1)


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        ({"last_days": 2}, "last_days is no argument here; use from_"),
        ({"job": "job.toml"}, "job is no argument here"),
        ({"temp_dir": "/tmp"}, r"spark\.local\.dir"),
        ({"out": "s3://bucket/set"}, "out is a path, and no URL"),
        ({"shards": 0}, "shards is 0; it takes 1 to 65536"),
        ({"columns": "clicks.item_id"}, "expected SOURCE.NAME=COLUMN"),
        ({"clicks": "clicks.parquet"}, "all DataFrames or all paths"),
        ({"clicks": pa.table({})}, "clicks is neither a DataFrame of Spark nor a path, but Table"),
    ],
)
def test_what_makes_no_sense(
    spark: Any, tables: Tables, tmp_path: Path, flags: dict[str, Any], match: str
) -> None:
    sources = frames(spark, write(tables, tmp_path / "logs"))
    for name in sources.keys() & flags.keys():
        sources[name] = flags.pop(name)
    refused(spark, ht.UsageError, match, tmp_path, sources, **flags)


def test_no_source(spark: Any, tmp_path: Path) -> None:
    refused(spark, ht.UsageError, "no source is given", tmp_path, {})


def test_a_folder_that_is_not_there(spark: Any, tmp_path: Path) -> None:
    refused(spark, ht.NotFound, "gone", tmp_path, {"impressions": tmp_path / "gone"})


def test_ids_of_two_types(spark: Any, tables: Tables, tmp_path: Path) -> None:
    clicks = tables["clicks"]
    at = clicks.schema.get_field_index("customer_id")
    texts = clicks["customer_id"].cast(pa.string())
    mixed = {**tables, "clicks": clicks.set_column(at, "customer_id", texts)}
    paths = write(mixed, tmp_path / "logs")
    sources = frames(spark, paths)
    match = "int64 in impressions, string in clicks.*customer_type"
    refused(spark, ht.DataError, match, tmp_path, sources)
    for kind in ("string", "int64"):
        one = ht.sequences(
            **paths, out=tmp_path / f"one-{kind}", customer_type=kind, progress=False
        )
        got = hitherto.spark.sequences(
            spark, **sources, out=tmp_path / f"got-{kind}", customer_type=kind, shards=3
        )
        assert got.counts == one.counts


def test_no_column_of_customers(spark: Any, tables: Tables, tmp_path: Path) -> None:
    changed = {**tables, "clicks": tables["clicks"].drop_columns(["customer_id"])}
    sources = frames(spark, write(changed, tmp_path / "logs"))
    error = refused(spark, ht.DataError, 'clicks has no column "customer_id"', tmp_path, sources)
    assert error.hint is not None


def test_rows_dealt_by_another_hash(
    spark: Any, tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spark's hash of an int is not that of the bigint: the binary finds out."""
    from pyspark.sql import functions as F

    from hitherto.spark import _union

    real = _union._key

    def narrow(job: str, source: str, *rest: Any) -> Any:
        key = real(job, source, *rest)
        return key.cast("int") if source == "clicks" else key

    monkeypatch.setattr(_union, "_key", narrow)
    sources = frames(spark, write(tables, tmp_path / "logs"))
    refused(spark, ht.DataError, r"is of shard \d of 3", tmp_path, sources)
    assert F.xxhash64 is not None


def test_rows_that_spark_divides_otherwise(
    spark: Any, tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hitherto.spark import _union

    monkeypatch.setattr(
        _union, "_partitions", lambda union, shards: union.drop("shard").coalesce(1)
    )
    sources = frames(spark, write(tables, tmp_path / "logs"))
    with pytest.raises(Exception, match="Spark divided the rows otherwise"):
        hitherto.spark.sequences(spark, **sources, out=tmp_path / "got", shards=3)
    assert not (tmp_path / "got").exists()
    assert_nothing_left(tmp_path)


def test_settings_of_the_session_are_as_before(
    spark: Any, tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hitherto.spark import _driver

    names = [f"spark.sql.execution.arrow.max{what}PerBatch" for what in ("Bytes", "Records")]
    seen: list[list[str | None]] = []
    real = _driver._collect

    def collect(*args: Any) -> None:
        seen.append([spark.conf.get(name, None) for name in names])
        real(*args)

    monkeypatch.setattr(_driver, "_collect", collect)
    sources = frames(spark, write(tables, tmp_path / "logs"))
    # Of Spark 3, which does not measure batches and has no such setting, the first is `None`.
    has_bytes = not spark.version.startswith("3.")
    before = [spark.conf.get(name, None) for name in names]
    spark.conf.set(names[1], "0")
    try:
        hitherto.spark.sequences(spark, **sources, out=tmp_path / "got", shards=2)
        assert spark.conf.get(names[1]) == "0"
    finally:
        spark.conf.unset(names[1])
    assert [spark.conf.get(name, None) for name in names] == before
    assert seen == [["2147483647" if has_bytes else None, "10000"]]


def test_settings_that_may_not_be_changed(
    spark: Any, tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hitherto.spark import _session

    def refuse(*_: object) -> None:
        raise RuntimeError("CANNOT_MODIFY_CONFIG\nmore")

    monkeypatch.setattr(type(spark.conf), "set", refuse)
    monkeypatch.setattr(_session, "_ROWS_MAX", 1)
    sources = frames(spark, write(tables, tmp_path / "logs"))
    with pytest.warns(UserWarning, match="cannot be set to .* here.*CANNOT_MODIFY_CONFIG$"):
        got = hitherto.spark.sequences(spark, **sources, out=tmp_path / "got", shards=2)
    assert got.samples > 0


def test_rows_of_one_item_need_an_order(spark: Any, tables: Tables, tmp_path: Path) -> None:
    impressions = tables["impressions"]
    count = len(impressions)
    flat = impressions.drop_columns(["impressions"])
    flat = flat.append_column("item_id", pa.array(np.arange(1, count + 1), pa.int32()))
    paths = write({**tables, "impressions": flat}, tmp_path / "logs")
    refused(spark, ht.UsageError, "need a column position", tmp_path, frames(spark, paths))
    placed = flat.append_column("position", pa.array(np.arange(count), pa.int32()))
    paths = write({**tables, "impressions": placed}, tmp_path / "logs2")
    one = ht.sequences(**paths, out=tmp_path / "one", progress=False)
    got = hitherto.spark.sequences(spark, **frames(spark, paths), out=tmp_path / "got", shards=3)
    assert got.counts == one.counts

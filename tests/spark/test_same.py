"""A set made by Spark is the set of one run: rows in order, counts and metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import hitherto as ht
import hitherto.spark
from logs import (
    Tables,
    assert_same,
    assert_same_bytes,
    frames,
    rows_of,
    shop,
    with_customers,
    write,
)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Logs of three days of impressions."""
    folder = tmp_path_factory.mktemp("shop") / "logs"
    return shop(folder, impressions=150, actions=24_000, customers=150, days=3)


def check(
    spark: Any,
    tables: Tables,
    folder: Path,
    shards: int,
    **flags: Any,
) -> tuple[ht.Set, ht.Set]:
    """Makes a set both ways, and compares them."""
    paths = write(tables, folder / "logs")
    flags.setdefault("layout", "sample")
    one = ht.sequences(**paths, out=folder / "one", progress=False, **flags)
    got = hitherto.spark.sequences(
        spark, **frames(spark, paths), out=folder / "got", shards=shards, **flags
    )
    assert_same(got, one)
    sharded = ht.sequences(**paths, out=folder / "sharded", shards=shards, progress=False, **flags)
    assert_same_bytes(got, sharded)
    return got, one


@pytest.mark.parametrize(("shards", "layout"), [(1, "sample"), (7, "request")])
def test_integers(spark: Any, tables: Tables, tmp_path: Path, shards: int, layout: str) -> None:
    got, _ = check(spark, tables, tmp_path, shards, layout=layout)
    assert len(got.days) == 3
    assert len(got.parts) == 3 * shards


def test_a_timeline_has_the_same_histories(spark: Any, tables: Tables, tmp_path: Path) -> None:
    paths = write(tables, tmp_path / "logs")
    flags: dict[str, Any] = {"layout": "timeline", "cutoff": "day"}
    one = ht.sequences(**paths, out=tmp_path / "one", progress=False, **flags)
    got = hitherto.spark.sequences(
        spark, **frames(spark, paths), out=tmp_path / "got", shards=3, **flags
    )
    # A timeline is stored once in a row group, and these begin anew in each shard.
    ours, theirs = (made.read(layout="request", histories="list") for made in (got, one))
    keys = [("dt", "ascending"), ("ranking_id", "ascending")]
    assert ours.sort_by(keys).equals(theirs.sort_by(keys))
    assert got.counts == one.counts


def texts_of(ids: Any, name: str) -> pa.Array:
    """Text ids, not all in ASCII, of which some are null."""
    rng = np.random.default_rng(len(ids))
    texts = [f"käufer-{i}" if i % 2 else f"{i}客" for i in ids]
    return pa.array(texts, mask=rng.random(len(ids)) < (0.05 if name == "impressions" else 0.3))


def test_texts_and_nulls(spark: Any, tables: Tables, tmp_path: Path) -> None:
    check(spark, with_customers(tables, texts_of), tmp_path, 5, guests="empty")


def nulls_of(ids: Any, name: str) -> pa.Array:
    """The same ids, of which some are null, and some the number that stands for nobody."""
    rng = np.random.default_rng(len(ids))
    share = 0.05 if name == "impressions" else 0.3
    ids = np.where(rng.random(len(ids)) < share, -1, ids)
    return pa.array(ids, mask=rng.random(len(ids)) < share)


@pytest.mark.parametrize("guests", ["drop", "empty"])
def test_nobody(spark: Any, tables: Tables, tmp_path: Path, guests: str) -> None:
    changed = with_customers(tables, nulls_of)
    got, _ = check(spark, changed, tmp_path, 6, guests=guests, guest_ids=["-1"])
    assert got.counts["guests_dropped"] > 0 or guests == "empty"


def test_one_customer_has_half_of_all_rows(spark: Any, tables: Tables, tmp_path: Path) -> None:
    def hot_of(ids: Any, name: str) -> pa.Array:
        rng = np.random.default_rng(len(ids))
        return pa.array(np.where(rng.random(len(ids)) < 0.5, ids[0], ids))

    check(spark, with_customers(tables, hot_of), tmp_path, 6)


def test_more_shards_than_customers(spark: Any, tables: Tables, tmp_path: Path) -> None:
    few = with_customers(tables, lambda ids, name: pa.array(ids % 5))
    got, _ = check(spark, few, tmp_path, 24)
    assert len(got.parts) <= 3 * 5


@pytest.mark.slow
def test_two_hundred_shards(spark: Any, tables: Tables, tmp_path: Path) -> None:
    check(spark, tables, tmp_path, 200)


def test_narrow_integers_are_those_of_64_bits(spark: Any, tables: Tables, tmp_path: Path) -> None:
    def narrow(ids: Any, name: str) -> pa.Array:
        return pa.array(ids.astype("int16" if name == "clicks" else "int32"))

    check(spark, with_customers(tables, narrow), tmp_path, 4)


def test_added_columns_and_other_names(spark: Any, tables: Tables, tmp_path: Path) -> None:
    changed = dict(tables)
    for name in ("clicks", "carts"):
        prices = np.arange(len(tables[name])) / 8
        changed[name] = tables[name].append_column("price", pa.array(prices.astype("float32")))
    clicks = changed["clicks"]
    changed["clicks"] = clicks.rename_columns(
        ["sku" if name == "item_id" else name for name in clicks.schema.names]
    )
    impressions = tables["impressions"]
    surface = pa.array(np.arange(len(impressions)) % 7, pa.int64())
    seen = impressions["dt"].cast(pa.timestamp("us")).to_numpy()
    seen = seen + (np.arange(len(impressions)) * 61).astype("timedelta64[s]")
    changed["impressions"] = (
        impressions.append_column("surface", surface)
        .append_column("impression_time", pa.array(seen))
        .append_column("unused", pa.array(["x"] * len(impressions)))
    )
    check(
        spark,
        changed,
        tmp_path,
        4,
        cutoff="time",
        columns={"clicks": {"item_id": "sku"}},
        with_=["time_delta", "price"],
        keep=["surface"],
        max_actions=40,
    )


def test_instants_and_days_of_a_zone(spark: Any, tables: Tables, tmp_path: Path) -> None:
    changed = {}
    for name, table in tables.items():
        for at, field in enumerate(table.schema):
            if pa.types.is_timestamp(field.type):
                instants = table.column(at).cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
                table = table.set_column(at, field.name, instants)
        changed[name] = table
    check(spark, changed, tmp_path, 3, timezone="Europe/Berlin")


def test_sources_without_rows(spark: Any, tables: Tables, tmp_path: Path) -> None:
    """Actions that nobody did; and no action at all of some shards."""
    empty = {**tables, "carts": tables["carts"].slice(0, 0), "orders": tables["orders"].slice(0, 3)}
    check(spark, empty, tmp_path, 4, with_=["time"])


def test_without_some_sources(spark: Any, tables: Tables, tmp_path: Path) -> None:
    check(spark, {name: tables[name] for name in ("impressions", "clicks")}, tmp_path, 3)


def test_days_are_added(spark: Any, tables: Tables, tmp_path: Path) -> None:
    paths = write(tables, tmp_path / "logs")
    days = sorted({str(day) for day in tables["impressions"]["dt"].to_pylist()})
    made = {}
    for day in (*days[:2], days[1]):
        flags: dict[str, Any] = {"date": day, "add_days": True, "if_exists": "skip"}
        made["one"] = ht.sequences(**paths, out=tmp_path / "one", progress=False, **flags)
        made["got"] = hitherto.spark.sequences(
            spark, **frames(spark, paths), out=tmp_path / "got", shards=3, **flags
        )
    assert [str(day) for day in made["got"].days] == days[:2]
    assert rows_of(made["got"]) == rows_of(made["one"])


def test_files_on_a_shared_disk(spark: Any, tables: Tables, tmp_path: Path) -> None:
    """No row goes through Spark, so the set knows its inputs, and its rows can be audited."""
    paths = write(tables, tmp_path / "logs")
    one = ht.sequences(**paths, out=tmp_path / "one", progress=False)
    got = hitherto.spark.sequences(spark, **paths, out=tmp_path / "got", shards=5)
    assert_same(got, one)
    assert ht.verify(got, audit_rows=50).rows_recomputed == 50
    again = hitherto.spark.sequences(spark, **paths, out=tmp_path / "got", overwrite=True)
    assert_same(again, one)
    assert again.seconds is not None


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of events on flyers, a tenth of them without a user, in one file."""
    folder = tmp_path_factory.mktemp("flyers")
    ht.generate(folder / "made", job="dwell", events=6000, users=80, days=2, progress=False)
    files = sorted((folder / "made").rglob("*.parquet"))
    table = pa.concat_tables([pq.read_table(file, partitioning=None) for file in files])
    users = table["user_id"].to_pylist()
    users = [user if at % 10 else None for at, user in enumerate(users)]
    at = table.column_names.index("user_id")
    table = table.set_column(at, "user_id", pa.array(users, table.schema.field(at).type))
    return Path(write({"events": table}, folder / "logs")["events"])


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"method": "session", "by_day": True, "with_tables": ["user", "flyer"]},
        {"from_": "2025-08-15", "dedup": "exact"},
    ],
)
def test_dwell(spark: Any, events: Path, tmp_path: Path, flags: dict[str, Any]) -> None:
    """The tables are those of one run, byte for byte, from a DataFrame and from paths."""
    one = ht.dwell(events, out=tmp_path / "one", progress=False, **flags)
    assert one.metrics["null_users"] > 0
    frame = spark.read.parquet(str(events))
    for source, name in ((frame, "rows"), (str(events), "files")):
        got = hitherto.spark.dwell(spark, source, out=tmp_path / name, shards=4, **flags)
        assert_same(got, one)
        assert_same_bytes(got, one)
        tables = sorted(path.relative_to(one.path) for path in one.path.rglob("*.csv"))
        assert len(tables) >= 2
        for table in tables:
            assert (got.path / table).read_bytes() == (one.path / table).read_bytes(), table


def test_features_of_files(spark: Any, tmp_path: Path) -> None:
    """The parts and the metrics are those of one run, byte for byte; DataFrames are refused."""
    market = tmp_path / "market"
    sizes: dict[str, Any] = {"impressions": 4000, "clicks": 9000, "days": 3}
    ht.generate(market, job="features", progress=False, **sizes)
    one = ht.features(market, out=tmp_path / "one", windows=["1h", "24h"], progress=False)
    got = hitherto.spark.features(
        spark, market, out=tmp_path / "got", shards=3, windows=["1h", "24h"]
    )
    assert_same(got, one)
    assert_same_bytes(got, one)
    listings = spark.read.parquet(str(market / "listings*"))
    with pytest.raises(ht.UsageError, match="features takes paths"):
        hitherto.spark.features(spark, listings=listings, out=tmp_path / "frames")

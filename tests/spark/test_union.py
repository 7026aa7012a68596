"""Who gets which row: hashes and partitions, and what a row costs."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
import xxhash

import hitherto.spark
from hitherto.spark._salts import murmur3, salts_of
from hitherto.spark._union import union_of

SHARDS = 1000


def naive_shard(customer: int | str | None, shards: int) -> int:
    """The shard of a customer, by a library that knows nothing of Spark."""
    if customer is None:
        return 0
    is_int = isinstance(customer, int)
    key = customer.to_bytes(8, "little", signed=True) if is_int else customer.encode()  # type: ignore[union-attr]
    hashed: int = xxhash.xxh64(key, seed=42).intdigest()
    return ((hashed >> 32) * shards) >> 32


def test_shards_of_integers(spark: Any) -> None:
    rng = random.Random(1)
    ids = [0, 1, -1, 2**63 - 1, -(2**63), *(rng.getrandbits(64) - 2**63 for _ in range(1000))]
    assert_shards(spark, [*ids, None], "bigint")


def test_shards_of_texts(spark: Any) -> None:
    rng = random.Random(2)
    letters = "abcä客\U0001f600 '\""
    ids = ["", *("".join(rng.choices(letters, k=rng.randrange(80))) for _ in range(1000))]
    assert_shards(spark, [*ids, None], "string")


def assert_shards(spark: Any, ids: list[Any], kind: str) -> None:
    frame = spark.createDataFrame([(x,) for x in ids], f"id {kind}")
    for shards in (1, 7, SHARDS, 65_536):
        shard = hitherto.spark.shard_of(frame["id"], shards)
        found = frame.select("id", shard.alias("shard")).collect()
        assert [row.shard for row in found] == [naive_shard(x, shards) for x in ids]


def test_salts_lead_to_their_partitions(spark: Any) -> None:
    from pyspark.sql import functions as F

    numbers = spark.range(5000).select(F.col("id").cast("int").alias("id"))
    hashes = numbers.select(F.hash("id").alias("hash")).collect()
    assert [row.hash for row in hashes] == [murmur3(x) for x in range(5000)]
    for partitions in (1, 3, 200):
        salts = salts_of(partitions)
        frame = spark.createDataFrame([(salt,) for salt in salts], "salt int")
        found = frame.repartition(partitions, "salt").select(
            "salt", F.spark_partition_id().alias("partition")
        )
        assert [salts[row.partition] for row in found.collect()] == [
            row.salt for row in found.collect()
        ]


@pytest.fixture(scope="module")
def logs(spark: Any) -> dict[str, Any]:
    """Two small sources; most of the clicks are of nobody."""
    items = "array<struct<item_id: int, is_order: boolean>>"
    impressions = spark.createDataFrame(
        [(x, f"r{x}", [(x + 1, True)], "2025-08-16", "unused") for x in range(40)],
        f"customer_id bigint, ranking_id string, impressions {items}, dt string, other string",
    )
    clicks = spark.createDataFrame(
        [(None if x % 4 else x % 40, x + 1, x) for x in range(800)],
        "customer_id bigint, item_id int, click_time bigint",
    )
    return {"impressions": impressions, "clicks": clicks}


@pytest.mark.parametrize("has_ids", [True, False])
def test_each_partition_is_a_shard(
    spark: Any, logs: dict[str, Any], has_ids: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyspark.sql import functions as F

    if not has_ids:
        # As before Spark 4.1, which has no `repartitionById`.
        for kind in type(logs["clicks"]).__mro__:
            monkeypatch.delattr(kind, "repartitionById", raising=False)
    shards = 8
    union, columns = union_of("sequences", logs, {}, "int64", shards)
    slot = dict(dict(columns)["clicks"])
    customer = next(slot for slot, name in dict(columns)["clicks"] if name == "customer_id")
    assert set(slot.values()) == {"customer_id", "item_id", "click_time"}
    rows = union.select("owner", customer, F.spark_partition_id().alias("at")).collect()
    shard_at = {row["at"]: -1 - row["owner"] for row in rows if row["owner"] < 0}
    assert sorted(shard_at.values()) == list(range(shards))
    nobody: Counter[int] = Counter()
    for row in rows:
        if row["owner"] >= 0 and row[customer] is not None:
            assert naive_shard(row[customer], shards) == shard_at[row["at"]]
        elif row["owner"] > 0:
            nobody[shard_at[row["at"]]] += 1
    assert sum(nobody.values()) == 600
    assert max(nobody.values()) < 2 * 600 / shards


def test_a_list_is_never_null(spark: Any, logs: dict[str, Any]) -> None:
    """Nulls in a list make Spark 4 take time that grows with the square of a batch."""
    union, columns = union_of("sequences", logs, {}, "int64", 3)
    lists = next(slot for slot, name in dict(columns)["impressions"] if name == "impressions")
    assert union.where(f"`{lists}` is null").count() == 0
    # The two sources share columns, and what the job does not read stays where it is.
    assert len(union.columns) == 1 + len({slot for _, own in columns for slot, _ in own})
    assert "other" not in {name for _, own in columns for _, name in own}

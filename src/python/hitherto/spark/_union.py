"""The tagged union: all rows that a job reads as one DataFrame, a partition for each shard.

The shard of a customer is a range of the hash by which the engine orders customers, so the shards
one after the other have the rows of one machine in their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from .._errors import DataError
from .._optional import need
from ._columns import (
    KEYS,
    DataFrame,
    path_to,
    present,
    quoted,
    renamed,
    texts_of,
    type_at,
    wanted,
)
from ._salts import salts_of
from ._types import INTEGERS, is_text

Column: TypeAlias = Any
# Of each source its columns: of the union, and of the source.
Columns: TypeAlias = list[tuple[str, list[tuple[str, str]]]]

# Bounds within which a float is a whole number that a 64-bit integer holds.
_FLOATS = {"float": 1 << 24, "double": 1 << 53}


def shard_of(customer: Column, shards: int) -> Column:
    """The shard of a customer, from 0: an expression of Spark, of type int.

    The same shard as ``hitherto sequences --shard I/N`` has: ``((xxh64(id, seed 42) >> 32) *
    shards) >> 32``. An id that is null is of shard 0.

    Args:
        customer: a column of bigint or string. Narrower integers have other hashes: cast them.
        shards: how many there are, 1 to 65,536.
    """
    functions = _functions()
    high = functions.shiftrightunsigned(functions.xxhash64(customer), 32)
    return functions.shiftright(high * functions.lit(shards).cast("bigint"), 32).cast("int")


def union_of(
    job: str,
    frames: Mapping[str, DataFrame],
    keywords: Mapping[str, object],
    kind: str,
    shards: int,
) -> tuple[DataFrame, Columns]:
    """The union, with one partition for each shard, and where the columns of each source are.

    Its first column is the place of the source of a row; in each partition one row has ``-1 -
    shard`` there, which names the shard, and keeps Spark from dropping a partition without rows.
    """
    columns: Columns = []
    types: dict[str, Any] = {}
    for source, frame in frames.items():
        used: dict[str, int] = {}
        own = []
        for name in present(frame, wanted(job, source, keywords)):
            data_type = frame.schema[name].dataType
            text = data_type.simpleString()
            number = used[text] = used.get(text, -1) + 1
            slot = f"{text}_{number}"
            types.setdefault(slot, data_type)
            own.append((slot, name))
        columns.append((source, own))
    # Names of types may have any characters; those of columns are plain.
    plain = {slot: f"c{at}" for at, slot in enumerate(types)}
    columns = [(source, [(plain[slot], name) for slot, name in own]) for source, own in columns]
    slots = {plain[slot]: data_type for slot, data_type in types.items()}

    functions = _functions()
    spark = next(iter(frames.values())).sparkSession
    numbers = spark.range(0, shards, 1, 1).select(functions.col("id").cast("int").alias("shard"))
    union = _select(numbers, [], -1 - functions.col("shard"), functions.col("shard"), slots)
    for place, (source, own) in enumerate(columns):
        frame = frames[source]
        key = _key(job, source, frame, keywords, kind)
        shard = _shard(source, frame, [name for _, name in own], key, keywords, shards)
        rows = _select(frame, own, functions.lit(place), shard, slots)
        union = union.unionByName(rows)
    return _partitions(union, shards), columns


def _select(
    frame: DataFrame,
    own: Sequence[tuple[str, str]],
    owner: Column,
    shard: Column,
    slots: Mapping[str, Any],
) -> DataFrame:
    """Rows of one source in the columns of the union."""
    functions = _functions()
    there = {slot: functions.col(quoted(name)) for slot, name in own}
    values = [
        (there[slot] if slot in there else _nothing(data_type)).alias(slot)
        for slot, data_type in slots.items()
    ]
    return frame.select(owner.cast("int").alias("owner"), *values, shard.alias("shard"))


def _nothing(data_type: Any) -> Column:
    """What stands in a column that a row has no part in.

    A list is empty and not null: Spark 4 measures an Arrow batch after each row, and then writes
    the offsets of all nulls since the last list again, which is quadratic.
    """
    functions = _functions()
    kind = data_type.typeName()
    if kind == "array":
        value = functions.array()
    elif kind == "map":
        value = functions.create_map()
    elif kind == "struct" and any(_has_list(field.dataType) for field in data_type.fields):
        fields = data_type.fields
        value = functions.struct(*[_nothing(x.dataType).alias(x.name) for x in fields])
    else:
        value = functions.lit(None)
    return value.cast(data_type)


def _has_list(data_type: Any) -> bool:
    kind = data_type.typeName()
    inner = data_type.fields if kind == "struct" else []
    return kind in ("array", "map") or any(_has_list(field.dataType) for field in inner)


def _key(
    job: str, source: str, frame: DataFrame, keywords: Mapping[str, object], kind: str
) -> Column:
    """The id by which rows are dealt, as the engine reads it: bigint, or the bytes of a text."""
    functions = _functions()
    name = renamed(keywords).get((source, KEYS[job]), KEYS[job])
    found, path = type_at(frame, name), path_to(frame, name)
    assert found is not None, "checked when the kind of ids was found"
    assert path is not None
    column = functions.col(path)
    if kind == "string" and (is_text(found) or found in INTEGERS):
        # As bytes: a collation would give texts that it finds equal one hash.
        key = column.cast("string").cast("binary")
    elif kind == "int64" and found in INTEGERS:
        key = column.cast("bigint")
    elif kind == "int64" and is_text(found):
        key = functions.expr(f"try_cast({path} as bigint)")
    elif kind == "int64" and (found in _FLOATS or found.startswith("decimal")):
        bound = _FLOATS.get(found, 10**18)
        key = functions.when(functions.abs(column) < bound, column).cast("bigint")
    else:
        expected = "text or integers" if kind == "string" else "integers"
        raise DataError(f'{source} has ids of type {found} in "{name}"; expected {expected}')
    nulls = _null_words(source, keywords)
    if nulls:
        key = functions.when(~column.cast("string").isin(nulls), key)
    return key


def _null_words(source: str, keywords: Mapping[str, object]) -> list[str]:
    """Ids of a source that stand for none, which are those of nobody's shard."""
    words = texts_of(keywords, "null_values")
    for text in texts_of(keywords, "source", divides=False):
        name, _, value = text.partition("=")
        if name == f"{source}.null_values":
            words.append(value)
    # Guests are impressions; an action of such a customer is one that no impression asks for.
    return words + (texts_of(keywords, "guest_ids") if _has_impressions(source, keywords) else [])


def _has_impressions(source: str, keywords: Mapping[str, object]) -> bool:
    return source in ("impressions", keywords.get("impressions_from"))


def _shard(
    source: str,
    frame: DataFrame,
    names: Sequence[str],
    key: Column,
    keywords: Mapping[str, object],
    shards: int,
) -> Column:
    """The shard of a row. Rows of nobody only count, so they are spread, but for impressions, which
    may become rows of the set."""
    functions = _functions()
    shard = shard_of(key, shards)
    if _has_impressions(source, keywords):
        return shard
    atomic = [name for name in names if not _is_nested(frame.schema[name].dataType)]
    anything = functions.xxhash64(*[functions.col(quoted(name)) for name in atomic])
    spread = functions.pmod(anything, functions.lit(shards)).cast("int")
    return functions.when(key.isNull(), spread).otherwise(shard)


def _is_nested(data_type: Any) -> bool:
    return data_type.typeName() in ("array", "map", "struct", "variant")


def _partitions(union: DataFrame, shards: int) -> DataFrame:
    """The union with the rows of each shard in a partition of their own."""
    functions = _functions()
    # Of the class: a DataFrame of Connect takes any name for that of a column.
    if hasattr(type(union), "repartitionById"):
        return union.repartitionById(shards, "shard").drop("shard")
    # Before Spark 4.1 a row goes where the hash of a value says: each shard gets a value whose
    # hash leads to a partition of its own.
    salts = functions.array(*[functions.lit(salt) for salt in salts_of(shards)])
    salted = union.withColumn("shard", functions.element_at(salts, functions.col("shard") + 1))
    return salted.repartition(shards, "shard").drop("shard")


def _functions() -> Any:
    return need("pyspark.sql.functions", "hitherto.spark", "spark")

"""The rows of a row group without histories: samples, requests, and rows that begin a history.

In: a row group of any layout. Out: `GroupRows`, the same for all layouts.

A history depends on customer and cutoff alone, and the rows of a part are in this order. So a run
of neighbours that agree in both has one history, which is kept once. In layout `sample` a request
is a run of rows of one ranking whose positions rise; in the other layouts it is a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ._arrays import LABEL
from ._arrow import is_null, micros, raw
from ._lists import RowGroup
from ._names import ITEM

Array = NDArray[Any]

LENGTH, START = "history_length", "history_start"


@dataclass
class GroupRows:
    """A row group of `rows` rows and `S` samples.

    `first` and `last` are (customer, cutoff, ranking, position) of its first and its last row.
    """

    new: Array
    """Rows that begin a history, bool `[rows]`."""
    request: Array
    """Rows that begin a request, bool `[rows]`."""
    guest: Array
    """Rows without a customer, bool `[rows]`."""
    items: Array
    """The number of samples of each row, int64 `[rows]`."""
    lengths: Array
    """Real actions of the history of each row, int32 `[rows]`."""
    starts: Array | None
    """Layout `timeline`: where the history of each row starts in its timeline, int32 `[rows]`."""
    columns: dict[str, Array]
    """Columns of the samples, each `[S]`; `is_order` is float32, NaN for null."""
    cutoffs: Array
    """The cutoff of each row, microseconds since 1970, int64 `[rows]`."""
    first: tuple[Any, ...]
    last: tuple[Any, ...]


def group_rows(at: RowGroup, of_samples: Sequence[str]) -> GroupRows:
    """Reads the rows of a row group, and some columns of samples, by their own names."""
    names = at.names
    # In layout `sample` an impression may be cut between row groups.
    of_rows = ["ranking_id", "position"] if names.is_by_item else []
    keys = ["customer_id", "cutoff", *of_rows]
    wanted = {*keys, *of_samples, LENGTH}
    wanted |= set() if names.is_by_item else {ITEM}
    wanted |= {START} if names.is_timeline else set()
    stored = {name: names.stored(name) for name in sorted(wanted)}
    # A file of its own: a ParquetFile must not be shared between threads.
    with pq.ParquetFile(at.path, metadata=at.meta) as file:
        table = file.read_row_group(at.group, columns=list(stored.values()), use_threads=False)
    table = table.combine_chunks()
    columns = {name: _one(table[column]) for name, column in stored.items()}
    new = _changes(columns["customer_id"]) | _changes(columns["cutoff"])
    per_row = np.ones(table.num_rows, np.int64)
    request = np.ones(table.num_rows, bool)
    if of_rows:
        position = _numbers("position", columns["position"])
        request = new | _changes(columns["ranking_id"])
        request[1:] |= position[1:] <= position[:-1]
    else:
        per_row = np.diff(raw(columns[ITEM].offsets)).astype(np.int64)
    return GroupRows(
        new=new,
        request=request,
        guest=is_null(columns["customer_id"]),
        items=per_row,
        lengths=_numbers(LENGTH, columns[LENGTH]),
        starts=_numbers(START, columns[START]) if names.is_timeline else None,
        columns={name: _samples(name, columns[name], per_row) for name in of_samples},
        cutoffs=_numbers("cutoff", columns["cutoff"]),
        first=tuple(_key(columns[name][0]) for name in keys),
        last=tuple(_key(columns[name][-1]) for name in keys),
    )


def is_same_history(before: GroupRows, after: GroupRows) -> bool:
    """Whether the last history of a row group continues in the next one."""
    return before.last[:2] == after.first[:2]


def is_same_request(before: GroupRows, after: GroupRows) -> bool:
    """Whether the last request of a row group of layout `sample` continues in the next one."""
    is_sample = len(before.last) == 4
    return is_sample and before.last[:3] == after.first[:3] and before.last[3] < after.first[3]


def _one(column: pa.ChunkedArray) -> pa.Array:
    """A column of one chunk as an array."""
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _key(value: pa.Scalar) -> Any:
    """A value that can be compared; of a time a number, which needs no zone."""
    return value.value if pa.types.is_timestamp(value.type) else value.as_py()


def _changes(column: pa.Array) -> Array:
    """Rows that differ from the row before, bool `[rows]`; the first row does. Null equals null."""
    changes = np.ones(len(column), bool)
    if len(column) > 1:
        before, after = column.slice(0, len(column) - 1), column.slice(1)
        nulls = is_null(column)
        differ = raw(pc.call_function("not_equal", [before, after]))
        differ[nulls[1:] | nulls[:-1]] = False
        changes[1:] = differ | (nulls[1:] != nulls[:-1])
    return changes


def _samples(name: str, column: pa.Array, per_row: Array) -> Array:
    """A column as values of samples `[S]`: those of its lists, or each value for its samples."""
    if pa.types.is_list(column.type):
        if not np.array_equal(np.diff(raw(column.offsets)), per_row):
            raise ValueError(f'the lists of column "{name}" are not as long as those of "items"')
        return _numbers(name, column.flatten())
    values = _numbers(name, column)
    return values if (per_row == 1).all() else np.repeat(values, per_row)


def _numbers(name: str, column: pa.Array) -> Array:
    """A column as numbers that a tensor can hold."""
    if name == LABEL:
        column = column.cast(pa.float32())
    if pa.types.is_timestamp(column.type):
        # As NumPy has it: microseconds, and the smallest number for a null.
        values: Array = raw(micros(column)).copy()
        values[is_null(column)] = -(2**63)
        return values
    if pa.types.is_floating(column.type) and column.null_count:
        values = raw(column).copy()
        values[is_null(column)] = np.nan
        return values
    if column.null_count:
        raise ValueError(
            f'column "{name}" has nulls, and a tensor of {column.type} has no null; '
            "leave it out with columns="
        )
    return raw(column)

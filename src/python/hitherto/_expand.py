"""Rows of a row group in another layout, and with histories of another form.

In: a row group as it is stored, in layout sample, request or timeline. Out: batches of the same
rows, or of one row for each of their items. A history is `values[begin : begin + length]` of the
flat values of its column; the begins are computed for all rows at once, and then values are taken
for as many rows as `PIECE_VALUES` holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._arrow import micros
from ._errors import DataError
from ._names import DELTA, ITEM, Names
from ._ranges import seconds_before

# Values of a history column in a batch, at most. An index of 8 bytes for each is 128 MiB.
PIECE_VALUES = 1 << 24
LENGTH, START = "history_length", "history_start"
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Shape:
    """What rows are stored like, and what they shall be like.

    `histories` are the columns of actions, by their own names. With `form` ``"fixed"`` they have
    `width` places, with ``"list"`` as many as actions. With `by_item` a row of an impression
    becomes a row for each of its items.
    """

    names: Names
    histories: Sequence[str]
    form: Literal["fixed", "list", "none"]
    width: int
    by_item: bool
    has_positions: bool

    def shown(self, own: str) -> str:
        """What a column is called in batches."""
        if own == ITEM and not self.by_item:
            return self.names.stored(own)
        return self.names.shown(own)


@dataclass(frozen=True)
class _Histories:
    """A column of histories: its flat values, and where the history of each row begins in them."""

    values: NDArray[Any]
    begin: Ints
    # All rows have `width` values stored, one behind the other.
    is_matrix: bool
    # The cutoff of each row, if the values are times of actions, and shall be seconds to it.
    cutoffs: Ints | None


def pieces(table: pa.Table, shape: Shape, name: str) -> Iterator[pa.RecordBatch]:
    """A row group in the wanted shape, as one batch or more.

    Raises:
        DataError: if a length or a start points outside of what is stored; `name` is that of the
        file.
    """
    stored = table.column_names
    columns = {shape.names.own(field): _whole(table.column(field)) for field in stored}
    rows = table.num_rows
    lengths = np.zeros(rows, np.int64)
    if LENGTH in columns:
        lengths = columns[LENGTH].to_numpy(zero_copy_only=False).astype(np.int64)
    counts = np.ones(rows, np.int64)
    if shape.by_item:
        counts = np.diff(_offsets(columns[ITEM]))
    histories = {}
    if shape.form != "none":
        for field in shape.histories:
            if field in columns:
                histories[field] = _histories(columns, field, lengths, shape, name)
    values = counts * lengths if shape.form == "list" else counts * np.int64(shape.width)
    for lo, hi in _slices(values):
        taken = np.repeat(np.arange(lo, hi), counts[lo:hi]) if shape.by_item else None
        batch: dict[str, Any] = {}
        for field, column in columns.items():
            if field in histories:
                rows_of = np.arange(lo, hi) if taken is None else taken
                batch[shape.shown(field)] = _taken(
                    histories[field], rows_of, lengths[rows_of], shape
                )
            elif field in shape.histories or field == START:
                continue
            elif taken is not None and pa.types.is_list(column.type):
                batch |= _of_items(field, column, lo, hi, shape, name, counts)
            else:
                of_rows = column.slice(lo, hi - lo) if taken is None else column.take(taken)
                batch[shape.shown(field)] = of_rows
        yield pa.RecordBatch.from_pydict(batch)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _offsets(lists: pa.ListArray) -> Ints:
    """Where each list starts in the flat values, and where the last one ends."""
    offsets: Ints = lists.offsets.to_numpy().astype(np.int64)
    return offsets


def _histories(
    columns: dict[str, Any], field: str, lengths: Ints, shape: Shape, name: str
) -> _Histories:
    """Where the histories of a column begin."""
    lists = columns[field]
    offsets = _offsets(lists)
    begin, end = offsets[:-1], offsets[1:]
    if shape.names.is_timeline:
        has = lists.is_valid().to_numpy(zero_copy_only=False)
        # Rows without a timeline have the last one before them.
        last = np.maximum.accumulate(np.where(has, np.arange(len(has)), -1))
        if (last[lengths > 0] < 0).any():
            raise DataError(
                f'"{name}" is damaged: column "{field}" has a history without a timeline'
            )
        last = np.maximum(last, 0)
        start = columns[START].to_numpy(zero_copy_only=False).astype(np.int64)
        begin, end = begin[last] + start, end[last]
        if (start < 0).any():
            raise DataError(f'"{name}" is damaged: column "{START}" is negative')
    inside = (lengths >= 0) & ((begin + lengths <= end) | (lengths == 0))
    if not inside.all():
        row = int(np.argmin(inside))
        raise DataError(
            f'"{name}" is damaged: row {row + 1} of a row group has {lengths[row]} actions, and '
            f'column "{field}" holds fewer'
        )
    is_matrix = not shape.names.is_timeline and bool((np.diff(offsets) == shape.width).all())
    values, cutoffs = lists.values, None
    if shape.names.is_timeline and field == DELTA:
        values = micros(values)
        cutoffs = micros(columns["cutoff"]).to_numpy(zero_copy_only=False)
    return _Histories(values.to_numpy(zero_copy_only=True), begin, is_matrix, cutoffs)


def _taken(history: _Histories, rows: Ints, lengths: Ints, shape: Shape) -> pa.Array:
    """The histories of some rows, in the wanted form."""
    values, begin = history.values, history.begin[rows]
    if shape.form == "list":
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        index = np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], lengths)
        flat = values[index]
        if history.cutoffs is not None:
            flat = seconds_before(np.repeat(history.cutoffs[rows], lengths), flat)
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(flat))
    width = shape.width
    if history.is_matrix and len(rows):
        first = int(history.begin[0])
        matrix = values[first : first + len(history.begin) * width].reshape(-1, width)
        is_run = rows[-1] - rows[0] + 1 == len(rows) and (np.diff(rows) == 1).all()
        # Neighbours are not copied.
        out = matrix[rows[0] : rows[-1] + 1] if is_run else matrix[rows]
    elif not len(values):
        out = np.zeros((len(rows), width), values.dtype if history.cutoffs is None else np.int32)
    else:
        places = np.arange(width)
        out = np.take(values, begin[:, None] + places, mode="clip")
        if history.cutoffs is not None:
            out = seconds_before(history.cutoffs[rows, None], out)
        out[places >= lengths[:, None]] = 0
    return pa.FixedSizeListArray.from_arrays(pa.array(out.reshape(-1)), width)


def _of_items(
    field: str, column: pa.ListArray, lo: int, hi: int, shape: Shape, name: str, counts: Ints
) -> dict[str, Any]:
    """The columns of items that a column of lists makes."""
    offsets = _offsets(column)
    if not np.array_equal(np.diff(offsets), counts):
        raise DataError(
            f'"{name}" is damaged: lists of "{field}" are not as long as those of items'
        )
    values = column.values.slice(offsets[lo], offsets[hi] - offsets[lo])
    shown = shape.shown(field)
    if field != ITEM or not shape.has_positions:
        return {shown: values}
    starts = np.repeat(offsets[lo:hi], counts[lo:hi])
    position = np.arange(offsets[lo], offsets[hi]) - starts
    return {"position": pa.array(position, pa.int32()), shown: values}


def _slices(values: Ints) -> Iterator[tuple[int, int]]:
    """Half-open ranges of rows which have `PIECE_VALUES` values at most, or are one row."""
    ends = np.cumsum(values)
    lo = 0
    while lo < len(values):
        before = int(ends[lo - 1]) if lo else 0
        hi = max(lo + 1, int(np.searchsorted(ends, before + PIECE_VALUES, "right")))
        yield lo, hi
        lo = hi
    if not len(values):
        yield 0, 0

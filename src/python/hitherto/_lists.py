"""The histories of a row group: rows of padded arrays, or values one list after the other.

Padded lists are read by `_pages` where every page can be proved, else by pyarrow, to equal values.
Lists of other lengths (`--no-pad`, layout `timeline`) are read by pyarrow.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ._arrow import is_null, mask, micros, raw
from ._names import Names
from ._pages import Chunk, take_rows
from ._thrift import NotOurs

Array = NDArray[Any]

_DTYPES: dict[Any, np.dtype[Any]] = {
    pa.int8(): np.dtype("int8"),
    pa.int32(): np.dtype("int32"),
    pa.int64(): np.dtype("int64"),
    pa.float32(): np.dtype("float32"),
}
_PHYSICAL = {"int8": "INT32", "int32": "INT32", "int64": "INT64", "float32": "FLOAT"}
# Rows that pyarrow decodes at a time, so that 1,000 actions of each take some MB.
_BATCH_ROWS = 1024


@dataclass(frozen=True)
class RowGroup:
    """A row group of a part file, whose columns are said by their own names."""

    path: str
    meta: Any
    """The `pyarrow.parquet.FileMetaData` of the file."""
    group: int
    rows: int
    names: Names

    def schema(self) -> pa.Schema:
        """The schema with own names."""
        return self.names.own_schema(self.meta.schema.to_arrow_schema())


def row_groups(paths: list[str], names: Names) -> list[RowGroup]:
    """The row groups of part files that have rows, in order."""
    groups = []
    for path in paths:
        meta = pq.read_metadata(path)
        for group in range(meta.num_row_groups):
            rows = meta.row_group(group).num_rows
            if rows:
                groups.append(RowGroup(path, meta, group, rows, names))
    return groups


def dtype_of(schema: pa.Schema, name: str) -> np.dtype[Any]:
    """The type of the values of a column of histories."""
    field = schema.field(name).type
    if pa.types.is_list(field) and pa.types.is_timestamp(field.value_type):
        # As microseconds.
        return np.dtype(np.int64)
    if not pa.types.is_list(field) or field.value_type not in _DTYPES:
        raise ValueError(f'column "{name}" of type {field} is no column of histories')
    dtype: np.dtype[Any] = _DTYPES[field.value_type]
    return dtype


def values_of(at: RowGroup, name: str) -> int:
    """The number of values of a column of lists; nulls and empty lists count one each."""
    return int(_chunk_of(at, name).num_values)


def padded_rows(at: RowGroup, name: str, width: int, wanted: Array, out: Array) -> None:
    """Copies the wanted rows of a column of lists of `width` values.

    `wanted` is bool `[at.rows]`; `out` is `[wanted.sum(), k]`, `k <= width`, and gets the first `k`
    values of each. Raises ValueError if a list has another length or a null.
    """
    if len(out) == 0:
        return
    try:
        _proved_rows(at, name, width, wanted, out)
    except NotOurs:
        _other_rows(at, name, width, wanted, out)


def flat_lists(
    at: RowGroup, names: list[str], wanted: Array | None
) -> tuple[Array, Array, dict[str, Array]]:
    """The wanted lists of columns whose lists have any length; `None` wants those not null.

    Returns which rows they are, bool `[at.rows]`; their lengths, int64; and by column their values,
    one list after the other.
    """
    stored = [at.names.stored(name) for name in names]
    with pq.ParquetFile(at.path, metadata=at.meta) as file:
        table = file.read_row_group(at.group, columns=stored, use_threads=False).combine_chunks()
    lengths: Array | None = None
    values = {}
    for name, column in zip(names, stored, strict=True):
        lists = table[column].chunk(0)
        if wanted is None:
            wanted = ~is_null(lists)
        lists = lists.filter(mask(wanted))
        mine = np.diff(raw(lists.offsets)).astype(np.int64)
        if lists.null_count or (lengths is not None and not np.array_equal(mine, lengths)):
            raise ValueError(f'{at.path}: the lists of "{name}" are not those of "{names[0]}"')
        lengths, values[name] = mine, _plain(at, name, lists.flatten())
    assert lengths is not None
    assert wanted is not None
    return wanted, lengths, values


def _chunk_of(at: RowGroup, name: str) -> Any:
    """The metadata of the column chunk of a column of lists."""
    schema, stored = at.meta.schema, at.names.stored(name)
    # The path of a value is NAME.list.element; NAME may have dots.
    paths = [schema.column(i).path for i in range(len(schema))]
    leaves = [i for i, path in enumerate(paths) if path.rsplit(".", 2)[0] == stored]
    if len(leaves) != 1:
        raise ValueError(f'{at.path}: column "{name}" is no column of lists')
    return at.meta.row_group(at.group).column(leaves[0])


def _proved_rows(at: RowGroup, name: str, width: int, wanted: Array, out: Array) -> None:
    """As `padded_rows`, from pages that can be proved only; otherwise raises NotOurs."""
    about = _chunk_of(at, name)
    column = next(
        c
        for c in map(at.meta.schema.column, range(len(at.meta.schema)))
        if c.path == about.path_in_schema
    )
    levels = (column.max_repetition_level, column.max_definition_level)
    if levels != (1, 1) or column.physical_type != _PHYSICAL[out.dtype.name]:
        raise NotOurs("lists of another form")
    if about.num_values != at.rows * width:
        raise NotOurs("lists of other lengths")
    start = about.data_page_offset
    if about.dictionary_page_offset:
        start = min(start, about.dictionary_page_offset)
    fd = os.open(at.path, os.O_RDONLY)
    try:
        raw = os.pread(fd, about.total_compressed_size, start)
    finally:
        os.close(fd)
    take_rows(raw, Chunk(about.compression, at.rows, width, out.dtype), wanted, out)


def _other_rows(at: RowGroup, name: str, width: int, wanted: Array, out: Array) -> None:
    """As `padded_rows`, with pyarrow."""
    row = put = 0
    with pq.ParquetFile(at.path, metadata=at.meta) as file:
        batches = file.iter_batches(
            _BATCH_ROWS,
            row_groups=[at.group],
            columns=[at.names.stored(name)],
            use_threads=False,
        )
        for batch in batches:
            lists = batch.column(0)
            if lists.null_count or (np.diff(raw(lists.offsets)) != width).any():
                raise ValueError(f'{at.path}: a list of "{name}" has not the length {width}')
            values = _plain(at, name, lists.flatten()).reshape(-1, width)
            here = np.flatnonzero(wanted[row : row + len(lists)])
            out[put : put + len(here)] = values[here, : out.shape[1]]
            row, put = row + len(lists), put + len(here)
    if put != len(out):
        raise ValueError(f'{at.path}: column "{name}" has {row} rows of {at.rows}')


def _plain(at: RowGroup, name: str, values: pa.Array) -> Array:
    """The values of lists, which must not be null."""
    if values.null_count:
        raise ValueError(f'{at.path}: a list of "{name}" has a null')
    return raw(micros(values) if pa.types.is_timestamp(values.type) else values)

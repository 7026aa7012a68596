"""Histories straight from the pages that `hitherto` wrote: decompress, prove, copy.

In: the bytes of one column chunk of padded histories. Out: rows of an array `[rows, N]`.

A data page that the program wrote itself is

    [4][repetition levels][4][definition levels][rows * N values, PLAIN]

and for `action_types` `[levels as above][8][varint][rows * N bytes, padded to 8]`, where a byte is
the code itself, because the dictionary is 0, 1, 2, and so on. General readers spend most of their
time on the levels of such pages (measured: 7 to 17 times the time of this module), though these
hold nothing but the length N.

No page is trusted. Its size must be the only possible one, and all bytes before its values must
equal the only ones that say "rows lists of N values, none null". What is accepted is therefore
right by the Parquet format, whoever wrote it. Everything else raises `NotOurs`, and the caller
reads the chunk with pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._thrift import Header, NotOurs, header, number, struct_of, varint

Array = NDArray[Any]
Bytes: TypeAlias = "memoryview | pa.Buffer"

# pyarrow calls LZ4_RAW "LZ4"; the older framed LZ4 is "UNKNOWN" to it, so it never comes here.
_CODECS = {"ZSTD": "zstd", "LZ4": "lz4_raw", "LZ4_RAW": "lz4_raw", "SNAPPY": "snappy"}
_PLAIN, _PLAIN_DICTIONARY, _RLE, _RLE_DICTIONARY = 0, 2, 3, 8
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
# Codes of actions are int8, so a dictionary has at most 128 of them.
_CODES_MAX = 128


@dataclass(frozen=True)
class Chunk:
    """What the footer and the manifest say about a column chunk of histories."""

    codec: str
    """The codec by pyarrow's name."""
    rows: int
    """Rows of the row group."""
    width: int
    """Values of each row, N."""
    dtype: np.dtype[Any]
    """Type of a value; int8 for a column of codes with a dictionary."""


def take_rows(raw: bytes, chunk: Chunk, wanted: Array, out: Array) -> None:
    """Copies the wanted rows of a chunk.

    `wanted` is bool `[chunk.rows]`. `out` is `[wanted.sum(), k]` of `chunk.dtype` with
    `k <= chunk.width`, and gets the first `k` values of each wanted row. Raises `NotOurs` for a
    page that cannot be proved; `out` is then undefined.
    """
    row = put = 0
    for rows, body, size, codes in _data_pages(raw, chunk):
        here = wanted[row : row + rows].nonzero()[0]
        row += rows
        if len(here):
            values = _values(_decompressed(chunk.codec, body, size), chunk, rows)
            if codes and values.view(np.uint8).max() >= codes:
                raise NotOurs("a code that the dictionary lacks")
            to = out[put : put + len(here)]
            if out.shape[1] == chunk.width:
                values.take(here, axis=0, out=to, mode="clip")
            else:
                to[...] = values[:, : out.shape[1]][here]
            put += len(here)


def _data_pages(raw: bytes, chunk: Chunk) -> Iterator[tuple[int, memoryview, int, int]]:
    """The data pages of a chunk: rows, packed bytes, size unpacked, and the number of codes."""
    view, at, row, codes = memoryview(raw), 0, 0, 0
    while row < chunk.rows:
        fields, at = header(view, at)
        size, packed = number(fields, 2), number(fields, 3)
        if not 0 <= packed <= len(view) - at:
            raise NotOurs("a page ends after its chunk")
        body = view[at : at + packed]
        at += packed
        kind = number(fields, 1)
        if kind == _DICTIONARY_PAGE and row == 0 and codes == 0 and chunk.dtype == np.int8:
            codes = _prove_dictionary(fields, chunk.codec, body, size)
        elif kind == _DATA_PAGE and (chunk.dtype != np.int8 or codes):
            rows = _rows_of(fields, chunk, chunk.rows - row, size)
            row += rows
            yield rows, body, size, codes
        else:
            raise NotOurs(f"a page of kind {kind}")
    if at != len(view):
        raise NotOurs("bytes after the last page")


def _rows_of(fields: Header, chunk: Chunk, rows_max: int, size: int) -> int:
    """The number of rows of a data page, if its header can be that of one of ours."""
    about = struct_of(fields, 5)
    encoding = _RLE_DICTIONARY if chunk.dtype == np.int8 else _PLAIN
    if (about.get(2), about.get(3), about.get(4)) != (encoding, _RLE, _RLE):
        raise NotOurs("a data page of another encoding")
    rows, rest = divmod(number(about, 1), chunk.width)
    if rest or not 0 < rows <= rows_max:
        raise NotOurs("a data page of other lists")
    if size != len(_prefix(rows, chunk.width, chunk.dtype.itemsize)) + _tail(rows, chunk):
        raise NotOurs("a data page of another size")
    return rows


def _values(page: Bytes, chunk: Chunk, rows: int) -> Array:
    """The values `[rows, N]` of a page, if the bytes before them are the only possible ones."""
    prefix = _prefix(rows, chunk.width, chunk.dtype.itemsize)
    view = memoryview(page).cast("B")
    if view[: len(prefix)] != prefix:
        raise NotOurs("levels of other lists")
    return np.frombuffer(view, chunk.dtype, rows * chunk.width, len(prefix)).reshape(rows, -1)


def _tail(rows: int, chunk: Chunk) -> int:
    """Bytes of the values of a page. Bit-packed indices come in groups of eight."""
    values = rows * chunk.width
    return -(-values // 8) * 8 if chunk.dtype == np.int8 else values * chunk.dtype.itemsize


@lru_cache(maxsize=4096)
def _prefix(rows: int, width: int, itemsize: int) -> bytes:
    """All bytes of a page of `rows` lists of `width` values before its values."""
    repetitions = _repetitions(width) * rows
    definitions = _varint_of(rows * width << 1) + b"\x01"
    levels = b"".join(len(x).to_bytes(4, "little") + x for x in (repetitions, definitions))
    if itemsize != 1:
        return levels
    return levels + b"\x08" + _varint_of(-(-rows * width // 8) << 1 | 1)


def _repetitions(width: int) -> bytes:
    """The repetition levels of a row: 0 for its first value, 1 for all others."""
    # A bit-packed group of eight, or a run of one 0; then a run of ones.
    first, head = (8, b"\x03\xfe") if width > 8 else (1, b"\x02\x00")
    return head + (_varint_of(width - first << 1) + b"\x01" if width > first else b"")


def _prove_dictionary(fields: Header, codec: str, body: memoryview, size: int) -> int:
    """The number of codes of a dictionary 0, 1, 2, and so on."""
    about = struct_of(fields, 7)
    count = number(about, 1)
    if not 0 < count <= _CODES_MAX or size != 4 * count:
        raise NotOurs("a dictionary of another size")
    if number(about, 2) not in (_PLAIN, _PLAIN_DICTIONARY):
        raise NotOurs("a dictionary of another encoding")
    page = _decompressed(codec, body, size)
    if not np.array_equal(np.frombuffer(page, "<i4", count), np.arange(count)):
        raise NotOurs("a dictionary of other codes")
    return count


def _decompressed(codec: str, body: memoryview, size: int) -> Bytes:
    """A page of exactly `size` bytes."""
    if codec == "UNCOMPRESSED":
        if len(body) != size:
            raise NotOurs("a page of another size")
        return body
    if codec not in _CODECS:
        raise NotOurs(f"codec {codec}")
    unpack = _codec(_CODECS[codec]).decompress
    try:
        if _packed_size(codec, body, unpack, size) != size:
            raise NotOurs("a page of another size")
        page: Bytes = unpack(body, size)
    except (pa.ArrowException, OSError, ValueError, IndexError) as err:
        raise NotOurs("a page that cannot be decompressed") from err
    return page


@lru_cache(maxsize=8)
def _codec(name: str) -> pa.Codec:
    return pa.Codec(name)


def _packed_size(codec: str, body: memoryview, unpack: Any, size: int) -> int:
    """The size that compressed bytes decompress to; -1 if it is not `size` for sure.

    `pa.Codec.decompress` does not say how many bytes it wrote. If they are fewer than asked for,
    the rest is what the memory held before. So the size is read from the frame; the decoders check
    that they reach it.
    """
    if codec == "ZSTD":
        return _zstd_size(body)
    if codec == "SNAPPY":
        return varint(body, 0)[0]
    try:
        # LZ4 has no size. Too little room is an error, so one byte less must be one.
        unpack(body, size - 1)
    except (pa.ArrowException, OSError):
        return size
    return -1


def _zstd_size(body: memoryview) -> int:
    """The content size in the header of a zstd frame; -1 if it has none (RFC 8878, 3.1.1)."""
    if len(body) < 18 or bytes(body[:4]) != b"\x28\xb5\x2f\xfd":
        return -1
    flags = body[4]
    single = flags & 0x20
    at = 5 + (not single) + (0, 1, 2, 4)[flags & 3]
    count = (1 if single else 0, 2, 4, 8)[flags >> 6]
    if count == 0:
        return -1
    return int.from_bytes(body[at : at + count], "little") + (256 if count == 2 else 0)


def _varint_of(number: int) -> bytes:
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])

"""Damaged pages are never read to other values: they raise, or give what pyarrow gives.

HITHERTO_DAMAGED_PAGES is the number of damages; 2,000 by default, 100,000 for a long run.
"""

from __future__ import annotations

import dataclasses
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="pages need pyarrow")

import pyarrow as pa
import pyarrow.parquet as pq

import sets
from hitherto import _lists
from hitherto._lists import RowGroup, dtype_of, padded_rows, row_groups
from hitherto._names import Names
from hitherto._pages import Chunk, _decompressed, take_rows
from hitherto._thrift import NotOurs

NAMES = Names({}, "sample")

DAMAGES = int(os.environ.get("HITHERTO_DAMAGED_PAGES", "2000"))
CODECS = ("zstd", "lz4_raw", "snappy", "none")


def damaged(data: bytes, start: int, end: int, dice: random.Random) -> bytes:
    """A file with one to three bytes of a range changed, or some of them zeroed or swapped."""
    out = bytearray(data)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(start, end)
        kind = dice.randrange(4)
        if kind == 0:
            out[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            out[at] = dice.randrange(256)
        elif kind == 2:
            count = min(dice.randint(1, 16), end - at)
            out[at : at + count] = bytes(count)
        else:
            other = dice.randrange(start, end)
            out[at], out[other] = out[other], out[at]
    return bytes(out)


def direct(at: RowGroup, name: str, width: int, dtype: Any) -> Any:
    """The column from pages that can be proved; None if they cannot."""
    out = np.empty((at.rows, width), dtype)
    try:
        _lists._proved_rows(at, name, width, np.ones(at.rows, bool), out)
    except NotOurs:
        return None
    return out


def with_pyarrow(at: RowGroup, name: str, width: int) -> Any:
    """The column as pyarrow reads it; None if it refuses."""
    try:
        with pq.ParquetFile(at.path) as file:
            column = file.read_row_group(at.group, columns=[name]).column(0).combine_chunks()
        values = column.flatten()
        if values.null_count or (np.diff(column.offsets.to_numpy()) != width).any():
            return None
        return values.to_numpy().reshape(-1, width)
    except (OSError, ValueError, pa.ArrowException):
        return None


@pytest.mark.parametrize("codec", CODECS)
def test_damaged_pages_are_never_read_to_other_values(tmp_path: Path, codec: str) -> None:
    width = 9
    folder = sets.make(tmp_path / "set", "--max-actions", str(width), "--codec", codec)
    path = sets.parts(folder)[0]
    data = Path(path).read_bytes()
    at = row_groups([path], NAMES)[0]
    dice = random.Random(codec)
    outcomes: Counter[str] = Counter()
    file = Path("/dev/shm" if os.path.isdir("/dev/shm") else tmp_path) / f"{os.getpid()}.parquet"
    try:
        for _ in range(DAMAGES // len(CODECS)):
            name = dice.choice(["actions", "action_types"])
            chunk = _lists._chunk_of(at, name)
            starts = (chunk.dictionary_page_offset, chunk.data_page_offset)
            start = min(x for x in starts if x)
            end = start + chunk.total_compressed_size
            file.write_bytes(damaged(data, start, end, dice))
            broken = dataclasses.replace(at, path=str(file))
            got = direct(broken, name, width, dtype_of(pq.read_schema(path), name))
            if got is None:
                outcomes["left to pyarrow"] += 1
                continue
            wanted = with_pyarrow(broken, name, width)
            if wanted is None:
                # pyarrow may refuse more, but then nothing has changed.
                wanted = with_pyarrow(at, name, width)
                outcomes["only pyarrow refuses"] += 1
            assert np.array_equal(got, wanted)
            outcomes["equal"] += 1
    finally:
        file.unlink(missing_ok=True)
    print(codec, dict(outcomes))
    if codec in ("zstd", "lz4_raw"):
        assert outcomes["left to pyarrow"]
        assert outcomes["equal"]


def test_a_damaged_page_raises_or_is_read_by_pyarrow(tmp_path: Path) -> None:
    folder = sets.make(tmp_path / "set", "--max-actions", "9")
    path = sets.parts(folder)[0]
    at = row_groups([path], NAMES)[0]
    chunk = _lists._chunk_of(at, "actions")
    data = bytearray(Path(path).read_bytes())
    middle = chunk.data_page_offset + chunk.total_compressed_size // 2
    data[middle : middle + 64] = bytes(64)
    Path(path).write_bytes(data)
    with pytest.raises((OSError, ValueError)):
        padded_rows(at, "actions", 9, np.ones(at.rows, bool), np.empty((at.rows, 9), np.int32))


@pytest.mark.parametrize("codec", ["ZSTD", "LZ4", "SNAPPY"])
def test_a_page_that_unpacks_to_fewer_bytes_is_refused(codec: str) -> None:
    names = {"ZSTD": "zstd", "LZ4": "lz4_raw", "SNAPPY": "snappy"}
    page = bytes(range(256)) * 8
    packed = memoryview(pa.Codec(names[codec]).compress(page, asbytes=True))
    assert bytes(memoryview(_decompressed(codec, packed, len(page)))) == page
    for size in (len(page) - 1, len(page) + 1, 2 * len(page), 0):
        with pytest.raises(NotOurs):
            _decompressed(codec, packed, size)


def test_zstd_without_a_size_is_left_to_pyarrow() -> None:
    page = bytes(1000)
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(page)
    packed = memoryview(out.getvalue())
    assert pa.Codec("zstd").decompress(packed, 1000, asbytes=True) == page
    with pytest.raises(NotOurs):
        _decompressed("ZSTD", packed, 1000)


def i32(field_delta: int, value: int) -> bytes:
    """A field of a page header."""
    return bytes([field_delta << 4 | 5, value << 1 & 0x7F | (0x80 if value > 63 else 0)]) + (
        bytes([value >> 6]) if value > 63 else b""
    )


def page(rows: int, width: int, body: bytes, encoding: int) -> bytes:
    """An uncompressed data page with its header."""
    about = i32(1, rows * width) + i32(1, encoding) + i32(1, 3) + i32(1, 3) + b"\0"
    head = i32(1, 0) + i32(1, len(body)) + i32(1, len(body)) + b"\x2c" + about + b"\0"
    return head + body


def dictionary(codes: list[int]) -> bytes:
    """An uncompressed dictionary page with its header."""
    body = b"".join(code.to_bytes(4, "little") for code in codes)
    about = i32(1, len(codes)) + i32(1, 0) + b"\0"
    return i32(1, 2) + i32(1, len(body)) + i32(1, len(body)) + b"\x4c" + about + b"\0" + body


LEVELS_OF_TWO_ROWS_OF_THREE = bytes.fromhex("08000000 02000401 02000401 02000000 0c01")


def take(raw: bytes, dtype: str) -> Any:
    out = np.empty((2, 3), dtype)
    chunk = Chunk("UNCOMPRESSED", 2, 3, np.dtype(dtype))
    take_rows(raw, chunk, np.ones(2, bool), out)
    return out


def test_pages_made_by_hand() -> None:
    values = np.arange(6, dtype="<i4")
    body = LEVELS_OF_TWO_ROWS_OF_THREE + values.tobytes()
    assert np.array_equal(take(page(2, 3, body, 0), "int32"), values.reshape(2, 3))
    codes = LEVELS_OF_TWO_ROWS_OF_THREE + b"\x08\x03" + bytes([1, 2, 0, 3, 0, 0, 0, 0])
    raw = dictionary([0, 1, 2, 3]) + page(2, 3, codes, 8)
    assert np.array_equal(take(raw, "int8"), [[1, 2, 0], [3, 0, 0]])


@pytest.mark.parametrize(
    ("raw", "dtype"),
    [
        pytest.param(b"", "int32", id="nothing"),
        pytest.param(
            dictionary([0, 1, 2])
            + page(2, 3, LEVELS_OF_TWO_ROWS_OF_THREE + b"\x08\x03\1\2\0\3\0\0\0\0", 8),
            "int8",
            id="a code that the dictionary lacks",
        ),
        pytest.param(
            dictionary([0, 2, 1, 3])
            + page(2, 3, LEVELS_OF_TWO_ROWS_OF_THREE + b"\x08\x03\1\2\0\3\0\0\0\0", 8),
            "int8",
            id="a dictionary in another order",
        ),
        pytest.param(
            page(2, 3, LEVELS_OF_TWO_ROWS_OF_THREE + b"\x08\x03\1\2\0\3\0\0\0\0", 8),
            "int8",
            id="no dictionary",
        ),
        pytest.param(
            page(
                2,
                3,
                LEVELS_OF_TWO_ROWS_OF_THREE.replace(b"\2\0\4\1", b"\4\0\2\1", 1) + bytes(24),
                0,
            ),
            "int32",
            id="other lists of the same number of values",
        ),
        pytest.param(
            page(2, 3, LEVELS_OF_TWO_ROWS_OF_THREE + bytes(24), 0) + b"\0",
            "int32",
            id="bytes after the last page",
        ),
        pytest.param(
            page(2, 3, LEVELS_OF_TWO_ROWS_OF_THREE + bytes(24), 5),
            "int32",
            id="another encoding",
        ),
    ],
)
def test_pages_that_cannot_be_proved(raw: bytes, dtype: str) -> None:
    with pytest.raises(NotOurs):
        take(raw, dtype)

"""Pages of histories are read to the values that pyarrow reads, and our own without pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
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
from hitherto._thrift import NotOurs

NAMES = Names({}, "sample")

LENGTHS = (1, 7, 8, 9, 20, 1000, 5000)
DIRECT = ("zstd", "lz4_raw")


def lists_of(folder: Path) -> Iterator[tuple[RowGroup, str, int, np.dtype[Any], Any]]:
    """Row groups, columns of histories, N, their type, and what pyarrow reads."""
    for path in sets.parts(folder):
        schema = pq.read_schema(path)
        for at in row_groups([path], NAMES):
            table = pq.ParquetFile(path).read_row_group(at.group)
            for name in schema.names:
                if pa.types.is_list(schema.field(name).type) and name not in ("items", "is_order"):
                    column = table[name].combine_chunks()
                    values = column.flatten().to_numpy().reshape(at.rows, -1)
                    yield at, name, values.shape[1], dtype_of(schema, name), values


def read(at: RowGroup, name: str, width: int, dtype: Any, wanted: Any, kept: int) -> Any:
    """Some rows of a column, cut to `kept` values."""
    out = np.full((int(wanted.sum()), kept), 77, dtype)
    padded_rows(at, name, width, wanted, out)
    return out


@pytest.mark.parametrize("layout", ["sample", "request"])
@pytest.mark.parametrize("codec", ["zstd", "lz4_raw", "snappy", "none"])
def test_every_codec_and_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str, layout: str
) -> None:
    folder = sets.make(
        tmp_path / "set", "--codec", codec, "--layout", layout, "--max-actions", "50"
    )
    if codec in DIRECT:
        monkeypatch.setattr(_lists, "_other_rows", None)
    found = 0
    for at, name, width, dtype, values in lists_of(folder):
        assert width == 50
        for wanted in (np.ones(at.rows, bool), np.arange(at.rows) % 3 == 1):
            for kept in (1, 13, 50):
                got = read(at, name, width, dtype, wanted, kept)
                assert np.array_equal(got, values[wanted, :kept])
                found += 1
    assert found


@pytest.mark.parametrize("codec", ["zstd", "lz4_raw", "snappy", "none"])
@pytest.mark.parametrize("length", LENGTHS)
def test_every_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, codec: str
) -> None:
    folder = sets.make(tmp_path / "set", "--codec", codec, "--max-actions", str(length))
    # A copy in LZ4 reaches back 64 KiB at most, so longer rows take another path.
    if codec == "zstd" or (codec == "lz4_raw" and length <= 1000):
        monkeypatch.setattr(_lists, "_other_rows", None)
    for at, name, width, dtype, values in lists_of(folder):
        assert width == length
        got = read(at, name, width, dtype, np.ones(at.rows, bool), width)
        assert np.array_equal(got, values)


@pytest.mark.parametrize("codec", DIRECT)
def test_wide_items_and_lists_beside_actions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str
) -> None:
    flags = ("--item-type", "int64", "--with", "time_delta,price:float32", "--codec", codec)
    folder = sets.make(tmp_path / "set", *flags, source=sets.richer_shop(tmp_path / "logs"))
    monkeypatch.setattr(_lists, "_other_rows", None)
    types = {}
    for at, name, width, dtype, values in lists_of(folder):
        types[name] = str(dtype)
        got = read(at, name, width, dtype, np.ones(at.rows, bool), width)
        assert np.array_equal(got, values, equal_nan=dtype.kind == "f")
    wanted = {"actions": "int64", "action_types": "int8", "time_delta": "int32"}
    assert wanted.items() <= types.items()
    assert types["price"] == "float32"


def test_a_length_that_the_manifest_does_not_say_is_refused(tmp_path: Path) -> None:
    folder = sets.make(tmp_path / "set", "--max-actions", "20")
    at, name, _, dtype, _ = next(lists_of(folder))
    for width in (10, 19, 21):
        with pytest.raises(ValueError, match=f"has not the length {width}"):
            read(at, name, width, dtype, np.ones(at.rows, bool), 5)


def test_lists_that_are_not_padded_are_left_to_pyarrow(tmp_path: Path) -> None:
    folder = sets.make(tmp_path / "set", "--max-actions", "20", "--no-pad")
    for path in sets.parts(folder):
        for at in row_groups([path], NAMES):
            out = np.empty((at.rows, 20), np.int32)
            with pytest.raises(NotOurs):
                _lists._proved_rows(at, "actions", 20, np.ones(at.rows, bool), out)

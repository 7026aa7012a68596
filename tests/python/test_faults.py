"""What is wrong with the files of a set is an error of the package, wherever it is found."""

from __future__ import annotations

import errno
import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import hitherto as ht
from conftest import HAS_TORCH
from hitherto._faults import package_errors

DAY = "2025-08-16"
Damage = Callable[[Path], object]
Read = Callable[[Path], object]


def cut(part: Path) -> None:
    """Leaves out the end, which has the footer."""
    part.write_bytes(part.read_bytes()[:-100])


def spoil_footer(part: Path) -> None:
    """Makes a footer that no Thrift is: an OSError of Arrow, without a number."""
    data = bytearray(part.read_bytes())
    length = int.from_bytes(data[-8:-4], "little")
    data[-8 - length : -8] = b"\xff" * length
    part.write_bytes(data)


def spoil_pages(part: Path) -> None:
    """Overwrites all pages."""
    data = bytearray(part.read_bytes())
    end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    data[4:end] = b"\xff" * (end - 4)
    part.write_bytes(data)


def replace(part: Path) -> None:
    """Puts another table there: a KeyError for each column that it lacks."""
    pq.write_table(pa.table({"other": [1, 2, 3]}), part)


DAMAGES = [cut, spoil_footer, spoil_pages, replace]


def in_memory(path: Path) -> object:
    return ht.open(path).load(DAY)


def as_table(path: Path) -> object:
    return ht.open(path).read()


def in_batches(path: Path) -> object:
    return list(ht.open(path).read(to="batches"))


def by_item(path: Path) -> object:
    return ht.open(path).read(layout="sample", histories="list", days=DAY)


def first_rows(path: Path) -> object:
    return ht.open(path).head(10_000)


READS: list[Any] = [in_memory, as_table, in_batches, by_item, first_rows]

if HAS_TORCH:
    from hitherto.torch import Samples

    def ahead(path: Path) -> object:
        return list(Samples(path))

    def without_a_thread(path: Path) -> object:
        return list(Samples(path, prefetch=0))

    def in_windows(path: Path) -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(Samples(path, memory=1000))

    def steps(path: Path) -> object:
        return len(Samples(path, by="history"))

    READS += [ahead, without_a_thread, in_windows, steps]


@pytest.fixture
def copied(requests: ht.Set, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of a set, and the path of its last part."""
    path = tmp_path / "set"
    shutil.copytree(requests, path)
    return path, path / requests.parts[-1]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_part_is_a_data_error(
    copied: tuple[Path, Path], damage: Damage, read: Read
) -> None:
    path, part = copied
    read(path)
    damage(part)
    with pytest.raises(ht.DataError) as caught:
        read(path)
    assert caught.value.exit_code == 65
    assert "hitherto verify" in caught.value.message
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("read", READS)
def test_a_part_that_is_not_there(copied: tuple[Path, Path], read: Read) -> None:
    path, part = copied
    part.unlink()
    # By name it is not found, and a day without it has too few samples.
    by_name = read not in (in_memory, *READS[5:])
    with pytest.raises(ht.NotFound if by_name else ht.DataError):
        read(path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"job": "sequences"}', "\xff"])
def test_a_damaged_manifest_is_a_data_error(copied: tuple[Path, Path], text: str) -> None:
    path, _ = copied
    (path / "_manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ht.DataError):
        ht.open(path)
    for read in READS[5:]:
        with pytest.raises(ht.DataError, match="manifest"):
            read(path)


def test_counts_that_are_none_are_a_data_error(copied: tuple[Path, Path]) -> None:
    path, _ = copied
    name = path / "_manifest.json"
    manifest = json.loads(name.read_text())
    manifest["days"][1]["counts"] = None
    name.write_text(json.dumps(manifest))
    with pytest.raises(ht.DataError, match="is no manifest of a set"):
        in_memory(path)


@pytest.mark.parametrize(
    ("raised", "wanted"),
    [
        (FileNotFoundError(errno.ENOENT, "no such file", "part"), ht.NotFound),
        (NotADirectoryError(errno.ENOTDIR, "no folder", "part"), ht.NotFound),
        (OSError(errno.EIO, "input/output error", "part"), ht.IOFailed),
        (PermissionError(errno.EACCES, "permission denied", "part"), ht.IOFailed),
        (OSError("Couldn't deserialize thrift"), ht.DataError),
        (pa.ArrowInvalid("no magic bytes"), ht.DataError),
        (pa.ArrowNotImplementedError("unknown codec"), ht.DataError),
        (KeyError("Column actions does not exist in schema"), ht.DataError),
        (ValueError("a history reaches beyond its list"), ht.DataError),
    ],
)
def test_kinds_of_errors(raised: Exception, wanted: type[ht.Error]) -> None:
    with pytest.raises(wanted) as caught, package_errors():
        raise raised
    assert type(caught.value) is wanted
    assert caught.value.__cause__ is raised
    assert str(raised.args[-1] if len(raised.args) == 1 else raised.args[1]) in str(caught.value)


@pytest.mark.parametrize(
    "raised", [ht.UsageError("no"), TypeError("no"), MemoryError(), pa.ArrowMemoryError("no")]
)
def test_what_is_no_fault_of_a_file_stays_as_it_is(raised: Exception) -> None:
    with pytest.raises(type(raised)) as caught, package_errors():
        raise raised
    assert caught.value is raised

"""The parts that need no session: names of columns, locked folders, places, spools."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import hitherto as ht
from hitherto.spark import _spool
from hitherto.spark._columns import COLUMNS as OURS
from hitherto.spark._locked import LOCK, LockedFolder, remove_dead
from hitherto.spark._place import place
from hitherto.spark._spool import Spool

COLUMNS = [
    ("impressions", [("c0", "customer_id"), ("c1", "impressions")]),
    ("clicks", [("c0", "customer_id"), ("c2", "time")]),
    ("carts", [("c0", "customer_id"), ("c2", "at")]),
]


def batch(rows: list[tuple[int, int | None, list[int], int | None]]) -> pa.RecordBatch:
    """A batch of the tagged union."""
    owners, customers, lists, times = zip(*rows, strict=True) if rows else ([], [], [], [])
    return pa.RecordBatch.from_arrays(
        [
            pa.array(owners, pa.int32()),
            pa.array(customers, pa.int64()),
            pa.array(lists, pa.list_(pa.int32())),
            pa.array(times, pa.timestamp("us", "America/Los_Angeles")),
        ],
        names=["owner", "c0", "c1", "c2"],
    )


@pytest.mark.parametrize(("job", "source"), OURS)
def test_the_columns_of_a_source_are_those_that_the_binary_names(
    tmp_path: Path, job: str, source: str
) -> None:
    """A column that is not dealt is one that no shard sees."""
    command = [ht.binary(), job, tmp_path, "--out", tmp_path / "set"]
    command += ["--columns", f"{source}.no_column=x"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    names = said.partition('have no column "no_column", but ')[2].strip()
    assert names.split(", ") == list(OURS[job, source])


@pytest.mark.parametrize("group_rows", [1, 3, 262_144])
def test_a_spool_has_each_row_once(
    tmp_path: Path, group_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_spool, "GROUP_ROWS", group_rows)
    spool = Spool(str(tmp_path), COLUMNS)
    spool.add(batch([]))
    spool.add(batch([(0, 1, [4, 5], None), (1, 2, [], 7), (-8, None, [], None), (1, None, [], 8)]))
    spool.add(batch([(1, 3, [], 9)] * 4))
    spool.add(batch([(0, None, None, None)]))  # type: ignore[list-item]
    spool.close()
    assert spool.shards == [7]
    impressions = pq.read_table(spool.paths["impressions"])
    assert impressions.to_pydict() == {
        "customer_id": [1, None],
        "impressions": [[4, 5], None],
    }
    clicks = pq.read_table(spool.paths["clicks"])
    assert clicks["customer_id"].to_pylist() == [2, None, 3, 3, 3, 3]
    assert clicks["time"].cast("int64").to_pylist() == [7, 8, 9, 9, 9, 9]
    # Instants, and nothing of the zone of the session.
    assert clicks.schema.field("time").type == pa.timestamp("us", "UTC")
    carts = pq.ParquetFile(spool.paths["carts"])
    assert (carts.metadata.num_rows, carts.metadata.num_row_groups) == (0, 0)
    assert carts.schema_arrow.names == ["customer_id", "at"]


def made(folder: Path) -> Path:
    """A finished shard."""
    shard = folder / "shard-00001-of-00002"
    (shard / "dt=2025-08-16").mkdir(parents=True)
    (shard / "dt=2025-08-16" / "part-00001.parquet").write_bytes(b"rows")
    (shard / "_shard.json").write_bytes(b"{}")
    return shard


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A staging folder."""
    for name in ("shards", "aside"):
        (tmp_path / "staging" / name).mkdir(parents=True)
    return tmp_path / "staging"


def test_a_shard_is_placed_once(tmp_path: Path, target: Path) -> None:
    shard = made(tmp_path)
    for attempt in ("a", "b"):
        place(str(shard), str(target / "shards"), str(target / "aside" / attempt))
        assert contents(target / "shards" / shard.name) == contents(shard)
    assert list((target / "aside").iterdir()) == []


def test_a_disk_that_does_not_rename_folders(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(source: str, target: str) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "rename", rename)
    replaced = []
    real = os.replace

    def replace(source: str, target: str) -> None:
        replaced.append(Path(target).name)
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    shard = made(tmp_path)
    # What an attempt left that died in the middle.
    half = target / "shards" / shard.name / "dt=2025-08-16"
    half.mkdir(parents=True)
    (half / "part-00001.parquet").write_bytes(b"ro")
    place(str(shard), str(target / "shards"), str(target / "aside" / "a"))
    assert contents(target / "shards" / shard.name) == contents(shard)
    assert replaced == ["part-00001.parquet", "_shard.json"]
    assert list((target / "aside").iterdir()) == []


def test_a_disk_that_is_full(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        place(str(made(tmp_path)), str(target / "shards"), str(target / "aside" / "a"))
    assert list((target / "shards").iterdir()) == []


def test_twins_place_one_shard(tmp_path: Path, target: Path) -> None:
    """Two attempts that run at the same time, again and again."""
    shard = made(tmp_path)
    program = (
        "import sys\nfrom hitherto.spark._place import place\n"
        "for line in sys.stdin:\n"
        f"    place({str(shard)!r}, line.strip(), line.strip().replace('shards', 'aside') + "
        "'/' + sys.argv[1])\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    twins = [
        subprocess.Popen(
            [sys.executable, "-c", program, name], stdin=subprocess.PIPE, text=True, env=environment
        )
        for name in "ab"
    ]
    rounds = [tmp_path / f"{i}" for i in range(100)]
    for folder in rounds:
        (folder / "shards").mkdir(parents=True)
        (folder / "aside").mkdir()
    for folder in rounds:
        for twin in twins:
            assert twin.stdin is not None
            twin.stdin.write(f"{folder}/shards\n")
    for twin in twins:
        assert twin.stdin is not None
        twin.stdin.close()
        assert twin.wait() == 0
    for folder in rounds:
        assert contents(folder / "shards" / shard.name) == contents(shard)
        assert list((folder / "aside").iterdir()) == []


def test_folders_of_the_dead_are_removed(tmp_path: Path) -> None:
    program = (
        "import os, sys\nfrom hitherto.spark._locked import LockedFolder\n"
        f"folder = LockedFolder({str(tmp_path)!r}, 'x-')\n"
        "os.mkdir(folder.path + '/inner')\nprint(folder.path, flush=True)\nsys.stdin.read()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    other = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert other.stdout is not None
    theirs = Path(other.stdout.readline().strip())
    (tmp_path / "y-kept").mkdir()
    (tmp_path / "x-link").symlink_to(tmp_path / "y-kept")
    with LockedFolder(str(tmp_path), "x-") as own:
        remove_dead(str(tmp_path), "x-")
        assert theirs.exists()
        assert os.path.exists(own.path)
        other.send_signal(signal.SIGKILL)
        other.wait()
        remove_dead(str(tmp_path), "x-")
        assert not theirs.exists()
        assert os.path.exists(own.path)
    assert not os.path.exists(own.path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x-link", "y-kept"]
    remove_dead(str(tmp_path / "gone"), "x-")


def test_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can tell who is dead there, so nothing is removed."""

    def flock(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", flock)
    (tmp_path / "x-1").mkdir()
    with LockedFolder(str(tmp_path), "x-") as own:
        assert os.path.exists(os.path.join(own.path, LOCK))
        remove_dead(str(tmp_path), "x-")
        assert len(list(tmp_path.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["x-1"]


def test_without_pyspark() -> None:
    program = (
        "import sys\nsys.modules['pyspark'] = None\nimport hitherto as ht\n"
        "try:\n    import hitherto.spark\n"
        "except ht.MissingPackage as error:\n    print(error.hint)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "pip install 'hitherto[spark]'"

"""Whatever dies, and whenever: the same set, or none; and the next run leaves nothing of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import faults
import hitherto as ht
import hitherto.spark
import logs
from hitherto.spark import _driver, _task
from hitherto.spark._task import SPOOL
from logs import assert_nothing_left, assert_same, frames, shop, write

HERE = Path(__file__).parent
SHARDS = 6


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Files of a small shop."""
    folder = tmp_path_factory.mktemp("shop")
    tables = shop(folder / "made", impressions=120, actions=6000, customers=60)
    return write(tables, folder / "logs")


@pytest.fixture(scope="module")
def one(paths: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> ht.Set:
    """Their set, by a single run."""
    out = tmp_path_factory.mktemp("one") / "one"
    return ht.sequences(**paths, out=out, progress=False)


@pytest.fixture
def by_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sends the faults along with a task."""
    from pyspark import cloudpickle

    monkeypatch.setattr(faults, "MARKS", str(tmp_path / "marks"))
    (tmp_path / "marks").mkdir()
    cloudpickle.register_pickle_by_value(faults)
    yield
    cloudpickle.unregister_pickle_by_value(faults)


FAULTS = {
    "spooling": ("Spool", faults.SpoolThatDies, 2),
    "placing": ("place", faults.place_half, 2),
    "placed": ("place", faults.place_and_die, 2),
    "pieces": ("place", faults.place_in_pieces, 1),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_killed_worker(
    spark: Any,
    paths: dict[str, Any],
    one: ht.Set,
    tmp_path: Path,
    local_dir: Path,
    by_value: None,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    name, fault, times = FAULTS[what]
    monkeypatch.setattr(_task, name, fault)
    got = hitherto.spark.sequences(
        spark, **frames(spark, paths), out=tmp_path / "got", shards=SHARDS
    )
    assert len(list((tmp_path / "marks").iterdir())) == times
    assert_same(got, one)
    monkeypatch.undo()
    hitherto.spark.sequences(spark, **paths, out=tmp_path / "next", shards=1)
    assert spools(local_dir) == []


def killing_once(folder: Path, whom: str) -> tuple[Path, Path]:
    """A binary whose first run sends SIGKILL, and the file that this run makes."""
    mark, script = folder / "mark", folder / "binary"
    # Whoever makes the file is the first.
    script.write_text(
        f"#!/bin/bash\nset -C\nif : 2> /dev/null > {mark}; then kill -9 {whom}; sleep 1; fi\n"
        f'exec {ht.binary()} "$@"\n'
    )
    script.chmod(0o755)
    return script, mark


def test_a_worker_killed_while_the_binary_runs(
    spark: Any, paths: dict[str, Any], one: ht.Set, tmp_path: Path
) -> None:
    script, mark = killing_once(tmp_path, "$PPID")
    got = hitherto.spark.sequences(
        spark, **frames(spark, paths), out=tmp_path / "got", shards=SHARDS, binary=script
    )
    assert mark.exists()
    assert_same(got, one)


def test_the_binary_is_killed(
    spark: Any, paths: dict[str, Any], one: ht.Set, tmp_path: Path
) -> None:
    """Once: another attempt is made. Each time: the driver hears of the signal."""
    script, _ = killing_once(tmp_path, "$$")
    inputs = frames(spark, paths)
    flags: dict[str, Any] = {"out": tmp_path / "got", "shards": SHARDS, "binary": script}
    assert_same(hitherto.spark.sequences(spark, **inputs, **flags), one)
    script.write_text("#!/bin/bash\nkill -9 $$\n")
    with pytest.raises(ht.Error, match=r"shard \d of 6: hitherto was ended by SIGKILL") as caught:
        hitherto.spark.sequences(spark, **inputs, **{**flags, "out": tmp_path / "none"})
    assert caught.value.exit_code == 128 + signal.SIGKILL
    assert not (tmp_path / "none").exists()
    assert_nothing_left(tmp_path)


def test_the_binary_dies_with_the_worker(paths: dict[str, Any], tmp_path: Path) -> None:
    """A task that Spark ends leaves no binary behind that goes on working."""
    pipe, told = tmp_path / "clicks.csv", tmp_path / "pid"
    os.mkfifo(pipe)
    command = [
        *(str(ht.binary()), "sequences", "--impressions", paths["impressions"]),
        *("--clicks", str(pipe), "--shard", "0/2", "--out", str(tmp_path / "shards")),
        *("--with-parent", "--quiet"),
    ]
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(sys.argv[2:])\n"
        "open(sys.argv[1], 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", program, str(told), *command])
    try:
        # Nobody writes into the pipe, so the binary waits for ever.
        wait(lambda: told.exists() and told.read_text() != "")
        binary = int(told.read_text())
        wait(lambda: b"hitherto" in Path(f"/proc/{binary}/cmdline").read_bytes())
        time.sleep(0.5)
        assert is_alive(binary)
    finally:
        worker.kill()
        worker.wait()
    wait(lambda: not is_alive(binary), seconds=5)


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before finalize", "after finalize", "in the middle"])
def test_a_killed_driver(paths: dict[str, Any], one: ht.Set, tmp_path: Path, when: str) -> None:
    command = [sys.executable, str(HERE / "one_run.py"), str(tmp_path / "got"), when]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for source, path in paths.items():
        command.append(f"{source}={path}")
    local = tmp_path / "local"
    local.mkdir()
    environment["HITHERTO_TEST_LOCAL"] = str(local)
    # A session of its own, all of which is killed: driver, JVM and workers, as a machine that dies.
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    process.wait(timeout=300)
    assert process.returncode == -signal.SIGKILL
    left = [path for path in tmp_path.iterdir() if path.name.startswith(".got.shards-")]
    assert len(left) == 1
    if when == "after finalize":
        assert_rows(ht.open(tmp_path / "got"), one)
    else:
        assert not (tmp_path / "got").exists()
    assert bool(spools(local)) == (when == "in the middle")
    command[3] = "never"
    command.append("overwrite=")
    subprocess.run(command, env=environment, check=True, timeout=300)
    assert_same(ht.open(tmp_path / "got"), one)
    assert spools(local) == []


def assert_rows(got: ht.Set, one: ht.Set) -> None:
    """Checks the rows alone."""
    assert logs.digest_of(logs.rows_of(got)) == logs.digest_of(logs.rows_of(one))


def spools(local: Path) -> list[Path]:
    """What spools left on the disks of Spark."""
    # Not rglob: Spark removes folders meanwhile.
    found = (
        (Path(at), names) for at, folders, files in os.walk(local) for names in (folders, files)
    )
    return [at / name for at, names in found for name in names if name.startswith(SPOOL)]


def is_alive(process: int) -> bool:
    """Whether a process runs; one that ended and is not waited for does not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait(condition: Any, seconds: float = 60) -> None:
    """Waits until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_a_task_that_fails_each_time_leaves_nothing(
    spark: Any, paths: dict[str, Any], tmp_path: Path
) -> None:
    script = tmp_path / "binary"
    script.write_text("#!/bin/bash\necho 'hitherto: the job needs 9 GB' >&2; exit 70\n")
    script.chmod(0o755)
    with pytest.raises(ht.InternalError, match=r"^shard \d of 2: the job needs 9 GB$"):
        hitherto.spark.sequences(
            spark, **paths, out=tmp_path / "a" / "b" / "got", shards=2, binary=script
        )
    assert not (tmp_path / "a").exists()


def test_two_drivers_at_a_time(
    spark: Any, paths: dict[str, Any], one: ht.Set, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither takes the folder of the other for that of a dead one."""
    real = _driver._collect

    def during(rows: Any, task: Any, shards: int) -> None:
        monkeypatch.setattr(_driver, "_collect", real)
        other = hitherto.spark.sequences(spark, **paths, out=tmp_path / "got", shards=2)
        assert_rows(other, one)
        shutil.move(tmp_path / "got", tmp_path / "other")
        real(rows, task, shards)

    monkeypatch.setattr(_driver, "_collect", during)
    got = hitherto.spark.sequences(spark, **paths, out=tmp_path / "got", shards=3)
    assert_same(got, one)

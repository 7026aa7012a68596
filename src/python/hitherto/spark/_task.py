"""What a task of Spark does for a shard: rows to disk, the binary on them, the result in its place.

Runs on executors, which may lack this package: standard library, pyarrow and pyspark only. The
functions travel by value with the task.
"""

from __future__ import annotations

import glob
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from ._locked import LockedFolder, remove_dead
from ._place import place
from ._spool import Spool

SPOOL = "hitherto-spool-"
# The row that a task gives back. Code 0 is success; else `message` is what the binary wrote.
RESULT = "shard int, code int, message string, received double, made double, placed double"
# Exit codes that another attempt, perhaps on another machine, may not meet: a fault or too little
# memory, and reading or writing. A signal, which is below 0, is another.
_MAY_PASS = (70, 74)

Task = Callable[[Iterator[Any]], Iterator[Any]]


def of_rows(spec: dict[str, Any]) -> Task:
    """The task for a partition of the tagged union, which has all rows of one shard."""

    def task(batches: Iterator[Any]) -> Iterator[Any]:
        start = time.perf_counter()
        with _spool_folder() as folder:
            spool = Spool(folder.path, spec["columns"])
            for batch in batches:
                spool.add(batch)
            if len(spool.shards) != 1:
                raise RuntimeError(
                    f"a partition has the rows of {len(spool.shards)} shards, not of one: Spark "
                    "divided the rows otherwise than it was asked to"
                )
            spool.close()
            received = time.perf_counter() - start
            yield _result(spec, spool.shards[0], folder.path, spool.paths, received)

    return task


def of_files(spec: dict[str, Any]) -> Task:
    """The task for numbers of shards; each reads all files, and keeps its own rows."""

    def task(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            for shard in batch.column(0).to_pylist():
                with _spool_folder() as folder:
                    yield _result(spec, shard, folder.path, spec["paths"], 0.0)

    return task


def _result(
    spec: dict[str, Any], shard: int, folder: str, paths: dict[str, str], received: float
) -> Any:
    """Makes a shard and puts it in its place; the row to give back."""
    start = time.perf_counter()
    code, message = _make(spec, shard, folder, paths)
    made = time.perf_counter() - start
    if code == 0:
        name = f"shard-{shard:05}-of-{spec['shards']:05}"
        aside = os.path.join(spec["aside"], f"{name}.{os.path.basename(folder)}")
        try:
            place(os.path.join(folder, "shards", name), spec["placed"], aside)
        except OSError as error:
            raise _failed(
                spec, shard, 74, f"hitherto: could not place the shard: {error}"
            ) from error
    placed = time.perf_counter() - start - made
    row = {
        "shard": pa.array([shard], pa.int32()),
        "code": pa.array([code], pa.int32()),
        "message": pa.array([message], pa.string()),
        "received": pa.array([received]),
        "made": pa.array([made]),
        "placed": pa.array([placed]),
    }
    return pa.RecordBatch.from_arrays(list(row.values()), names=list(row))


def _make(spec: dict[str, Any], shard: int, folder: str, paths: dict[str, str]) -> tuple[int, str]:
    """Runs the binary; its exit code, and what it wrote if that is not 0.

    Raises:
        RuntimeError: if another attempt may do better, so that Spark makes one.
    """
    if not os.path.isdir(spec["placed"]):
        what = f'"{spec["placed"]}" is not there on this machine; out has to be on a shared disk'
        return 73, f"hitherto: {what}\n"
    command = _command(spec, shard, folder, paths)
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    code, text = run.returncode, run.stderr.decode(errors="replace")
    if spec["is_spooled"]:
        # The files of a spool mean nothing to the user, and are gone when the message is read.
        for name, path in paths.items():
            text = text.replace(path, name)
    if code < 0 or code in _MAY_PASS:
        raise _failed(spec, shard, code, text)
    return code, "" if code == 0 else text[-8000:]


def _failed(spec: dict[str, Any], shard: int, code: int, text: str) -> RuntimeError:
    """What makes Spark try again; the driver finds code and text in it after the last attempt."""
    of = f"shard {shard} of {spec['shards']}"
    return RuntimeError(f"hitherto ended {of} with {code}: {text.strip()[-4000:]} [end]")


def _command(spec: dict[str, Any], shard: int, folder: str, paths: dict[str, str]) -> list[str]:
    """The command line for a shard."""
    own = ["--shard", f"{shard}/{spec['shards']}", "--shard-holds", spec["holds"]]
    own += ["--out", os.path.join(folder, "shards"), "--temp-dir", folder, "--quiet"]
    # The binary dies with this process. Whoever ends a task ends this process alone.
    own.append("--with-parent")
    named = [f"--{name}={path}" for name, path in paths.items() if name not in spec["unnamed"]]
    unnamed = [path for name, path in paths.items() if name in spec["unnamed"]]
    end = ["--", *unnamed] if unnamed else []
    return [_binary(spec, folder), spec["job"], *own, *spec["flags"], *named, *end]


def _binary(spec: dict[str, Any], folder: str) -> str:
    """The path of the binary on this machine."""
    path: str = spec["binary"]
    if not os.path.isabs(path):
        from pyspark import SparkFiles  # pyright: ignore[reportMissingImports]

        path = SparkFiles.get(path)
    if os.access(path, os.X_OK):
        return path
    # What Spark Connect sends comes without the right to run it.
    own = os.path.join(folder, "hitherto")
    with open(path, "rb") as source, open(own, "wb") as target:
        target.write(source.read())
    os.chmod(own, 0o700)
    return own


def _spool_folder() -> LockedFolder:
    """A folder on a disk that Spark was given for such data."""
    given = os.environ.get("SPARK_LOCAL_DIRS") or os.environ.get("LOCAL_DIRS") or ""
    folders = [path for path in given.split(",") if os.path.isdir(path)] or [tempfile.gettempdir()]
    for path in folders:
        # Spark removes its own folder at the end of an executor, unless that was killed.
        for other in {path, *glob.glob(os.path.join(os.path.dirname(path), "blockmgr-*"))}:
            remove_dead(other, SPOOL)
    return LockedFolder(folders[os.getpid() % len(folders)], SPOOL)

"""Runs a job: a shard for each task, then one set of all shards."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from .._binary import binary as binary_path
from .._errors import Error, OutputExists, UsageError, error_of
from .._flags import flags_of
from .._optional import need
from .._process import run as run_binary
from .._set import Set, made
from . import _locked, _place, _spool, _task
from ._columns import KEYS, check_order
from ._session import batches_of_rows, cores, send
from ._staging import URL, out_path, staging_folder
from ._types import id_kind, with_types
from ._union import union_of

SHARDS_MAX = 65_536
# Flags about the set, which no shard takes.
_OF_SET = ("overwrite", "add_days", "if_exists", "fail_if", "metrics_json")
# Flags that are set here, and what to do instead.
_NOT_TAKEN = {
    "shard": "shards=…",
    "shard_holds": "DataFrames or paths",
    "with_parent": "nothing: it is always on",
    "temp_dir": "spark.local.dir, where Spark has its own",
    "dir": "the first argument behind the session",
}
# … and those that ask for what no shard of DataFrames knows.
_NOT_OF_FRAMES = {
    "last_days": "from_=…",
    "files_from": "paths of all sources",
    "job": "paths of all sources, and the job file on the shared disk",
}
_FAILED = re.compile(r"hitherto ended shard (\d+) of \d+ with (-?\d+): (.*?) \[end\]", re.DOTALL)


def run_job(
    spark: Any,
    job: str,
    sources: Mapping[str, Any],
    out: str | os.PathLike[str],
    shards: int | None,
    binary: str | os.PathLike[str] | None,
    keywords: Mapping[str, object],
) -> Set:
    """The set that a job makes.

    ``sources`` are all DataFrames or all paths; those that are ``None`` are left out.

    Raises:
        Error: of the class for the exit code, with the message of the binary.
    """
    start = time.perf_counter()
    sources = {name: source for name, source in sources.items() if source is not None}
    has_frames = _has_frames(sources)
    if has_frames and job not in KEYS:
        hint = "write them as Parquet to the shared disk, and give the paths"
        what = f"{job} takes paths and no DataFrames, as its rows have no one key to be dealt by"
        raise UsageError(f"{what}; {hint}", hint=hint)
    _check(keywords, has_frames)
    out = out_path(out)
    if os.path.lexists(out) and not (keywords.get("overwrite") or keywords.get("add_days")):
        raise OutputExists(f'"{out}" exists; overwrite=True replaces it, add_days=True adds to it')
    count = (cores(spark) * (4 if has_frames else 1)) if shards is None else shards
    if not 1 <= count <= SHARDS_MAX:
        raise UsageError(f"shards is {count}; it takes 1 to {SHARDS_MAX}")
    spec: dict[str, Any] = {
        "job": job,
        "shards": count,
        "binary": send(spark, binary_path()) if binary is None else os.path.abspath(binary),
    }
    with staging_folder(out) as staging:
        spec["placed"], spec["aside"] = f"{staging}/shards", f"{staging}/aside"
        if has_frames:
            _run_frames(spark, spec, sources, keywords)
        else:
            _run_files(spark, spec, sources, keywords)
        of_set = flags_of({name: keywords.get(name) for name in _OF_SET})
        run_binary(
            ["finalize", spec["placed"], f"--out={out}", f"--shards={count}", *of_set],
            progress=False,
        )
    return made({"seconds": time.perf_counter() - start}, out)


def _run_frames(
    spark: Any, spec: dict[str, Any], frames: Mapping[str, Any], keywords: Mapping[str, object]
) -> None:
    """Makes the shards of DataFrames."""
    job, shards = spec["job"], spec["shards"]
    check_order(frames, keywords)
    kind = id_kind(job, frames, keywords)
    told = with_types(job, frames, keywords)
    union, columns = union_of(job, frames, told, kind, shards)
    spec.update(holds="own", columns=columns, is_spooled=True, flags=_shard_flags(told))
    spec["unnamed"] = ["events"]
    with batches_of_rows(spark):
        _collect(union, _task.of_rows(spec), shards)


def _run_files(
    spark: Any, spec: dict[str, Any], paths: Mapping[str, Any], keywords: Mapping[str, object]
) -> None:
    """Makes the shards of files that all machines see."""
    # URLs stay as they are: the binary says what it thinks of them.
    absolute = {
        name: path if URL.match(path) else os.path.abspath(path)
        for name, path in ((name, os.fspath(path)) for name, path in paths.items())
    }
    told = dict(keywords)
    if told.get("job") is not None:
        told["job"] = os.path.abspath(os.fspath(told["job"]))  # type: ignore[call-overload]
    spec.update(holds="all", paths=absolute, is_spooled=False, flags=_shard_flags(told))
    spec["unnamed"] = ["events", "source"]
    numbers = spark.range(0, spec["shards"], 1, spec["shards"])
    _collect(numbers, _task.of_files(spec), spec["shards"])


def _collect(rows: Any, task: _task.Task, shards: int) -> None:
    """Runs a task on all partitions, and checks what comes back of each shard.

    Raises:
        Error: of the first shard that failed.
    """
    with _by_value():
        try:
            results = rows.mapInArrow(task, _task.RESULT).collect()
        except Exception as error:
            # What a task raises comes back as text within an exception of Spark's own.
            found = _FAILED.search(str(error))
            if found is None:
                raise
            raise _error(int(found[1]), shards, int(found[2]), found[3]) from error
    for row in sorted(results, key=lambda row: row.shard):
        if row.code:
            raise _error(row.shard, shards, row.code, row.message)
    missing = sorted(set(range(shards)) - {row.shard for row in results})
    if missing or len(results) != shards:
        raise Error(f"Spark gave back {len(results)} shards of {shards}; missing: {missing[:20]}")


def _error(shard: int, shards: int, code: int, text: str) -> Error:
    """The error of a shard."""
    error = error_of(code, text)
    message = f"shard {shard} of {shards}: {error.message}"
    return type(error)(message, hint=error.hint, exit_code=error.exit_code)


@contextlib.contextmanager
def _by_value() -> Iterator[None]:
    """Sends the code of tasks along with them, so that executors need not have this package."""
    cloudpickle = need("pyspark.cloudpickle", "hitherto.spark", "spark")
    modules = (_task, _spool, _place, _locked)
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def _has_frames(sources: Mapping[str, Any]) -> bool:
    """Whether the sources are DataFrames rather than paths.

    Raises:
        UsageError: if there are none, or of both kinds, or of another.
    """
    if not sources:
        raise UsageError("no source is given; name DataFrames or paths")
    kinds = set()
    for name, source in sources.items():
        if hasattr(source, "mapInArrow"):
            kinds.add("frame")
        elif isinstance(source, (str, os.PathLike)):
            kinds.add("path")
        else:
            raise UsageError(
                f"{name} is neither a DataFrame of Spark nor a path, but {type(source).__name__}; "
                "spark.createDataFrame takes one of pandas"
            )
    if len(kinds) > 1:
        hint = "spark.read reads a path into a DataFrame"
        raise UsageError(f"sources are all DataFrames or all paths; {hint}", hint=hint)
    return kinds == {"frame"}


def _check(keywords: Mapping[str, object], has_frames: bool) -> None:
    """Refuses keywords that have no meaning here.

    Raises:
        UsageError: for the first one.
    """
    refused = {**_NOT_TAKEN, **(_NOT_OF_FRAMES if has_frames else {})}
    for name, value in keywords.items():
        instead = refused.get(name.rstrip("_"))
        if instead is not None and value not in (None, False):
            raise UsageError(f"{name} is no argument here; use {instead}", hint=f"use {instead}")


def _shard_flags(keywords: Mapping[str, object]) -> list[str]:
    """The flags for a shard."""
    return flags_of({name: value for name, value in keywords.items() if name not in _OF_SET})

"""The command line of a job, and the set that it makes."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ._errors import UsageError
from ._flags import flags_of
from ._inputs import Feed, feeds_of, is_data
from ._process import run as run_binary
from ._set import Set, made

PathLike: TypeAlias = str | os.PathLike[str]
Day: TypeAlias = str | datetime.date
# A path, a folder, a glob, or a table: of pyarrow, pandas, Polars or DuckDB, or whatever has
# __arrow_c_stream__.
Source: TypeAlias = Any

# The sources of each job that a keyword names. Those of dwell are its only argument without a
# keyword.
SOURCES: dict[str, tuple[str, ...]] = {
    "sequences": ("impressions", "clicks", "carts", "orders"),
    "features": ("impressions", "clicks", "listings"),
    "dwell": (),
}


def command(
    job: str, source: Source | None, keywords: Mapping[str, object], folder: Path
) -> tuple[list[str], list[Feed]]:
    """The command line of a job, and what feeds its tables; their pipes are in ``folder``.

    Raises:
        UsageError: if a keyword cannot be a flag.
    """
    named = {name: keywords[name] for name in SOURCES[job] if name in keywords}
    others = {name: value for name, value in keywords.items() if name not in named}
    if job == "dwell":
        named["events"] = source
    elif is_data(source):
        raise UsageError(
            f"the folder of all sources is a path; give tables by name: {', '.join(SOURCES[job])}"
        )
    paths, feeds = feeds_of(named, folder)
    if job == "dwell":
        source = paths.pop("events")
    place = [] if source is None else ["--", os.fspath(source)]
    return [job, *flags_of(paths), *flags_of(others), *place], feeds


def make(
    job: str, source: Source | None, keywords: Mapping[str, object], progress: bool | None
) -> Set:
    """The set that a job makes."""
    with pipe_folder() as folder:
        args, feeds = command(job, source, keywords, folder)
        return make_with(args, feeds, progress, keywords.get("out"))


def make_with(
    args: Sequence[str], feeds: Sequence[Feed], progress: bool | None, out: object
) -> Set:
    """The set that a command line makes; `out` is its output, if it has one."""
    args = [args[0], "--stats=json", *args[1:]]
    return made(json.loads(run_binary(args, feeds=feeds, progress=progress)), out)


@contextlib.contextmanager
def pipe_folder() -> Iterator[Path]:
    """A folder for pipes and job files, while a run lasts."""
    with tempfile.TemporaryDirectory(prefix="hitherto-") as folder:
        yield Path(folder)

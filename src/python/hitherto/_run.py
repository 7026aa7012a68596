"""Runs jobs that are written down."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from ._command import SOURCES, PathLike, command, make_with, pipe_folder
from ._errors import NotFound, UsageError
from ._inputs import Feed, feeds_of, is_data
from ._set import Set
from ._toml import job_text


def run(
    job: PathLike | Mapping[str, object],
    *,
    out: PathLike | None = None,
    progress: bool | None = None,
    **flags: object,
) -> Set:
    """Runs a job that is written down.

    Args:
        job: a job file; a published set or its ``_manifest.json``, which is made again; or a
            mapping with the keys of a job file, such as ``{"job": "sequences", "dir": "shop"}``. In
            a mapping the ``path`` of a source may be a table, and relative paths start at the
            current folder. Defaults are those of the command line: without ``layout`` it is
            ``"sample"``, a row for each item.
        out: the folder to make, unless the job says it.
        flags: flags that win over the job's own, as for ``sequences``.

    Raises:
        Error: as for ``sequences``; ``UsageError`` if the job does not say whether it is one of
            sequences, features or dwell.
    """
    with pipe_folder() as folder:
        kind, path, feeds = written(job, folder)
        args, more = command(kind, None, {"job": path, "out": out, **flags}, folder)
        return make_with(args, [*feeds, *more], progress, out)


def written(job: PathLike | Mapping[str, object], folder: Path) -> tuple[str, Path, list[Feed]]:
    """Which job a job is, its file, and what feeds its tables; a mapping is written to ``folder``.

    Raises:
        NotFound: if there is no such file.
        UsageError: if it does not say which job it is.
    """
    feeds: list[Feed] = []
    kind: object
    if isinstance(job, Mapping):
        kind, path = job.get("job"), folder / "job.toml"
        path.write_text(job_text(_with_pipes(job, folder, feeds)), encoding="utf-8")
    else:
        path = Path(job)
        if path.is_dir():
            path = path / "_manifest.json"
        kind = _kind_in(path)
    if not isinstance(kind, str) or kind not in SOURCES:
        known = " or ".join(f'"{name}"' for name in SOURCES)
        raise UsageError(f"the job has to say what it is, as job = {known}; it says {kind!r}")
    return kind, path, feeds


def _with_pipes(job: Mapping[str, object], folder: Path, feeds: list[Feed]) -> Mapping[str, object]:
    """A job in which each table has become the path of a pipe."""
    sources = job.get("sources")
    if not isinstance(sources, Mapping):
        return job
    piped = {}
    for name, source in sources.items():
        if isinstance(source, Mapping) and is_data(source.get("path")):
            paths, own = feeds_of({str(name): source["path"]}, folder)
            source = {**source, "path": paths[str(name)]}
            feeds.extend(own)
        piped[name] = source
    return {**job, "sources": piped}


def _kind_in(path: Path) -> str | None:
    """The job that a job file or a manifest names; the binary checks it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f'no such job file: "{path}"') from None
    except UnicodeDecodeError:
        raise UsageError(f'"{path}" is no job file: it is not text in UTF-8') from None
    if text.lstrip().startswith("{"):
        try:
            kind = json.loads(text).get("job")
        except ValueError as error:
            raise UsageError(f'"{path}" is no manifest: {error}') from None
        return kind if isinstance(kind, str) else None
    # Keys of the job stand before the first table.
    keys = re.split(r"^\s*\[", text, maxsplit=1, flags=re.M)[0]
    found = re.search(r"^\s*job\s*=\s*[\"'](\w+)[\"']", keys, re.M)
    return found[1] if found else None

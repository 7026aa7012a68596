"""Estimates of jobs, and logs to try them out with."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ._command import SOURCES, PathLike, Source, command, pipe_folder
from ._flags import flags_of
from ._inputs import Feed
from ._process import run as run_binary
from ._run import written


@dataclass(frozen=True)
class Plan:
    """What a job would write, and what it would take. All but rows and samples are estimates.

    Attributes:
        seconds: time of the run.
        bytes: size of the output.
        memory_bytes: peak memory of the process.
        spilled_bytes: what would go to ``temp_dir``.
        spread: the estimates are right give or take this share.
        figures: everything that ``hitherto plan --json`` says, by its names.
    """

    seconds: float
    bytes: int
    memory_bytes: int
    spilled_bytes: int
    spread: float
    figures: Mapping[str, Any]

    @property
    def rows(self) -> int | None:
        """Rows of the output; ``None`` for ``dwell``, of which they are not known exactly."""
        return self.figures.get("rows")


def plan(
    job: Literal["sequences", "features", "dwell"] | PathLike | Mapping[str, object],
    source: Source | None = None,
    *,
    out: PathLike | None = None,
    **flags: object,
) -> Plan:
    """Estimates what a job would write, and the time and memory it would take; nothing is written.

    Args:
        job: ``"sequences"``, ``"features"`` or ``"dwell"``; or what ``run`` takes.
        source, flags: the arguments of the function of that name, with the same defaults; or flags
            that win over the job's own, as in ``run``.
        out: where the job would write.

    Raises:
        Error: the one that the run would end with, as far as planning finds it.
    """
    with pipe_folder() as folder:
        feeds: list[Feed] = []
        own: dict[str, object] = {}
        if isinstance(job, str) and job in SOURCES:
            kind = job
            if job == "sequences":
                own["layout"] = "request"
        else:
            kind, own["job"], feeds = written(job, folder)
        args, more = command(kind, source, {**own, "out": out, **flags}, folder)
        found = json.loads(run_binary(["plan", "--json", *args], feeds=[*feeds, *more]))
    return Plan(
        seconds=found["seconds"],
        bytes=found["bytes"],
        memory_bytes=found["memory_peak_bytes"],
        spilled_bytes=found["spilled_bytes"],
        spread=found["spread"],
        figures=found,
    )


def generate(
    dir: PathLike,
    *,
    job: Literal["sequences", "features", "dwell"] = "sequences",
    seed: int = 7,
    format: Literal["parquet", "csv", "ndjson"] = "parquet",
    threads: int | None = None,
    progress: bool | None = None,
    **flags: object,
) -> Path:
    """Makes synthetic logs for a job; the same arguments give the same bytes.

    Args:
        dir: the folder to make; it must not exist, or must be empty.
        job: the job that shall read them.
        flags: sizes, as ``hitherto generate --help`` has them: ``impressions=10_000``,
            ``actions=1_670_000`` and so on.

    Returns:
        The folder.

    Raises:
        Error: as for ``sequences``.
    """
    options = flags_of({"seed": seed, "format": format, "threads": threads, **flags})
    of_job = [] if job == "sequences" else [job]
    run_binary(["generate", *of_job, *options, "--", os.fspath(dir)], progress=progress)
    return Path(dir)

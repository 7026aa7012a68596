"""The jobs on Spark, as users call them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from .._set import Set
from ._driver import run_job

PathLike: TypeAlias = str | os.PathLike[str]
# A DataFrame of Spark, or a path that all machines see.
Source: TypeAlias = Any


def sequences(
    spark: Any,
    source: PathLike | None = None,
    *,
    out: PathLike,
    impressions: Source | None = None,
    clicks: Source | None = None,
    carts: Source | None = None,
    orders: Source | None = None,
    shards: int | None = None,
    layout: Literal["request", "sample", "timeline"] = "request",
    memory: str | int = "1GiB",
    threads: int = 1,
    overwrite: bool = False,
    add_days: bool = False,
    if_exists: Literal["error", "skip", "replace"] | None = None,
    fail_if: str | Sequence[str] = (),
    binary: PathLike | None = None,
    **flags: object,
) -> Set:
    """For every impression, the customer's last actions before it, made by a Spark cluster.

    The set is the one that ``hitherto.sequences`` makes of the same rows with the same keywords:
    the same rows in the same order, cut into one part for each shard and day.

    With DataFrames, Spark sends each row once over the network, to the task that makes the shard of
    its customer; of the columns only those that the job may read. With paths nothing is sent: each
    task reads all files and keeps its customers, which is far cheaper (give whole logs in Parquet).
    No row of the set goes through Spark.

    Args:
        spark: the session, classic or of Spark Connect.
        source: a folder with all four sources, that all machines see.
        out: the folder to make, on a disk that this machine and all executors see under the same
            path, such as NFS, ``/dbfs/…`` or ``/Volumes/…``. It appears complete, or not at all.
        impressions, clicks, carts, orders: all DataFrames, or all paths. Impressions with an item
            in each row need a column ``position``: rows of a DataFrame have no order.
        shards: how many shards, 1 to 65,536. One has to fit a task: some 5 million rows are well.
            Default: 4 for each core of the cluster, and 1 with paths.
        memory: what the binary of a task works with; the rest spills to Spark's local disks. A task
            needs some 100 MB more, beside the heap of the executor
            (``spark.executor.memoryOverhead``).
        threads: threads of a task; set ``spark.task.cpus`` to the same.
        overwrite, add_days, if_exists, fail_if: as of ``hitherto.sequences``; decided when all
            shards are there.
        binary: where the binary lies on the executors. Default: the one of this package, which is
            sent to them.
        flags: the other keywords of ``hitherto.sequences``.

    Raises:
        Error: ``UsageError``, ``GateFailed``, ``DataError``, ``NotFound``, ``InternalError``,
            ``OutputExists`` or ``IOFailed``, by the exit code of the binary; its message names the
            shard. Other exceptions are Spark's own.
    """
    sources = {
        "source": source,
        "impressions": impressions,
        "clicks": clicks,
        "carts": carts,
        "orders": orders,
    }
    own = {
        "layout": layout,
        "memory": memory,
        "threads": threads,
        "overwrite": overwrite,
        "add_days": add_days,
        "if_exists": if_exists,
        "fail_if": fail_if,
    }
    return run_job(spark, "sequences", sources, out, shards, binary, {**own, **flags})


def dwell(
    spark: Any,
    events: Source,
    *,
    out: PathLike,
    shards: int | None = None,
    memory: str | int = "1GiB",
    threads: int = 1,
    overwrite: bool = False,
    add_days: bool = False,
    if_exists: Literal["error", "skip", "replace"] | None = None,
    fail_if: str | Sequence[str] = (),
    binary: PathLike | None = None,
    **flags: object,
) -> Set:
    """How long each user stayed with each merchant on each day, made by a Spark cluster.

    ``events`` is a DataFrame or a path; the rows are dealt by user. All else is as for
    ``sequences``, and the other keywords are those of ``hitherto.dwell``.
    """
    own = {
        "memory": memory,
        "threads": threads,
        "overwrite": overwrite,
        "add_days": add_days,
        "if_exists": if_exists,
        "fail_if": fail_if,
    }
    return run_job(spark, "dwell", {"events": events}, out, shards, binary, {**own, **flags})


def features(
    spark: Any,
    source: PathLike | None = None,
    *,
    out: PathLike,
    impressions: PathLike | None = None,
    clicks: PathLike | None = None,
    listings: PathLike | None = None,
    shards: int | None = None,
    memory: str | int = "1GiB",
    threads: int = 1,
    overwrite: bool = False,
    add_days: bool = False,
    if_exists: Literal["error", "skip", "replace"] | None = None,
    fail_if: str | Sequence[str] = (),
    binary: PathLike | None = None,
    **flags: object,
) -> Set:
    """A row for each impression, with prior clicks and a label, made by the machines of a cluster.

    Sources are paths that all machines see, and no DataFrames: a click counts for its user and for
    its listing, so Spark would have to send it twice, at some 100 times the cost of reading it.
    Each task reads all clicks and keeps what the impressions of its users need. All else is as for
    ``sequences``, and the other keywords are those of ``hitherto.features``.
    """
    sources = {
        "source": source,
        "impressions": impressions,
        "clicks": clicks,
        "listings": listings,
    }
    own = {
        "memory": memory,
        "threads": threads,
        "overwrite": overwrite,
        "add_days": add_days,
        "if_exists": if_exists,
        "fail_if": fail_if,
    }
    return run_job(spark, "features", sources, out, shards, binary, {**own, **flags})

"""The jobs: runs of the binary that make a set."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ._command import Day, PathLike, Source, make
from ._errors import UsageError
from ._set import Set

# Arguments of the functions here that are no flags.
_NO_FLAGS = ("source", "events", "progress", "flags")


def sequences(
    source: PathLike | None = None,
    *,
    out: PathLike,
    impressions: Source | None = None,
    clicks: Source | None = None,
    carts: Source | None = None,
    orders: Source | None = None,
    date: Day | None = None,
    from_: Day | None = None,
    to: Day | None = None,
    layout: Literal["request", "sample", "timeline"] = "request",
    cutoff: Literal["day", "time"] = "day",
    max_actions: int | Literal["all"] | None = None,
    oldest_first: bool = False,
    with_: Sequence[str] = (),
    keep: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    dedup: Literal["none", "exact", "consecutive"] = "none",
    columns: Mapping[str, object] | None = None,
    time_unit: Literal["s", "ms", "us", "ns"] | None = None,
    timezone: str | None = None,
    codec: Literal["zstd", "lz4_raw", "snappy", "none"] = "zstd",
    overwrite: bool = False,
    add_days: bool = False,
    if_exists: Literal["error", "skip", "replace"] | None = None,
    fail_if: str | Sequence[str] = (),
    threads: int | None = None,
    memory: str | int | None = None,
    progress: bool | None = None,
    **flags: object,
) -> Set:
    """For every impression, the customer's last actions before it, as Parquet by day.

    Every keyword is the flag of ``hitherto sequences`` of that name; ``hitherto sequences --help``
    has all of them, and those without a place here go into ``flags``. Lists give a flag several
    times, mappings are NAME=VALUE, ``None`` and ``False`` leave a flag out. One default differs
    from the command line: ``layout`` is ``"request"``, a row for each impression, which is the one
    to train from.

    A source (``impressions``, ``clicks``, ``carts``, ``orders``) is a path, a folder, a glob or a
    table: of pyarrow, pandas, Polars or DuckDB, or anything with ``__arrow_c_stream__``. A table is
    copied into ``temp_dir`` while the run lasts. It is gone afterwards, so ``verify`` cannot audit
    rows of such a set, ``explain`` cannot explain them, and ``run`` cannot make the set again.

    Args:
        source: the folder with all four sources.
        out: the folder to make. It appears complete, or not at all.
        date, from_, to: only impressions of this day; from and up to these days, both included.
        layout: a row for each impression (``"request"``, the default here) or for each item of it
            (``"sample"``, the default of the command line); or a row for each impression whose
            history is a range of a timeline, which is stored once for each customer
            (``"timeline"``). ``read`` and ``hitherto.torch`` take all of them.
        cutoff: the start of the impression's day, or its time. Actions before it are in the
            history.
        max_actions: the length of a history: the newest prior actions, at most this many, 1 to
            65,536. ``"all"`` is no limit, which only timelines can have. Default: ``"all"`` for
            timelines, else 1,000.
        oldest_first: whether the oldest action of a history comes first. Padding stays behind.
        with_: lists beside the actions: ``"time_delta"``, int32 seconds from the action to the
            cutoff; ``"time"``, int64 seconds from 1970 to the action; and columns of the actions,
            such as ``"price"``.
        keep: columns of the impressions to copy, such as ``["surface", "item.is_click"]``.
        rename: other names for columns of the output, such as ``{"actions": "uih_item_id"}``.
        columns: other names of columns, such as ``{"clicks": {"item_id": "sku"}}``.
        memory: the most that the run works with, in bytes or as ``"2GB"``.
        progress: ``False`` shows nothing; otherwise a bar in a terminal or a notebook, else a line
            per stage.

    Raises:
        Error: ``UsageError``, ``GateFailed``, ``DataError``, ``NotFound``, ``InternalError``,
            ``OutputExists`` or ``IOFailed``, by the exit code of the binary. An exception of a
            table ends the run, and is raised itself.
    """
    keywords = _keywords(locals())
    return make("sequences", source, keywords, progress)


def features(
    source: PathLike | None = None,
    *,
    out: PathLike,
    impressions: Source | None = None,
    clicks: Source | None = None,
    listings: Source | None = None,
    date: Day | None = None,
    from_: Day | None = None,
    to: Day | None = None,
    windows: Sequence[str] = (),
    label_window: str | datetime.timedelta = "24h",
    label_key: Literal["user-listing", "listing"] = "user-listing",
    keep: Sequence[str] = (),
    columns: Mapping[str, object] | None = None,
    codec: Literal["zstd", "lz4_raw", "snappy", "none"] = "zstd",
    overwrite: bool = False,
    add_days: bool = False,
    if_exists: Literal["error", "skip", "replace"] | None = None,
    fail_if: str | Sequence[str] = (),
    threads: int | None = None,
    memory: str | int | None = None,
    progress: bool | None = None,
    **flags: object,
) -> Set:
    """For every impression of a listing, the clicks before it and whether one followed.

    Keywords are the flags of ``hitherto features``; sources, errors and ``progress`` are as for
    ``sequences``.

    Args:
        windows: windows before the impression whose clicks are counted too, such as ``["1h",
            "24h"]``.
        label_window: how long after an impression a click makes it clicked, the end included.
    """
    keywords = _keywords(locals())
    return make("features", source, keywords, progress)


def dwell(
    events: Source | None = None,
    *,
    out: PathLike,
    date: Day | None = None,
    from_: Day | None = None,
    to: Day | None = None,
    method: Literal["span", "session"] = "span",
    idle_timeout: str | datetime.timedelta = "30m",
    with_tables: Sequence[Literal["user", "flyer"]] = (),
    by_day: bool = False,
    columns: Mapping[str, object] | None = None,
    codec: Literal["zstd", "lz4_raw", "snappy", "none"] = "zstd",
    overwrite: bool = False,
    add_days: bool = False,
    if_exists: Literal["error", "skip", "replace"] | None = None,
    fail_if: str | Sequence[str] = (),
    threads: int | None = None,
    memory: str | int | None = None,
    progress: bool | None = None,
    **flags: object,
) -> Set:
    """How long each user stayed with each merchant on each day.

    Keywords are the flags of ``hitherto dwell``. ``events`` is a path, a folder, a glob or a table;
    errors and ``progress`` are as for ``sequences``.

    Args:
        method: from the first to the last event, divided (``"span"``), or the time spent
            (``"session"``).
        idle_timeout: with ``"session"`` the longest gap within a visit.
    """
    keywords = _keywords(locals())
    return make("dwell", events, keywords, progress)


def _keywords(given: Mapping[str, Any]) -> dict[str, object]:
    """The flags among the arguments of a function."""
    if "job" in given["flags"]:
        raise UsageError("job is no argument; hitherto.run(job) runs what is written down")
    if given["flags"].get("shard") is not None:
        raise UsageError(
            "a shard is no set: the command line makes one by --shard I/N, and hitherto.finalize "
            "the set of all"
        )
    own = {key: value for key, value in given.items() if key not in _NO_FLAGS}
    return {**own, **given["flags"]}

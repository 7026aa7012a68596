"""Shards of a set, which other machines may have made, to the set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal

from ._command import PathLike, make_with
from ._flags import flags_of
from ._set import Set


def finalize(
    shards: PathLike,
    *,
    out: PathLike,
    count: int | None = None,
    overwrite: bool = False,
    add_days: bool = False,
    if_exists: Literal["error", "skip", "replace"] | None = None,
    fail_if: str | Sequence[str] = (),
    threads: int | None = None,
    progress: bool | None = None,
    **flags: object,
) -> Set:
    """The set of shards that ``hitherto sequences --shard I/N --out SHARDS`` made, or ``features``
    or ``dwell``.

    It is that of one run, of ``sequences`` with ``shards=N``, byte for byte. The folder of shards
    stays as it is.
    Other keywords are the flags of ``hitherto finalize``.

    Args:
        shards: the folder with the folders of all shards.
        out: the folder to make. It appears complete, or not at all.
        count: how many shards there must be. Default: as many as the names of the folders say.

    Raises:
        NotFound: if a shard is not there.
        DataError: if one is damaged, of another job, or has read other rows than the first.
        Error: as for ``sequences``.
    """
    own = {
        "out": out,
        "shards": count,
        "overwrite": overwrite,
        "add_days": add_days,
        "if_exists": if_exists,
        "fail_if": fail_if,
        "threads": threads,
    }
    args = ["finalize", os.fspath(shards), *flags_of({**own, **flags})]
    return make_with(args, [], progress, out)

"""Where a set is put together: a folder beside it, on the disk that all machines share."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from .._errors import IOFailed, UsageError
from ._locked import LockedFolder, remove_dead

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


def out_path(out: str | os.PathLike[str]) -> str:
    """The output as an absolute path.

    Raises:
        UsageError: if it is a URL.
    """
    path = os.fspath(out)
    if URL.match(path):
        hint = f'of "dbfs:/x" the path is "/dbfs/x"; "{path}" needs a disk that all machines mount'
        raise UsageError(f"out is a path, and no URL; {hint}", hint=hint)
    return os.path.abspath(path)


@contextlib.contextmanager
def staging_folder(out: str) -> Iterator[str]:
    """The folder beside the output in which shards are put together; it is removed at the end.

    That of a driver that died is removed by the next run for the same output.

    Raises:
        IOFailed: if it cannot be made.
    """
    parent, name = os.path.split(out)
    prefix = f".{name[:200]}.shards-"
    above = [str(folder) for folder in Path(parent).parents if not folder.exists()]
    created = [*([] if os.path.exists(parent) else [parent]), *above]
    try:
        os.makedirs(parent, exist_ok=True)
        remove_dead(parent, prefix)
        folder = LockedFolder(parent, prefix)
    except OSError as error:
        raise IOFailed(f'could not make a folder beside "{out}": {error}') from error
    try:
        with folder:
            os.mkdir(f"{folder.path}/shards")
            os.mkdir(f"{folder.path}/aside")
            yield folder.path
    finally:
        for path in created:
            # One with the output in it is not empty, and stays.
            with contextlib.suppress(OSError):
                os.rmdir(path)

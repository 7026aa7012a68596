"""Puts a finished shard where all machines see it.

Every attempt at a shard makes the same bytes, so it does not matter whose stay: attempts that Spark
repeats, or runs twice, need no names of their own and no committer.

Runs on executors, which may lack this package: standard library only.
"""

from __future__ import annotations

import errno
import os
import shutil

MANIFEST = "_shard.json"
# What is said where something has the name already, and by disks that cannot rename a folder.
_NOT_RENAMED = (
    errno.EEXIST,
    errno.ENOTEMPTY,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.EPERM,
    errno.EINVAL,
    errno.EXDEV,
)


def place(made: str, shards: str, aside: str) -> None:
    """Copies the folder ``made`` into the folder ``shards``, by way of the new folder ``aside``.

    It appears there complete, by one rename. On a disk that cannot rename folders its files appear
    one by one, and the manifest last.

    Raises:
        OSError: if it cannot be written.
    """
    final = os.path.join(shards, os.path.basename(made))
    if _is_complete(final):
        return
    shutil.copytree(made, aside, copy_function=_copy)
    _sync_folders(aside)
    try:
        os.rename(aside, final)
    except OSError as error:
        if error.errno not in _NOT_RENAMED:
            raise
        if not _is_complete(final):
            _move_files(aside, final)
        shutil.rmtree(aside, ignore_errors=True)
    _sync(shards)


def _is_complete(final: str) -> bool:
    """Whether another attempt has put it there."""
    return os.path.exists(os.path.join(final, MANIFEST))


def _move_files(aside: str, final: str) -> None:
    """Moves file by file, the manifest last. What an attempt that died here left is replaced."""
    paths = [
        os.path.relpath(os.path.join(folder, name), aside)
        for folder, _, names in os.walk(aside)
        for name in names
    ]
    for path in sorted(paths, key=lambda path: (path == MANIFEST, path)):
        there = os.path.join(final, path)
        os.makedirs(os.path.dirname(there), exist_ok=True)
        os.replace(os.path.join(aside, path), there)
    _sync_folders(final)


def _copy(source: str, target: str) -> None:
    shutil.copyfile(source, target)
    _sync(target)


def _sync_folders(folder: str) -> None:
    for inner, _, _ in os.walk(folder, topdown=False):
        _sync(inner)


def _sync(path: str) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError as error:
        # Some disks of clusters do not sync folders, or anything.
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
    finally:
        os.close(file)

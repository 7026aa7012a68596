"""Folders that are locked while somebody works in them, so that those of the dead can be removed.

Runs on executors, which may lack this package: standard library only.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil

LOCK = "lock"


class LockedFolder:
    """A new folder ``PARENT/PREFIX…``, locked until it is closed, which removes it.

    Attributes:
        path: the folder.

    Raises:
        OSError: if it cannot be made.
    """

    def __init__(self, parent: str, prefix: str) -> None:
        while True:
            self.path = os.path.join(parent, prefix + secrets.token_hex(8))
            os.mkdir(self.path)
            lock = _lock(self.path, is_own=True)
            # Without a lock, another took it for that of a dead one, before it was locked.
            if lock is not None:
                self._lock = lock
                return

    def close(self) -> None:
        """Removes it. Whatever others still write there at this moment fails, or goes as well."""
        for _ in range(10):
            shutil.rmtree(self.path, ignore_errors=True)
            if not os.path.exists(self.path):
                break
        os.close(self._lock)

    def __enter__(self) -> LockedFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def remove_dead(parent: str, prefix: str) -> None:
    """Removes the folders ``PARENT/PREFIX…`` whose owners died. Those that are locked stay, as do
    all on a disk without locks, and links."""
    try:
        with os.scandir(parent) as entries:
            found = [
                entry.path
                for entry in entries
                if entry.name.startswith(prefix) and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return
    for path in found:
        lock = _lock(path, is_own=False)
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _lock(folder: str, *, is_own: bool) -> int | None:
    """The lock of a folder as a file descriptor, or ``None`` if somebody else has it."""
    path = os.path.join(folder, LOCK)
    try:
        # Open for writing: NFS makes a lock of a range of it, which it does not give to readers.
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:
        if is_own and os.path.isdir(folder):
            raise
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_held = os.path.samestat(os.fstat(lock), os.stat(path))
    except (BlockingIOError, FileNotFoundError):
        is_held = False
    except OSError:
        # The disk has no locks: nobody can tell who is dead, so nobody removes anything.
        is_held = is_own
    if is_held:
        return lock
    os.close(lock)
    return None

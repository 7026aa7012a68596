"""Parts of a task that fail on purpose. They travel to the executors by value, as what they replace
does, so that the product has no hook for them."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from hitherto.spark._place import place
from hitherto.spark._spool import Spool

# Set by a test: a folder with a file for each fault that has happened.
MARKS = ""


def is_first(what: str) -> bool:
    """Whether a fault has not happened yet; now it has."""
    try:
        os.close(os.open(os.path.join(MARKS, what), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def die() -> None:
    """As the kernel kills a process that takes too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


class SpoolThatDies(Spool):
    """Dies in the middle of a spool, twice."""

    def add(self, batch: Any) -> None:
        """Takes a batch."""
        super().add(batch)
        if is_first("spooling") or is_first("spooling again"):
            die()


def place_half(made: str, shards: str, aside: str) -> None:
    """Dies when half of the files are copied, twice."""
    if is_first("placing") or is_first("placing again"):
        os.mkdir(aside)
        with open(os.path.join(aside, "_shard.json"), "w") as file:
            file.write("{")
        die()
    place(made, shards, aside)


def place_and_die(made: str, shards: str, aside: str) -> None:
    """Dies when all is in its place, and nobody knows yet, twice."""
    place(made, shards, aside)
    if is_first("placed") or is_first("placed again"):
        die()


def place_in_pieces(made: str, shards: str, aside: str) -> None:
    """Leaves some files under their final names without the manifest, as an attempt does that dies
    on a disk without renames of folders."""
    final = os.path.join(shards, os.path.basename(made))
    if is_first("pieces"):
        os.makedirs(os.path.join(final, "dt=2025-08-16"))
        with open(os.path.join(final, "dt=2025-08-16", "part-00000.parquet"), "w") as file:
            file.write("PAR1")
        die()
    place(made, shards, aside)


def place_slowly(made: str, shards: str, aside: str) -> None:
    """Takes long in the first attempt at a shard, so that Spark starts a second one beside it."""
    name = os.path.basename(made)
    if name.startswith("shard-00002") and is_first("slow"):
        time.sleep(30)
    else:
        is_first(f"quick {name} {os.getpid()}")
    place(made, shards, aside)
    is_first(f"done {name} {os.getpid()}")

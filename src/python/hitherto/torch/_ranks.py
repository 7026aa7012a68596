"""Which rank this process is, and which worker of a DataLoader."""

from __future__ import annotations

import os
import sys
import warnings

import torch.distributed
from torch.utils.data import get_worker_info

from .._errors import UsageError

_DISPATCHER = "DataLoaderDispatcher"


def rank_of(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """Rank and world size: as given, else of torch.distributed, else of RANK and WORLD_SIZE."""
    if (rank is None) != (world_size is None):
        raise UsageError("rank and world_size go together: give both or neither")
    if rank is None or world_size is None:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            rank, world_size = torch.distributed.get_rank(), torch.distributed.get_world_size()
        else:
            found = {name: os.environ.get(name) for name in ("RANK", "WORLD_SIZE")}
            if len({text is None for text in found.values()}) == 2:
                raise UsageError(
                    f"of RANK and WORLD_SIZE only one is set: {found}; set both, "
                    "or give rank= and world_size="
                )
            rank, world_size = (int(found["RANK"] or 0), int(found["WORLD_SIZE"] or 1))
    if not 0 <= rank < world_size:
        raise UsageError(f"rank {rank} is not one of 0 to {world_size - 1}, of world_size")
    return rank, world_size


def worker_of() -> tuple[int, int]:
    """The number of this worker of a DataLoader, and of how many; (0, 1) outside of one."""
    info = get_worker_info()
    return (0, 1) if info is None else (info.id, info.num_workers)


def warn_of_workers() -> bool:
    """Says in the first worker what workers cost, at the caller of the method that calls this."""
    info = get_worker_info()
    if info is None or info.id:
        return False
    warnings.warn(
        f"num_workers={info.num_workers}: each worker holds the days in memory, and copies batches "
        "to the main process; num_workers=0 is faster. Workers do not see epochs end: call "
        "set_epoch before each",
        stacklevel=3,
    )
    return True


def refuse_second_sharding(world_size: int) -> None:
    """Raises UsageError if a wrapper that shares batches among ranks is iterating over us."""
    frame = sys._getframe(1)
    while frame is not None:
        wrapper = type(frame.f_locals.get("self"))
        names = {x.__name__ for x in wrapper.__mro__}
        if _DISPATCHER in names:
            # With one rank too: it cuts each batch to as many rows as its first tensor has.
            hint = (
                "do not give Samples to `prepare` (in a Trainer, return them from "
                "get_train_dataloader); their ranks are those of torch.distributed"
            )
            raise UsageError(
                f"{_DISPATCHER} of Accelerate cuts the batches of one rank into pieces for all "
                f"ranks, which loses samples and cannot cut histories; {hint}",
                hint=hint,
            )
        if "IterableDatasetShard" in names and world_size > 1:
            hint = "do not give Samples to `prepare`, or give them rank=0, world_size=1"
            raise UsageError(
                "IterableDatasetShard (of Accelerate or transformers' Trainer) shares batches "
                f"among ranks, and so do Samples with world_size {world_size}: each rank would see "
                f"a part of its part; {hint}",
                hint=hint,
            )
        frame = frame.f_back  # type: ignore[assignment]

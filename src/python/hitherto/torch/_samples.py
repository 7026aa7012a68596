"""`Samples`: batches of a set for a training loop in PyTorch."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from .._arrays import Want
from .._columns import columns_of
from .._order import steps_count
from .._source import actions_max_of, open_source
from . import _checks
from ._buffers import Buffers
from ._gather import Shape
from ._memory import bytes_of, free_bytes
from ._plan import Plan
from ._position import Position, Resumable
from ._prefetch import Prefetch, Stop
from ._ranks import rank_of, refuse_second_sharding, warn_of_workers, worker_of
from ._run import Epoch, Loader

PathLike: TypeAlias = "str | os.PathLike[str]"
Day: TypeAlias = "str | datetime.date"
Batch = dict[str, Tensor]


class Samples(Resumable, IterableDataset[Batch]):
    """Batches of the samples of a set that `hitherto sequences` made.

    One iteration is one epoch: every day in order, the samples of a day in uniform random order.
    Each sample comes exactly once in an epoch, and every rank makes equally many steps. A day is
    held in memory with each history once. Threads load what is next, so no workers are needed:

        for batch in Samples("training", batch_size=1024):
            loss = model(batch["item_id"], batch["actions"], batch["action_types"])

    A batch is a dict of tensors, of B samples and U histories. N is `max_actions`, and T the number
    of real actions of the histories. It stays valid for as long as anything refers to it.

    ========================  ==========  ========================================================
    `item_id`                 `[B]`       int32 or int64, as in the set
    `is_order`                `[B]`       float32: 1, 0, or NaN for no label
    `history_length`          `[U]`       int32: real actions of each history
    `actions`                 `[U, N]`    items, newest first, padded with 0
    `action_types`            `[U, N]`    `types_dtype`, padded with 0
    columns of `--with`       `[U, N]`    int32 or float32, `time` int64, padded with 0
    columns of `--keep`       `[B]`       those that are no text
    `weight`                  `[B]`       float32, if the set or `negatives` sample
    `history_index`           `[B]`       int64, with `dedup`: the history of each sample
    ========================  ==========  ========================================================

    Without `dedup` U is B. With `layout="jagged"` lists are `[T]`, one history after the other, and
    `offsets` int64 `[U + 1]` says where each begins; `torch.nested.nested_tensor_from_jagged` takes
    them. Encode each history once with `encode(actions, action_types)[history_index]`.

    Args:
        path: a set, or one of its days.
        batch_size: units of a step on each rank. The last step of a day has what is left; or up to
            one more for each rank, if fewer units than ranks are left.
        by: what a unit is: a sample; a request, which is the samples of one impression; or a
            history, which is all samples of one customer at one cutoff.
        days: the days to read; by default all.
        passes: how often to go over a day before the next.
        shuffle: whether the units of a day come in random order, or in that of the files.
        seed: of the order.
        drop_last: whether to leave out what is left of a day after the last whole step.
        max_actions: the newest actions of a history to keep, N. Default: as in the set, or 1000 if
            the set has no limit.
        newest_first: whether the newest action comes first, whatever the order in the set; else the
            oldest of those kept. Padding stays at the end.
        layout: `padded` or `jagged`.
        dedup: whether a history comes once in a batch. Default: iff `by` is not `sample`.
        columns: the columns of batches. Also possible: `customer_id`, `position`, `cutoff` and
            `last_action_time`; times are microseconds since 1970, and -2**63 for null.
        names: other names in batches than in the set, such as `{"actions": "uih_item_id"}`.
        negatives: the share of samples with a false label that an epoch keeps, others in each.
            Batches then have `weight`, which is all negatives by those kept for each of them.
        null_label: `drop` leaves out samples without a label, `nan` keeps them, `error` refuses.
        types_dtype: the type of `action_types`.
        device: where batches are. A device holds the days, and batches are made there.
        pin_memory: whether batches are in pinned memory, for copies to a device.
        memory: bytes for days, or a text such as "8GB". Default: half of what is free. A day beyond
            it is read in windows of row groups, which shuffle less well; a warning says how much.
        prefetch: batches to make ahead; 0 makes them when asked, without a thread.
        threads: threads that decode. Default: as many as CPUs, 4 at most.
        rank: of this process. Default: of `torch.distributed` if initialised, else of RANK.
        world_size: the number of ranks, given with `rank`.

    Raises:
        NotFound: if there is no such set or day.
        UsageError: if an argument makes no sense for this set; the message says what does.
        DataError: if a file is damaged or lacks labels, or IOFailed: also in an iteration.
    """

    def __init__(
        self,
        path: PathLike,
        *,
        batch_size: int = 1024,
        by: Literal["sample", "request", "history"] = "sample",
        days: Sequence[Day] | None = None,
        passes: int = 1,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
        max_actions: int | None = None,
        newest_first: bool = True,
        layout: Literal["padded", "jagged"] = "padded",
        dedup: bool | None = None,
        columns: Sequence[str] | None = None,
        names: Mapping[str, str] | None = None,
        negatives: float = 1.0,
        null_label: Literal["drop", "nan", "error"] = "drop",
        types_dtype: torch.dtype = torch.int32,
        device: torch.device | str | None = None,
        pin_memory: bool = False,
        memory: str | int | None = None,
        prefetch: int = 4,
        threads: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        _checks.check_choices(by=by, layout=layout, null_label=null_label)
        _checks.check_positive(
            batch_size=batch_size, passes=passes, max_actions=max_actions, threads=threads
        )
        _checks.check_counts(prefetch=prefetch, seed=seed)
        _checks.check_types(negatives, types_dtype)
        source = open_source(path, days)
        actions_max = actions_max_of(max_actions, source.limit)
        lists, scalars = columns_of(source, source.schema(), columns)
        where = _checks.device_of(device, pin_memory)
        self._batch_size, self._drop_last, self._prefetch = batch_size, drop_last, prefetch
        self._rank: tuple[int | None, int | None] = (rank, world_size)
        self._pin_memory, self._has_warned = pin_memory, False
        if (rank, world_size) != (None, None):
            rank_of(rank, world_size)
        self._names = _checks.check_names(names, (*lists, *scalars), source.names)
        self._plan = Plan(
            source=source,
            want=Want(
                names=source.names,
                lists=lists,
                columns=tuple(dict.fromkeys((*scalars, "is_order"))),
                width=source.width,
                actions_max=actions_max,
                is_oldest_first=source.is_oldest_first,
                newest_first=newest_first,
                null_label=null_label,
            ),
            by=by,
            seed=seed,
            passes=passes,
            shuffle=shuffle,
            negatives=negatives,
            limit=free_bytes(where) // 2 if memory is None else bytes_of(memory),
            is_guess=memory is None,
            threads=threads or min(4, _checks.cpus()),
        )
        self._shape = Shape(
            by=by,
            dedup=by != "sample" if dedup is None else dedup,
            jagged=layout == "jagged",
            is_turned=self._plan.want.is_turned,
            actions_max=actions_max,
            columns=tuple(x for x in scalars if x != "weight"),
            types_dtype=types_dtype,
            device=where,
        )
        fixed: dict[str, int | str] = {
            **{"set": source.digest, "by": by, "seed": seed, "shuffle": int(shuffle)},
            **{"passes": passes, "negatives": str(negatives), "null_label": null_label},
            "days": ",".join(x.day for x in source.days),
        }
        super().__init__(fixed)
        self._loader: Loader | None = None

    def __iter__(self) -> Iterator[Batch]:
        """An iteration from the start of the epoch, or from where `load_state_dict` says.

        Once the last batch is handed out, the next one is of the next epoch. If it is dropped
        before, the next one starts where this one did. Threads start with the first batch and end
        with the iteration.
        """
        rank, worker = self._ranks(), worker_of()
        refuse_second_sharding(rank[1])
        self._has_warned = self._has_warned or warn_of_workers()
        return self._iterate(self._begin(), rank, worker)

    def _iterate(
        self, start: Position, rank: tuple[int, int], worker: tuple[int, int]
    ) -> Iterator[Batch]:
        stop, names, position = Stop(), self._names, start
        # Taken out, so that another iteration at the same time loads days of its own.
        loader, self._loader = self._loader, None
        if loader is None:
            # Batches in the queue, one that is being made, one in use and the one before it.
            buffers = Buffers(self._prefetch + 3, self._pin_memory)
            loader = Loader(self._plan, self._shape, buffers)
        epoch = Epoch(
            self._plan, loader, self._batch_size, self._drop_last, rank, worker, stop.check
        )
        batches = epoch.batches(start, is_ahead=self._prefetch > 0)
        ahead = Prefetch(batches, self._prefetch, stop, batches.close) if self._prefetch else None
        try:
            for batch, position in batches if ahead is None else ahead:
                self._reach(position, start)
                yield {names.get(name, name): values for name, values in batch.items()}
                # Not kept here, so that its memory can be used again.
                del batch
            if position.epoch == start.epoch:
                # No batch was the last one: there was none, or it was that of another worker.
                self._reach(Position(epoch=start.epoch + 1), start)
        finally:
            stop.set()
            if ahead is not None:
                ahead.close()
            self._loader = loader

    def __len__(self) -> int:
        """Steps of the epoch on this rank.

        From the manifest alone, if it can know them; else the rows of all days are read once. It
        cannot by history, by request in layout `sample`, or where samples are left out.
        """
        world_size = self._ranks()[1]
        return sum(
            steps_count(piece.units, self._batch_size, world_size, self._drop_last)
            for piece in self._plan.pieces(self._start.epoch)
        )

    def _ranks(self) -> tuple[int, int]:
        """Rank and world size, which the plan has to know, as it has to know a loaded budget."""
        rank = rank_of(*self._rank)
        if self._start.limit and self._plan.is_guess:
            self._plan.limit = self._start.limit
        self._plan.is_alone = rank[1] == 1
        return rank

    def __getstate__(self) -> dict[str, Any]:
        """What another process gets: no arrays, and the rank, which may be unknown there."""
        # Where a worker is started, its stack does not show who does it.
        refuse_second_sharding(self._ranks()[1])
        return {**self.__dict__, "_loader": None, "_rank": self._ranks()}

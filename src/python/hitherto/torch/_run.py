"""An epoch, from a position to its end: pieces are loaded, and batches are made."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .._arrays import LABEL, DayArrays
from .._errors import DataError, UsageError
from .._order import chosen, key_of, permutation, share, steps, steps_count
from ._buffers import Buffers
from ._gather import Gather, Shape
from ._plan import NEGATIVES, ORDER, Piece, Plan, negatives_kept
from ._position import Position

Array = NDArray[Any]
Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Loaded:
    """A piece in memory."""

    key: tuple[int, tuple[int, ...] | None]
    day: DayArrays
    gather: Gather


class Loader:
    """Loads pieces, the next one while the one before is used. Arrays of the last one stay."""

    def __init__(self, plan: Plan, shape: Shape, buffers: Buffers) -> None:
        self._plan, self._shape, self._buffers = plan, shape, buffers
        self._held: Loaded | None = None

    def get(self, piece: Piece, loaded: Loaded | None, check: Callable[[], None]) -> Loaded:
        """The arrays of a piece: those that are held, those loaded ahead, or loaded now."""
        if self._held is None or self._held.key != key(piece):
            # Dropped first, so that no more than two pieces are in memory.
            self._held = None
            self._held = self.load(piece, check) if loaded is None else loaded
        return self._held

    def load(self, piece: Piece, check: Callable[[], None]) -> Loaded:
        """Loads a piece."""
        day = self._plan.load(piece, check)
        return Loaded(key(piece), day, Gather(day, self._shape, self._buffers))


def key(piece: Piece) -> tuple[int, tuple[int, ...] | None]:
    """What a piece has in memory: another pass over the same row groups has the same."""
    return piece.day, piece.groups


class After:
    """The piece after one. With a pool it is found and loaded while that one is used."""

    def __init__(
        self,
        pool: ThreadPoolExecutor | None,
        find: Callable[[], Piece | None],
        load: Callable[[Piece | None], Loaded | None],
    ) -> None:
        self._pool, self._find, self._load = pool, find, load
        self._found: Future[Piece | None] | None = None
        self._loaded: Future[Loaded | None] | None = None

    def begin(self) -> None:
        """Begins to find and to load, if there is a pool."""
        if self._pool is not None:
            found = self._found = self._pool.submit(self._find)
            # Its one thread has found the piece before it loads it.
            self._loaded = self._pool.submit(lambda: self._load(found.result()))

    def piece(self) -> Piece | None:
        """The piece, None if there is none. Does not wait until it is loaded."""
        if self._found is None:
            self._found = Future()
            self._found.set_result(self._find())
        return self._found.result()

    def loaded(self) -> Loaded | None:
        """What was loaded; None if nothing was."""
        return None if self._loaded is None else self._loaded.result()


class Epoch:
    """The rest of an epoch for one rank, and one worker of it."""

    def __init__(
        self,
        plan: Plan,
        loader: Loader,
        batch_size: int,
        drop_last: bool,
        rank: tuple[int, int],
        worker: tuple[int, int],
        check: Callable[[], None],
    ) -> None:
        self._plan, self._loader = plan, loader
        self._batch_size, self._drop_last = batch_size, drop_last
        self._rank, self._worker, self._check = rank, worker, check

    def batches(
        self, start: Position, is_ahead: bool
    ) -> Generator[tuple[Batch, Position], None, None]:
        """Batches, each with the position after it; the last has the start of the next epoch.

        With `is_ahead` a thread loads what is next.
        """
        pieces = self._pieces(start)
        pool = ThreadPoolExecutor(1, "hitherto-load") if is_ahead else None
        step, loaded = start.step, None
        try:
            piece = next(pieces, None)
            while piece is not None:
                after = After(pool, partial(next, pieces, None), partial(self._load_after, piece))
                done, left = _done(piece, start), self._steps_left(piece, start)
                made = self._piece(piece, loaded, after.begin, start.epoch, done, step)
                for batch, end in made:
                    step += 1
                    left -= 1
                    if batch is not None:
                        # One of several workers cannot know whether others have steps left.
                        is_last = left == 0 and self._worker[1] == 1 and after.piece() is None
                        place = _position(start.epoch, piece, end, step)
                        yield batch, Position(epoch=start.epoch + 1) if is_last else place
                    # Not kept here, so that its memory can be used again.
                    del batch
                piece, loaded = after.piece(), after.loaded()
        finally:
            if pool is not None:
                pool.shutdown(wait=True, cancel_futures=True)

    def _pieces(self, start: Position) -> Iterator[Piece]:
        """The pieces from a position on that have steps left."""
        for piece in self._plan.pieces(start.epoch, self._check):
            _check_budget(piece, start)
            is_ahead = (piece.day, piece.turn, piece.window) >= start.piece
            if is_ahead and self._steps_left(piece, start):
                yield piece

    def _steps_left(self, piece: Piece, start: Position) -> int:
        """The steps of a piece from a position on."""
        done, world_size = _done(piece, start), self._rank[1]
        return steps_count(piece.units, self._batch_size, world_size, self._drop_last, done)

    def _load_after(self, now: Piece, piece: Piece | None) -> Loaded | None:
        """Loads the piece after `now`; not if it has the same in memory."""
        if piece is None or key(piece) == key(now):
            return None
        return self._loader.load(piece, self._check)

    def _piece(
        self,
        piece: Piece,
        loaded: Loaded | None,
        begin: Callable[[], None],
        epoch: int,
        done: int,
        step: int,
    ) -> Iterator[tuple[Batch | None, int]]:
        """The batches of a piece, None for those of other workers, and how many units are done."""
        ranges = steps(piece.units, self._batch_size, self._rank[1], self._drop_last, done)
        mine: tuple[Gather, Array, Array | None, Array | None] | None = None
        for start, end in ranges:
            self._check()
            if step % self._worker[1] == self._worker[0]:
                if mine is None:
                    got = self._loader.get(piece, loaded, self._check)
                    mine = (got.gather, *self._order(piece, got.day, epoch))
                    begin()
                lo, hi = share(start, end, *self._rank)
                gather, order, kept, weight = mine
                yield gather.batch(order[lo:hi], kept, weight), end
            else:
                yield None, end
            step += 1

    def _order(
        self, piece: Piece, day: DayArrays, epoch: int
    ) -> tuple[Array, Array | None, Array | None]:
        """The order of the units of a piece, the samples that are kept, and their weights."""
        plan = self._plan
        numbers = (plan.seed, epoch, piece.day, piece.turn, piece.window)
        starts = day.starts_of(plan.by)
        count = len(day.history) if starts is None else len(starts) - 1
        some: Array | None = None
        kept, weight = None, day.columns.get("weight")
        if plan.negatives < 1.0:
            false = np.flatnonzero(day.columns[LABEL] == 0)
            false_count = negatives_kept(len(false), plan.negatives)
            sampled = chosen(false_count, false, key_of(*numbers, NEGATIVES))
            kept = day.columns[LABEL] != 0
            kept[sampled] = True
            weight = np.ones(len(kept), np.float32) if weight is None else weight.copy()
            weight[sampled] *= np.float32(len(false) / max(false_count, 1))
            if starts is None:
                some, kept = np.flatnonzero(kept), None
                count = len(some)
        if count != piece.units:
            raise DataError(
                f"{plan.source.days[piece.day].folder} has {count} units, and its manifest "
                f"says {piece.units}; `hitherto verify` finds what is wrong"
            )
        key = key_of(*numbers, ORDER)
        order = permutation(count, key) if plan.shuffle else np.arange(count)
        return order if some is None else some[order], kept, weight


def _done(piece: Piece, start: Position) -> int:
    """Units of a piece that were done at a position."""
    return start.done if (piece.day, piece.turn, piece.window) == start.piece else 0


def _position(epoch: int, piece: Piece, done: int, step: int) -> Position:
    return Position(epoch, piece.day, piece.turn, piece.window, done, step, piece.limit)


def _check_budget(piece: Piece, start: Position) -> None:
    """Raises if the day of a position is cut in another way than when it was saved."""
    if piece.day == start.day and piece.limit != start.limit and (start.done or start.window):
        was, now = (
            f"in windows for memory={x}" if x else "whole" for x in (start.limit, piece.limit)
        )
        raise UsageError(
            f"the state is of a run that held this day {was}, and this one holds it {now}; "
            "give the same memory="
        )

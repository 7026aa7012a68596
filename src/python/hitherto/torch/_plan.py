"""Which pieces of days an epoch goes through, how many steps they take, and what is in memory.

A piece is a day, or a window of a day that does not fit: some of its row groups. An epoch goes
through the days in order, `passes` times over each before the next.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._arrays import DayArrays, Want
from .._day import Day, part_files
from .._errors import UsageError
from .._faults import package_errors
from .._lists import dtype_of
from .._order import key_of, permutation
from .._source import Source

Array = NDArray[Any]

# What the keys of hashes are for: no two may be the same numbers.
ORDER, NEGATIVES, WINDOWS = 0, 1, 2


@dataclass(frozen=True)
class Piece:
    """A day or a window of it, of a pass."""

    day: int
    turn: int
    window: int
    groups: tuple[int, ...] | None
    """Row groups; None for all of the day."""
    limit: int
    """The budget in bytes that the window was cut for; 0 for a whole day."""
    units: int


@dataclass(frozen=True)
class Counts:
    """Of a day, by row group."""

    bytes: Array
    units: Array
    negatives: Array


class Plan:
    """The pieces of a set."""

    def __init__(
        self,
        source: Source,
        want: Want,
        by: str,
        seed: int,
        passes: int,
        shuffle: bool,
        negatives: float,
        limit: int,
        is_guess: bool,
        threads: int,
    ) -> None:
        """`limit` are bytes for days; `is_guess` if nobody gave it."""
        self.source, self.want, self.by, self.seed = source, want, by, seed
        self.passes, self.shuffle, self.negatives = passes, shuffle, negatives
        self.limit, self.is_guess, self.threads = limit, is_guess, threads
        schema = source.schema()
        sizes = [0 if schema is None else dtype_of(schema, x).itemsize for x in want.lists]
        self._value_bytes = sum(sizes) + 4
        self.is_alone = True
        """Whether there is one rank. Others could guess another limit."""
        self._counts: dict[int, Counts] = {}
        self._rows: dict[int, Day] = {}
        self._warned = False

    def __getstate__(self) -> dict[str, Any]:
        """What another process gets: no rows."""
        return {**self.__dict__, "_rows": {}}

    def pieces(self, epoch: int, check: Callable[[], None] = lambda: None) -> Iterator[Piece]:
        """The pieces of an epoch. Rows are read only where the manifest does not say enough."""
        for day in range(len(self.source.days)):
            if self.is_whole(day):
                units = self._units_whole(day, check)
                yield from (Piece(day, turn, 0, None, 0, units) for turn in range(self.passes))
                continue
            counts = self.counts(day, check)
            for turn in range(self.passes):
                for window, groups in enumerate(self._windows(day, epoch, turn, counts)):
                    units = self._units(counts, list(groups))
                    yield Piece(day, turn, window, groups, self.limit, units)

    def is_whole(self, day: int) -> bool:
        """Whether a day fits: two of them are in memory at a time, if there are two."""
        room = self._room()
        about = self.source.days[day]
        values = about.rows * self.want.actions_max
        most = (about.history_actions if self.want.width is None else values) * self._value_bytes
        return most <= room or int(self.counts(day).bytes.sum()) <= room

    @package_errors()
    def load(self, piece: Piece, check: Callable[[], None]) -> DayArrays:
        """The arrays of a piece."""
        day = self._day(piece.day, check)
        day.check = check
        if piece.groups is None:
            self._rows.pop(piece.day, None)
        return day.load(piece.groups)

    @package_errors()
    def counts(self, day: int, check: Callable[[], None] = lambda: None) -> Counts:
        """Counts of a day, from its rows."""
        if day not in self._counts:
            rows = self._day(day, check)
            self._counts[day] = Counts(rows.bytes_of_groups(), *rows.units_of_groups(self.by))
        return self._counts[day]

    def _day(self, day: int, check: Callable[[], None]) -> Day:
        """The rows of a day; those of the two latest days stay."""
        rows = self._rows.get(day)
        if rows is None:
            about = self.source.days[day]
            rows = Day(part_files(about.folder), self.want, self.threads, check)
            about.check(rows.samples + (rows.nulls if self.want.null_label == "drop" else 0))
            while len(self._rows) > 1:
                self._rows.pop(next(iter(self._rows)), None)
            self._rows[day] = rows
        return rows

    def _room(self) -> int:
        return self.limit if len(self.source.days) == 1 else self.limit // 2

    def _units_whole(self, day: int, check: Callable[[], None]) -> int:
        """Units of a whole day, from the manifest if it knows them."""
        about = self.source.days[day]
        if about.without_label == 0 or self.want.null_label != "drop":
            if self.by == "sample" and self.negatives == 1.0:
                return about.samples
            if self.by == "request" and not self.source.names.is_by_item:
                return about.rows
        counts = self.counts(day, check)
        return self._units(counts, list(range(len(counts.units))))

    def _units(self, counts: Counts, groups: list[int]) -> int:
        """Units of some row groups: by sample, those that negatives leave."""
        units = int(counts.units[groups].sum())
        if self.by != "sample":
            return units
        negatives = int(counts.negatives[groups].sum())
        return units - negatives + negatives_kept(negatives, self.negatives)

    def _windows(
        self, day: int, epoch: int, turn: int, counts: Counts
    ) -> Iterator[tuple[int, ...]]:
        """The row groups of each window, in random order of row groups."""
        room, total = self.limit // 2, len(counts.bytes)
        if self.is_guess and not self.is_alone:
            raise UsageError(
                f"{self.source.days[day].day} takes {int(counts.bytes.sum()) / 1e6:,.1f} MB, more "
                "than half of the free memory. All ranks must cut it into the same windows, so "
                "give the same memory= on each"
            )
        order = np.arange(total)
        if self.shuffle:
            order = permutation(total, key_of(self.seed, epoch, day, turn, WINDOWS))
        windows: list[list[int]] = [[]]
        size = 0
        for group in order.tolist():
            if windows[-1] and size + int(counts.bytes[group]) > room:
                windows.append([])
                size = 0
            windows[-1].append(group)
            size += int(counts.bytes[group])
        self._warn(day, int(counts.bytes.sum()), room, len(windows), total)
        yield from (tuple(sorted(x)) for x in windows)

    def _warn(self, day: int, size: int, room: int, windows: int, groups: int) -> None:
        if self._warned:
            return
        self._warned = True
        shuffled = (
            f"; samples of one customer meet in a batch about {windows} times as often as in a "
            f"uniform shuffle (pairs factor {windows}.0)"
            if self.shuffle
            else ""
        )
        warnings.warn(
            f"{self.source.days[day].day} takes {size / 1e6:,.1f} MB, and there is room for "
            f"{room / 1e6:,.1f} MB at a time: its {groups} row groups are read in {windows} windows"
            f"{shuffled}. Give a larger memory=, a smaller max_actions=, or write the set with "
            "layout request",
            stacklevel=2,
        )


def negatives_kept(count: int, rate: float) -> int:
    """How many of `count` negatives are kept; at least one if there is one."""
    return min(count, max(1, round(count * rate))) if count else 0

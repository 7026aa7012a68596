"""A day in memory, each history once.

In: the part files of a day. Out: `DayArrays` of NumPy, of the whole day or of some row groups.

The rows are read first; they say how many histories there are. Histories then go straight to
where they stay, so that the peak is little more than the arrays. A row group owns the histories
that begin in it and all of their samples, so any choice of row groups is a set of whole histories.
"""

from __future__ import annotations

import dataclasses
import glob
import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ._arrays import LABEL, DayArrays, Want
from ._fill import History, fill_flat, fill_padded
from ._lists import RowGroup, dtype_of, row_groups, values_of
from ._rows import GroupRows, group_rows, is_same_history, is_same_request

Array = NDArray[Any]
T = TypeVar("T")


class Day:
    """The rows of a day, read; histories are read by `load`."""

    def __init__(
        self,
        paths: Sequence[str],
        want: Want,
        threads: int = 1,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Reads the rows. `check` is called now and then; what it raises ends the work."""
        self.want, self.threads, self.check = want, threads, check
        self.groups = row_groups(list(paths), want.names)
        read = _each(self._rows_of, self.groups, threads)
        self._assemble(read)
        del read
        # Histories are about to be read: what Arrow keeps of the rows is not needed for them.
        pa.default_memory_pool().release_unused()

    def _rows_of(self, at: RowGroup) -> GroupRows:
        self.check()
        # Labels decide which samples there are, even if nobody wants them.
        return group_rows(at, tuple(dict.fromkeys((LABEL, *self.want.columns))))

    def _assemble(self, read: list[GroupRows]) -> None:
        """Joins the rows of row groups: numbers histories, requests and units of guests."""
        for before, after in itertools.pairwise(read):
            if is_same_history(before, after):
                after.new[0] = False
                after.request[0] = not is_same_request(before, after)
        self.new = [x.new for x in read]
        self.edges = _sums([int(x.new.sum()) for x in read])
        self.row_starts = [x.starts for x in read]
        self.lengths = _joined([x.lengths[x.new] for x in read], np.int32)
        has_times = self.want.has_times
        self.cutoffs = _joined([x.cutoffs[x.new] for x in read]) if has_times else None
        items = _joined([x.items for x in read])
        ends = np.cumsum(items)
        history = np.repeat(np.cumsum(_joined(self.new, bool), dtype=np.int32) - 1, items)
        requests, histories = (
            (ends - items)[_joined(begins, bool)]
            for begins in (
                [x.request for x in read],
                [x.new | (x.guest & x.request) for x in read],
            )
        )
        columns = {x: _joined([y.columns[x] for y in read]) for x in {LABEL, *self.want.columns}}
        null = np.isnan(columns[LABEL])
        self.nulls = int(null.sum())
        if self.nulls and self.want.null_label == "error":
            raise ValueError(
                f"{self.nulls} samples of {_folder_of(self.groups)} have no label; "
                'null_label="drop" leaves them out, "nan" keeps them'
            )
        if self.nulls == len(null) > 0 and self.want.null_label == "drop":
            raise ValueError(
                f'no sample of {_folder_of(self.groups)} has a label; null_label="nan" keeps them'
            )
        if self.nulls and self.want.null_label == "drop":
            columns = {name: x[~null] for name, x in columns.items()}
            history = history[~null]
            left = np.concatenate([[0], np.cumsum(~null)])
            requests, histories = left[requests], left[histories]
        self.history = history
        self.requests = _edges(requests, len(history))
        self.histories = _edges(histories, len(history))
        self.columns = {name: columns[name] for name in self.want.columns}

    @property
    def samples(self) -> int:
        """Samples of the day."""
        return len(self.history)

    def units(self, by: str) -> int:
        """Samples, requests or histories of the day."""
        if by == "sample":
            return self.samples
        return len(self.requests if by == "request" else self.histories) - 1

    def bytes_of_groups(self) -> Array:
        """Bytes of the histories that each row group owns, int64."""
        sizes = [dtype_of(x.schema(), n).itemsize for x in self.groups[:1] for n in self.want.lists]
        if self.want.width is not None:
            return np.diff(self.edges) * self.want.actions_max * sum(sizes)
        lists = self.want.lists[:1]
        return np.array([values_of(x, n) * sum(sizes) for x in self.groups for n in lists])

    def units_of_groups(self, by: str) -> tuple[Array, Array]:
        """Units, and samples whose label is false, that each row group owns, int64."""
        cuts = np.searchsorted(self.history, self.edges)
        false = np.concatenate([[0], np.cumsum(self.columns[LABEL] == 0)])
        units = cuts
        if by != "sample":
            units = np.searchsorted(self.requests if by == "request" else self.histories, cuts)
        return np.diff(units), np.diff(false[cuts])

    def load(self, chosen: Sequence[int] | None = None) -> DayArrays:
        """The arrays of the histories that some row groups own; of all if None."""
        order = sorted(range(len(self.groups)) if chosen is None else chosen)
        tasks = [History(self.groups[g], self.new[g], self.row_starts[g]) for g in order]
        spans = [slice(int(self.edges[g]), int(self.edges[g + 1])) for g in order]
        lengths = _joined([self.lengths[x] for x in spans], np.int32)
        starts, lists = None, {}
        if self.want.lists and self.groups:
            dtypes = {n: dtype_of(self.groups[0].schema(), n) for n in self.want.lists}
            fill = fill_flat if self.want.width is None else fill_padded
            starts, lists = fill(tasks, lengths, dtypes, self.want, self._run)
        np.minimum(lengths, self.want.actions_max, out=lengths)
        cutoffs = self.cutoffs
        if cutoffs is not None:
            cutoffs = _joined([cutoffs[x] for x in spans])
        whole = DayArrays(
            lists,
            starts,
            lengths,
            self.history,
            self.requests,
            self.histories,
            self.columns,
            cutoffs,
        )
        return whole if chosen is None else self._part(order, whole)

    def _run(self, task: Callable[[History], T], tasks: Sequence[History]) -> list[T]:
        def checked(one: History) -> T:
            self.check()
            return task(one)

        return _each(checked, tasks, self.threads)

    def _part(self, order: list[int], day: DayArrays) -> DayArrays:
        """The samples of some row groups beside their histories, both numbered from 0."""
        cuts = np.searchsorted(self.history, self.edges)
        spans = [slice(int(cuts[g]), int(cuts[g + 1])) for g in order]
        at, histories = 0, 0
        numbers: list[Array] = []
        edges: dict[str, list[Array]] = {"request": [], "history": []}
        for g, span in zip(order, spans, strict=True):
            numbers.append(self.history[span] - np.int32(self.edges[g] - histories))
            for by, all_edges in (("request", self.requests), ("history", self.histories)):
                lo, hi = np.searchsorted(all_edges, [span.start, span.stop])
                edges[by].append(all_edges[lo:hi] - span.start + at)
            at += span.stop - span.start
            histories += int(self.edges[g + 1] - self.edges[g])
        end = np.array([at])
        return dataclasses.replace(
            day,
            history=_joined(numbers, np.int32),
            requests=np.concatenate([*edges["request"], end]),
            histories=np.concatenate([*edges["history"], end]),
            columns={n: _joined([x[s] for s in spans]) for n, x in self.columns.items()},
        )


def part_files(folder: str) -> list[str]:
    """The part files of the folder of a day, in order."""
    return sorted(glob.glob(os.path.join(glob.escape(folder), "part-*.parquet")))


def _each(task: Callable[[Any], T], over: Sequence[Any], threads: int) -> list[T]:
    """The results of a task, in order."""
    if threads == 1 or len(over) < 2:
        return [task(x) for x in over]
    with ThreadPoolExecutor(min(threads, len(over)), "hitherto") as pool:
        return list(pool.map(task, over))


def _joined(arrays: list[Array], dtype: Any = None) -> Array:
    """Arrays one after the other; of none, an empty one."""
    return np.concatenate(arrays) if arrays else np.empty(0, dtype or np.int64)


def _sums(counts: list[int]) -> Array:
    """0, and the sum of the first one, two and so on."""
    return np.cumsum([0, *counts])


def _edges(starts: Array, end: int) -> Array:
    """Where units that have samples begin, and the end, int64."""
    edges = np.append(starts, end)
    with_samples: Array = edges[np.append(edges[:-1] < edges[1:], True)]
    return with_samples


def _folder_of(groups: list[RowGroup]) -> str:
    return os.path.dirname(groups[0].path)

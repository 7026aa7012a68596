"""Histories into the arrays where they stay.

In: row groups, and their rows that begin a history. Out: `lists` and `starts` of `DayArrays`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import Want
from ._lists import RowGroup, flat_lists, padded_rows, values_of

Array = NDArray[Any]
Lists = dict[str, Array]

# Rows that are turned around at a time: the indices of 256 rows of 1,000 take 2 MB.
_TURN_ROWS = 256
# Row groups whose values are read before they are copied to where they stay.
_GROUPS_AHEAD = 4


@dataclass(frozen=True)
class History:
    """The histories that a row group owns."""

    group: RowGroup
    new: Array
    """Rows that begin one, bool `[rows]`."""
    starts: Array | None
    """Layout `timeline`: where the history of each row starts in its timeline."""


def fill_padded(
    tasks: Sequence[History], lengths: Array, dtypes: dict[str, Any], want: Want, run: Any
) -> tuple[None, Lists]:
    """Padded histories: arrays `[H, actions_max]`."""
    width, kept = want.width, want.actions_max
    assert width is not None
    lists = {name: np.empty((len(lengths), kept), dtype) for name, dtype in dtypes.items()}
    ends = np.cumsum([0, *(int(x.new.sum()) for x in tasks)])
    spans = {
        id(x): slice(int(a), int(b)) for x, a, b in zip(tasks, ends[:-1], ends[1:], strict=True)
    }

    def fill(task: History) -> None:
        span = spans[id(task)]
        for name, out in lists.items():
            mine, length = out[span], lengths[span]
            if want.is_oldest_first and kept < width:
                whole = np.empty((len(mine), width), mine.dtype)
                padded_rows(task.group, name, width, task.new, whole)
                _keep_last(whole, length, mine)
            else:
                padded_rows(task.group, name, width, task.new, mine)
            if want.is_turned:
                _turn(mine, np.minimum(length, kept))

    run(fill, tasks)
    return None, lists


def _keep_last(whole: Array, lengths: Array, out: Array) -> None:
    """Copies the last real actions of each row, as many as `out` has places."""
    place = np.arange(out.shape[1])
    first = np.maximum(lengths.astype(np.int64) - out.shape[1], 0)
    for at in range(0, len(out), _TURN_ROWS):
        rows = slice(at, at + _TURN_ROWS)
        out[rows] = np.take_along_axis(whole[rows], first[rows, None] + place, axis=1)


def _turn(out: Array, lengths: Array) -> None:
    """Turns the real actions of each row around; padding stays at the end."""
    place = np.arange(out.shape[1])
    for at in range(0, len(out), _TURN_ROWS):
        rows, length = out[at : at + _TURN_ROWS], lengths[at : at + _TURN_ROWS, None]
        index = np.where(place < length, length - 1 - place, place)
        rows[...] = np.take_along_axis(rows, index, axis=1)


def fill_flat(
    tasks: Sequence[History],
    lengths: Array,
    dtypes: dict[str, Any],
    want: Want,
    run: Callable[[Any, Sequence[History]], list[Any]],
) -> tuple[Array, Lists]:
    """Histories of any length: values one after the other, in the order of the files, and where
    the newest `actions_max` of each history start."""
    names = list(dtypes)
    is_timeline = any(x.starts is not None for x in tasks)
    most = sum(values_of(x.group, names[0]) for x in tasks) if is_timeline else int(lengths.sum())
    # Pages that are never written take no memory, so a bound that is too high costs nothing.
    lists = {name: np.empty(most, dtype) for name, dtype in dtypes.items()}
    starts = np.empty(len(lengths), np.int64)

    def read(task: History) -> tuple[Array, Array, Lists]:
        wanted = None if is_timeline else task.new
        return flat_lists(task.group, names, wanted)

    history = value = 0
    for at in range(0, len(tasks), _GROUPS_AHEAD):
        some = tasks[at : at + _GROUPS_AHEAD]
        for task, (rows, counts, values) in zip(some, run(read, some), strict=True):
            count = int(task.new.sum())
            span = slice(history, history + count)
            starts[span] = value + _starts(task, rows, counts, lengths[span])
            used = int(counts.sum())
            for name in names:
                lists[name][value : value + used] = values[name]
            history, value = history + count, value + used
    if want.is_oldest_first:
        # The newest actions are the last ones.
        starts += np.maximum(lengths - want.actions_max, 0)
    return starts, {name: x[:value] for name, x in lists.items()}


def _starts(task: History, rows: Array, counts: Array, lengths: Array) -> Array:
    """Where the histories of a row group start in its values, int64.

    `rows` are those with a list, `counts` the lengths of these lists, `lengths` those of histories.
    """
    ends = np.cumsum(counts)
    # The last list at or before each row that begins a history; -1 before the first.
    place = (np.cumsum(rows) - 1)[task.new]
    first = np.where(place < 0, 0, (ends - counts)[place] if len(ends) else 0)
    end = np.where(place < 0, 0, ends[place] if len(ends) else 0)
    start = first if task.starts is None else first + task.starts[task.new]
    real = lengths > 0
    if ((start < first) | (start + lengths > end))[real].any():
        raise ValueError(f"{task.group.path}: a history reaches beyond its list of actions")
    return np.where(real, start, 0).astype(np.int64)

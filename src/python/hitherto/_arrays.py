"""What is kept of a day, and the arrays that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from ._names import DELTA, ITEM, Names

Array = NDArray[Any]

LABEL = "is_order"


@dataclass(frozen=True)
class Want:
    """What to keep of a day. Columns are said by their own names."""

    names: Names
    """The names that they have in the files."""
    lists: tuple[str, ...] = ("actions", "action_types")
    """Columns of histories."""
    columns: tuple[str, ...] = ("item_id", LABEL)
    """Columns of samples."""
    width: int | None = None
    """Values of a padded list; None if lists are not padded."""
    actions_max: int = 1000
    """The newest actions of a history to keep."""
    is_oldest_first: bool = False
    """Whether the set has the oldest action of a history first."""
    newest_first: bool = True
    """Whether histories shall have the newest action first."""
    null_label: str = "drop"
    """What to do with samples without a label: `drop`, `nan` or `error`."""

    @property
    def is_turned(self) -> bool:
        """Whether histories are to be turned around; their padding stays at the end."""
        return self.is_oldest_first == self.newest_first

    @property
    def has_times(self) -> bool:
        """Whether the files have times of actions from which `time_delta` is computed."""
        return self.names.is_timeline and DELTA in self.lists


@dataclass(frozen=True)
class DayArrays:
    """H histories, R requests, S samples. Samples of a request and of a history are neighbours."""

    lists: dict[str, Array]
    """By column `[H, N]`, padded with 0; or, if `starts` is there, values one after the other."""
    starts: Array | None
    """Where each history begins in the values of `lists`, int64 `[H]`."""
    lengths: Array
    """Real actions of each history, int32 `[H]`."""
    history: Array
    """The history of each sample, int32 `[S]`."""
    requests: Array
    """Where the samples of each request begin, and their end, int64 `[R + 1]`."""
    histories: Array
    """The same for the samples of each history, int64. Each request of a guest has its own."""
    columns: dict[str, Array]
    """Columns of samples, each `[S]`; `is_order` is float32, NaN for null."""
    cutoffs: Array | None = None
    """With it, `time_delta` of `lists` has the times of actions, and this has the cutoff of each
    history, `[H]`; both are int64, microseconds since 1970."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Names of `lists` and `columns` that are not those of a set without `rename`."""

    @property
    def items(self) -> Array:
        """Items of the histories, `lists["actions"]`."""
        return self.lists[self.names.get("actions", "actions")]

    @property
    def types(self) -> Array:
        """Types of the same actions, `lists["action_types"]`, int8."""
        return self.lists[self.names.get("action_types", "action_types")]

    @property
    def item_id(self) -> Array:
        """The item of each sample, `[S]`."""
        return self.columns[self.names.get(ITEM, ITEM)]

    @property
    def is_order(self) -> Array:
        """The label of each sample, float32 `[S]`, NaN for null."""
        return self.columns[self.names.get(LABEL, LABEL)]

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        some = [x for x in (self.starts, self.cutoffs) if x is not None]
        arrays = (self.lengths, self.history, self.requests, self.histories, *some)
        return sum(x.nbytes for x in (*arrays, *self.lists.values(), *self.columns.values()))

    def starts_of(self, by: str) -> Array | None:
        """Where the samples of each unit begin, and their end; None if a unit is a sample."""
        return {"sample": None, "request": self.requests, "history": self.histories}[by]

"""What is kept of a day, and the arrays that it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]

LABEL = "is_order"


@dataclass(frozen=True)
class Want:
    """What to keep of a day."""

    lists: tuple[str, ...] = ("actions", "action_types")
    """Columns of histories."""
    columns: tuple[str, ...] = ("item_id", LABEL)
    """Columns of samples, by their names in batches."""
    width: int | None = None
    """Values of a padded list; None if lists are not padded."""
    actions_max: int = 1000
    """The newest actions of a history to keep."""
    oldest_first: bool = False
    """Whether padded histories are turned around, their padding staying at the end."""
    null_label: str = "drop"
    """What to do with samples without a label: `drop`, `nan` or `error`."""


@dataclass(frozen=True)
class DayArrays:
    """H histories, R requests, S samples. Samples of a request and of a history are neighbours."""

    lists: dict[str, Array]
    """By column `[H, N]`, padded with 0; or, if `starts` is there, values one after the other."""
    starts: Array | None
    """Where each history begins in the values of `lists`, int64 `[H]`; newest first."""
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

    @property
    def items(self) -> Array:
        """Items of the histories, `lists["actions"]`."""
        return self.lists["actions"]

    @property
    def types(self) -> Array:
        """Types of the same actions, `lists["action_types"]`, int8."""
        return self.lists["action_types"]

    @property
    def item_id(self) -> Array:
        """The item of each sample, `[S]`."""
        return self.columns["item_id"]

    @property
    def is_order(self) -> Array:
        """The label of each sample, float32 `[S]`, NaN for null."""
        return self.columns[LABEL]

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        starts = () if self.starts is None else (self.starts,)
        arrays = (self.lengths, self.history, self.requests, self.histories, *starts)
        return sum(x.nbytes for x in (*arrays, *self.lists.values(), *self.columns.values()))

    def starts_of(self, by: str) -> Array | None:
        """Where the samples of each unit begin, and their end; None if a unit is a sample."""
        return {"sample": None, "request": self.requests, "history": self.histories}[by]

"""Where an iteration over samples is, and the state that is saved of it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TypeAlias

from .._errors import UsageError

VERSION = 1

State: TypeAlias = "dict[str, int | str]"

# Names in a state, and those of the fields of a position.
_NAMES = {
    "epoch": "epoch",
    "day": "day",
    "pass": "turn",
    "window": "window",
    "done": "done",
    "step": "step",
    "memory": "limit",
}


@dataclass(frozen=True)
class Position:
    """After which step an iteration is. It is the same on every rank."""

    epoch: int = 0
    day: int = 0
    turn: int = 0
    """The pass over the day."""
    window: int = 0
    done: int = 0
    """Units of this piece that all ranks together have had."""
    step: int = 0
    """Steps of the epoch."""
    limit: int = 0
    """The budget that the window was cut for; 0 for a whole day."""

    @property
    def piece(self) -> tuple[int, int, int]:
        """Day, pass and window, which are in order of time."""
        return self.day, self.turn, self.window


def state_of(position: Position, fixed: Mapping[str, int | str]) -> State:
    """The state of a position, and of what must not change until it is loaded."""
    numbers = asdict(position)
    numbers["pass"] = numbers.pop("turn")
    numbers["memory"] = numbers.pop("limit")
    return {"version": VERSION, **fixed, **numbers}


def position_of(state: Mapping[str, int | str], fixed: Mapping[str, int | str]) -> Position:
    """The position of a state. Raises UsageError if it is of something else, and says of what."""
    missing = {"version", *fixed, *_NAMES} - set(state)
    if missing:
        raise UsageError(f"this is no state of Samples: it lacks {sorted(missing)}")
    if state["version"] != VERSION:
        raise UsageError(f"the state has version {state['version']}, and this is {VERSION}")
    for name, mine in fixed.items():
        if state[name] != mine:
            raise UsageError(
                f'the state is of {name} "{state[name]}", and these Samples are of "{mine}"; '
                "give the same set and settings, or start anew"
            )
    return Position(**{to: int(state[name]) for name, to in _NAMES.items()})


class Resumable:
    """Has a position that can be saved and loaded."""

    def __init__(self, fixed: Mapping[str, int | str]) -> None:
        """`fixed` is what must not change between saving and loading."""
        self._fixed = fixed
        self._start = Position()
        """Where the next iteration starts."""
        self._position = self._start
        """After the last batch that was handed out."""
        self._is_loaded = False
        """Whether a state was loaded, and no iteration was begun since."""

    def set_epoch(self, epoch: int) -> None:
        """Makes the next iteration one of `epoch`. Keeps a loaded state if it is of this epoch.

        Not needed where iterations are complete, as each is followed by the next epoch.
        """
        if epoch < 0:
            raise UsageError(f"epoch {epoch} is negative")
        if epoch == self._start.epoch:
            return
        if self._is_loaded:
            warnings.warn(
                f"set_epoch({epoch}) leaves the loaded state, which is of epoch "
                f"{self._start.epoch}; give the epoch of the state, or leave the call out",
                stacklevel=2,
            )
        self._is_loaded = False
        self._start = self._position = Position(epoch=epoch)

    def state_dict(self) -> State:
        """The position after the last batch that was handed out, the same on every rank.

        `load_state_dict` continues from it exactly, also with other numbers of ranks and another
        batch size. After the last batch of an epoch it is the start of the next one.
        """
        return state_of(self._position, self._fixed)

    def load_state_dict(self, state: Mapping[str, int | str]) -> None:
        """Makes the next iteration continue after a state.

        Raises:
            UsageError: if the state is of another set, seed, choice of days or other setting that
                decides about the order; the message names both.
        """
        position = position_of(state, self._fixed)
        self._start = self._position = position
        self._is_loaded = True

    def _begin(self) -> Position:
        """Where an iteration that begins starts."""
        self._position, self._is_loaded = self._start, False
        return self._start

    def _reach(self, position: Position, start: Position) -> None:
        """Keeps where an iteration from `start` is. After its last batch the next epoch is due."""
        # At the batch and not when the iteration ends: who counts steps does not ask for the end.
        self._position = position
        if position.epoch != start.epoch:
            self._start = position

"""Where an iteration over samples is, and the state that is saved of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

VERSION = 1

State = dict[str, "int | str"]


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
    """The position of a state. Raises ValueError if it is of something else, and says of what."""
    missing = {"version", *fixed, *_NAMES} - set(state)
    if missing:
        raise ValueError(f"this is no state of Samples: it lacks {sorted(missing)}")
    if state["version"] != VERSION:
        raise ValueError(f"the state has version {state['version']}, and this is {VERSION}")
    for name, mine in fixed.items():
        if state[name] != mine:
            raise ValueError(
                f'the state is of {name} "{state[name]}", and these Samples are of "{mine}"; '
                "give the same set and settings, or start anew"
            )
    return Position(**{to: int(state[name]) for name, to in _NAMES.items()})


_NAMES = {
    "epoch": "epoch",
    "day": "day",
    "pass": "turn",
    "window": "window",
    "done": "done",
    "step": "step",
    "memory": "limit",
}

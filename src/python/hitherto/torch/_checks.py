"""Checks of the arguments of `Samples`. Messages say what can be given."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import torch

CHOICES = {
    "by": ("sample", "request", "history"),
    "layout": ("padded", "jagged"),
    "null_label": ("drop", "nan", "error"),
}
_TYPES = (torch.int8, torch.int16, torch.int32, torch.int64)
# Keys of batches that are no columns of a set.
_MADE = ("history_length", "history_index", "offsets", "weight")


def check_choices(**given: str) -> None:
    """Raises ValueError for a word that is none of its argument's."""
    for name, word in given.items():
        if word not in CHOICES[name]:
            choices = ", ".join(f'"{x}"' for x in CHOICES[name])
            raise ValueError(f"{name}={word!r} is none of {choices}")


def check_counts(positive: Mapping[str, int | None], **others: int) -> None:
    """Raises for a count that is no int, is negative, or is 0 where one is needed."""
    for name, count in {**positive, **others}.items():
        if count is None and name in positive:
            continue
        if not isinstance(count, int) or isinstance(count, bool):
            raise TypeError(f"{name}={count!r} is no int")
        least = 1 if name in positive else 0
        if count < least:
            raise ValueError(f"{name}={count} is less than {least}")


def check_types(negatives: float, types_dtype: torch.dtype) -> None:
    """Raises ValueError for a share that is none, or a type that cannot hold types of actions."""
    if not 0.0 < negatives <= 1.0:
        raise ValueError(f"negatives={negatives} is no share; give more than 0, and at most 1")
    if types_dtype not in _TYPES:
        raise ValueError(f"types_dtype={types_dtype} is none of {', '.join(map(str, _TYPES))}")


def check_names(names: Mapping[str, str] | None, columns: Sequence[str]) -> dict[str, str]:
    """Other names for columns. Raises ValueError for an unknown column, or a name twice."""
    names = dict(names or {})
    keys = dict.fromkeys((*columns, *_MADE))
    unknown = [x for x in names if x not in keys]
    if unknown:
        raise ValueError(f"names= has {unknown}, and batches have {list(keys)}")
    to = [names.get(x, x) for x in keys]
    twice = sorted({x for x in to if to.count(x) > 1})
    if twice:
        raise ValueError(f"names= gives {twice} to more than one column")
    return names


def cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""Checks of the arguments of `Samples`. Messages say what can be given."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import torch

from .._errors import UsageError
from .._names import Names

CHOICES = {
    "by": ("sample", "request", "history"),
    "layout": ("padded", "jagged"),
    "null_label": ("drop", "nan", "error"),
}
_TYPES = (torch.int8, torch.int16, torch.int32, torch.int64)
# Keys of batches that are no columns of a set.
_MADE = ("history_length", "history_index", "offsets", "weight")


def check_choices(**given: str) -> None:
    """Raises UsageError for a word that is none of its argument's."""
    for name, word in given.items():
        if word not in CHOICES[name]:
            choices = ", ".join(f'"{x}"' for x in CHOICES[name])
            raise UsageError(f"{name}={word!r} is none of {choices}")


def check_positive(**given: int | None) -> None:
    """Raises for a count that is no int or less than 1. None is the default of its argument."""
    for name, count in given.items():
        if count is not None:
            _check_count(name, count, 1)


def check_counts(**given: int) -> None:
    """Raises for a count that is no int or negative."""
    for name, count in given.items():
        _check_count(name, count, 0)


def _check_count(name: str, count: object, least: int) -> None:
    if not isinstance(count, int) or isinstance(count, bool):
        raise TypeError(f"{name}={count!r} is no int")
    if count < least:
        raise UsageError(f"{name}={count} is less than {least}")


def device_of(device: torch.device | str | None, pin_memory: bool) -> torch.device | None:
    """The device of batches; None for memory. Raises UsageError if it is not there."""
    if pin_memory:
        if device is not None:
            raise UsageError("pin_memory is for batches in memory; leave it out with device=")
        if not torch.cuda.is_available():
            raise UsageError("pin_memory=True needs a GPU, and PyTorch finds none; leave it out")
    if device is None:
        return None
    try:
        where = torch.device(device)
        torch.empty(0, device=where)
    # Builds of PyTorch without CUDA assert it.
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(
            f'device="{device}" cannot be used: {reason}; give a device that PyTorch finds here, '
            'such as "cpu", or leave device= out'
        ) from error
    return where


def check_types(negatives: float, types_dtype: torch.dtype) -> None:
    """Raises UsageError for a share that is none, or a type that cannot hold types of actions."""
    if not 0.0 < negatives <= 1.0:
        raise UsageError(f"negatives={negatives} is no share; give more than 0, and at most 1")
    if types_dtype not in _TYPES:
        raise UsageError(f"types_dtype={types_dtype} is none of {', '.join(map(str, _TYPES))}")


def check_names(
    names: Mapping[str, str] | None, columns: Sequence[str], of_set: Names
) -> dict[str, str]:
    """The names in batches, by own names; `names` are other ones for those that are shown.

    Raises UsageError for an unknown column, or a name twice.
    """
    names = dict(names or {})
    keys = {own: of_set.shown(own) for own in (*columns, *_MADE)}
    unknown = [x for x in names if x not in keys.values()]
    if unknown:
        raise UsageError(f"names= has {unknown}, and batches have {list(keys.values())}")
    to = {own: names.get(x, x) for own, x in keys.items()}
    every = list(to.values())
    twice = sorted({x for x in every if every.count(x) > 1})
    if twice:
        raise UsageError(f"more than one column is called {twice}; give other names with names=")
    return to


def cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

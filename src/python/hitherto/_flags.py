"""Keywords to flags of the command line."""

from __future__ import annotations

import datetime
import numbers
import os
from collections.abc import Iterable, Mapping

from ._errors import UsageError

# What the functions set themselves, and what the binary answers without running the job.
_NOT_FLAGS = {
    "quiet": "progress=False",
    "stats": "what the function returns",
    "json": "what the function returns",
    "help": "the documentation of the function",
    "version": "hitherto.__version__",
}
# The `--flag NAME=VALUE` of which VALUE may itself be a list, with commas.
_COMMAS = ("source",)


def flags_of(keywords: Mapping[str, object]) -> list[str]:
    """The flags for keywords.

    A name stands for the flag with ``-`` for ``_``, and an underscore at its end is dropped
    (``with_``). ``None`` and ``False`` are left out, ``True`` is the flag alone, the values of a
    list are given one by one, and a mapping is NAME=VALUE for each of its items; a mapping in a
    mapping is NAME.NAME=VALUE.

    Raises:
        UsageError: if a value cannot be written as a flag, or the flag belongs to the function.
    """
    args: list[str] = []
    for name, value in keywords.items():
        flag = name.rstrip("_").replace("_", "-")
        instead = _NOT_FLAGS.get(flag)
        if instead is not None:
            raise UsageError(f"{name} is no argument; use {instead} instead", hint=f"use {instead}")
        for text in _texts(flag, value):
            # One argument with `=`: alone, a value such as -1 would be read as a flag.
            args.append(f"--{flag}" if text is None else f"--{flag}={text}")
    return args


def _texts(flag: str, value: object) -> Iterable[str | None]:
    """The values of a flag; ``None`` is the flag alone."""
    if value is None or value is False:
        return []
    if value is True:
        return [None]
    if isinstance(value, Mapping):
        return [f"{name}={text}" for name, text in _pairs(flag, value)]
    if isinstance(value, (list, tuple, set, frozenset)):
        values = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return [text_of(item, flag) for item in values]
    return [text_of(value, flag)]


def _pairs(flag: str, mapping: Mapping[object, object]) -> Iterable[tuple[str, str]]:
    """NAME and VALUE of each item of a mapping, with the names of inner mappings behind a dot."""
    for key, value in mapping.items():
        name = text_of(key, flag)
        if isinstance(value, Mapping):
            for inner, text in _pairs(flag, value):
                yield f"{name}.{inner}", text
        elif isinstance(value, (list, tuple)):
            texts = [text_of(item, flag) for item in value]
            yield from [(name, ",".join(texts))] if flag in _COMMAS else [(name, t) for t in texts]
        elif value is not None:
            yield name, text_of(value, flag)


def text_of(value: object, name: str) -> str:
    """A value as the command line has it: dates as ISO 8601, and durations as seconds.

    Raises:
        UsageError: if there is no such text.
    """
    if isinstance(value, (str, numbers.Real)) and not isinstance(value, bool):
        text = str(value)
    elif isinstance(value, os.PathLike):
        text = os.fsdecode(value)
    elif isinstance(value, (datetime.date, datetime.datetime)):
        text = value.isoformat()
    elif isinstance(value, datetime.timedelta):
        text = _seconds(value, name)
    else:
        raise UsageError(
            f"{name} takes text, numbers, dates, or lists and mappings of them, "
            f"not {type(value).__name__}"
        )
    if "\0" in text:
        raise UsageError(f"{name} has a null character, which no flag can have")
    return text


def _seconds(value: datetime.timedelta, name: str) -> str:
    seconds, rest = divmod(value, datetime.timedelta(seconds=1))
    if rest:
        raise UsageError(f"{name} takes whole seconds, not {value}")
    return f"{seconds}s"

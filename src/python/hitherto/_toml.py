"""A job as a mapping to the TOML of a job file."""

from __future__ import annotations

import json
import numbers
import os
from collections.abc import Mapping

from ._errors import UsageError
from ._flags import text_of

# Keys whose values are paths, which would start at the folder of the job file.
_PATHS = ("dir", "out", "temp_dir", "metrics_json", "item_vocabulary")


def job_text(job: Mapping[str, object]) -> str:
    """The text of a job file. Relative paths start at the current folder; ``None`` is left out.

    Raises:
        UsageError: if a value has no place in a job file.
    """
    lines = []
    for key, value in job.items():
        if key == "sources" and isinstance(value, Mapping):
            value = {name: _absolute_source(source) for name, source in value.items()}
        elif key in _PATHS and (key, value) != ("item_vocabulary", "build"):
            value = _absolute(value)
        if value is not None:
            lines.append(f"{_key(key)} = {_value(value, key)}\n")
    return "".join(lines)


def _absolute_source(source: object) -> object:
    """A source whose paths start at the root."""
    if not isinstance(source, Mapping):
        return source
    paths = {key: _absolute(source[key]) for key in ("path", "files_from") if key in source}
    return {**source, **paths}


def _absolute(path: object) -> object:
    """A path, or a list of them, that does not depend on the folder of the job file."""
    if isinstance(path, (list, tuple)):
        return [_absolute(one) for one in path]
    if not isinstance(path, (str, os.PathLike)):
        return path
    text = os.fsdecode(path)
    # Standard input stays what it is, and URLs are refused by their name.
    return text if text == "-" or "://" in text else os.path.join(os.getcwd(), text)


def _value(value: object, name: str) -> str:
    """A value. Tables are written in one line, so they may stand within lists and tables."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, numbers.Real):
        # Not repr(), which of NumPy's numbers has their type.
        return str(value)
    if isinstance(value, Mapping):
        items = [(key, inner) for key, inner in value.items() if inner is not None]
        return "{ " + ", ".join(f"{_key(k)} = {_value(v, str(k))}" for k, v in items) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item, name) for item in value) + "]"
    return _quoted(text_of(value, name), name)


def _key(key: object) -> str:
    return _quoted(text_of(key, "a key of the job"), "a key of the job")


def _quoted(text: str, name: str) -> str:
    """A text in quotes: the escapes of JSON are those of TOML, which escapes U+007F as well."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"{name} is no text in UTF-8, and job files have no other: {text!r}"
        ) from None
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

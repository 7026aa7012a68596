"""Arrays of Arrow as arrays of NumPy, and back.

Not with `to_numpy`, `pa.array` or `fill_null` of pyarrow: these import pandas where it is
installed, which takes half a second and 40 MB (measured with pandas 3).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Array = NDArray[Any]

_DTYPES = {
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "int64": "int64",
    "float": "float32",
    "double": "float64",
}


def raw(column: pa.Array) -> Array:
    """The numbers or booleans of a column, not to be written to; those of nulls are anything."""
    data, at, count = column.buffers()[1], column.offset, len(column)
    if pa.types.is_boolean(column.type):
        return _bits(data, at, count)
    if str(column.type) not in _DTYPES:
        raise ValueError(f"values of type {column.type} are no numbers")
    dtype = np.dtype(_DTYPES[str(column.type)])
    if count == 0:
        return np.empty(0, dtype)
    return np.frombuffer(data, dtype, count, at * dtype.itemsize)


def is_null(column: pa.Array) -> Array:
    """Which values of a column are null, bool."""
    if column.null_count == 0:
        return np.zeros(len(column), bool)
    return ~_bits(column.buffers()[0], column.offset, len(column))


def micros(times: pa.Array) -> pa.Array:
    """Timestamps as microseconds since 1970, int64."""
    return times.cast(pa.timestamp("us", times.type.tz)).cast(pa.int64())


def mask(chosen: Array) -> pa.Array:
    """Booleans in Arrow."""
    bits = np.packbits(chosen, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(chosen), [None, pa.py_buffer(bits)])


def _bits(data: pa.Buffer | None, at: int, count: int) -> Array:
    if count == 0 or data is None:
        return np.zeros(count, bool)
    some = np.frombuffer(data, np.uint8)[at // 8 : -(-(at + count) // 8)]
    return np.unpackbits(some, bitorder="little")[at % 8 : at % 8 + count].astype(bool)

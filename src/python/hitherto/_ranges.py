"""Histories that are ranges of values, and the seconds from their actions to their cutoffs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_SECONDS_MAX = 2**31 - 1


def ranges(starts: Array, counts: Array) -> Array:
    """The numbers `start`, `start + 1`, ... of each range, one range after the other, int64."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - (ends - counts), counts) + np.arange(total)


def backwards(starts: Array, counts: Array) -> Array:
    """The same from the last number of each range to its first."""
    last = np.repeat(starts + counts - 1 + np.cumsum(counts) - counts, counts)
    places: Array = last - np.arange(len(last))
    return places


def seconds_before(cutoffs: Array, times: Array) -> Array:
    """Whole seconds from times to later cutoffs, int32; 2147483647 if there are more.

    Both are microseconds since 1970, int64. They are rounded down, as `--with time_delta` does.
    """
    # Unsigned, as the difference of two int64 may not be one.
    micros = cutoffs.view(np.uint64) - times.view(np.uint64)
    seconds: Array = np.minimum(micros // np.uint64(1_000_000), np.uint64(_SECONDS_MAX))
    return seconds.astype(np.int32)

"""Memory of batches.

Fresh memory for every batch costs as much as the copies themselves, as the system hands out zeroed
pages (measured: 0.80 to 0.85 against 0.85 to 1.25 million samples a CPU second). So a buffer is
used again as soon as nothing refers to it: no tensor, view, or array of the batch it was part of.
A batch that is kept therefore stays valid.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[Any]


def _references(buffers: list[Array], index: int) -> int:
    return sys.getrefcount(buffers[index])


# What a buffer has to which nothing else refers; not the same number in all versions of Python.
_NONE = _references([np.empty(0, np.uint8)], 0)
# Without the interpreter lock counts of references are no proof.
_COUNTS_HOLD = getattr(sys, "_is_gil_enabled", lambda: True)()


class Buffers:
    """Arrays for the columns of batches."""

    def __init__(self, kept: int, pin_memory: bool) -> None:
        """Keeps at most `kept` buffers of each column."""
        self._kept, self.is_pinned = kept, pin_memory
        self._buffers: dict[str, list[Array]] = {}

    def empty(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """An array that nothing else uses; its contents are undefined."""
        if self.is_pinned:
            # PyTorch's own allocator of pinned memory waits for copies to the device.
            like = torch.from_numpy(np.empty(0, dtype))
            pinned: Array = torch.empty(shape, dtype=like.dtype, pin_memory=True).numpy()
            return pinned
        size = math.prod(shape) * dtype.itemsize
        return self._bytes(name, size)[:size].view(dtype).reshape(shape)

    def _bytes(self, name: str, size: int) -> Array:
        """A buffer of at least some bytes."""
        buffers = self._buffers.setdefault(name, [])
        for i in range(len(buffers)):
            if _COUNTS_HOLD and _references(buffers, i) == _NONE:
                if buffers[i].nbytes < size:
                    buffers[i] = np.empty(size, np.uint8)
                return buffers[i]
        fresh = np.empty(size, np.uint8)
        if len(buffers) < self._kept:
            buffers.append(fresh)
        return fresh

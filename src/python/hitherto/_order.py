"""The order of samples, and how steps and ranks share it.

All of it is arithmetic on numbers, so that it is the same on every machine, with every version of
NumPy and PyTorch, and whatever the number of ranks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15
_MIX_1, _MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def key_of(*numbers: int) -> int:
    """A 64-bit key of some numbers, such as seed, epoch, day and pass."""
    key = _GAMMA
    for number in numbers:
        key = _mixed((key ^ (number & _MASK)) + _GAMMA & _MASK)
    return key


def hashes(count: int, key: int) -> Array:
    """A 64-bit hash of each of 0, 1, ... `count - 1`, uint64; no two are equal.

    SplitMix64 (Steele, Lea, Flood 2014) from state `key`: a bijection of the counter.
    """
    x = np.arange(1, count + 1, dtype=np.uint64)
    x *= np.uint64(_GAMMA)
    x += np.uint64(key)
    for shift, factor in ((30, _MIX_1), (27, _MIX_2)):
        x ^= x >> np.uint64(shift)
        x *= np.uint64(factor)
    x ^= x >> np.uint64(31)
    return x


def permutation(count: int, key: int) -> Array:
    """A uniform order of 0, 1, ... `count - 1`, int64: sorted by hash."""
    return by_hash(hashes(count, key))


def by_hash(hashed: Array) -> Array:
    """The order that sorts hashes, no two of them equal, int64: their `argsort`."""
    # The place of each hash is kept in its low bits, and the values are sorted: two to four times
    # as fast as `argsort`, which moves both.
    places = np.arange(len(hashed), dtype=np.uint64)
    low = np.uint64((1 << len(hashed).bit_length()) - 1)
    tops = (hashed & ~low) | places
    tops.sort()
    order: Array = (tops & low).view(np.int64)
    # Hashes that agree above the low bits are neighbours now, in the order of their places.
    tops &= ~low
    again = np.flatnonzero(tops[1:] == tops[:-1])
    if len(again):
        some = np.union1d(again, again + 1)
        mine = order[some]
        # `tops` keep the groups apart, which are in order already.
        order[some] = mine[np.lexsort((hashed[mine], tops[some]))]
    return order


def chosen(count: int, among: Array, key: int) -> Array:
    """`count` of the numbers `among`, uniformly, in ascending order."""
    order = by_hash(hashes(len(among), key))[:count]
    return np.sort(among[order])


def steps(
    count: int, batch_size: int, world_size: int, drop_last: bool, done: int = 0
) -> Iterator[tuple[int, int]]:
    """The ranges of the order that the steps of all ranks together take, from `done` on.

    Each step takes `batch_size` units for each rank. What is left over at the end is a step of its
    own; if that is fewer units than ranks, they join the step before. So every unit is in exactly
    one step, and every rank takes part in every step. Only if no step is before it, as with fewer
    units than ranks, a step leaves some ranks without a unit. With `drop_last` what is left over
    is left out.
    """
    whole = batch_size * world_size
    while count - done >= whole:
        rest = count - done - whole
        end = count if 0 < rest < world_size and not drop_last else done + whole
        yield done, end
        done = end
    if done < count and not drop_last:
        yield done, count


def steps_count(
    count: int, batch_size: int, world_size: int, drop_last: bool, done: int = 0
) -> int:
    """The number of `steps`."""
    full, rest = divmod(max(count - done, 0), batch_size * world_size)
    joins = full > 0 and rest < world_size
    return full + (rest > 0 and not drop_last and not joins)


def share(start: int, end: int, rank: int, world_size: int) -> tuple[int, int]:
    """The part of a step that a rank takes; parts differ by at most one unit."""
    count = end - start
    return start + count * rank // world_size, start + count * (rank + 1) // world_size


def _mixed(x: int) -> int:
    x = (x ^ x >> 30) * _MIX_1 & _MASK
    x = (x ^ x >> 27) * _MIX_2 & _MASK
    return x ^ x >> 31

"""Values whose hash by Spark leads to given partitions."""

from __future__ import annotations

_MASK = 0xFFFFFFFF


def salts_of(partitions: int) -> list[int]:
    """For each partition the least integer from 0 that ``repartition(partitions, …)`` puts there.

    Spark takes the Murmur3 hash of the integer, with seed 42, modulo the number of partitions.
    """
    salts = [-1] * partitions
    missing, salt = partitions, 0
    while missing:
        # Python's % is never negative, as Spark's pmod.
        partition = murmur3(salt) % partitions
        if salts[partition] < 0:
            salts[partition] = salt
            missing -= 1
        salt += 1
    return salts


def murmur3(value: int) -> int:
    """Murmur3 of 32 bits, with seed 42, of an integer of 32 bits: what ``hash`` is in Spark."""
    mixed = _rotated((value & _MASK) * 0xCC9E2D51 & _MASK, 15) * 0x1B873593 & _MASK
    state = (_rotated(42 ^ mixed, 13) * 5 + 0xE6546B64) & _MASK
    state ^= 4
    state = (state ^ state >> 16) * 0x85EBCA6B & _MASK
    state = (state ^ state >> 13) * 0xC2B2AE35 & _MASK
    state ^= state >> 16
    return state - (1 << 32) if state >> 31 else state


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> (32 - by)) & _MASK

"""The order of samples: uniform, fixed for ever, and shared evenly by steps and ranks."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="the loader needs torch")

from hitherto._order import by_hash, chosen, hashes, key_of, permutation, share, steps, steps_count


def chi2(order: NDArray[Any]) -> float:
    """Of deciles of places before and after; 81 degrees of freedom, so 81 with sd 12.7."""
    count = len(order)
    table = np.zeros((10, 10))
    np.add.at(table, (order * 10 // count, np.arange(count) * 10 // count), 1)
    expected = count / 100
    return float(((table - expected) ** 2 / expected).sum())


def test_an_order_is_the_same_in_every_version() -> None:
    assert permutation(10, key_of(7, 0, 3, 1)).tolist() == ORDER_OF_TEN
    assert key_of() == 0x9E3779B97F4A7C15
    assert key_of(0) != key_of(0, 0) != key_of(0, 0, 0)


def test_orders_are_permutations() -> None:
    for count in (0, 1, 2, 3, 1000, 65537):
        order = permutation(count, key_of(count))
        assert np.array_equal(np.sort(order), np.arange(count))


def test_an_order_is_that_of_sorted_hashes() -> None:
    for count in (0, 1, 2, 3, 4, 7, 8, 9, 1000, 4096, 300_000):
        hashed = hashes(count, key_of(count))
        assert np.array_equal(permutation(count, key_of(count)), np.argsort(hashed))


def test_hashes_that_agree_in_their_high_bits_are_sorted_too() -> None:
    random = np.random.default_rng(0)
    for count in (1, 2, 3, 5, 100, 1000):
        for shift in range(0, 64 - count.bit_length(), 3):
            hashed = random.permutation(count).astype(np.uint64) << np.uint64(shift)
            assert np.array_equal(by_hash(hashed), np.argsort(hashed))
    # Groups of five that only their lowest bits tell apart.
    groups = np.repeat(random.integers(0, 2**64, 300, dtype=np.uint64), 5) & ~np.uint64(7)
    hashed = random.permutation(np.unique(groups | np.tile(np.arange(5, dtype=np.uint64), 300)))
    assert np.array_equal(by_hash(hashed), np.argsort(hashed))


def test_orders_of_200_seeds_are_uniform() -> None:
    found = [chi2(permutation(20_000, key_of(seed, 0, 0, 0, 0, 0))) for seed in range(200)]
    # Four standard deviations, and of the mean of 200 four of its own.
    assert all(abs(x - 81) < 51 for x in found)
    assert abs(float(np.mean(found)) - 81) < 4 * 12.7 / 200**0.5


def test_every_place_is_as_likely_for_every_item() -> None:
    counts = np.zeros((5, 5))
    for seed in range(2000):
        counts[permutation(5, key_of(seed)), np.arange(5)] += 1
    # 16 degrees of freedom, so 16 with sd 5.7.
    assert ((counts - 400) ** 2 / 400).sum() < 16 + 4 * 5.7


def test_epochs_days_and_passes_are_independent() -> None:
    keys = [key_of(1, epoch, day, turn) for epoch in (0, 1) for day in (0, 1) for turn in (0, 1)]
    places = [np.argsort(permutation(20_000, key)) for key in keys]
    for one, other in itertools.combinations(places, 2):
        both = np.empty(20_000, np.int64)
        both[one] = other
        assert abs(chi2(both) - 81) < 51


def test_samples_of_a_customer_meet_as_often_as_by_chance() -> None:
    rows, run, batch = 100_000, 20, 1000
    customer = np.repeat(np.arange(rows // run), run)
    pairs = 0.0
    for seed in range(8):
        batches = customer[permutation(rows, key_of(seed))].reshape(-1, batch)
        for some in batches:
            counts = np.bincount(some)
            pairs += float((counts * (counts - 1)).sum()) / 2
    by_chance = 8 * rows * (run - 1) * (batch - 1) / (rows - 1) / 2
    assert abs(pairs / by_chance - 1) < 0.02


def test_chosen_are_as_many_and_others_with_another_key() -> None:
    among = np.arange(0, 3000, 3)
    one, other = chosen(100, among, key_of(1)), chosen(100, among, key_of(2))
    for some in (one, other):
        assert len(np.unique(some)) == 100
        assert np.isin(some, among).all()
    assert len(np.intersect1d(one, other)) < 40


@pytest.mark.parametrize("world_size", range(1, 6))
def test_steps_are_equal_on_all_ranks_and_take_each_unit_once(world_size: int) -> None:
    for count, batch_size in itertools.product(range(51), range(1, 8)):
        all_steps = list(steps(count, batch_size, world_size, drop_last=False))
        assert steps_count(count, batch_size, world_size, drop_last=False) == len(all_steps)
        taken: list[int] = []
        for start, end in all_steps:
            shares = [share(start, end, rank, world_size) for rank in range(world_size)]
            sizes = [hi - lo for lo, hi in shares]
            assert max(sizes) - min(sizes) <= 1
            assert max(sizes) <= batch_size + 1
            # No rank goes without, if there are as many units as ranks.
            assert min(sizes) > 0 or count < world_size
            taken.extend(x for lo, hi in shares for x in range(lo, hi))
        assert taken == list(range(count))


@pytest.mark.parametrize("world_size", range(1, 6))
def test_whole_steps_alone_are_kept_with_drop_last(world_size: int) -> None:
    for count, batch_size in itertools.product(range(51), range(1, 8)):
        whole = batch_size * world_size
        found = list(steps(count, batch_size, world_size, drop_last=True))
        assert found == [(i * whole, (i + 1) * whole) for i in range(count // whole)]
        assert steps_count(count, batch_size, world_size, drop_last=True) == len(found)


def test_steps_go_on_from_any_step() -> None:
    for count, batch_size, world_size in itertools.product(range(40), (1, 3), (1, 2, 3)):
        whole = list(steps(count, batch_size, world_size, drop_last=False))
        for i, (_, done) in enumerate(whole):
            rest = list(steps(count, batch_size, world_size, False, done))
            assert rest == whole[i + 1 :]
            assert len(rest) == steps_count(count, batch_size, world_size, False, done)


def test_other_ranks_and_batches_go_on_from_any_step() -> None:
    for count in range(60):
        done = 0
        taken: list[int] = []
        for batch_size, world_size, some in ((3, 3, 2), (2, 2, 1), (4, 5, 99)):
            for start, end in itertools.islice(
                steps(count, batch_size, world_size, False, done), some
            ):
                assert start == done
                taken.extend(range(start, end))
                done = end
        assert taken == list(range(count))


ORDER_OF_TEN = [5, 3, 7, 2, 0, 1, 8, 6, 4, 9]

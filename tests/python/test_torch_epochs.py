"""An iteration is an epoch, and the next one is the next epoch, however its end is found."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the loader needs torch")

import torch
from torch.utils.data import DataLoader

import hitherto as ht
import sets
from hitherto.torch import Samples

Epoch = list[list[int]]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("set") / "requests"
    flags = ("--layout", "request", "--max-actions", "10", "--row-group-rows", "10")
    return sets.make(out, *flags, source=sets.SHOP)


def of(path: Path, **settings: Any) -> Samples:
    return Samples(path, **{"batch_size": 40, "seed": 3, **settings})


def items(batches: Iterable[Any]) -> Epoch:
    return [batch["item_id"].tolist() for batch in batches]


def epochs(path: Path, count: int, **settings: Any) -> list[Epoch]:
    """Complete iterations. They differ, as their orders do."""
    samples = of(path, **settings)
    found = [items(samples) for _ in range(count)]
    assert all(a != b for a, b in itertools.combinations(found, 2))
    return found


# What changes which step is the last: days that the manifest counts or does not, passes over them,
# units that fill the last step of a day, days without a step, and windows of days.
SETTINGS: list[dict[str, Any]] = [
    {},
    {"prefetch": 0},
    {"prefetch": 1, "by": "history", "batch_size": 6},
    {"by": "request", "batch_size": 7, "passes": 2},
    {"negatives": 0.5, "prefetch": 0},
    {"batch_size": 1000},
    {"days": ["2025-08-15"], "batch_size": 1, "drop_last": True},
    {"batch_size": 320, "drop_last": True},
    {"batch_size": 330, "drop_last": True},
    {"memory": 1500, "by": "sample", "passes": 2},
    {"rank": 1, "world_size": 3, "batch_size": 11},
]


@pytest.mark.filterwarnings("ignore:.*windows")
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_who_counts_steps_gets_the_next_epoch(path: Path, settings: dict[str, Any]) -> None:
    wanted = epochs(path, 3, **settings)
    samples = of(path, **settings)
    # An iteration that is not asked for its end, as those of Lightning.
    for i in range(3):
        assert items(itertools.islice(iter(samples), len(samples))) == wanted[i]
        assert samples.state_dict()["epoch"] == i + 1
    # One batch less is no epoch.
    for i in (0, 1):
        samples = of(path, **settings)
        samples.set_epoch(i)
        steps = len(samples) - 1
        assert items(itertools.islice(iter(samples), steps)) == wanted[i][:steps]
        assert samples.state_dict()["epoch"] == i
        assert items(samples) == wanted[i]


def test_days_without_a_step_are_part_of_these_tests(path: Path) -> None:
    steps = [len(of(path, batch_size=x, drop_last=True)) for x in (320, 330)]
    assert steps == [2, 1]


def test_the_state_after_the_last_batch_is_the_start_of_the_next_epoch(path: Path) -> None:
    wanted = epochs(path, 3)
    samples = of(path)
    batches = iter(samples)
    assert items(itertools.islice(batches, len(wanted[0]))) == wanted[0]
    state = samples.state_dict()
    assert next(batches, None) is None
    fresh = of(path)
    fresh.set_epoch(1)
    assert state == samples.state_dict() == fresh.state_dict()
    again = of(path)
    again.load_state_dict(state)
    assert [items(again), items(again)] == wanted[1:]


def test_set_epoch_at_the_last_batch_stays(path: Path) -> None:
    wanted = epochs(path, 3)
    samples = of(path)
    for i, _ in enumerate(samples, start=1):
        if i == len(wanted[0]):
            samples.set_epoch(2)
    assert items(samples) == wanted[2]


def test_an_epoch_without_steps_is_one(path: Path) -> None:
    samples = of(path, batch_size=400, drop_last=True)
    assert len(samples) == 0
    assert items(samples) == []
    assert samples.state_dict()["epoch"] == 1


def test_two_iterations_begun_at_a_time_are_of_one_epoch(path: Path) -> None:
    samples = of(path, batch_size=1000)
    one, other = iter(samples), iter(samples)
    assert items(one) == items(other)
    assert items(samples) != items(of(path, batch_size=1000))


def test_a_dropped_iteration_is_begun_again(path: Path) -> None:
    samples = of(path)
    full = items(of(path))
    items(itertools.islice(iter(samples), 3))
    assert items(samples) == full
    items(itertools.islice(iter(samples), 1))
    assert samples.state_dict()["epoch"] == 1


def test_set_epoch_keeps_a_state_of_its_epoch_only(path: Path) -> None:
    samples = of(path)
    samples.set_epoch(5)
    full = items(samples)
    assert full != items(of(path))
    one = of(path)
    one.set_epoch(5)
    items(itertools.islice(iter(one), 3))
    state = one.state_dict()
    again = of(path)
    again.load_state_dict(state)
    again.set_epoch(5)
    assert items(again) == full[3:]
    again.load_state_dict(state)
    with pytest.warns(UserWarning, match="leaves the loaded state, which is of epoch 5"):
        again.set_epoch(6)
    again.set_epoch(5)
    assert items(again) == full
    with pytest.raises(ht.UsageError, match="epoch -1 is negative"):
        again.set_epoch(-1)


@pytest.mark.filterwarnings("ignore:num_workers")
def test_workers_are_exact(path: Path) -> None:
    wanted = epochs(path, 2)
    samples = of(path)
    loader: Any = DataLoader(samples, batch_size=None, num_workers=2)
    assert len(loader) == len(wanted[0])
    assert items(loader) == wanted[0]
    # They are other processes, so these Samples do not see the epoch end.
    samples.set_epoch(1)
    assert items(loader) == wanted[1]


@pytest.mark.filterwarnings("ignore:num_workers")
@pytest.mark.parametrize("workers", [1, 2])
def test_workers_that_stay_see_epochs_end(path: Path, workers: int) -> None:
    loader: Any = DataLoader(
        of(path), batch_size=None, num_workers=workers, persistent_workers=True
    )
    steps = len(loader)
    assert [items(itertools.islice(loader, steps)) for _ in range(3)] == epochs(path, 3)


def test_workers_are_warned_about(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hitherto.torch._ranks as module

    class Info:
        id, num_workers = 0, 1

    monkeypatch.setattr(module, "get_worker_info", Info)
    samples = of(path)
    with pytest.warns(UserWarning, match=r"num_workers=1: .*num_workers=0 is faster") as said:
        assert [len(items(samples)) for _ in range(2)]
    assert len(said) == 1


def test_lengths_are_those_of_the_epoch_that_comes(path: Path) -> None:
    samples = of(path, negatives=0.5)
    for _ in range(2):
        steps = len(samples)
        assert len(items(samples)) == steps
    assert torch.is_tensor(next(iter(samples))["item_id"])

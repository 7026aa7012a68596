"""An iteration goes on after any batch, to the same bytes, in every way of saving its state.

HITHERTO_RESUME_CUTS is the number of cuts for each way; 6 by default, 100 for a long run.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import multiprocessing
import os
import pickle
import random
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the loader needs torch")

import hitherto as ht
import sets
from hitherto.torch import Samples

CUTS = int(os.environ.get("HITHERTO_RESUME_CUTS", "6"))
BY = ("sample", "request", "history")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("set") / "requests"
    flags = ("--layout", "request", "--max-actions", "10", "--row-group-rows", "10")
    return sets.make(out, *flags, source=sets.SHOP)


def signature(batch: Any) -> str:
    digest = hashlib.sha256()
    for name in sorted(batch):
        digest.update(name.encode() + batch[name].numpy().tobytes())
    return digest.hexdigest()


def signatures(batches: Iterable[Any]) -> list[str]:
    return [signature(batch) for batch in batches]


def of(path: Path, by: str, **settings: Any) -> Samples:
    sizes = {"sample": 40, "request": 7, "history": 6}
    usual: dict[str, Any] = {"batch_size": sizes[by], "seed": 3, "passes": 2, "negatives": 0.7}
    return Samples(path, by=by, **{**usual, **settings})  # type: ignore[arg-type]


def epoch_of(path: Path, by: str, epoch: int) -> Samples:
    samples = of(path, by)
    samples.set_epoch(epoch)
    return samples


@functools.cache
def whole_epoch(path: Path, by: str, epoch: int) -> list[str]:
    """The signatures of an epoch. Nobody changes them, nor the set."""
    return signatures(epoch_of(path, by, epoch))


def cuts(count: int, name: str) -> list[int]:
    """Numbers of batches to stop after: the ends, and some between."""
    dice = random.Random(name)
    return [0, 1, count - 1, count, *(dice.randrange(count + 1) for _ in range(CUTS))][:CUTS]


def head(batches: Any, count: int) -> list[str]:
    """The signatures of the first batches."""
    return [signature(next(batches)) for _ in range(count)]


@pytest.mark.parametrize("prefetch", [0, 3])
@pytest.mark.parametrize("by", BY)
def test_bare(path: Path, by: str, prefetch: int) -> None:
    full, following = (whole_epoch(path, by, i) for i in (0, 1))
    assert len(full) > 10
    assert full != following
    for cut in cuts(len(full), f"{by}{prefetch}"):
        samples = of(path, by, prefetch=prefetch)
        first = head(iter(samples), cut)
        state = json.loads(json.dumps(samples.state_dict()))
        again = of(path, by, prefetch=prefetch)
        again.load_state_dict(state)
        # After the last batch the state is the start of the next epoch.
        wanted = [full[cut:], following] if cut < len(full) else [following]
        assert first == full[:cut]
        assert [signatures(again) for _ in wanted] == wanted
        assert again.state_dict()["epoch"] == len(wanted) + (cut == len(full))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("by", BY)
def test_stateful_data_loader(path: Path, by: str, workers: int) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader", reason="torchdata is missing")

    def loader() -> Any:
        return stateful.StatefulDataLoader(of(path, by), batch_size=None, num_workers=workers)

    full, following = (whole_epoch(path, by, i) for i in (0, 1))
    assert sorted(signatures(loader())) == sorted(full)
    # Processes take their time to start, so with workers there are fewer cuts: by sample half as
    # many, and no ends otherwise, where workers do the same.
    some = slice(1, None) if not workers else slice(1 if by == "sample" else 5, None, 2)
    for cut in cuts(len(full), f"{by}{workers}")[some]:
        one = loader()
        batches = iter(one)
        first = head(batches, cut)
        state = pickle.loads(pickle.dumps(one.state_dict()))
        del batches
        again = loader()
        again.load_state_dict(state)
        rest = signatures(again)
        if cut < len(full):
            assert first + rest == full
        else:
            # Two workers do not know of each other that all of the epoch was handed out.
            assert rest == ([] if workers else following)
        again.dataset.set_epoch(1)
        assert signatures(again) == following


def test_a_state_is_small_and_the_same_on_every_rank(path: Path) -> None:
    states = []
    for rank in range(3):
        samples = of(path, "sample", rank=rank, world_size=3)
        batches = iter(samples)
        for _ in range(4):
            next(batches)
        states.append(samples.state_dict())
    assert states[0] == states[1] == states[2]
    assert len(pickle.dumps(states[0])) < 600


@pytest.mark.parametrize("by", BY)
def test_other_numbers_of_ranks_take_each_sample_once(path: Path, by: str) -> None:
    wanted = sets.found(of(path, by, passes=1, negatives=1.0))
    state: Any = None
    seen: list[Any] = []
    for world_size, some, size in ((3, 1, 7), (2, 1, 4), (5, 10**6, 3)):
        ranks = [
            of(path, by, passes=1, negatives=1.0, batch_size=size, rank=r, world_size=world_size)
            for r in range(world_size)
        ]
        steps = []
        for samples in ranks:
            if state is not None:
                samples.load_state_dict(state)
            batches = list(itertools.islice(samples, some))
            steps.append(len(batches))
            seen.extend(batches)
        assert len(set(steps)) == 1
        state = ranks[-1].state_dict() if some < 10**6 else None
    assert sets.found(seen) == wanted


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 4},
        {"by": "request"},
        {"shuffle": False},
        {"passes": 3},
        {"negatives": 0.5},
        {"days": ["2025-08-15"]},
        {"null_label": "nan"},
    ],
)
def test_a_state_of_other_settings_is_refused(path: Path, other: dict[str, Any]) -> None:
    state = of(path, "sample").state_dict()
    settings: dict[str, Any] = {"by": "sample", **other}
    (name,) = other
    with pytest.raises(ht.UsageError, match=f"state is of {name} "):
        of(path, **settings).load_state_dict(state)


def test_a_state_of_another_set_is_refused(path: Path, tmp_path: Path) -> None:
    other = sets.make(tmp_path / "other", "--max-actions", "11")
    state = of(path, "sample").state_dict()
    with pytest.raises(
        ht.UsageError, match=r'state is of set "[0-9a-f]{16}", and these .* "[0-9a-f]'
    ):
        of(other, "sample").load_state_dict(state)
    with pytest.raises(ht.UsageError, match="it lacks"):
        of(path, "sample").load_state_dict({"epoch": 1})


def train(path: Path, folder: Path, stop: int) -> None:
    """Saves a state after each batch, and is killed after some."""
    samples = of(path, "request")
    state = folder / "state"
    if state.exists():
        samples.load_state_dict(json.loads(state.read_text()))
    for i, batch in enumerate(samples):
        with (folder / "seen").open("a") as file:
            file.write(signature(batch) + "\n")
        (folder / "next").write_text(json.dumps(samples.state_dict()))
        (folder / "next").rename(state)
        if i == stop:
            os.kill(os.getpid(), signal.SIGKILL)


def test_killed_and_resumed(path: Path, tmp_path: Path) -> None:
    for stop in (3, 8, -1):
        process = multiprocessing.get_context("fork").Process(
            target=train, args=(path, tmp_path, stop)
        )
        process.start()
        process.join(60)
        assert process.exitcode == (-signal.SIGKILL if stop >= 0 else 0)
    seen = (tmp_path / "seen").read_text().split()
    assert seen == signatures(of(path, "request"))


def test_samples_can_be_pickled(path: Path) -> None:
    samples = of(path, "sample", rank=1, world_size=2)
    full = signatures(samples)
    again = pickle.loads(pickle.dumps(samples))
    assert again.state_dict() == samples.state_dict()
    again.set_epoch(0)
    assert signatures(again) == full

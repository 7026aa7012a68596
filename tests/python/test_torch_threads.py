"""Threads start with the first batch, and end with the iteration, however that ends."""

from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the loader needs torch")

import torch
from torch.utils.data import DataLoader

import hitherto as ht
import sets
from hitherto.torch import Samples


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("set") / "requests"
    flags = ("--layout", "request", "--max-actions", "10", "--row-group-rows", "10")
    return sets.make(out, *flags)


def ours() -> list[str]:
    return [x.name for x in threading.enumerate() if x.name.startswith("hitherto")]


def test_threads_are_there_during_an_iteration_only(path: Path) -> None:
    samples = Samples(path, batch_size=8, threads=2)
    len(samples)
    batches = iter(samples)
    assert ours() == []
    next(batches)
    assert "hitherto-prefetch" in ours()
    for _ in batches:
        pass
    assert ours() == []


def fails(samples: Samples) -> None:
    for _ in samples:
        raise ZeroDivisionError


@pytest.mark.parametrize("how", ["del", "close", "break", "error"])
def test_a_dropped_iteration_leaves_no_thread(path: Path, how: str) -> None:
    samples = Samples(path, batch_size=8, prefetch=2)
    batches: Any = iter(samples)
    next(batches)
    assert ours()
    if how == "close":
        batches.close()
    del batches
    if how == "break":
        for _ in samples:
            break
    if how == "error":
        with pytest.raises(ZeroDivisionError):
            fails(samples)
    gc.collect()
    assert ours() == []


def test_without_prefetch_there_is_no_thread(path: Path) -> None:
    for _ in Samples(path, batch_size=8, prefetch=0, threads=1):
        assert ours() == []


def test_threads_do_not_change_batches(path: Path) -> None:
    forms = [{"prefetch": 0, "threads": 1}, {"prefetch": 1, "threads": 3}, {"prefetch": 9}]
    epochs = [list(Samples(path, batch_size=8, **form)) for form in forms]  # type: ignore[arg-type]
    for batches in epochs[1:]:
        for one, other in zip(epochs[0], batches, strict=True):
            assert all(torch.equal(one[name], other[name]) for name in one)


def test_two_iterations_at_a_time(path: Path) -> None:
    samples = Samples(path, batch_size=8)
    alone = list(Samples(path, batch_size=8))
    for first, second, wanted in zip(iter(samples), iter(samples), alone, strict=True):
        assert torch.equal(first["actions"], wanted["actions"])
        assert torch.equal(second["actions"], wanted["actions"])


def test_batches_stay_as_they_are(path: Path) -> None:
    samples = Samples(path, batch_size=8)
    kept, copies = [], []
    for _ in range(3):
        for i, batch in enumerate(samples):
            # Of some batches all is kept, of others a view, or an array of NumPy.
            keep = (batch, batch["actions"][2:, ::3], batch["actions"].numpy()[:1])[i % 3]
            kept.append(keep["actions"] if isinstance(keep, dict) else keep)
            copies.append(torch.as_tensor(kept[-1]).clone())
    for keep, copy in zip(kept, copies, strict=True):
        assert torch.equal(torch.as_tensor(keep), copy)


def test_memory_of_batches_is_used_again(path: Path) -> None:
    places = Counter(
        batch["actions"].data_ptr() for batch in Samples(path, batch_size=8, prefetch=2, seed=1)
    )
    assert len(places) <= 2 + 3 < places.total()


def test_an_error_of_the_thread_is_raised(path: Path, tmp_path: Path) -> None:
    broken = sets.make(tmp_path / "set", "--max-actions", "10")
    part = Path(sets.parts(broken)[-1])
    part.write_bytes(part.read_bytes()[:-100])
    with pytest.raises((OSError, ValueError)):
        list(Samples(broken, batch_size=8))
    assert ours() == []


SCRIPT = """
import sys, json
sys.path[:0] = json.loads(sys.argv[2])
from hitherto.torch import Samples
batches = iter(Samples(sys.argv[1], batch_size=8))
next(batches)
print("last line", flush=True)
raise SystemExit(7)
"""


def test_a_program_ends_in_the_middle_of_an_iteration(path: Path) -> None:
    arguments = [sys.executable, "-c", SCRIPT, str(path), json.dumps(sys.path)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout == "last line\n"
    assert done.returncode == 7, done.stderr
    assert done.stderr == ""


def rank(number: int, world_size: int, port: int, path: str, batch_size: int, out: str) -> None:
    """A rank that meets all others at each step; it would hang if one made fewer."""
    import torch.distributed as dist

    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=number, world_size=world_size)
    samples = Samples(path, batch_size=batch_size, seed=5)
    steps, items = 0, []
    for batch in samples:
        total = torch.tensor([len(batch["item_id"])])
        dist.all_reduce(total)
        items += batch["item_id"].tolist()
        steps += 1
    assert steps == len(samples)
    Path(out, str(number)).write_text(json.dumps([steps, items]))
    dist.barrier()
    # Not destroyed: in a process that was forked, PyTorch 2.4 may wait for ever for its threads.
    os._exit(0)


def test_three_ranks_over_gloo(path: Path, tmp_path: Path) -> None:
    import torch.multiprocessing as mp

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = (3, port, str(path), 7, str(tmp_path))
    start: Any = mp.start_processes  # type: ignore[attr-defined]
    start(rank, arguments, nprocs=3, start_method="fork")
    found = [json.loads(Path(tmp_path, str(i)).read_text()) for i in range(3)]
    assert len({steps for steps, _ in found}) == 1
    every = Counter(item for _, items in found for item in items)
    alone = Counter(x for b in Samples(path) for x in b["item_id"].tolist())
    assert every == alone


def test_rank_and_world_size_of_the_environment(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = len(list(Samples(path, batch_size=8)))
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(ht.UsageError, match="only one is set"):
        list(Samples(path))
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert len(list(Samples(path, batch_size=8))) < whole
    assert len(list(Samples(path, batch_size=8, rank=0, world_size=1))) == whole


class IterableDatasetShard:
    """As Accelerate and transformers have it: every rank reads all, and keeps a part."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __iter__(self) -> Any:
        for i, batch in enumerate(self.dataset):
            if i % 2 == 0:
                yield batch


class DataLoaderDispatcher(DataLoader[Any]):
    """As Accelerate has it: each rank makes an iterator, and one of them reads for all."""

    def __iter__(self) -> Any:
        yield from super().__iter__()


def test_sharing_twice_is_refused(path: Path) -> None:
    with pytest.raises(ht.UsageError, match="give them rank=0, world_size=1"):
        list(IterableDatasetShard(Samples(path, rank=0, world_size=2)))
    assert list(IterableDatasetShard(Samples(path, rank=0, world_size=1)))


@pytest.mark.parametrize("world_size", [1, 2])
@pytest.mark.parametrize("start", [None, "fork", "spawn"])
def test_cutting_batches_for_other_ranks_is_refused(
    path: Path, world_size: int, start: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = Samples(path, rank=0, world_size=world_size)
    settings: dict[str, Any] = {"batch_size": None}
    if start is not None:
        settings.update(num_workers=1, multiprocessing_context=start)
        # How long PyTorch waits for a worker that did not start, in seconds.
        monkeypatch.setattr("torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL", 0.2)
    with pytest.raises(ht.UsageError, match="do not give Samples to `prepare`") as found:
        list(DataLoaderDispatcher(samples, **settings))
    assert "torch.distributed" in str(found.value)
    assert list(DataLoader(samples, batch_size=None))

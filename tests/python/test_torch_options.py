"""The options of `Samples` do what they say."""

from __future__ import annotations

import datetime
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the loader needs torch")

import torch

import hitherto as ht
import sets
from hitherto.torch import Samples
from torch_batches import all_of

BY = ("sample", "request", "history")


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sets.richer_shop(tmp_path_factory.mktemp("logs") / "shop", null_labels=True)


@pytest.fixture(scope="module", params=["sample", "request"])
def path(request: Any, logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of each layout with labels that are null."""
    out = tmp_path_factory.mktemp("set") / request.param
    flags = ("--layout", request.param, "--max-actions", "8", "--row-group-rows", "20")
    return sets.make(out, *flags, "--keep", "surface:int32", source=logs)


@pytest.mark.parametrize("by", BY)
def test_null_labels(path: Path, by: str) -> None:
    wanted = sets.expected(path)
    kept = Counter({s: n for s, n in wanted.items() if s[1] is not None})
    assert 0 < kept.total() < wanted.total()
    settings: dict[str, Any] = {"by": by, "batch_size": 10}
    assert sets.found(all_of(path, **settings)) == kept
    assert sets.found(all_of(path, **settings, null_label="nan")) == wanted
    with pytest.raises(ValueError, match=r'have no label; null_label="drop" leaves them out'):
        list(Samples(path, **settings, null_label="error"))


def test_a_set_without_labels(logs: Path, tmp_path: Path) -> None:
    path = sets.make(tmp_path / "set", "--no-labels", "--max-actions", "5", source=logs)
    batches = all_of(path, null_label="nan")
    assert all(b["is_order"].isnan().all() for b in batches)
    with pytest.raises(ValueError, match='null_label="nan"'):
        list(Samples(path))


@pytest.mark.parametrize("by", BY)
def test_negatives_are_others_in_each_epoch(path: Path, by: str) -> None:
    wanted = sets.expected(path)
    counts = {label: sum(n for s, n in wanted.items() if s[1] is label) for label in (True, False)}
    samples = Samples(path, by=by, negatives=0.25, batch_size=16)  # type: ignore[arg-type]
    epochs = []
    for _ in range(2):
        said = len(samples)
        batches = list(samples)
        assert len(batches) == said
        found = sets.found(batches, "weight")
        positives = Counter({s[:-1]: n for s, n in found.items() if s[1]})
        assert positives == Counter({s: n for s, n in wanted.items() if s[1]})
        assert all(s[-1] == 1.0 for s in found if s[1])
        negatives = Counter({s[:-1]: n for s, n in found.items() if not s[1]})
        assert negatives <= wanted
        # A quarter of each day, rounded, and their weights add up to all of them.
        assert abs(negatives.total() - counts[False] / 4) <= 1
        total = sum(s[-1] * n for s, n in found.items() if not s[1])
        assert total == pytest.approx(counts[False], rel=1e-6)
        epochs.append(negatives)
    assert epochs[0] != epochs[1]


def test_weights_of_the_set(logs: Path, tmp_path: Path) -> None:
    for layout in ("sample", "request"):
        flags = ("--negatives-sample", "0.5", "--max-actions", "5", "--layout", layout)
        path = sets.make(tmp_path / layout, *flags, "--null-label", "drop", source=logs)
        wanted = sets.expected(path, None, "weight")
        assert {s[-1] for s in wanted} == {1.0, 2.0}
        for by in BY:
            assert sets.found(all_of(path, by=by), "weight") == wanted
        both = sets.found(all_of(path, negatives=0.5), "weight")
        assert {round(s[-1]) for s in both} == {1, 4}
        assert "weight" in all_of(path, columns=["item_id"])[0]


def test_columns_and_names(path: Path) -> None:
    names = {"actions": "uih_item_id", "history_index": "request"}
    settings: dict[str, Any] = {"by": "request", "columns": ["item_id", "actions"], "names": names}
    batch = all_of(path, **settings)[0]
    assert set(batch) == {"item_id", "uih_item_id", "history_length", "request"}
    assert set(all_of(path, columns=["surface"])[0]) == {"surface", "history_length"}


def test_types_of_actions(path: Path) -> None:
    wanted = sets.found(all_of(path))
    for dtype in (torch.int8, torch.int16, torch.int32, torch.int64):
        for layout in ("padded", "jagged"):
            for device in (None, "cpu"):
                settings = {"types_dtype": dtype, "layout": layout, "device": device}
                batches = all_of(path, **settings)
                assert {b["action_types"].dtype for b in batches} == {dtype}
                assert sets.found(batches) == wanted


def test_days_and_passes(path: Path) -> None:
    day = all_of(path, days=[datetime.date(2025, 8, 16)])
    wanted = sets.found(day)
    assert sets.found(all_of(path, days=["2025-08-15"])) + wanted == sets.found(all_of(path))
    twice = all_of(path, days=["2025-08-16"], passes=2)
    assert sets.found(twice) == wanted + wanted
    one, two = twice[: len(twice) // 2], twice[len(twice) // 2 :]
    assert sets.found(one) == sets.found(two)
    assert not all(torch.equal(a["item_id"], b["item_id"]) for a, b in zip(one, two, strict=True))


def test_drop_last(path: Path) -> None:
    batches = all_of(path, batch_size=50, drop_last=True)
    assert {len(b["item_id"]) for b in batches} == {50}
    assert sets.found(batches) < sets.found(all_of(path))


def test_windows_take_each_sample_once_and_say_so(path: Path) -> None:
    for by in BY:
        settings: dict[str, Any] = {"by": by, "batch_size": 5, "max_actions": 8}
        wanted = sets.found(all_of(path, **settings))
        with pytest.warns(UserWarning, match=r"in \d+ windows; .* \(pairs factor \d+\.0\)") as said:
            batches = all_of(path, **settings, memory=1500, passes=2)
        assert len([x for x in said if "windows" in str(x.message)]) == 1
        assert sets.found(batches) == wanted + wanted
        with pytest.warns(UserWarning, match="windows"):
            one, other = (list(Samples(path, **settings, memory=1500)) for _ in range(2))
        for a, b in zip(one, other, strict=True):
            assert all(torch.equal(a[x], b[x]) for x in a)


@pytest.mark.filterwarnings("ignore:.*windows")
def test_windows_are_resumed_and_shared_among_ranks(path: Path) -> None:
    settings: dict[str, Any] = {"batch_size": 5, "memory": 1500}
    full = list(Samples(path, **settings))
    for cut in (1, 5, len(full) - 2):
        samples = Samples(path, **settings)
        batches = iter(samples)
        for _ in range(cut):
            next(batches)
        state = samples.state_dict()
        assert state["memory"] == 1500
        again = Samples(path, **settings)
        again.load_state_dict(state)
        rest = list(again)
        assert len(rest) == len(full) - cut
        for a, b in zip(full[cut:], rest, strict=True):
            assert torch.equal(a["item_id"], b["item_id"])
        # Without a budget of its own it takes that of the state.
        again = Samples(path, batch_size=5)
        again.load_state_dict(state)
        assert len(list(again)) == len(rest)
        again = Samples(path, batch_size=5, memory="1GB")
        again.load_state_dict(state)
        with pytest.raises(ht.UsageError, match="held this day in windows for memory=1500"):
            list(again)
    ranks = [list(Samples(path, **settings, rank=r, world_size=3)) for r in range(3)]
    assert len({len(batches) for batches in ranks}) == 1
    assert sets.found(b for batches in ranks for b in batches) == sets.found(full)


def test_ranks_do_not_guess_windows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hitherto.torch._samples as module

    monkeypatch.setattr(module, "free_bytes", lambda device: 3000)
    with pytest.raises(ht.UsageError, match="give the same memory= on each"):
        list(Samples(path, rank=0, world_size=2))
    with pytest.warns(UserWarning, match="windows"):
        list(Samples(path))


def test_enough_memory_says_nothing(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for memory in (None, "100MB", "1GiB", 10**9):
            list(Samples(path, memory=memory))

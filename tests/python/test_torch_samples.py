"""Batches have exactly the samples that plain pyarrow reads, in every form."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the loader needs torch")

import torch

import sets
from torch_batches import all_of

BY = ("sample", "request", "history")
LAYOUTS = ("sample", "request")


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sets.richer_shop(tmp_path_factory.mktemp("logs") / "shop")


@pytest.fixture(scope="module", params=LAYOUTS)
def both(request: Any, logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of each layout with guests, small row groups and small parts."""
    flags = ["--max-actions", "30", "--row-group-rows", "37", "--part-rows", "100"]
    flags += ["--guests", "empty", "--keep", "surface:int32,item.rank:int32"]
    out = tmp_path_factory.mktemp("set") / request.param
    return sets.make(out, "--layout", request.param, *flags, source=logs)


@pytest.mark.parametrize("codec", ["zstd", "lz4_raw", "snappy", "none"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_codec(tmp_path: Path, layout: str, codec: str) -> None:
    flags = ("--max-actions", "40", "--codec", codec, "--layout", layout)
    path = sets.make(tmp_path / "set", *flags)
    wanted = sets.expected(path)
    for by in BY:
        assert sets.found(all_of(path, by=by, batch_size=50)) == wanted


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("dedup", [None, True, False])
@pytest.mark.parametrize("layout", ["padded", "jagged"])
@pytest.mark.parametrize("device", [None, "cpu"])
def test_every_form(both: Path, by: str, dedup: Any, layout: str, device: Any) -> None:
    more = ("surface", "rank")
    settings = {"by": by, "dedup": dedup, "layout": layout, "device": device}
    batches = all_of(both, batch_size=16, **settings)
    assert sets.found(batches, *more) == sets.expected(both, None, *more)
    has_index = by != "sample" if dedup is None else dedup
    assert all(("history_index" in b) == has_index for b in batches)
    if has_index:
        for batch in batches:
            index = batch["history_index"]
            assert torch.equal(index.unique(), torch.arange(len(batch["history_length"])))


def test_keys_shapes_and_types(both: Path) -> None:
    batch = all_of(both, batch_size=16)[0]
    assert {k: (str(v.dtype).removeprefix("torch."), tuple(v.shape)) for k, v in batch.items()} == {
        "item_id": ("int32", (16,)),
        "is_order": ("float32", (16,)),
        "surface": ("int32", (16,)),
        "rank": ("int32", (16,)),
        "history_length": ("int32", (16,)),
        "actions": ("int32", (16, 30)),
        "action_types": ("int32", (16, 30)),
    }
    jagged = all_of(both, batch_size=16, by="request", layout="jagged")[0]
    total, histories = int(jagged["history_length"].sum()), len(jagged["history_length"])
    assert jagged["actions"].shape == jagged["action_types"].shape == (total,)
    assert jagged["offsets"].shape == (histories + 1,)
    assert {jagged["offsets"].dtype, jagged["history_index"].dtype} == {torch.int64}
    nested = torch.nested.nested_tensor_from_jagged(jagged["actions"], jagged["offsets"])
    assert nested.size(0) == histories


def test_requests_and_histories_come_whole(both: Path) -> None:
    for by, names in (("request", ["customer_id", "ranking_id"]), ("history", ["customer_id"])):
        rows = [r for p in sets.parts(both) for r in read_samples(p)]
        # Each request of a guest is a history of its own.
        wanted = Counter(
            (r["dt"], *(r[x] for x in names), r["ranking_id"] if r["customer_id"] is None else "")
            for r in rows
        )
        sizes: list[int] = []
        for batch in all_of(both, by=by, batch_size=1):
            sizes.append(len(batch["item_id"]))
            assert len(batch["history_length"]) == 1
        assert sorted(sizes) == sorted(wanted.values())


def read_samples(path: str) -> list[dict[str, Any]]:
    """Rows of a part, one for each sample."""
    import pyarrow.parquet as pq

    rows = pq.ParquetFile(path).read().to_pylist()
    day = Path(path).parent.name
    counts = [len(row["items"]) if "items" in row else 1 for row in rows]
    return [{**row, "dt": day} for row, n in zip(rows, counts, strict=True) for _ in range(n)]


@pytest.mark.parametrize("layout", ["padded", "jagged"])
@pytest.mark.parametrize("kept", [1, 7, 29, 30])
def test_only_the_newest_actions(both: Path, kept: int, layout: str) -> None:
    batches = all_of(both, batch_size=100, max_actions=kept, layout=layout)
    assert sets.found(batches) == sets.expected(both, kept)
    assert layout == "jagged" or {b["actions"].shape[1] for b in batches} == {kept}


@pytest.mark.parametrize("layout", ["padded", "jagged"])
def test_oldest_first(both: Path, layout: str) -> None:
    turned: Counter[sets.Sample] = Counter()
    for sample, count in sets.expected(both, 12).items():
        backwards = (*sample[:2], sample[2][::-1], sample[3][::-1])
        turned[backwards] += count
    settings = {"newest_first": False, "max_actions": 12, "layout": layout}
    assert sets.found(all_of(both, **settings)) == turned


def test_lists_beside_actions_and_wide_items(logs: Path, tmp_path: Path) -> None:
    flags = ("--with", "time_delta,price:float32", "--item-type", "int64", "--max-actions", "20")
    for pad in ((), ("--no-pad",)):
        path = sets.make(tmp_path / f"set{len(pad)}", *flags, *pad, source=logs)
        batches = all_of(path)
        more = ("time_delta", "price")
        assert named(sets.found(batches, *more)) == named(sets.expected(path, None, *more))
        assert batches[0]["actions"].dtype == batches[0]["item_id"].dtype == torch.int64
        assert batches[0]["price"].dtype == torch.float32


def named(samples: Counter[sets.Sample]) -> Counter[str]:
    """Samples as text, so that NaN equals NaN."""
    return Counter({repr(sample): count for sample, count in samples.items()})


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("cutoff", ["day", "time"])
def test_lists_at_their_true_length_and_timelines(
    logs: Path, tmp_path: Path, cutoff: str, device: str | None
) -> None:
    flags = ("--max-actions", "30", "--cutoff", cutoff, "--guests", "empty")
    padded = sets.make(tmp_path / "padded", "--layout", "request", *flags, source=logs)
    wanted = sets.expected(padded)
    ragged = sets.make(tmp_path / "ragged", "--no-pad", *flags, source=logs)
    timeline = sets.timeline_of(padded, tmp_path / "timeline", 30)
    for path in (ragged, timeline):
        for by in BY:
            for layout in ("padded", "jagged"):
                settings = {"by": by, "layout": layout, "device": device, "batch_size": 31}
                batches = all_of(path, **settings)
                assert sets.found(batches) == wanted
                assert layout == "jagged" or batches[0]["actions"].shape[1] == 30
        for kept in (1, 11):
            assert sets.found(all_of(path, max_actions=kept)) == sets.expected(padded, kept)
        short, turned = {"max_actions": 9}, {"max_actions": 9, "newest_first": False}
        same(all_of(padded, **turned), all_of(timeline, **turned))
        same(all_of(padded, **short), all_of(timeline, **short))


def same(one: list[Any], other: list[Any]) -> None:
    """Checks that batches are equal, in order."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            assert torch.equal(a[name], b[name]), name


def test_a_timeline_without_a_limit_has_1000_actions(tmp_path: Path) -> None:
    padded = sets.make(tmp_path / "padded", "--layout", "request", "--max-actions", "30")
    timeline = sets.timeline_of(padded, tmp_path / "timeline")
    batch = all_of(timeline)[0]
    assert batch["actions"].shape[1] == 1000
    assert sets.found(all_of(timeline)) == sets.expected(padded)
    assert all_of(timeline, max_actions=2000)[0]["actions"].shape[1] == 2000


def test_layouts_give_the_same_batches(tmp_path: Path) -> None:
    made = [sets.make(tmp_path / x, "--layout", x, "--max-actions", "9") for x in LAYOUTS]
    for by in BY:
        same(*(all_of(path, by=by, batch_size=32) for path in made))


def test_one_day_of_a_set(both: Path) -> None:
    for path, days in ((both, ["2025-08-16"]), (both / "dt=2025-08-16", None)):
        batches = all_of(path, days=days, shuffle=False)
        ids = [x for p in sets.parts(both) if "2025-08-16" in p for x in read_samples(p)]
        assert sum(len(b["item_id"]) for b in batches) == len(ids)


def test_without_shuffle_rows_come_as_they_lie(tmp_path: Path) -> None:
    path = sets.make(tmp_path / "set", "--max-actions", "5")
    items = [row["item_id"] for part in sets.parts(path) for row in read_samples(part)]
    for by in BY:
        batches = all_of(path, by=by, shuffle=False)
        assert torch.cat([b["item_id"] for b in batches]).tolist() == items


def test_times_and_customers_of_samples(tmp_path: Path) -> None:
    path = sets.make(tmp_path / "set", "--max-actions", "5", "--guests", "drop")
    rows = [row for part in sets.parts(path) for row in read_samples(part)]
    columns = ["customer_id", "cutoff", "last_action_time", "position"]
    batches = all_of(path, columns=columns, shuffle=False)
    assert set(batches[0]) == {*columns, "history_length"}
    for name in ("customer_id", "position"):
        assert torch.cat([b[name] for b in batches]).tolist() == [row[name] for row in rows]
    for name in ("cutoff", "last_action_time"):
        wanted = np.array([row[name] and row[name].replace(tzinfo=None) for row in rows], "M8[us]")
        got = torch.cat([b[name] for b in batches]).numpy()
        assert np.array_equal(got, wanted.astype(np.int64))

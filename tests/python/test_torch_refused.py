"""Arguments of `Samples` that make no sense, and what is no set, are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the loader needs torch")

import torch

import hitherto as ht
import sets
from hitherto.torch import Samples


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sets.make(tmp_path_factory.mktemp("set") / "set", "--max-actions", "8", source=sets.SHOP)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"by": "customer"}, ht.UsageError, 'none of "sample", "request", "history"'),
        ({"layout": "nested"}, ht.UsageError, 'none of "padded", "jagged"'),
        ({"null_label": "keep"}, ht.UsageError, 'none of "drop", "nan", "error"'),
        ({"batch_size": 0}, ht.UsageError, "batch_size=0 is less than 1"),
        ({"batch_size": 2.0}, TypeError, "batch_size=2.0 is no int"),
        ({"passes": 0}, ht.UsageError, "passes=0"),
        ({"prefetch": -1}, ht.UsageError, "prefetch=-1"),
        ({"threads": 0}, ht.UsageError, "threads=0"),
        ({"seed": -1}, ht.UsageError, "seed=-1"),
        ({"max_actions": 0}, ht.UsageError, "max_actions=0"),
        ({"max_actions": 9}, ht.UsageError, "histories of the set have at most 8"),
        ({"negatives": 0}, ht.UsageError, "more than 0, and at most 1"),
        ({"negatives": 1.5}, ht.UsageError, "more than 0, and at most 1"),
        ({"types_dtype": torch.float32}, ht.UsageError, "types_dtype=torch.float32 is none of"),
        ({"memory": "lots"}, ht.UsageError, 'such as "8GB"'),
        ({"memory": 0}, ht.UsageError, "is no size"),
        ({"days": ["2025-08-17"]}, ht.NotFound, "it has 2025-08-15, 2025-08-16"),
        ({"days": "2025-08-15"}, TypeError, "days is a list"),
        ({"columns": "item_id"}, TypeError, "columns is a list"),
        ({"columns": ["price"]}, ht.UsageError, r"no column \['price'\]; there are"),
        ({"columns": ["ranking_id"]}, ht.UsageError, "are text"),
        ({"names": {"item": "x"}}, ht.UsageError, r"names= has \['item'\]"),
        ({"names": {"actions": "item_id"}}, ht.UsageError, "more than one column"),
        ({"rank": 1}, ht.UsageError, "rank and world_size go together"),
        ({"rank": 2, "world_size": 2}, ht.UsageError, "rank 2 is not one of 0 to 1"),
        ({"device": "cpu", "pin_memory": True}, ht.UsageError, "leave it out with device="),
    ],
)
def test_refused(path: Path, settings: dict[str, Any], error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        Samples(path, **settings)


def test_what_is_no_set_is_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ht.NotFound, match="give the folder that"):
        Samples(tmp_path)
    with pytest.raises(ht.NotFound, match=r'there is no "nope/_manifest\.json"'):
        Samples("nope")
    manifest = json.loads((path / "_manifest.json").read_text())
    (tmp_path / "_manifest.json").write_text(json.dumps({**manifest, "job": "dwell"}))
    with pytest.raises(ht.UsageError, match="the job dwell"):
        Samples(tmp_path)
    broken = sets.make(tmp_path / "set", "--max-actions", "8")
    Path(sets.parts(broken)[0]).write_bytes(b"PAR1")
    with pytest.raises(ht.DataError, match="a file of the set cannot be read"):
        Samples(broken)
    (broken / "_manifest.json").write_text("{")
    with pytest.raises(ht.DataError, match="a file of the set cannot be read"):
        Samples(broken)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_what_needs_a_gpu_is_refused_without_one(path: Path) -> None:
    with pytest.raises(ht.UsageError, match="pin_memory=True needs a GPU, and PyTorch finds none"):
        Samples(path, pin_memory=True)
    for device in ("cuda", "cuda:1", torch.device("cuda"), "gpu"):
        with pytest.raises(ht.UsageError, match=f'device="{device}" cannot be used: .+; give a'):
            Samples(path, device=device)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_that_is_not_there_is_refused(path: Path) -> None:
    assert next(iter(Samples(path, pin_memory=True)))["actions"].is_pinned()
    assert next(iter(Samples(path, device="cuda")))["actions"].is_cuda
    with pytest.raises(ht.UsageError, match=r'device="cuda:99" cannot be used: .+; give a'):
        Samples(path, device="cuda:99")


def test_a_part_that_is_missing_is_an_error(tmp_path: Path) -> None:
    path = sets.make(tmp_path / "set", "--part-rows", "100", "--row-group-rows", "50")
    Path(sets.parts(path)[1]).unlink()
    with pytest.raises(ht.DataError, match="`hitherto verify` finds what is wrong"):
        list(Samples(path))

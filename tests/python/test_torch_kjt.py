"""Batches as KeyedJaggedTensor: TorchRec's where it is installed, else one with its fields."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the loader needs torch")

import torch
from torch import Tensor

import sets
from hitherto import MissingPackage
from hitherto.torch import Samples, to_hstu, to_kjt


class KeyedJaggedTensor:
    """The constructor of TorchRec's class as far as it is called, and what the tests read."""

    def __init__(
        self,
        keys: list[str],
        values: Tensor,
        weights: Tensor | None = None,
        lengths: Tensor | None = None,
        offsets: Tensor | None = None,
        stride: int | None = None,
        stride_per_key_per_rank: list[list[int]] | None = None,
        inverse_indices: tuple[list[str], Tensor] | None = None,
    ) -> None:
        assert weights is None
        assert offsets is None
        assert stride is None
        assert lengths is not None
        self._keys, self._values, self._lengths, self._inverse = (
            keys,
            values,
            lengths,
            inverse_indices,
        )
        self._strides = stride_per_key_per_rank or [[len(lengths) // len(keys)] for _ in keys]

    def keys(self) -> list[str]:
        return self._keys

    def values(self) -> Tensor:
        return self._values

    def lengths(self) -> Tensor:
        return self._lengths

    def inverse_indices(self) -> Any:
        return self._inverse

    def stride_per_key(self) -> list[int]:
        return [sum(x) for x in self._strides]


@pytest.fixture(autouse=True)
def torchrec(monkeypatch: pytest.MonkeyPatch) -> None:
    """TorchRec, or a module with a class of the same fields."""
    try:
        importlib.import_module("torchrec.sparse.jagged_tensor")
    except (ImportError, OSError, RuntimeError):
        module = types.ModuleType("torchrec")
        module.KeyedJaggedTensor = KeyedJaggedTensor  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "torchrec", module)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("set") / "requests"
    return sets.make(out, "--layout", "request", "--max-actions", "10")


def lists_of(kjt: Any) -> dict[str, list[list[int]]]:
    """The lists of each key."""
    keys = kjt.keys()
    lengths = kjt.lengths().tolist()
    lists = [x.tolist() for x in torch.split(kjt.values(), lengths)]
    count = len(lists) // len(keys)
    return {key: lists[i * count : (i + 1) * count] for i, key in enumerate(keys)}


def real(batch: dict[str, Tensor], name: str) -> list[list[int]]:
    """The real actions of each history of a padded batch."""
    lengths = batch["history_length"].tolist()
    return [row[:n] for row, n in zip(batch[name].tolist(), lengths, strict=True)]


@pytest.mark.parametrize("by", ["sample", "request", "history"])
@pytest.mark.parametrize("layout", ["padded", "jagged"])
def test_histories(path: Path, by: Any, layout: Any) -> None:
    padded = list(Samples(path, by=by, batch_size=20))
    for wanted, batch in zip(
        padded, Samples(path, by=by, batch_size=20, layout=layout), strict=True
    ):
        kjt = to_kjt(batch)
        assert kjt.keys() == ["actions", "action_types"]
        assert lists_of(kjt) == {name: real(wanted, name) for name in ("actions", "action_types")}
        assert kjt.values().dtype == torch.int64
        histories = len(batch["history_length"])
        assert kjt.stride_per_key() == [histories] * 2
        if by == "sample":
            assert "history_index" not in batch
        else:
            keys, index = kjt.inverse_indices()
            assert keys == kjt.keys()
            assert torch.equal(index, batch["history_index"].expand(2, -1))


def test_some_keys(path: Path) -> None:
    batch = next(iter(Samples(path, names={"actions": "uih_item_id"})))
    assert to_kjt(batch, ["uih_item_id"]).keys() == ["uih_item_id"]
    with pytest.raises(ValueError, match='no "actions"; it has'):
        to_kjt(batch)


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("by", ["sample", "request", "history"])
@pytest.mark.parametrize("layout", ["padded", "jagged"])
def test_hstu(path: Path, by: Any, layout: Any, newest_first: bool) -> None:
    settings: dict[str, Any] = {"by": by, "batch_size": 20}
    padded = list(Samples(path, **settings))
    batches = Samples(path, **settings, layout=layout, newest_first=newest_first)
    for wanted, batch in zip(padded, batches, strict=True):
        histories, candidates = to_hstu(batch, newest_first=newest_first)
        assert lists_of(histories) == {
            name: [x[::-1] for x in real(wanted, name)] for name in ("actions", "action_types")
        }
        index = wanted.get("history_index", torch.arange(len(wanted["item_id"]))).tolist()
        for name in ("item_id", "is_order"):
            lists: list[list[int]] = [[] for _ in wanted["history_length"]]
            for history, value in zip(index, wanted[name].long().tolist(), strict=True):
                lists[history].append(value)
            assert lists_of(candidates)[name] == lists
        assert candidates.values().dtype == histories.values().dtype == torch.int64


def test_hstu_refuses_what_is_not_whole(path: Path) -> None:
    batch = next(iter(Samples(path)))
    batch["is_order"][3] = float("nan")
    with pytest.raises(ValueError, match='"is_order" has values that are not whole'):
        to_hstu(batch)
    assert to_hstu(batch, candidates=["item_id"])[1].keys() == ["item_id"]


def test_without_torchrec(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchrec", None)
    with pytest.raises(MissingPackage, match="pip install torchrec"):
        to_kjt(next(iter(Samples(path))))

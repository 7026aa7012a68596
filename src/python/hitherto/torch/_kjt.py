"""Batches as TorchRec's KeyedJaggedTensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .._errors import UsageError
from .._optional import need


def to_kjt(batch: Mapping[str, Tensor], keys: Sequence[str] = ("actions", "action_types")) -> Any:
    """The histories of a batch of `Samples` as a KeyedJaggedTensor of int64.

    Padded batches and jagged ones give the same. With `history_index` each history is in it once:
    lengths are `[len(keys) * U]`, the stride of each key is U, and `inverse_indices` has the
    history of each of the B samples for each key, `[len(keys), B]`, so that an embedding that
    supports it gives B rows. Without it the stride is U, which is B.

    Raises:
        UsageError: if the batch has no such key.
        MissingPackage: if torchrec is not installed.
    """
    torchrec = need("torchrec", "to_kjt", None)
    lists = [_values(batch, key) for key in keys]
    lengths = _of(batch, "history_length").to(torch.int32)
    about: dict[str, Any] = {}
    index = batch.get("history_index")
    if index is not None:
        about["stride_per_key_per_rank"] = [[len(lengths)] for _ in keys]
        about["inverse_indices"] = (list(keys), index.expand(len(keys), -1).contiguous())
    return torchrec.KeyedJaggedTensor(
        keys=list(keys), values=torch.cat(lists), lengths=lengths.repeat(len(keys)), **about
    )


def to_hstu(
    batch: Mapping[str, Tensor],
    *,
    histories: Sequence[str] = ("actions", "action_types"),
    candidates: Sequence[str] = ("item_id", "is_order"),
    newest_first: bool = True,
) -> tuple[Any, Any]:
    """A batch of `Samples` as the two KeyedJaggedTensors of HSTU, int64.

    The first, `uih_features_kjt`, has U histories, oldest action first. The second,
    `candidates_features_kjt`, has the samples of each history, in the order of the batch, with
    their labels. Its length for a history is the number of its samples.

    Args:
        batch: with `by="request"` or `by="history"`, a history has all of its samples.
        histories: keys of lists.
        candidates: keys of the samples.
        newest_first: as given to `Samples`.

    Raises:
        UsageError: if the batch has no such key, or a value is not whole, such as a missing label.
        MissingPackage: if torchrec is not installed.
    """
    torchrec = need("torchrec", "to_hstu", None)
    lengths = _of(batch, "history_length").to(torch.int64)
    lists = [_values(batch, key) for key in histories]
    if newest_first:
        lists = [_turned(values, lengths) for values in lists]
    index = batch.get("history_index")
    if index is None:
        index = torch.arange(len(lengths), device=lengths.device)
    order = torch.argsort(index, stable=True)
    counts = torch.bincount(index, minlength=len(lengths))
    samples = [_whole(key, _of(batch, key))[order] for key in candidates]
    return (
        torchrec.KeyedJaggedTensor(
            keys=list(histories), values=torch.cat(lists), lengths=lengths.repeat(len(histories))
        ),
        torchrec.KeyedJaggedTensor(
            keys=list(candidates), values=torch.cat(samples), lengths=counts.repeat(len(candidates))
        ),
    )


def _of(batch: Mapping[str, Tensor], key: str) -> Tensor:
    if key not in batch:
        raise UsageError(f'the batch has no "{key}"; it has {sorted(batch)}')
    return batch[key]


def _values(batch: Mapping[str, Tensor], key: str) -> Tensor:
    """The real values of lists, one list after the other, `[T]`, int64."""
    values = _whole(key, _of(batch, key))
    if "offsets" in batch:
        return values
    length = _of(batch, "history_length")
    return values[torch.arange(values.shape[1], device=values.device) < length[:, None]]


def _turned(values: Tensor, lengths: Tensor) -> Tensor:
    """The values of each list in reverse order."""
    ends = lengths.cumsum(0)
    both = (ends - lengths) + (ends - 1)
    place = torch.repeat_interleave(both, lengths)
    return values[place - torch.arange(len(values), device=values.device)]


def _whole(key: str, values: Tensor) -> Tensor:
    """Values as int64."""
    whole = values.to(torch.int64)
    if values.is_floating_point() and not torch.equal(whole.to(values.dtype), values):
        raise UsageError(f'"{key}" has values that are not whole; leave it out of the keys')
    return whole

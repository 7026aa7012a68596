"""Batches of sets of all layouts, orders and names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the loader needs torch")

import sets
from hitherto.torch import Samples

Make = Callable[..., Path]
FLAGS = ("--with", "price:float32,time_delta,time", "--guests", "empty", "--keep", "surface:int32")
SMALL = ("--row-group-rows", "37", "--part-rows", "100")
LISTS = ("actions", "action_types", "price", "time_delta", "time")


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes a set with cutoff `time` of a shop with guests, prices and times."""
    folder = tmp_path_factory.mktemp("layouts")
    logs = sets.richer_shop(folder / "logs")

    @functools.cache
    def make(layout: str, *more: str, cutoff: str = "time", limit: str = "12") -> Path:
        flags = ("--layout", layout, "--cutoff", cutoff, "--max-actions", limit, *more)
        out = folder / str(len(list(folder.iterdir())))
        return sets.make(out, *flags, *FLAGS, *SMALL, source=logs)

    return make


def batches_of(path: Path, **settings: Any) -> list[dict[str, Any]]:
    """The batches of an epoch as arrays of NumPy."""
    batches = Samples(path, **{"batch_size": 50, "threads": 1, **settings})
    return [{name: values.cpu().numpy() for name, values in batch.items()} for batch in batches]


def check_same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    """Checks that batches are equal, in order, where NaN equals NaN."""
    assert len(one) == len(other) > 0
    for a, b in zip(one, other, strict=True):
        assert list(a) == list(b)
        for name in a:
            assert a[name].dtype == b[name].dtype
            assert np.array_equal(a[name], b[name], equal_nan=a[name].dtype.kind == "f"), name


FORMS: list[dict[str, Any]] = [
    {},
    {"layout": "jagged", "by": "history", "newest_first": False},
    {"by": "request", "max_actions": 5, "newest_first": False},
    {"layout": "jagged", "max_actions": 5},
    {"device": "cpu", "max_actions": 5, "newest_first": False},
    {"device": "cpu", "layout": "jagged", "by": "request"},
]
OTHERS: list[tuple[str, str, tuple[str, ...]]] = [
    ("timeline", "12", ()),
    ("timeline", "all", ()),
    ("timeline", "all", ("--oldest-first",)),
    ("request", "12", ("--oldest-first",)),
    ("sample", "12", ("--oldest-first",)),
    ("sample", "12", ("--oldest-first", "--no-pad")),
]


@functools.cache
def plain_batches(path: Path, form: int) -> list[dict[str, Any]]:
    """The batches of a set that all others are compared with. Nobody changes them, nor the set."""
    return batches_of(path, **{"max_actions": 12, **FORMS[form]})


@pytest.mark.parametrize(("layout", "limit", "more"), OTHERS)
@pytest.mark.parametrize("cutoff", ["day", "time"])
def test_all_sets_give_the_same_batches(
    make: Make, cutoff: str, layout: str, limit: str, more: tuple[str, ...]
) -> None:
    plain = make("request", cutoff=cutoff)
    other = make(layout, *more, cutoff=cutoff, limit=limit)
    for i, form in enumerate(FORMS):
        check_same(batches_of(other, **{"max_actions": 12, **form}), plain_batches(plain, i))


def test_these_batches_have_what_the_set_has(make: Make) -> None:
    path = make("request")
    more = ("time_delta", "time", "surface")
    assert sets.found(Samples(path, batch_size=9), *more) == sets.expected(path, None, *more)
    batch = batches_of(make("timeline", limit="all"))[0]
    assert [x for x in batch if x in LISTS] == list(LISTS)
    assert [str(batch[x].dtype) for x in LISTS] == ["int32", "int32", "float32", "int32", "int64"]
    assert batch["time_delta"].shape == (50, 1000)


@pytest.mark.filterwarnings("ignore:.*windows")
def test_windows_of_timelines(make: Make) -> None:
    path, more = make("request"), ("time_delta", "time")
    for other in (make("timeline"), make("timeline", "--oldest-first", limit="all")):
        batches = Samples(other, batch_size=9, memory=40_000, max_actions=12)
        assert sets.found(batches, *more) == sets.expected(path, None, *more)


RENAME = (
    "actions=uih,action_types=uih_type,cutoff=history_length,history_length=uih_length,is_order=a_b"
)
RENAMES = {
    "sample": f"{RENAME},item_id=position,position=item_id",
    "request": f"{RENAME},items=position,time_delta=items",
    "timeline": f"{RENAME},items=position,action_time=when,history_start=actions",
}


@pytest.mark.parametrize("layout", RENAMES)
def test_batches_have_the_names_of_the_set(make: Make, layout: str) -> None:
    plain, renamed = make(layout), make(layout, "--rename", RENAMES[layout])
    names = {
        "actions": "uih",
        "action_types": "uih_type",
        "history_length": "uih_length",
        "is_order": "a_b",
    }
    names["item_id"] = "position"
    if layout == "request":
        names["time_delta"] = "items"
    wanted = batches_of(plain, names=names)
    check_same(batches_of(renamed), wanted)
    for wanted_batch in wanted:
        wanted_batch["clicked"] = wanted_batch.pop("uih")
    got = batches_of(renamed, names={"uih": "clicked"})
    check_same([dict(sorted(x.items())) for x in got], [dict(sorted(x.items())) for x in wanted])
    chosen = batches_of(renamed, columns=["uih", "a_b", "history_length"])[0]
    assert set(chosen) == {"uih", "a_b", "history_length", "uih_length"}
    assert chosen["history_length"].dtype == np.int64
    with pytest.raises(ValueError, match=r"no column \['actions_'\]"):
        Samples(renamed, columns=["actions_"])
    with pytest.raises(ValueError, match=r"names= has \['a_c'\]"):
        Samples(renamed, names={"a_c": "x"})


def test_a_name_of_two_columns_is_refused(make: Make) -> None:
    path = make("timeline", "--rename", "surface=offsets")
    with pytest.raises(ValueError, match=r"called \['offsets'\]"):
        Samples(path)
    assert "surface" not in batches_of(path, columns=["item_id"])[0]

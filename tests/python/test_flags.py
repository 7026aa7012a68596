"""Keywords to flags, and mappings to TOML."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest

from hitherto import UsageError
from hitherto._flags import flags_of
from hitherto._toml import job_text

CASES: list[tuple[dict[str, object], list[str]]] = [
    ({"with_": ["price", "time_delta"]}, ["--with=price", "--with=time_delta"]),
    ({"from_": datetime.date(2025, 8, 15)}, ["--from=2025-08-15"]),
    ({"data_end": datetime.datetime(2025, 8, 15, 1)}, ["--data-end=2025-08-15T01:00:00"]),
    ({"overwrite": True, "add_days": False, "to": None}, ["--overwrite"]),
    ({"memory": 2**30}, ["--memory=1073741824"]),
    ({"memory": "2GB"}, ["--memory=2GB"]),
    ({"negatives_sample": 0.1}, ["--negatives-sample=0.1"]),
    ({"max_actions": np.int64(7)}, ["--max-actions=7"]),
    ({"seed": -1}, ["--seed=-1"]),
    ({"out": Path("a b")}, ["--out=a b"]),
    ({"embargo": {"orders": datetime.timedelta(days=1)}}, ["--embargo=orders=86400s"]),
    ({"columns": {"clicks": {"item_id": "sku"}}}, ["--columns=clicks.item_id=sku"]),
    ({"columns": {"clicks.item_id": "sku"}}, ["--columns=clicks.item_id=sku"]),
    (
        {"impressions_where": {"event": ["cart", "purchase"]}},
        ["--impressions-where=event=cart", "--impressions-where=event=purchase"],
    ),
    ({"source": {"clicks": {"header": ["a", "b"]}}}, ["--source=clicks.header=a,b"]),
    ({"types": {3, 1}}, ["--types=1", "--types=3"]),
]


@pytest.mark.parametrize(("keywords", "flags"), CASES)
def test_a_keyword_is_its_flag(keywords: dict[str, object], flags: list[str]) -> None:
    assert flags_of(keywords) == flags


@pytest.mark.parametrize(
    "keywords",
    [
        {"max_actions": object()},
        {"with_": ["a", None]},
        {"with_": [True]},
        {"embargo": {"orders": datetime.timedelta(microseconds=1)}},
        {"out": "a\0b"},
        {"quiet": True},
        {"stats": "json"},
        {"help": True},
        {"version": True},
    ],
)
def test_what_is_no_flag_is_refused(keywords: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        flags_of(keywords)


def test_a_mapping_is_a_job_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tomllib = pytest.importorskip("tomllib", reason="tomllib needs Python 3.11")
    monkeypatch.chdir(tmp_path)
    job = {
        "job": "sequences",
        "dir": "logs",
        "item_vocabulary": "build",
        "max_actions": np.int32(7),
        "negatives_sample": np.float64(0.5),
        "no_pad": True,
        "date": datetime.date(2025, 8, 15),
        "left_out": None,
        "null_values": ['quote " back \\ tab \t del \x7f é', "-1"],
        "sources": {
            "weird.name": {
                "path": ["a/*.csv", Path("b.csv"), "-", "s3://x/y"],
                "types": {"view item": 1, "": 2},
                "where": {"event": ["a", "b"]},
            },
            "clicks": {"files_from": "list", "embargo": datetime.timedelta(hours=1)},
        },
    }
    here = str(tmp_path)
    assert tomllib.loads(job_text(job)) == {
        "job": "sequences",
        "dir": f"{here}/logs",
        "item_vocabulary": "build",
        "max_actions": 7,
        "negatives_sample": 0.5,
        "no_pad": True,
        "date": "2025-08-15",
        "null_values": ['quote " back \\ tab \t del \x7f é', "-1"],
        "sources": {
            "weird.name": {
                "path": [f"{here}/a/*.csv", f"{here}/b.csv", "-", "s3://x/y"],
                "types": {"view item": 1, "": 2},
                "where": {"event": ["a", "b"]},
            },
            "clicks": {"files_from": f"{here}/list", "embargo": "3600s"},
        },
    }


def test_a_job_that_is_no_text_is_refused() -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        job_text({"out": "/\udcff"})
    with pytest.raises(UsageError, match="item_type"):
        job_text({"item_type": object()})

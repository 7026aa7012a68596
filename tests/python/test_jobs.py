"""The jobs, by keywords and as they are written down."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hitherto as ht


def part_bytes(made: ht.Set) -> dict[str, bytes]:
    """The bytes of the data files of a set."""
    return {part: (made.path / part).read_bytes() for part in made.parts}


def test_sequences_take_flags_as_keywords(shop: Path, tmp_path: Path) -> None:
    made = ht.sequences(
        shop,
        out=tmp_path / "out",
        from_=datetime.date(2025, 8, 16),
        to="2025-08-16",
        layout="sample",
        max_actions=20,
        with_=["time_delta"],
        embargo={"orders": datetime.timedelta(hours=2)},
        types=[1, 3],
        no_pad=True,
        memory=2**28,
        threads=1,
        progress=False,
    )
    assert made.days == (datetime.date(2025, 8, 16),)
    assert made.seconds is not None
    assert made.seconds < 60
    settings = made.settings
    assert (settings["layout"], settings["max_actions"], settings["pad"]) == ("sample", 20, False)
    assert (settings["with"], settings["types"]) == (["time_delta"], [1, 3])
    assert settings["embargo_us"] == {"orders": 7_200_000_000}


def test_layout_is_request_unless_told(requests: ht.Set, samples: ht.Set) -> None:
    assert requests.settings["layout"] == "request"
    assert requests.samples == samples.samples == 661
    assert requests.counts["rows"] < samples.counts["rows"]


def test_the_output_may_have_any_name(shop: Path, tmp_path: Path) -> None:
    for name in ("-dash", "a b=c,d", "caf\udce9"):
        made = ht.sequences(shop, out=tmp_path / name, progress=False)
        assert made.path == tmp_path / name
        assert made.head(1).num_rows == 1
    with pytest.raises(ht.NotFound):
        ht.sequences("--version", out=tmp_path / "c", progress=False)


def test_days_are_added(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for day in ("2025-08-15", "2025-08-16", "2025-08-16"):
        made = ht.sequences(
            shop, out=out, date=day, add_days=True, if_exists="skip", progress=False
        )
    assert [str(day) for day in made.days] == ["2025-08-15", "2025-08-16"]
    again = ht.sequences(shop, out=out, date="2025-08-15", overwrite=True, progress=False)
    assert [str(day) for day in again.days] == ["2025-08-15"]


def test_features(tmp_path: Path) -> None:
    logs = ht.generate(
        tmp_path / "logs",
        job="features",
        impressions=300,
        clicks=2000,
        users=40,
        listings=20,
        progress=False,
    )
    made = ht.features(
        logs,
        out=tmp_path / "out",
        windows=["1h", "24h"],
        label_window=datetime.timedelta(days=2),
        progress=False,
    )
    assert (made.job, made.samples) == ("features", 300)
    rows = made.read()
    assert {"prior_listing_clicks_24h", "clicked", "date"} <= set(rows.schema.names)
    day = made.days[0]
    assert set(made.read(days=day)["date"].to_pylist()) == {day}
    assert made.verify(audit_rows="all").rows_recomputed == 300


def test_dwell(tmp_path: Path) -> None:
    events = ht.generate(tmp_path / "logs", job="dwell", events=2000, users=30, progress=False)
    made = ht.dwell(events, out=tmp_path / "out", method="session", idle_timeout="10m",
                    with_tables=["user"], progress=False)  # fmt: skip
    assert made.job == "dwell"
    assert made.samples == made.read().num_rows == made.counts["user_merchant_rows"]
    assert made.read(table="user").schema.names[0] == "user_id"
    with pytest.raises(ht.UsageError, match="'flyer'"):
        made.read(table="flyer")
    with pytest.raises(ht.UsageError, match="by_day=True"):
        made.read(days=made.days[0])
    by_day = ht.dwell(events, out=tmp_path / "days", by_day=True, progress=False)
    assert by_day.read(days=by_day.days[0])["date"].to_pylist()[0] == by_day.days[0]


def test_generate_makes_the_same_again(tmp_path: Path) -> None:
    def files(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    sizes: dict[str, Any] = {"impressions": 50, "actions": 1000, "customers": 20, "items": 50}
    made = [
        files(ht.generate(tmp_path / name, seed=seed, format="csv", progress=False, **sizes))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert made[0] == made[1] != made[2]


def test_plan_writes_nothing(shop: Path, tmp_path: Path, requests: ht.Set) -> None:
    out = tmp_path / "out"
    planned = ht.plan("sequences", shop, out=out)
    assert planned.rows == requests.counts["rows"]
    assert planned.figures["samples"] == requests.samples
    assert planned.seconds > 0
    assert planned.memory_bytes > planned.bytes > 0
    assert not out.exists()
    assert ht.plan(requests, out=out).rows == planned.rows
    job = {"job": "sequences", "dir": shop, "layout": "sample"}
    assert ht.plan(job, out=out).rows == requests.samples
    with pytest.raises(ht.OutputExists):
        ht.plan("sequences", shop, out=requests)


def toml_job(folder: Path, shop: Path) -> Path:
    path = folder / "job.toml"
    path.write_text(f'# A job\njob = "sequences"\ndir = "{shop}"\nmax_actions = 30\nout = "out"\n')
    return path


def mapping_job(folder: Path, shop: Path) -> dict[str, object]:
    return {"job": "sequences", "dir": shop, "max_actions": 30, "out": folder / "out"}


@pytest.mark.parametrize("make", [toml_job, mapping_job])
def test_a_job_runs(
    make: Callable[[Path, Path], Path | dict[str, object]], shop: Path, tmp_path: Path
) -> None:
    made = ht.run(make(tmp_path, shop), progress=False)
    assert made.path.samefile(tmp_path / "out")
    assert (made.settings["max_actions"], made.settings["layout"]) == (30, "sample")
    other = ht.run(make(tmp_path, shop), out=tmp_path / "b", max_actions=40, progress=False)
    assert other.settings["max_actions"] == 40


def test_a_set_is_made_again(requests: ht.Set, tmp_path: Path) -> None:
    for number, job in enumerate((requests, requests.path / "_manifest.json")):
        again = ht.run(job, out=tmp_path / str(number), progress=False)
        assert part_bytes(again) == part_bytes(requests)


def test_relative_paths_of_a_mapping_start_at_the_current_folder(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop)
    sources = {
        "impressions": {"path": "impressions"},
        "views": {
            "path": ["clicks/dt=2025-08-14/*.csv", "clicks/dt=2025-08-15"],
            "type": 7,
            "columns": {"time": "click_time"},
        },
    }
    job = {"job": "sequences", "sources": sources, "out": tmp_path / "out"}
    made = ht.run(job, progress=False)
    assert set(made.metrics["real_action_type_distribution"]) == {"7"}


def test_what_is_no_job_is_refused(tmp_path: Path, shop: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text('out = "x"\n[sources.clicks]\njob = "sequences"\n')
    for job in (path, {"dir": shop}, {"job": "training"}):
        with pytest.raises(ht.UsageError, match='"sequences" or "features" or "dwell"'):
            ht.run(job, out=tmp_path / "out")
    for text in ("{", '{"job": 7}', '{"job": "training"}'):
        path.write_text(text)
        with pytest.raises(ht.UsageError, match=r"job\.toml|has to say"):
            ht.run(path, out=tmp_path / "out")
    path.write_text('job = "sequences"\nmax_action = 7\n')
    with pytest.raises(ht.UsageError, match=r'did you mean "max_actions"\?'):
        ht.run(path, out=tmp_path / "out", progress=False)
    with pytest.raises(ht.NotFound):
        ht.run(tmp_path / "nothing.toml", out=tmp_path / "out")
    with pytest.raises(ht.UsageError, match=r"hitherto\.run"):
        ht.sequences(out=tmp_path / "out", job=path)


def test_explain_and_verify(shop: Path, samples: ht.Set, tmp_path: Path) -> None:
    actions = ht.explain(samples, ranking_id="r0001")
    kept = [action for action in actions if action["position"] is not None]
    row = next(
        row for row in samples.read(histories="list").to_pylist() if row["ranking_id"] == "r0001"
    )
    assert [action["item_id"] for action in kept] == row["actions"]
    assert ht.explain(samples, customer=1239, date=datetime.date(2025, 8, 15))
    with pytest.raises(ht.NotFound):
        ht.explain(samples, ranking_id="nobody")
    made = ht.sequences(shop, out=tmp_path / "out", progress=False)
    assert made.verify(audit_rows=0).audit is None
    verified = ht.verify(made, audit_rows="all")
    assert verified.rows_recomputed == made.counts["rows"]
    assert "is sound, and its rows are right" in verified.report
    part = made.path / made.parts[0]
    damaged = bytearray(part.read_bytes())
    damaged[100] ^= 1
    part.write_bytes(damaged)
    with pytest.raises(ht.DataError, match="it is not sound: one problem") as caught:
        made.verify()
    assert made.parts[0] in caught.value.message
    assert "look for inputs" not in caught.value.message


def test_the_manifest_is_what_the_binary_wrote(requests: ht.Set) -> None:
    manifest = json.loads((requests.path / "_manifest.json").read_bytes())
    assert requests.settings == manifest["settings"]
    assert requests.counts == manifest["counts"]

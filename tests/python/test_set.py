"""A set that lies there."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import pickle
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

import hitherto as ht


def test_a_set_has_what_its_manifest_says(requests: ht.Set) -> None:
    opened = ht.open(requests.path)
    assert opened.path == requests.path
    assert opened.job == "sequences"
    assert opened.days == (datetime.date(2025, 8, 15), datetime.date(2025, 8, 16))
    assert opened.samples == 661
    assert opened.metrics["label_rate"] == pytest.approx(0.0938, abs=1e-4)
    assert opened.parts[0] == "dt=2025-08-15/part-00000.parquet"
    assert opened.seconds is None
    assert requests.seconds is not None
    assert ht.open(requests) is requests


def test_a_set_is_a_path_and_does_not_change(requests: ht.Set) -> None:
    assert os.fspath(requests) == str(requests.path)
    assert Path(requests).is_dir()
    with pytest.raises(dataclasses.FrozenInstanceError):
        requests.job = "other"  # type: ignore[misc]  # pyright: ignore
    assert pickle.loads(pickle.dumps(requests)).samples == 661


def test_it_shows_itself_in_one_line(requests: ht.Set) -> None:
    assert repr(requests) == (
        f"<hitherto.Set '{requests.path}': sequences, 2025-08-15 to 2025-08-16, 661 samples>"
    )


class Cells(HTMLParser):
    """The texts of a page; notices tags that are not closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_notebook_shows_figures_and_days(requests: ht.Set) -> None:
    texts = Cells(requests._repr_html_()).texts
    assert texts[0].startswith(f"{requests.path}: sequences, made in ")
    for cells in (["samples", "661"], ["2025-08-15", "332"], ["impressions", "120"]):
        at = [texts[i : i + 2] for i in range(len(texts))]
        assert cells in at


def test_names_and_warnings_are_escaped(requests: ht.Set, tmp_path: Path) -> None:
    out = tmp_path / "<b>&"
    shutil.copytree(requests.path, out)
    metrics = json.loads((out / "_metrics.json").read_bytes())
    metrics["warnings"] = [{"code": "repeats", "message": "<script>alert(1)</script>"}]
    (out / "_metrics.json").write_text(json.dumps(metrics))
    page = ht.open(out)._repr_html_()
    assert "<script" not in page
    assert "<b>" not in page
    assert "repeats: <script>alert(1)</script>" in Cells(page).texts


def test_many_days_are_cut(requests: ht.Set) -> None:
    days = tuple(datetime.date(2025, 1, 1) + datetime.timedelta(i) for i in range(100))
    texts = Cells(dataclasses.replace(requests, days=days)._repr_html_()).texts
    assert "… 90 more days" in texts
    assert len(texts) < 60


def test_samples_for_torch(requests: ht.Set) -> None:
    pytest.importorskip("torch", reason="torch is not installed: no samples for it")
    batches = list(requests.torch(batch_size=100, max_actions=5))
    assert sum(len(batch["item_id"]) for batch in batches) == 661
    assert batches[0]["actions"].shape == (100, 5)


def test_the_report_is_made_once(requests: ht.Set, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(requests.path, out, ignore=shutil.ignore_patterns("_report.html"))
    page = ht.open(out).report()
    assert page == out / "_report.html"
    assert "<html" in page.read_text()
    page.write_text("kept")
    assert ht.open(out).report().read_text() == "kept"
    # The set is newer, as after days were added.
    later = page.stat().st_mtime + 1
    os.utime(out / "_metrics.json", (later, later))
    assert "<html" in ht.open(out).report().read_text()


def test_what_is_no_set_is_refused(requests: ht.Set, tmp_path: Path) -> None:
    with pytest.raises(ht.NotFound, match="is no set"):
        ht.open(tmp_path)
    with pytest.raises(ht.NotFound):
        ht.open(tmp_path / "nothing")
    with pytest.raises(ht.UsageError, match=r"one day of a set; .* days=\['2025-08-15'\]"):
        ht.open(requests.path / "dt=2025-08-15")
    manifest = tmp_path / "_manifest.json"
    for text in ("", "[]", "{}", '{"job": "other", "counts": {}}'):
        manifest.write_text(text)
        with pytest.raises(ht.DataError, match=r"_manifest\.json"):
            ht.open(tmp_path)

"""Each exit code is an exception of its own."""

from __future__ import annotations

import pickle
import signal
from pathlib import Path

import pytest

import hitherto as ht
from hitherto._errors import error_of


def test_usage_has_the_tip_of_the_binary(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(ht.UsageError) as caught:
        ht.sequences(shop, out=tmp_path / "out", codecc="zstd", progress=False)
    assert isinstance(caught.value, ValueError)
    assert caught.value.exit_code == 2
    assert caught.value.hint == "a similar argument exists: '--codec'"
    assert "unexpected argument '--codecc'" in str(caught.value)
    assert "Usage:" not in str(caught.value)


def test_a_gate_has_its_figures(shop: Path, tmp_path: Path) -> None:
    gates = ["zero_history_pct>0.01", "label_rate < 2"]
    with pytest.raises(ht.GateFailed) as caught:
        ht.sequences(shop, out=tmp_path / "out", fail_if=gates, progress=False)
    error = caught.value
    assert (error.exit_code, error.metric, error.bound) == (3, "zero_history_pct", ">0.01")
    assert (error.gate, error.hint) == (gates[0], None)
    assert error.value == pytest.approx(12 / 661)
    assert gates[1] in error.message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("gate", "metric", "bound"),
    [
        ("rows_vs({})<2", "rows_vs({})", "<2"),
        ("missing_days(clicks) >= 0", "missing_days(clicks)", ">= 0"),
        ("full_history_span_mean_seconds==1e3", "full_history_span_mean_seconds", "==1e3"),
    ],
)
def test_every_kind_of_gate(
    gate: str, metric: str, bound: str, shop: Path, requests: ht.Set, tmp_path: Path
) -> None:
    gate, metric = gate.format(requests.path), metric.format(requests.path)
    with pytest.raises(ht.GateFailed) as caught:
        ht.sequences(shop, out=tmp_path / "out", fail_if=gate, progress=False)
    error = caught.value
    assert (error.metric, error.bound, error.gate) == (metric, bound, gate)
    assert (error.value is None) == metric.startswith("full_history")


def test_bad_data(tmp_path: Path) -> None:
    head, click = "customer_id,ranking_id,dt,impressions", "1,7,2025-08-01T00:00:00Z"
    rows = "1,a,never,[7]\n1,b,2025-08-15,[7]"
    (tmp_path / "impressions.csv").write_text(f"{head}\n{rows}\n")
    (tmp_path / "clicks.csv").write_text(f"customer_id,item_id,click_time\n{click}\n")
    with pytest.raises(ht.DataError) as caught:
        ht.sequences(tmp_path, out=tmp_path / "out", without=["carts", "orders"], progress=False)
    assert isinstance(caught.value, ValueError)
    assert caught.value.exit_code == 65
    assert "row 1" in caught.value.message
    assert caught.value.hint == "--on-bad-row quarantine sets such rows aside and goes on"


def test_no_input(tmp_path: Path) -> None:
    with pytest.raises(ht.NotFound) as caught:
        ht.sequences(tmp_path / "nothing", out=tmp_path / "out", progress=False)
    assert isinstance(caught.value, FileNotFoundError)
    assert caught.value.exit_code == 66


def test_an_output_that_exists(shop: Path, requests: ht.Set) -> None:
    with pytest.raises(ht.OutputExists, match="it exists") as caught:
        ht.sequences(shop, out=requests, progress=False)
    assert isinstance(caught.value, FileExistsError)
    assert caught.value.exit_code == 73
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("--overwrite")


def test_too_little_memory(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(ht.InternalError) as caught:
        ht.sequences(shop, out=tmp_path / "out", memory=1, progress=False)
    assert caught.value.exit_code == 70
    assert caught.value.hint is not None
    assert "--memory" in caught.value.hint


def test_an_output_that_cannot_be_written(shop: Path, tmp_path: Path) -> None:
    copy = tmp_path / "file" / "metrics.json"
    (tmp_path / "file").write_text("")
    with pytest.raises(ht.Error) as caught:
        ht.sequences(shop, out=tmp_path / "out", metrics_json=copy, progress=False)
    assert caught.value.exit_code in (73, 74)


def test_other_codes() -> None:
    failed = error_of(74, 'hitherto: could not read "a": input/output error\n')
    assert isinstance(failed, ht.IOFailed)
    assert isinstance(failed, OSError)
    assert str(failed) == 'could not read "a": input/output error'
    ended = error_of(-signal.SIGKILL, "")
    assert (ended.exit_code, "SIGKILL" in ended.message) == (137, True)
    unknown = error_of(99, "")
    assert (type(unknown), unknown.exit_code) == (ht.Error, 99)
    assert unknown.message == "hitherto ended with code 99"


def test_progress_is_no_part_of_a_message() -> None:
    text = '[    0.01 s] look for inputs\r\n\x1b[2K{"progress":{}}\nhitherto: no; --flag helps\n'
    error = error_of(66, text)
    assert (error.message, error.hint) == ("no; --flag helps", "--flag helps")


@pytest.mark.parametrize(
    "kind",
    [ht.UsageError, ht.GateFailed, ht.DataError, ht.NotFound, ht.OutputExists, ht.IOFailed],
)
def test_errors_pass_through_pickle(kind: type[ht.Error]) -> None:
    error = kind("what; --why", hint="--why", exit_code=kind.exit_code)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (kind, "what; --why")
    assert (again.hint, again.exit_code) == ("--why", kind.exit_code)

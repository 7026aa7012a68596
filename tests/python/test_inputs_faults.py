"""Tables that are none, that fail, that never come, and that are gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import hitherto as ht
from tables import clicks, impressions, read_back


def test_what_is_no_source_is_refused(shop: Path, tmp_path: Path) -> None:
    wrong: list[Any] = [["a.csv", "b.csv"], 7, {"a": 1}]
    for value in wrong:
        with pytest.raises(ht.UsageError, match="clicks takes a path"):
            ht.sequences(clicks=value, out=tmp_path / "out")
    frame: Any = clicks()
    with pytest.raises(ht.UsageError, match="give tables by name"):
        ht.sequences(frame, out=tmp_path / "out")
    with pytest.raises(ht.UsageError, match="not a table"):
        ht.sequences(clicks=pl.Series([1, 2]), impressions=shop, out=tmp_path / "out")


def stream_that(fails: Callable[[], None], schema: pa.Schema) -> pa.RecordBatchReader:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from clicks().to_batches()
        fails()

    return pa.RecordBatchReader.from_batches(schema, batches())


class Broken(Exception):
    """An error of the user's own."""


def test_an_exception_of_the_data_ends_the_run_and_is_raised(tmp_path: Path) -> None:
    def fail() -> None:
        raise Broken("no connection")

    reader = stream_that(fail, clicks().schema)
    with pytest.raises(Broken, match="no connection"):
        read_back(impressions(), reader, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []

    def broken_pipe() -> None:
        raise BrokenPipeError("of a database")

    class Unready:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            raise Broken("not yet")

    with pytest.raises(Broken, match="not yet"):
        read_back(impressions(), Unready(), tmp_path / "out")
    mixed = pd.DataFrame({"customer_id": [1, "a"], "item_id": [1, 2]})
    with pytest.raises(pa.ArrowException):
        read_back(impressions(), mixed, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []

    reader = stream_that(broken_pipe, clicks().schema)
    with pytest.raises(BrokenPipeError, match="of a database"):
        read_back(impressions(), reader, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flag", [{"codecc": 1}, {"clicks": "nothing"}])
def test_a_binary_that_ends_early_leaves_no_writer(flag: dict[str, Any], tmp_path: Path) -> None:
    before = threading.active_count()
    began = time.monotonic()
    with pytest.raises((ht.UsageError, ht.NotFound)):
        ht.sequences(impressions=impressions(), out=tmp_path / "out", progress=False, **flag)
    assert time.monotonic() - began < 5
    assert threading.active_count() == before


def test_a_binary_that_stops_reading_is_no_error_of_the_data(tmp_path: Path) -> None:
    big = pa.concat_tables([impressions()] * 3_000)
    with pytest.raises(ht.DataError, match='could not read "impressions"'):
        ht.sequences(
            impressions=impressions().rename_columns(["a", "b", "c", "d"]),
            clicks=big,
            without=["carts", "orders"],
            out=tmp_path / "out",
            progress=False,
        )


def test_a_binary_that_is_killed_is_no_error_of_the_data(tmp_path: Path) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from clicks().to_batches()
        tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
        for child in " ".join(task.read_text() for task in tasks).split():
            os.kill(int(child), signal.SIGKILL)
        for _ in range(1000):
            yield pa.concat_tables([clicks()] * 1000).combine_chunks().to_batches()[0]

    reader = pa.RecordBatchReader.from_batches(clicks().schema, batches())
    with pytest.raises(ht.Error, match="ended by SIGKILL") as caught:
        read_back(impressions(), reader, tmp_path / "out")
    assert caught.value.exit_code == 137


DIES = """
import os, signal, sys
import hitherto as ht

class Dies:
    def __arrow_c_stream__(self, requested_schema=None):
        print("ready", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

ht.sequences(impressions=sys.argv[1], clicks=Dies(), carts=sys.argv[2],
             without=["orders"], out=sys.argv[3], progress=False)
"""


def test_a_process_that_dies_publishes_no_part_of_its_data(
    sources: dict[str, str], tmp_path: Path
) -> None:
    arguments = [sources["impressions"], sources["carts"], str(tmp_path / "out")]
    source = str(Path(ht.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", DIES, *arguments],
        env={**os.environ, "PYTHONPATH": source},
        stdout=subprocess.PIPE,
        check=False,
    )
    assert (done.stdout, done.returncode) == (b"ready\n", -signal.SIGKILL)
    # The binary is an orphan, and would have published within this time.
    time.sleep(2)
    assert list(tmp_path.iterdir()) == []


def test_data_that_never_come_do_not_keep_an_error_back(tmp_path: Path) -> None:
    forever = threading.Event()

    def wait() -> None:
        forever.wait()

    reader = stream_that(wait, clicks().schema)
    began = time.monotonic()
    with pytest.raises(ht.Error):
        ht.sequences(
            impressions=tmp_path / "nothing", clicks=reader, out=tmp_path / "out", progress=False
        )
    forever.set()
    assert time.monotonic() - began < 10


def test_rows_of_tables_cannot_be_audited(tmp_path: Path) -> None:
    read_back(impressions(), clicks(), tmp_path / "out")
    made = ht.open(tmp_path / "out")
    with pytest.raises(ht.NotFound, match="the files are sound; rows cannot be audited"):
        made.verify()
    assert "is sound" in made.verify(audit_rows=0).report
    with pytest.raises(ht.NotFound):
        ht.run(made, out=tmp_path / "again", progress=False)


def test_days_of_tables_are_added(tmp_path: Path) -> None:
    for day in ("2025-08-15", "2025-08-16"):
        imps = impressions().set_column(2, "dt", pa.array([day] * 2))
        made = ht.sequences(
            impressions=imps,
            clicks=clicks(),
            without=["carts", "orders"],
            out=tmp_path / "out",
            add_days=True,
            progress=False,
        )
    assert len(made.days) == 2

"""How a run is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hitherto as ht

SOURCE = str(Path(ht.__file__).parents[1])

INTERRUPTED = """
import sys, threading
import pyarrow as pa
import hitherto as ht

def batches():
    yield pa.record_batch({"customer_id": [1]})
    print("ready", flush=True)
    threading.Event().wait()

reader = pa.RecordBatchReader.from_batches(pa.schema([("customer_id", pa.int64())]), batches())
try:
    ht.sequences(impressions=sys.argv[1], clicks=reader, without=["carts", "orders"],
                 out=sys.argv[2], progress=sys.argv[3] == "True")
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("progress", [True, False])
def test_ctrl_c_ends_the_binary_and_leaves_nothing(
    progress: bool, sources: dict[str, str], tmp_path: Path
) -> None:
    arguments = [sources["impressions"], str(tmp_path / "out"), str(progress)]
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": SOURCE},
        start_new_session=True,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    binary = children_of(child.pid)
    assert len(binary) == 1
    began = time.monotonic()
    # As a terminal does it: to the whole group.
    os.killpg(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert (out, child.returncode) == ("interrupted\n", 0), err
    assert time.monotonic() - began < 10
    assert list(tmp_path.iterdir()) == []
    assert not Path(f"/proc/{binary[0]}").exists()


COUNTS = """
import signal, sys, time
signals = []
signal.signal(signal.SIGINT, lambda *_: signals.append("signal"))
print("started", file=sys.stderr, flush=True)
until = time.monotonic() + 2
while time.monotonic() < until:
    time.sleep(0.01)
open(SIGNALS, "w").write(" ".join(signals))
sys.exit(65)
"""

CALLS = """
import sys
import hitherto as ht
try:
    ht.sequences("logs", out="out", progress=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_signals_the_binary_once(tmp_path: Path) -> None:
    fake = tmp_path / "hitherto"
    to = str(tmp_path / "signals")
    fake.write_text(f"#!{sys.executable}\nSIGNALS = {to!r}\n{COUNTS}")
    fake.chmod(0o755)
    child = subprocess.Popen(
        [sys.executable, "-c", CALLS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": SOURCE, "HITHERTO_BINARY": str(fake)},
        start_new_session=True,
        text=True,
    )
    assert child.stderr is not None
    assert child.stderr.readline() == "started\n"
    os.killpg(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert out == "interrupted\n", err
    assert (tmp_path / "signals").read_text() == "signal"


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and that have not ended."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]

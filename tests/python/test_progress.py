"""What is shown of a run."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import hitherto as ht
from hitherto._progress import Notebook, Text, progress_line

SOURCE = str(Path(ht.__file__).parents[1])


def test_nothing_is_shown_if_asked(
    shop: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ht.sequences(shop, out=tmp_path / "out", progress=False)
    assert capfd.readouterr() == ("", "")


def test_a_process_without_stderr(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert ht.sequences(shop, out=tmp_path / "out").samples == 661


def test_lines_go_to_stderr_but_for_the_error(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    ht.sequences(shop, out=tmp_path / "out")
    assert "] read impressions" in shown.getvalue()
    assert "661 samples" in shown.getvalue()
    shown.truncate(0)
    with pytest.raises(ht.GateFailed, match="zero_history_pct is"):
        ht.sequences(shop, out=tmp_path / "b", fail_if="zero_history_pct>0.01")
    assert "] read impressions" in shown.getvalue()
    assert "zero_history_pct" not in shown.getvalue()


def test_an_error_that_comes_in_pieces_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = "[    0.01 s] read\nhit or miss\nhitherto: no, never\n"
    for size in range(1, len(whole)):
        shown = io.StringIO()
        monkeypatch.setattr(sys, "stderr", shown)
        display = Text()
        for at in range(0, len(whole), size):
            display.show(whole[at : at + size])
        display.close()
        assert shown.getvalue().removesuffix("\n") + "\n" == "[    0.01 s] read\nhit or miss\n"
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    display = Text()
    display.show("hither")
    display.close()
    assert shown.getvalue() == "hither"


TERMINAL = """
import sys
import hitherto as ht
assert sys.stderr.isatty()
ht.sequences(sys.argv[1], out=sys.argv[2])
try:
    ht.sequences(sys.argv[1], out=sys.argv[2])
except ht.OutputExists as error:
    print(repr(str(error)))
"""


def test_a_terminal_has_the_bar_of_the_binary(shop: Path, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    pieces: list[bytes] = []

    def listen() -> None:
        try:
            while piece := os.read(ours, 65_536):
                pieces.append(piece)
        except OSError:
            return

    listener = threading.Thread(target=listen)
    listener.start()
    done = subprocess.run(
        [sys.executable, "-c", TERMINAL, str(shop), str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "PYTHONPATH": SOURCE, "TERM": "xterm"},
        check=True,
        text=True,
    )
    os.close(theirs)
    listener.join()
    os.close(ours)
    shown = b"".join(pieces).decode()
    assert "661 samples" in shown
    # Lines for stages are of files; a terminal has a bar.
    assert "] read impressions" not in shown
    assert "it exists" not in shown
    assert done.stdout.startswith("'could not make ")
    assert "\\x1b" not in done.stdout


class Cell:
    """The output of a cell."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def display(self, text: str, display_id: bool) -> Cell:
        assert display_id
        self.shown.append(text)
        return self

    def update(self, text: str) -> None:
        self.shown.append(text)


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    """A cell of a notebook, in which this process is the kernel."""
    cell = Cell()
    ipython: Any = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    display: Any = ModuleType("IPython.display")
    display.display, display.Pretty = cell.display, str
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return cell


def test_a_notebook_has_one_line_that_changes(
    cell: Cell, shop: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ht.sequences(shop, out=tmp_path / "out")
    assert cell.shown[-1].startswith(f"made {tmp_path / 'out'}: 2 days")
    assert capfd.readouterr() == ("", "")


def test_progress_of_the_binary_is_understood(shop: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    command = [str(ht.binary()), "sequences", str(shop), "--out", out, "--progress", "json"]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    shown = [line for line in map(progress_line, done.stderr.splitlines()) if line]
    pattern = re.compile(r"[a-z ]+( \d+ %)?  [\d,]+ rows read, [\d,]+ written")
    assert len(shown) > 2
    assert all(pattern.fullmatch(line) for line in shown[:-1])
    assert shown[-2].endswith("  1,580 rows read, 661 written")
    assert shown[-1].startswith("made ")


FAKE = """#!/bin/sh
case "$*" in
"sequences --help") ;;
*--help*) exit 9 ;;
*) ;;
esac
case "$*" in
*--help*) echo "  --progress <FORMAT>"; exit 0 ;;
*--progress=json*) ;;
*) exit 9 ;;
esac
echo '{"progress":{"stage":"read","done":5,"total":20,"rows_read":5000,"rows_written":0}}' >&2
sleep 0.1
echo '{"progress":{"stage":"write","done":0,"total":0,"rows_read":7,"rows_written":1200}}' >&2
sleep 0.1
echo 'hitherto: no; --flag helps' >&2
exit 65
"""


def test_a_notebook_asks_for_progress_in_json(
    cell: Cell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "hitherto"
    fake.write_text(FAKE)
    fake.chmod(0o755)
    monkeypatch.setenv("HITHERTO_BINARY", str(fake))
    with pytest.raises(ht.DataError) as caught:
        ht.sequences("logs", out="out")
    assert cell.shown == [
        "read 25 %  5,000 rows read, 0 written",
        "write  7 rows read, 1,200 written",
    ]
    assert (caught.value.message, caught.value.hint) == ("no; --flag helps", "--flag helps")


def test_lines_that_come_in_pieces() -> None:
    cell = Cell()
    notebook = Notebook(cell.display, str)
    for piece in ("[    0.0", "1 s] read\n[    0.02 s] wri", "te  7 rows\nmade"):
        notebook.show(piece)
    assert cell.shown == ["[    0.01 s] read", "[    0.02 s] write  7 rows"]
    assert progress_line("read it with") is None

"""Runs the binary."""

from __future__ import annotations

import functools
import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

from ._binary import binary
from ._errors import error_of
from ._inputs import Feed
from ._progress import Display, Ears, Notebook, Silent, Text, display_for


def run(
    args: Sequence[str],
    *,
    feeds: Sequence[Feed] = (),
    progress: bool | None = False,
    is_quiet: bool = True,
) -> str:
    """Runs the binary with some arguments; returns what it wrote to standard output.

    Progress and the summary go where ``progress`` says: ``False`` nowhere, otherwise to the cell of
    a notebook or to ``sys.stderr``. Where nothing is shown, the binary gets ``--quiet``, unless
    ``is_quiet`` is false: with ``--quiet`` verify prints no report.

    Raises:
        Error: of the class for the exit code, if the binary ends with another one than 0.
        KeyboardInterrupt: after the binary was interrupted and has ended.
        BaseException: what the data of a feed raised, after the binary was stopped.
    """
    display, path = display_for(progress), os.fspath(binary())
    # What stands behind `--` is no flag.
    end = args.index("--") if "--" in args else len(args)
    more = _progress_flags(display, is_quiet, path, args)
    command = [path, *args[:end], *more, *args[end:]]
    ears = Ears(is_terminal=isinstance(display, Text) and sys.stderr.isatty())
    try:
        child = _Child(command, ears.write)
    except BaseException:
        ears.started()
        ears.close()
        raise
    try:
        heard = _listen(child, ears, display, feeds)
    finally:
        for feed in feeds:
            feed.end()
        ears.close()
        display.close()
    failed = [feed.error for feed in feeds if feed.error is not None]
    if failed:
        raise failed[0]
    code = child.wait()
    if code != 0:
        raise error_of(code, _named(heard, feeds))
    return child.output()


class _Child:
    """A process of the binary."""

    def __init__(self, command: Sequence[str], stderr: int) -> None:
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, "NO_COLOR": "1"},
            # Ctrl-C in a terminal goes to a group of processes. The binary takes a second signal
            # for an order to stop without tidying up, so it gets the first from here only.
            start_new_session=True,
        )
        self._pieces: list[bytes] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self) -> int:
        """The exit code, after the end."""
        code = self._process.wait()
        self._reader.join()
        return code

    def interrupt(self) -> None:
        """Asks the run to end, as Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()

    def output(self) -> str:
        """What it wrote to standard output."""
        return b"".join(self._pieces).decode()

    def _read(self) -> None:
        with self._process.stdout or open(os.devnull, "rb") as stdout:
            self._pieces = list(iter(lambda: stdout.read(65_536), b""))


def _listen(child: _Child, ears: Ears, display: Display, feeds: Sequence[Feed]) -> str:
    """Feeds the binary and shows what it writes until it ends; returns that."""
    pieces: list[str] = []
    try:
        ears.started()
        for feed in feeds:
            feed.start(child.interrupt)
        while (piece := ears.hear()) is not None:
            pieces.append(piece)
            display.show(piece)
        child.wait()
    except BaseException:
        child.interrupt()
        _drain(child, ears)
        raise
    return "".join(pieces)


def _drain(child: _Child, ears: Ears) -> None:
    """Waits for a binary that was interrupted. Whoever interrupts this as well has it killed."""
    try:
        while ears.hear() is not None:
            pass
        child.wait()
    except BaseException:
        child.kill()
        raise


def _progress_flags(display: Display, is_quiet: bool, path: str, args: Sequence[str]) -> list[str]:
    """The flags that make the binary say what the display shows."""
    if isinstance(display, Silent):
        return ["--quiet"] if is_quiet else []
    commands = itertools.takewhile(lambda arg: not arg.startswith("-"), args)
    if isinstance(display, Notebook) and _has_progress_flag(path, *commands):
        return ["--progress=json"]
    return []


@functools.cache
def _has_progress_flag(path: str, *commands: str) -> bool:
    """Whether a command of a binary takes ``--progress``."""
    help_text = subprocess.run([path, *commands, "--help"], capture_output=True, check=False)
    return b"--progress" in help_text.stdout


def _named(text: str, feeds: Sequence[Feed]) -> str:
    """A text with names of sources in place of the pipes that stood for them."""
    for feed in feeds:
        text = text.replace(os.fspath(feed.path), feed.name)
    return text

"""What is shown of a run while it goes on."""

from __future__ import annotations

import codecs
import fcntl
import importlib
import json
import os
import re
import sys
import termios
from typing import Any, Protocol

from ._errors import is_noise, plain

# How an error begins, on a terminal perhaps behind an escape sequence that clears the bar.
_MARKS = ("hitherto: ", "error: ")
_BREAK = r"[\r\n]|\x1b\[[0-9;?]*[A-Za-z]"
_ERROR = re.compile(rf"(?:^|{_BREAK})(?:{'|'.join(_MARKS)})")


class Display(Protocol):
    """Shows what the binary writes to standard error."""

    def show(self, text: str) -> None:
        """Shows a piece of it, as it came."""

    def close(self) -> None:
        """Ends what is shown."""


class Silent:
    """Shows nothing."""

    def show(self, text: str) -> None:
        """Shows nothing of it."""

    def close(self) -> None:
        """Has nothing to end."""


class Text:
    """Passes everything on to ``sys.stderr`` but the error, which becomes an exception."""

    def __init__(self) -> None:
        self._is_error = False
        # The start of a line that may become an error, as the binary writes lines in pieces.
        self._held = ""

    def show(self, text: str) -> None:
        """Writes it, up to an error."""
        if self._is_error:
            return
        text, self._held = self._held + text, ""
        found = _ERROR.search(text)
        if found:
            self._is_error = True
            text = text[: found.start()]
        else:
            last = re.split(_BREAK, text)[-1]
            if last and any(mark.startswith(last) for mark in _MARKS):
                text, self._held = text.removesuffix(last), last
        sys.stderr.write(text)
        sys.stderr.flush()

    def close(self) -> None:
        """Writes what was held back."""
        if not self._is_error:
            sys.stderr.write(self._held)


class Notebook:
    """One line in the output of a cell, which changes as the run goes on."""

    def __init__(self, display: Any, pretty: Any) -> None:
        self._display, self._pretty = display, pretty
        self._handle: Any = None
        self._rest = ""

    def show(self, text: str) -> None:
        """Shows the last line that is about progress, or the line that says what was made."""
        lines = (self._rest + text).split("\n")
        self._rest = lines.pop()
        shown = [line for line in map(progress_line, lines) if line]
        if shown:
            self._update(shown[-1])

    def close(self) -> None:
        """Leaves the last line."""

    def _update(self, line: str) -> None:
        pretty = self._pretty(line)
        if self._handle is None:
            self._handle = self._display(pretty, display_id=True)
        else:
            self._handle.update(pretty)


def progress_line(line: str) -> str | None:
    """What a notebook shows for a line of standard error; ``None`` for nothing."""
    if line.startswith('{"progress"'):
        progress = json.loads(line)["progress"]
        done, total = progress["done"], progress["total"]
        share = f" {100 * done // total} %" if total else ""
        rows = f"{progress['rows_read']:,} rows read, {progress['rows_written']:,} written"
        return f"{progress['stage']}{share}  {rows}"
    line = plain(line).strip()
    return line if is_noise(line) or line.startswith("made ") else None


def display_for(progress: bool | None) -> Display:
    """How to show a run: ``False`` shows nothing; else it depends on where this process writes
    to."""
    # A process may have no standard error, such as a service.
    if progress is False or sys.stderr is None:
        return Silent()
    found = _notebook()
    return Notebook(*found) if found else Text()


def _notebook() -> tuple[Any, Any] | None:
    """IPython's display, if this process is the kernel of a notebook."""
    # If IPython is not imported yet, it runs nothing.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    display = importlib.import_module("IPython.display")
    return display.display, display.Pretty


class Ears:
    """The end of standard error that is read: a pipe, or a terminal if the binary shall draw its
    bar."""

    def __init__(self, *, is_terminal: bool) -> None:
        self._read, self.write = os.openpty() if is_terminal else os.pipe()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        if is_terminal:
            try:
                size = fcntl.ioctl(sys.stderr.fileno(), termios.TIOCGWINSZ, b"\0" * 8)
                fcntl.ioctl(self.write, termios.TIOCSWINSZ, size)
            except (OSError, ValueError):
                # The bar is then as wide as it is without a known width.
                pass

    def started(self) -> None:
        """Closes the end that the binary has, so that its end can be noticed."""
        os.close(self.write)

    def hear(self) -> str | None:
        """The next piece; ``None`` at the end."""
        try:
            data = os.read(self._read, 65_536)
        except OSError:
            # So a terminal ends whose other side is closed.
            data = b""
        return self._decoder.decode(data) if data else None

    def close(self) -> None:
        """Closes the end that is read."""
        os.close(self._read)

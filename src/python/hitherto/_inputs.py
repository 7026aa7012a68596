"""Sources that are data: tables that reach the binary through named pipes."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ._errors import UsageError
from ._optional import need

# Record batches are read in parallel, each as a whole; the guide advises some ten thousand rows.
BATCH_ROWS = 65_536
# How each message of an Arrow IPC stream begins. It is written as soon as a pipe is open: should
# this process die before there is a row, the stream is cut off, and the binary refuses it. Without
# a byte it would be a valid file without rows.
_MARK = b"\xff\xff\xff\xff"
# How often a writer looks whether the binary has opened the pipe. Each try is one system call.
_RETRY_SECONDS = 0.005
# How long a thread is waited for after the binary has ended. Its data may take for ever.
_JOIN_SECONDS = 1.0


def is_data(value: object) -> bool:
    """Whether a value is a table, or makes one, rather than a path."""
    if isinstance(value, (str, os.PathLike)):
        return False
    if hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__"):
        return True
    # LazyFrame of Polars, DataFrame of pandas before 2.2, and relations of DuckDB before 1.4.
    root, name = type(value).__module__.partition(".")[0].lstrip("_"), type(value).__name__
    known = {"polars": ("LazyFrame",), "pandas": ("DataFrame",), "duckdb": ("DuckDBPyRelation",)}
    return name in known.get(root, ())


def reader_of(data: Any, name: str) -> Any:
    """A ``pyarrow.RecordBatchReader`` over a table.

    Raises:
        UsageError: if its rows are no records with columns.
        MissingPackage: without pyarrow.
    """
    pa = need("pyarrow", f"{name} as a table")
    root, kind = type(data).__module__.partition(".")[0].lstrip("_"), type(data).__name__
    if isinstance(data, pa.RecordBatchReader):
        return data
    if root == "pandas" and kind == "DataFrame":
        # The index holds no column of a log, unless somebody put one there; then it is missed by
        # name.
        return pa.Table.from_pandas(data, preserve_index=False).to_reader()
    if root == "polars" and kind == "LazyFrame":
        data = data.collect()
    if not hasattr(data, "__arrow_c_stream__") and hasattr(data, "fetch_record_batch"):
        return data.fetch_record_batch(BATCH_ROWS)
    if not hasattr(data, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_batches((b := pa.record_batch(data)).schema, [b])
    try:
        return pa.RecordBatchReader.from_stream(data)
    except pa.ArrowInvalid as error:
        raise UsageError(f"{name} is not a table with columns: {error}") from error


class _ReaderGone(Exception):
    """The binary reads no more of a pipe."""


class _Sink:
    """A pipe as a file, which tells a reader that went away from errors of the data."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._ahead = len(_MARK)

    def write(self, data: Any) -> int:
        """Writes some bytes, but for those that were written when the pipe was opened."""
        view = memoryview(data)
        ahead = min(self._ahead, len(view))
        self._ahead -= ahead
        try:
            return ahead + self._file.write(view[ahead:])
        except BrokenPipeError:
            raise _ReaderGone from None

    def flush(self) -> None:
        """Hands on what is in the buffer."""
        try:
            self._file.flush()
        except BrokenPipeError:
            raise _ReaderGone from None

    def close(self) -> None:
        """Does nothing: only the feed knows whether the data are complete."""


class Feed:
    """A table, a named pipe, and the thread that writes the one into the other as an Arrow IPC
    stream."""

    def __init__(self, name: str, data: object, folder: Path) -> None:
        need("pyarrow", f"{name} as a table")
        self.name = name
        # What is no name of a source is left to the binary to refuse.
        self.path = folder / (re.sub(r"[^\w-]", "_", name) + ".arrows")
        self.error: BaseException | None = None
        self._data = data
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        os.mkfifo(self.path, 0o600)

    def start(self, stop: Callable[[], None]) -> None:
        """Writes in a thread; ``stop`` ends the binary, and is called if the data raise."""
        # A daemon, as a stream of the user may wait for ever, and cannot be interrupted.
        self._thread = threading.Thread(target=self._run, args=(stop,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Says that the binary has ended, and gives the thread a moment to end as well."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)

    def _run(self, stop: Callable[[], None]) -> None:
        file: BinaryIO | None = None
        try:
            file = self._opened()
            if file is not None:
                self._write(_Sink(file))
        except _ReaderGone:
            pass
        except BaseException as error:
            self.error = error
            # The end of the stream is not written, so the binary refuses it, should it be faster.
            stop()
        finally:
            if file is not None:
                with contextlib.suppress(BrokenPipeError):
                    file.close()

    def _opened(self) -> BinaryIO | None:
        """The pipe, as soon as the binary has opened it; ``None`` if it ended before."""
        while not self._ended.is_set():
            try:
                fd = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                # Nobody reads from it yet.
                self._ended.wait(_RETRY_SECONDS)
                continue
            os.set_blocking(fd, True)
            with contextlib.suppress(BrokenPipeError):
                os.write(fd, _MARK)
            return os.fdopen(fd, "wb")
        return None

    def _write(self, sink: _Sink) -> None:
        pa = need("pyarrow", f"{self.name} as a table")
        # Not before the binary reads: it reads pipe after pipe, and a connection of DuckDB has one
        # open result at a time.
        reader = reader_of(self._data, self.name)
        # Not as a context manager, which writes the end of the stream also after an error.
        writer = pa.ipc.new_stream(pa.PythonFile(sink, "w"), reader.schema)
        for batch in reader:
            table = pa.Table.from_batches([batch])
            writer.write_table(table, max_chunksize=BATCH_ROWS)
        writer.close()
        sink.flush()


def feeds_of(sources: Mapping[str, object], folder: Path) -> tuple[dict[str, object], list[Feed]]:
    """Sources in which each table has become the path of a pipe in a folder, and what fills the
    pipes.

    Raises:
        UsageError: if a source is neither a path nor a table.
    """
    paths: dict[str, object] = {}
    feeds = []
    for name, value in sources.items():
        if is_data(value):
            feeds.append(Feed(name, value, folder))
            paths[name] = feeds[-1].path
        elif value is None or isinstance(value, (str, os.PathLike)):
            paths[name] = value
        else:
            raise UsageError(
                f"{name} takes a path, a glob or a table, not {type(value).__name__}; a folder "
                "or a glob has several files, and files_from={...: LIST} names a list of them"
            )
    return paths, feeds

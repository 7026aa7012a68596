"""An iterator that a thread runs ahead of its reader.

The thread does little Python: decoding and copying release the interpreter lock. It starts with the
first item that is asked for, and ends when the reader closes the iterator or drops it, or when the
program ends.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

# How often a waiting thread looks whether it should end, in seconds.
_LOOK_S = 0.05


class Stopped(Exception):
    """The reader is gone, so the work ends."""


class Stop:
    """Whether work that runs ahead should end."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Asks for the end."""
        self._event.set()

    def check(self) -> None:
        """Raises Stopped if the end was asked for, or if the main thread has ended."""
        # The interpreter waits for threads before it drops iterators, so nobody else would ask.
        if self._event.is_set() or not threading.main_thread().is_alive():
            raise Stopped


class Prefetch(Generic[T]):
    """Runs an iterator in a thread, up to `depth` items ahead. What it raises is raised here."""

    def __init__(self, items: Iterator[T], depth: int, stop: Stop, end: Callable[[], None]) -> None:
        """`stop` is the one that `items` itself looks at; `end` is called in the thread, last."""
        self._items, self._stop, self._end = items, stop, end
        self._queue: queue.Queue[tuple[str, T | None, BaseException | None]] = queue.Queue(depth)
        self._thread = threading.Thread(target=self._run, name="hitherto-prefetch")
        self._is_started = False

    def __iter__(self) -> Iterator[T]:
        self._thread.start()
        self._is_started = True
        while True:
            kind, item, error = self._queue.get()
            if kind == "item":
                assert item is not None
                yield item
                # Not kept here, so that its memory can be used again.
                del item
            elif error is not None:
                raise error
            else:
                return

    def close(self) -> None:
        """Ends the thread and waits for it. May be called again."""
        self._stop.set()
        if self._is_started and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            for item in self._items:
                self._put("item", item, None)
            self._put("end", None, None)
        except Stopped:
            pass
        except BaseException as error:
            with contextlib.suppress(Stopped):
                self._put("end", None, error)
        finally:
            self._end()

    def _put(self, kind: str, item: T | None, error: BaseException | None) -> None:
        while True:
            self._stop.check()
            try:
                return self._queue.put((kind, item, error), timeout=_LOOK_S)
            except queue.Full:
                continue

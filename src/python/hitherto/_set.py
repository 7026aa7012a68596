"""A published set."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ._errors import DataError, NotFound, UsageError
from ._html import page_of
from ._optional import need
from ._process import run as run_binary

if TYPE_CHECKING:
    from ._arrays import DayArrays
    from ._verify import Verified
    from .torch import Samples

_Day: TypeAlias = str | datetime.date
Histories: TypeAlias = Literal["fixed", "list", "none"]
Layout: TypeAlias = Literal["request", "sample"]
To: TypeAlias = Literal["arrow", "polars", "pandas", "duckdb", "batches"]


@dataclass(frozen=True, eq=False, repr=False)
class Set(os.PathLike[str]):
    """A set that a job published. It is a path, so it may stand wherever a path may.

    Attributes:
        path: its folder.
        job: ``"sequences"``, ``"features"`` or ``"dwell"``.
        days: its days, in order. Of a set of ``dwell`` without folders by day: the first and the
            last day of its rows.
        settings: the settings that made it, by the names of the flags with ``_`` for ``-``.
        counts: rows that were kept and dropped, by name.
        metrics: the content of ``_metrics.json``; shares are fractions of 1, ``None`` is a share of
            nothing.
        samples: number of samples; of ``features`` and ``dwell`` number of rows.
        parts: its data files, as paths from its folder, in order.
        seconds: how long the run took that made it; ``None`` if the set was opened.
    """

    path: Path
    job: str
    days: Sequence[datetime.date]
    settings: Mapping[str, Any]
    counts: Mapping[str, int]
    metrics: Mapping[str, Any] = field(repr=False)
    samples: int
    parts: Sequence[str]
    seconds: float | None = None

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __repr__(self) -> str:
        days = [day.isoformat() for day in self.days]
        span = " to ".join(dict.fromkeys([*days[:1], *days[-1:]])) or "no day"
        what = "samples" if self.job == "sequences" else "rows"
        return (
            f"<hitherto.Set {os.fspath(self.path)!r}: {self.job}, {span}, {self.samples:,} {what}>"
        )

    def _repr_html_(self) -> str:
        return page_of(self)

    def report(self) -> Path:
        """The path of the HTML page about this set.

        ``hitherto report`` makes it, if it is not there or older than the set.

        Raises:
            Error: if it cannot be made.
        """
        page, metrics = self.path / "_report.html", self.path / "_metrics.json"
        if not page.exists() or page.stat().st_mtime_ns < metrics.stat().st_mtime_ns:
            run_binary(["report", "--", os.fspath(self.path)])
        return page

    def verify(self, **arguments: Any) -> Verified:
        """Checks this set; the same as ``hitherto.verify(set, ...)``."""
        from ._verify import verify

        return verify(self.path, **arguments)

    def head(self, n: int = 10, **arguments: Any) -> Any:
        """The first ``n`` rows as a ``pyarrow.Table``; the other arguments are those of
        ``read``."""
        from ._read import head

        return head(self, n, **arguments)

    def read(
        self,
        *,
        days: _Day | Sequence[_Day] | None = None,
        columns: Sequence[str] | None = None,
        to: To = "arrow",
        histories: Histories = "fixed",
        layout: Layout | None = None,
        table: str | None = None,
    ) -> Any:
        """Its rows; the same as ``hitherto.read(set, ...)``."""
        from ._read import read

        return read(
            self,
            days=days,
            columns=columns,
            to=to,
            histories=histories,
            layout=layout,
            table=table,
        )

    def load(
        self,
        day: _Day,
        *,
        max_actions: int | None = None,
        columns: Sequence[str] | None = None,
        threads: int = 1,
    ) -> DayArrays:
        """A day in memory as arrays of NumPy, each history once, for JAX, TensorFlow and others.

        Of the result, ``items`` and ``types`` are histories, newest action first; ``history`` is
        the history of each sample, ``item_id`` and ``is_order`` its item and its label, which is
        NaN if there is none. ``lists`` and ``columns`` have all of them by the names of the set.
        Padded sets give histories ``[H, N]``. Others give values one history after the other;
        histories of a timeline may share values, and ``starts`` says where each begins.

        Args:
            max_actions: the newest actions of a history to keep, N. Default: as in the set, or
                1,000 if the set has no limit.
            columns: as of ``hitherto.torch.Samples``.
            threads: threads that decode.

        Raises:
            NotFound: if there is no such day.
            UsageError: if a column is not there, or is of text; or ``max_actions`` is too many.
            DataError: if a file is damaged.
            IOFailed: if a file cannot be read.
            MissingPackage: without NumPy and pyarrow.
        """
        for module in ("numpy", "pyarrow"):
            need(module, "load")
        from ._source import load_day

        return load_day(self, day, max_actions=max_actions, columns=columns, threads=threads)

    def torch(self, **arguments: Any) -> Samples:
        """Its samples as an iterable dataset of PyTorch; the arguments are those of
        ``hitherto.torch.Samples``."""
        from .torch import Samples

        return Samples(self, **arguments)


def open(path: str | os.PathLike[str]) -> Set:
    """A set that lies in a folder.

    Raises:
        NotFound: if there is no set.
        UsageError: if the folder is one day of a set.
        DataError: if its manifest cannot be read.
    """
    return path if isinstance(path, Set) else _open(Path(path))


def made(stats: Mapping[str, Any], out: object = None) -> Set:
    """The set that a run made, from its statistics and the output that it was given, if it was.

    Statistics have a path as text, in which bytes that are not UTF-8 are replaced.
    """
    path = out if isinstance(out, (str, os.PathLike)) else stats["out"]
    return _open(Path(path), stats["seconds"])


def _open(path: Path, seconds: float | None = None) -> Set:
    manifest = _document(path / "_manifest.json")
    if manifest.get("of") == "day":
        raise UsageError(
            f'"{path}" is one day of a set; open the folder above it, and read with days='
            f"[{manifest.get('day')!r}]"
        )
    try:
        job, counts = manifest["job"], manifest["counts"]
        of_samples = {"sequences": "samples", "features": "rows", "dwell": "user_merchant_rows"}
        return Set(
            path=path,
            job=job,
            days=tuple(_days(manifest["days"])),
            settings=manifest["settings"],
            counts=counts,
            metrics=_document(path / "_metrics.json"),
            samples=counts[of_samples[job]],
            parts=tuple(part["path"] for part in manifest["parts"]),
            seconds=seconds,
        )
    except (KeyError, TypeError, ValueError) as error:
        what = f'"{path / "_manifest.json"}" is no manifest of a set: {error!r}'
        raise DataError(what) from error


def _days(found: Any) -> Iterator[datetime.date]:
    """The days of a manifest: each, or of `dwell` the first and the last, or nothing."""
    texts = [day["day"] if isinstance(day, dict) else day for day in found or ()]
    return map(datetime.date.fromisoformat, dict.fromkeys(texts))


def _document(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        NotFound: if the file is not there.
        DataError: if it is something else.
    """
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        what = f'"{path.parent}" is no set: it has no {path.name}'
        raise NotFound(what) from None
    except ValueError as error:
        raise DataError(f'could not read "{path}": {error}') from error
    if not isinstance(document, dict):
        raise DataError(f'could not read "{path}": it is no object')
    return document

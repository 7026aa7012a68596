"""What the manifest of a set says about its days, and the schema about its columns."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ._arrays import DayArrays, Want
from ._columns import columns_of
from ._day import Day, part_files
from ._errors import DataError, NotFound, UsageError
from ._faults import package_errors
from ._names import DELTA, Names, names_of
from ._ranges import backwards, ranges, seconds_before

Array = NDArray[Any]

# Of a set without a limit, as many actions as the program keeps by default.
ACTIONS_MAX = 1000


@dataclass(frozen=True)
class SourceDay:
    """A day of a set."""

    day: str
    folder: str
    rows: int
    samples: int
    history_actions: int
    without_label: int
    """Samples without a label, at most."""

    def check(self, found: int) -> None:
        """Raises DataError if the files do not have as many samples, as when one is missing."""
        if found != self.samples:
            raise DataError(
                f"{self.folder} has {found} samples, and its manifest says {self.samples}; "
                "`hitherto verify` finds what is wrong"
            )


@dataclass(frozen=True)
class Source:
    """A set of `hitherto sequences`, or one of its days."""

    path: str
    digest: str
    """XXH64 of the manifest, which has the checksums of all parts."""
    names: Names
    width: int | None
    """Values of a padded list; None if lists are not padded."""
    limit: int | None
    """The most actions of a history; None if there is no limit."""
    is_oldest_first: bool
    side_lists: tuple[str, ...]
    days: tuple[SourceDay, ...]

    @package_errors()
    def schema(self) -> pa.Schema | None:
        """The schema of the part files with own names; None if there is none.

        Raises DataError for a file that is no Parquet.
        """
        for day in self.days:
            for path in part_files(day.folder)[:1]:
                return self.names.own_schema(pq.read_schema(path))
        return None


def open_source(path: str | os.PathLike[str], days: Sequence[Any] | None) -> Source:
    """Reads the manifest of a set, or of a day of it.

    Raises NotFound if there is none or a day is not there, UsageError if the set is of another job,
    DataError if the manifest is damaged.
    """
    folder = os.fspath(path)
    name = os.path.join(folder, "_manifest.json")
    if not os.path.isfile(name):
        raise NotFound(
            f'there is no "{name}"; give the folder that `hitherto sequences --out` made, '
            "or one of its days"
        )
    try:
        source = _source_of(folder, _manifest(name))
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f'"{name}" is no manifest of a set: {error!r}') from error
    return dataclasses.replace(source, days=_chosen(folder, source.days, days))


@package_errors()
def _manifest(name: str) -> Mapping[str, Any]:
    with open(name, encoding="utf-8") as file:
        try:
            manifest: Mapping[str, Any] = json.load(file)
        except ValueError as error:
            what = f'a file of the set cannot be read: "{name}" is no manifest: {error}'
            raise DataError(what) from error
    return manifest


def _source_of(folder: str, manifest: Mapping[str, Any]) -> Source:
    """A set with all of its days. Raises UsageError if it is of another job."""
    if manifest["job"] != "sequences":
        raise UsageError(f'"{folder}" is of the job {manifest["job"]}; the loader reads sequences')
    settings: Mapping[str, Any] = manifest["settings"]
    limit = settings.get("max_actions")
    names = names_of(settings)
    is_padded = bool(settings.get("pad", True)) and not names.is_timeline and limit is not None
    is_day = manifest["of"] == "day"
    found = [_day(folder, x, is_day) for x in ([manifest] if is_day else manifest["days"])]
    return Source(
        path=folder,
        digest=str(manifest["xxh64"]),
        names=names,
        width=int(limit) if is_padded and limit is not None else None,
        limit=None if limit is None else int(limit),
        is_oldest_first=bool(settings.get("oldest_first")),
        side_lists=tuple(str(x).partition(":")[0] for x in settings.get("with") or ()),
        days=tuple(sorted(found, key=lambda x: x.day)),
    )


def _day(folder: str, entry: Mapping[str, Any], is_folder: bool) -> SourceDay:
    counts: Mapping[str, int] = entry["counts"]
    day = str(entry["day"])
    return SourceDay(
        day=day,
        folder=folder if is_folder else os.path.join(folder, f"dt={day}"),
        rows=counts["rows"],
        samples=counts["samples"],
        history_actions=counts["history_actions"],
        without_label=counts["null_labels"],
    )


def _chosen(
    folder: str, found: tuple[SourceDay, ...], days: Sequence[Any] | None
) -> tuple[SourceDay, ...]:
    """The days that were asked for, in order of time."""
    if days is None:
        return found
    if isinstance(days, str):
        raise TypeError(f'days is a list of days, such as days=["{days}"]')
    wanted = {str(x) for x in days}
    missing = sorted(wanted - {x.day for x in found})
    if missing:
        has = ", ".join(x.day for x in found) or "none"
        raise NotFound(f'"{folder}" has no day {", ".join(missing)}; it has {has}')
    return tuple(x for x in found if x.day in wanted)


def actions_max_of(asked: int | None, limit: int | None) -> int:
    """The actions of a history to keep. Raises UsageError if the set does not have as many."""
    if asked is not None and asked < 1:
        raise UsageError(f"max_actions={asked} is less than 1")
    if asked is not None and limit is not None and asked > limit:
        raise UsageError(f"max_actions={asked}, and histories of the set have at most {limit}")
    return asked or limit or ACTIONS_MAX


def load_day(
    path: str | os.PathLike[str],
    day: Any,
    *,
    max_actions: int | None = None,
    columns: Sequence[str] | None = None,
    threads: int = 1,
) -> DayArrays:
    """A day of a set in memory, for any framework that takes NumPy.

    `columns` and `max_actions` are as for `hitherto.torch.Samples`; samples without a label stay.
    Histories have the newest action first, and `time_delta`, whatever the set has.
    Raises NotFound if there is no such set or day, UsageError for an unknown column, DataError for
    a file that is damaged, IOFailed for one that cannot be read.
    """
    source = open_source(path, [day])
    lists, scalars = columns_of(source, source.schema(), columns)
    want = Want(
        names=source.names,
        lists=lists,
        columns=scalars,
        width=source.width,
        actions_max=actions_max_of(max_actions, source.limit),
        is_oldest_first=source.is_oldest_first,
        null_label="nan",
    )
    with package_errors():
        loaded = Day(part_files(source.days[0].folder), want, threads).load()
    source.days[0].check(len(loaded.history))
    if loaded.starts is not None and (want.is_turned or want.has_times):
        loaded = _apart(loaded, loaded.starts, want.is_turned)
    shown = source.names.shown
    return dataclasses.replace(
        loaded,
        lists={shown(name): x for name, x in loaded.lists.items()},
        columns={shown(name): x for name, x in loaded.columns.items()},
        names={x: shown(x) for x in (*lists, *scalars) if shown(x) != x},
    )


def _apart(day: DayArrays, starts: Array, is_turned: bool) -> DayArrays:
    """The same with values of its own for each history, turned around perhaps."""
    counts = day.lengths.astype(np.int64)
    places = backwards(starts, counts) if is_turned else ranges(starts, counts)
    lists = {name: x[places] for name, x in day.lists.items()}
    if day.cutoffs is not None:
        lists[DELTA] = seconds_before(np.repeat(day.cutoffs, counts), lists[DELTA])
    own_starts = np.cumsum(counts) - counts
    return dataclasses.replace(day, lists=lists, starts=own_starts, cutoffs=None)

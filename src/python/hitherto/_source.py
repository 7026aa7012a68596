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
from ._day import Day, part_files
from ._names import DELTA, ITEM, Names, names_of
from ._ranges import backwards, ranges, seconds_before

Array = NDArray[Any]

# Of a set without a limit, as many actions as the program keeps by default.
ACTIONS_MAX = 1000
# Columns of histories and of rows that have other names or another meaning in batches.
_NOT_SAMPLES = ("history_length", "history_start", "item_id", "actions", "action_types")


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

    def schema(self) -> pa.Schema | None:
        """The schema of the part files with own names; None if there is none."""
        for day in self.days:
            for path in part_files(day.folder)[:1]:
                return self.names.own_schema(pq.read_schema(path))
        return None


def open_source(path: str | os.PathLike[str], days: Sequence[Any] | None) -> Source:
    """Reads the manifest of a set, or of a day of it.

    Raises FileNotFoundError if there is none or a day is not there, ValueError if the set is of
    another job.
    """
    folder = os.fspath(path)
    name = os.path.join(folder, "_manifest.json")
    if not os.path.isfile(name):
        raise FileNotFoundError(
            f'there is no "{name}"; give the folder that `hitherto sequences --out` made, '
            "or one of its days"
        )
    with open(name, encoding="utf-8") as file:
        manifest: Mapping[str, Any] = json.load(file)
    if manifest["job"] != "sequences":
        raise ValueError(f'"{folder}" is of the job {manifest["job"]}; the loader reads sequences')
    settings: Mapping[str, Any] = manifest["settings"]
    limit = settings.get("max_actions")
    names = names_of(settings)
    is_padded = bool(settings.get("pad", True)) and not names.is_timeline and limit is not None
    entries = [manifest] if manifest["of"] == "day" else manifest["days"]
    found = [_day(folder, entry, manifest["of"] == "day") for entry in entries]
    return Source(
        path=folder,
        digest=str(manifest["xxh64"]),
        names=names,
        width=int(limit) if is_padded and limit is not None else None,
        limit=None if limit is None else int(limit),
        is_oldest_first=bool(settings.get("oldest_first")),
        side_lists=tuple(str(x).partition(":")[0] for x in settings.get("with") or ()),
        days=_chosen(folder, found, days),
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
    folder: str, found: list[SourceDay], days: Sequence[Any] | None
) -> tuple[SourceDay, ...]:
    """The days that were asked for, in order of time."""
    found = sorted(found, key=lambda x: x.day)
    if days is None:
        return tuple(found)
    if isinstance(days, str):
        raise TypeError(f'days is a list of days, such as days=["{days}"]')
    wanted = {str(x) for x in days}
    missing = sorted(wanted - {x.day for x in found})
    if missing:
        has = ", ".join(x.day for x in found) or "none"
        raise FileNotFoundError(f'"{folder}" has no day {", ".join(missing)}; it has {has}')
    return tuple(x for x in found if x.day in wanted)


def actions_max_of(asked: int | None, limit: int | None) -> int:
    """The actions of a history to keep. Raises ValueError if the set does not have as many."""
    if asked is not None and asked < 1:
        raise ValueError(f"max_actions={asked} is less than 1")
    if asked is not None and limit is not None and asked > limit:
        raise ValueError(f"max_actions={asked}, and histories of the set have at most {limit}")
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
    Raises FileNotFoundError if there is no such set or day, ValueError for an unknown column.
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
    loaded = Day(part_files(source.days[0].folder), want, threads).load()
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


def columns_of(
    source: Source, schema: pa.Schema | None, asked: Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns of histories and columns of samples that batches have.

    By default all histories, `item_id`, `is_order`, `weight`, and of the kept columns those that a
    tensor can hold. `asked` are shown names, and own names are returned. Raises ValueError for a
    name that is not there, or a column of text.
    """
    lists = ("actions", "action_types", *source.side_lists)
    names = [] if schema is None else [x for x in schema.names if x not in _NOT_SAMPLES]
    names = [ITEM, *(x for x in names if x not in source.side_lists)]
    if "is_order" not in names:
        names.append("is_order")
    text = {x for x in names if schema is not None and x in schema.names and _is_text(schema, x)}
    if asked is None:
        usual = ("customer_id", "ranking_id", "position", "cutoff", "last_action_time")
        return lists, tuple(x for x in names if x not in usual and x not in text)
    if isinstance(asked, str):
        raise TypeError(f'columns is a list of names, such as columns=["{asked}"]')
    shown = source.names.shown
    there = [shown(x) for x in (*lists, *names)]
    always = [shown(x) for x in ("history_length", "history_index", "offsets", "weight")]
    unknown = [x for x in asked if x not in (*there, *always)]
    if unknown:
        raise ValueError(f"no column {unknown}; there are {there}")
    asked_text = sorted({shown(x) for x in text}.intersection(asked))
    if asked_text:
        raise ValueError(f"columns {asked_text} are text, which no tensor holds")
    weight = [x for x in names if x == "weight"]
    asked_names = [x for x in names if shown(x) in asked and x != "weight"]
    return tuple(x for x in lists if shown(x) in asked), (*asked_names, *weight)


def _is_text(schema: pa.Schema, name: str) -> bool:
    field = schema.field(name).type
    field = field.value_type if pa.types.is_list(field) else field
    return bool(pa.types.is_string(field) or pa.types.is_large_string(field))

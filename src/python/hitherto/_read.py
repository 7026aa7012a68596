"""The rows of a set, for other libraries."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ._errors import NotFound, UsageError
from ._faults import package_errors
from ._names import DELTA, ITEM, names_of
from ._optional import need
from ._select import files_of, one_of
from ._set import Histories, Layout, Set, To
from ._set import open as open_set

if TYPE_CHECKING:
    from ._command import Day, PathLike
    from ._expand import Shape

File: TypeAlias = tuple[str, "datetime.date | None"]


def read(
    path: PathLike,
    *,
    days: Day | Sequence[Day] | None = None,
    columns: Sequence[str] | None = None,
    to: To = "arrow",
    histories: Histories = "fixed",
    layout: Layout | None = None,
    table: str | None = None,
) -> Any:
    """The rows of a set, in the order in which they are stored.

    A set of layout timeline gives the columns of one of layout request: each history as a list, and
    ``time_delta`` in place of the times of the actions. Columns have the names that ``rename`` gave
    them; ``time_delta`` of a timeline is always called so. With ``oldest_first`` histories are in
    that order here too.

    Args:
        path: the set.
        days: only these days.
        columns: only these columns, in this order. Without it all, the day of the folder last:
            ``dt`` of ``sequences``, ``date`` of the other jobs, a date.
        to: ``"arrow"`` (``pyarrow.Table``), ``"polars"`` or ``"pandas"`` (a data frame),
            ``"duckdb"`` (a relation), or ``"batches"``: an iterator of ``pyarrow.RecordBatch`` that
            holds one row group in memory at a time.
        histories: of ``sequences`` the form of ``actions``, ``action_types`` and the lists of
            ``with_``. ``"fixed"``: fixed-size lists of ``max_actions`` places, padded with 0, which
            is what ``to_torch()`` of Polars takes; of a set without a limit they have as many
            places as the longest history of ``days``. ``"list"``: lists of ``history_length``
            values, without padding; ``"none"``: these columns are left out.
        layout: ``"sample"`` makes a row for each item of a set of rows by impression. ``position``
            is then the place among the items of the row; it is left out if the set was made without
            some items. ``None``: as it is stored; a set of layout timeline is read as
            ``"request"``.
        table: of ``dwell`` which table: ``"user_merchant"`` (the default), ``"merchant"``,
            ``"user"`` or ``"flyer"``.

    Raises:
        UsageError: if there is no such day, column, table or layout.
        NotFound: if there is no set.
        DataError: if a file is damaged.
        MissingPackage: without the package that ``to`` names.
    """
    reading = _reading(open_set(path), days, columns, histories, layout, table)
    one_of("to", to, ("arrow", "polars", "pandas", "duckdb", "batches"))
    if to == "batches":
        return reading.batches()
    pa = need("pyarrow", "read")
    rows = pa.Table.from_batches(reading.batches(), schema=reading.schema)
    if to == "arrow":
        return rows
    if to == "pandas":
        need("pandas", 'to="pandas"', extra=None)
        return rows.to_pandas()
    if to == "polars":
        return need("polars", 'to="polars"', extra=None).from_arrow(rows)
    return need("duckdb", 'to="duckdb"', extra=None).from_arrow(rows)


def head(opened: Set, n: int, **arguments: Any) -> Any:
    """The first rows of a set, as a ``pyarrow.Table``; decodes only as many row groups as have
    them."""
    pa = need("pyarrow", "head")
    if n < 0:
        raise UsageError(f"head takes a number of rows, not {n}")
    options = {"days": None, "columns": None, "histories": "fixed", "layout": None, "table": None}
    unknown = set(arguments) - set(options)
    if unknown:
        raise UsageError(f"head takes {', '.join(options)}, not {', '.join(sorted(unknown))}")
    reading = _reading(opened, **{**options, **arguments})
    taken: list[Any] = []
    for batch in reading.batches():
        if n <= 0:
            break
        taken.append(batch.slice(0, n))
        n -= taken[-1].num_rows
    return pa.Table.from_batches(taken, schema=reading.schema)


@dataclass(frozen=True)
class _Reading:
    """Files with their days, the columns to read from them, and the schema that is wanted."""

    files: Sequence[File]
    stored: Sequence[str]
    shape: Shape
    schema: Any

    def batches(self) -> Iterator[Any]:
        """The rows, row group by row group."""
        for path, day in self.files:
            with _opened(path) as file:
                for group in range(file.num_row_groups):
                    rows = file.read_row_group(group, columns=list(self.stored))
                    for batch in _shaped(rows, self.shape, path, day):
                        yield batch.select(self.schema.names)


def _reading(
    opened: Set,
    days: Day | Sequence[Day] | None,
    columns: Sequence[str] | None,
    histories: Histories,
    layout: Layout | None,
    table: str | None,
) -> _Reading:
    """Checks what is asked for.

    Raises:
        UsageError: if there is no such thing.
    """
    need("numpy", "read")
    need("pyarrow", "read")
    one_of("histories", histories, ("fixed", "list", "none"))
    files = files_of(opened, days, table)
    if not files:
        raise NotFound(f'"{opened.path}" has no rows')
    shape = _shape(opened, files, histories, layout)
    with _opened(files[0][0]) as file:
        empty = file.schema_arrow.empty_table()
        _check_different(empty.column_names, shape)
        every = next(iter(_shaped(empty, shape, *files[0]))).schema
    wanted = list(every.names) if columns is None else list(columns)
    for name in wanted:
        one_of("columns", name, every.names)
    if len(set(wanted)) < len(wanted) or isinstance(columns, str):
        raise UsageError(f"columns is a list of different names, not {columns!r}")
    stored = _stored(empty.column_names, wanted, shape)
    schema = need("pyarrow", "read").schema([every.field(name) for name in wanted])
    return _Reading(files, stored, shape, schema)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Any]:
    """A Parquet file, open. What goes wrong until it is closed is an error of the package."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # As bytes: of a text pyarrow makes a URI if it can, and it refuses names that are not UTF-8.
    with package_errors(), pa.OSFile(os.fsencode(path)) as source, pq.ParquetFile(source) as file:
        yield file


def _shaped(rows: Any, shape: Shape, path: str, day: datetime.date | None) -> Iterator[Any]:
    """A row group in the wanted shape, with the day of its folder."""
    import pyarrow as pa

    from ._expand import pieces

    partition = "dt" if shape.histories else "date"
    for batch in pieces(rows, shape, path):
        if day is not None and partition not in batch.schema.names:
            dates = pa.repeat(pa.scalar(day, pa.date32()), batch.num_rows)
            batch = batch.append_column(partition, dates)
        yield batch


def _stored(every: Sequence[str], wanted: Sequence[str], shape: Shape) -> Sequence[str]:
    """Which stored columns give the wanted ones."""
    helpers = {"history_length", "history_start"}
    if shape.by_item:
        helpers.add(ITEM)
    if DELTA in wanted:
        helpers.add("cutoff")
    owns = {name: shape.names.own(name) for name in every}
    kept = [name for name, own in owns.items() if own in helpers or shape.shown(own) in wanted]
    return kept or every[:1]


def _check_different(every: Sequence[str], shape: Shape) -> None:
    """Raises UsageError if two columns would have one name: one was renamed to a computed one."""
    shown = [shape.shown(shape.names.own(name)) for name in every]
    shown += ["position"] if shape.by_item and shape.has_positions else []
    twice = sorted({name for name in shown if shown.count(name) > 1})
    if twice:
        raise UsageError(
            f'two columns would be called "{twice[0]}", as rename gave this name to one; make the '
            "set with another name"
        )


def _shape(
    opened: Set, files: Sequence[File], histories: Histories, layout: Layout | None
) -> Shape:
    """How rows are stored, and how they shall be."""
    from ._expand import Shape

    settings, names = opened.settings, names_of(opened.settings)
    if opened.job != "sequences":
        if layout is not None:
            raise UsageError(f"layout is of sets of sequences; this one is of {opened.job}")
        return Shape(names, (), "none", 0, False, False)
    one_of("layout", layout, (None, "request", "sample"))
    width = settings["max_actions"]
    if names.is_by_item and layout == "request":
        raise UsageError(
            "rows by item cannot be read as rows by impression; make the set with layout='request'"
        )
    if histories == "fixed" and width is None:
        width = _longest(files, names.stored("history_length"))
    attributes = [name.partition(":")[0] for name in settings.get("with", ())]
    drops = (
        settings.get("negatives_sample") is not None
        or settings.get("null_label") == "drop"
        or settings.get("unknown_item") == "drop"
    )
    return Shape(
        names=names,
        histories=("actions", "action_types", *attributes),
        form=histories,
        width=width or 0,
        by_item=layout == "sample" and not names.is_by_item,
        has_positions=not drops,
    )


def _longest(files: Sequence[File], column: str) -> int:
    """The longest history of some files, or 1, as fixed-size lists have a place at least."""
    longest = 1
    for path, _ in files:
        with _opened(path) as file:
            lengths = file.read(columns=[column])[column].to_numpy()
        longest = max(longest, int(lengths.max(initial=1)))
    return longest

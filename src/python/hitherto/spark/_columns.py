"""Which columns of a DataFrame a job may read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from .._errors import UsageError
from .._flags import flags_of

DataFrame: TypeAlias = Any
# SOURCE and our name of a column to its name in the DataFrame.
Renamed: TypeAlias = Mapping[tuple[str, str], str]

# Our names of the columns of each source, as `Source::columns` of the binary has them.
COLUMNS: dict[tuple[str, str], tuple[str, ...]] = {
    ("sequences", "impressions"): (
        "dt",
        "ranking_id",
        "customer_id",
        "impressions",
        "impression_time",
        "item_id",
        "is_order",
        "labels",
        "clicked",
        "position",
    ),
    ("sequences", "clicks"): ("customer_id", "item_id", "click_time"),
    ("sequences", "carts"): ("customer_id", "config_id", "occurred_at"),
    ("sequences", "orders"): ("customer_id", "config_id", "occurred_at", "order_date"),
    ("dwell", "events"): ("timestamp", "user_id", "event", "flyer_id", "merchant_id"),
}
KEYS = {"sequences": "customer_id", "dwell": "user_id"}


def texts_of(keywords: Mapping[str, object], name: str, *, divides: bool = True) -> list[str]:
    """The texts that a keyword gives its flag; those that have commas in between one by one."""
    flags = flags_of({name: keywords.get(name)})
    texts = [flag.partition("=")[2] for flag in flags]
    return [part for text in texts for part in (text.split(",") if divides else [text])]


def renamed(keywords: Mapping[str, object]) -> Renamed:
    """The names that ``columns`` gives.

    Raises:
        UsageError: if one is not SOURCE.NAME=COLUMN.
    """
    found = {}
    for text in texts_of(keywords, "columns"):
        ours, is_pair, theirs = text.partition("=")
        source, is_named, name = ours.partition(".")
        if not (is_pair and is_named and theirs):
            raise UsageError(f'columns has "{text}"; expected SOURCE.NAME=COLUMN')
        found[source, name] = theirs
    return found


def wanted(job: str, source: str, keywords: Mapping[str, object]) -> list[str]:
    """The columns of a source that the job may read, by the names that it is told."""
    names = renamed(keywords)
    ours = list(COLUMNS[job, source])
    if keywords.get("impressions_from") == source:
        ours += [*COLUMNS[job, "impressions"], *_kept(keywords)]
        # Labels have a name of their own, by `columns={"impressions": {"is_order": …}}`.
        ours += [theirs for (of, _), theirs in names.items() if of == "impressions"]
        pairs = texts_of(keywords, "impressions_where", divides=False)
        ours += [pair.partition("=")[0] for pair in pairs]
    elif source == "impressions":
        ours += _kept(keywords)
    else:
        ours += [without_type(name) for name in texts_of(keywords, "with_")]
    theirs = [names.get((source, name), name) for name in ours]
    theirs += _pairs(texts_of(keywords, "available")).get(source, [])
    theirs += _pairs(texts_of(keywords, "source", divides=False)).get(f"{source}.explode", [])
    return list(dict.fromkeys(theirs))


def present(frame: DataFrame, names: Iterable[str]) -> list[str]:
    """The columns of a DataFrame that have these names, as the binary finds them: exactly, else in
    any case if only one fits; and for a field inside another the column that holds it."""
    found = []
    for name in names:
        column = _column(frame, name)
        if column is None and "." in name:
            column = _column(frame, name.partition(".")[0])
        if column is not None:
            found.append(column)
    return list(dict.fromkeys(found))


def check_order(frames: Mapping[str, DataFrame], keywords: Mapping[str, object]) -> None:
    """Checks that items of impressions have an order, which rows of a DataFrame lack.

    Raises:
        UsageError: if each is a row of its own, and no column has its place.
    """
    frame, names = frames.get("impressions"), renamed(keywords)
    if frame is None:
        return
    lists, items, places = (
        path_to(frame, names.get(("impressions", name), name))
        for name in ("impressions", "item_id", "position")
    )
    if lists is None and items is not None and places is None:
        raise UsageError(
            "impressions with an item in each row need a column position: rows of a DataFrame have "
            "no order"
        )


def path_to(frame: DataFrame, name: str) -> str | None:
    """The column, or the field inside one, in the words of Spark's SQL; ``None`` if it is not
    there."""
    column = _column(frame, name)
    if column is not None:
        return quoted(column)
    outer, *inner = name.split(".")
    column = _column(frame, outer) if inner else None
    if column is None:
        return None
    kind = frame.schema[column].dataType
    for step in inner:
        fields = {field.name: field.dataType for field in getattr(kind, "fields", [])}
        if step not in fields:
            return None
        kind = fields[step]
    return ".".join(map(quoted, [column, *inner]))


def type_at(frame: DataFrame, name: str) -> str | None:
    """The type of a column, or of a field inside one, such as ``"bigint"``; ``None`` if it is not
    there."""
    path = path_to(frame, name)
    if path is None:
        return None
    return str(frame.select(path).schema[0].dataType.simpleString())


def quoted(name: str) -> str:
    """A name of a column in the words of Spark's SQL."""
    return "`" + name.replace("`", "``") + "`"


def without_type(name: str) -> str:
    """A column of ``with_`` or ``keep`` without the type that may stand behind it."""
    return name.rpartition(":")[0] if ":" in name else name


def _kept(keywords: Mapping[str, object]) -> list[str]:
    """The columns that ``keep`` copies, apart from fields of items."""
    names = [without_type(name) for name in texts_of(keywords, "keep")]
    return [name.removeprefix("item.") for name in names]


def _pairs(texts: Iterable[str]) -> dict[str, list[str]]:
    """What stands behind ``=``, by what stands before it."""
    found: dict[str, list[str]] = {}
    for text in texts:
        name, _, value = text.partition("=")
        found.setdefault(name, []).append(value)
    return found


def _column(frame: DataFrame, name: str) -> str | None:
    columns: list[str] = frame.columns
    if name in columns:
        return name
    alike = [column for column in columns if column.lower() == name.lower()]
    return alike[0] if len(alike) == 1 else None

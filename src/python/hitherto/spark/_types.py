"""The types of ids and of added columns, told to the binary.

On one machine the files tell them. Of a shard without rows no file tells anything, and all shards
have to agree; the schemas of the DataFrames do.
"""

from __future__ import annotations

from collections.abc import Mapping

from .._errors import DataError
from ._columns import KEYS, DataFrame, renamed, texts_of, type_at, without_type

INTEGERS = ("tinyint", "smallint", "int", "bigint")
_ATTRIBUTES = {
    **dict.fromkeys(("tinyint", "smallint", "int"), "int32"),
    **dict.fromkeys(("float", "double"), "float32"),
}
_PASSTHROUGH = {
    **dict.fromkeys(("tinyint", "smallint", "int"), "int32"),
    "bigint": "int64",
    **dict.fromkeys(("float", "double"), "double"),
    "string": "string",
    "boolean": "boolean",
    **dict.fromkeys(("timestamp", "timestamp_ntz", "date"), "timestamp"),
}
# Attributes that are no columns.
_COMPUTED = ("time", "time_delta")


def is_text(kind: str) -> bool:
    """Whether a type of Spark is text, in whatever collation."""
    return kind.startswith(("string", "char", "varchar"))


def id_kind(job: str, frames: Mapping[str, DataFrame], keywords: Mapping[str, object]) -> str:
    """``"int64"`` or ``"string"``: what the ids are by which rows are dealt.

    Raises:
        DataError: if a DataFrame lacks its column, or they differ and no flag says which.
    """
    flag = _flag(job)
    kinds: dict[str, str] = {}
    for source, frame in frames.items():
        name = renamed(keywords).get((source, KEYS[job]), KEYS[job])
        kind = type_at(frame, name)
        if kind is None:
            hint = f'columns={{"{source}": {{"{KEYS[job]}": …}}}} names another'
            raise DataError(f'{source} has no column "{name}"; {hint}', hint=hint)
        kinds[source] = "string" if is_text(kind) else "int64"
    if keywords.get(flag) is not None:
        return str(keywords[flag])
    if len(set(kinds.values())) > 1:
        hint = f'{flag}="string" or "int64" reads them alike'
        told = ", ".join(f"{kind} in {source}" for source, kind in kinds.items())
        raise DataError(f"ids of {KEYS[job]} are of different types: {told}; {hint}", hint=hint)
    return next(iter(kinds.values()))


def with_types(
    job: str, frames: Mapping[str, DataFrame], keywords: Mapping[str, object]
) -> dict[str, object]:
    """The keywords with a type for all that has one."""
    told = dict(keywords)
    if told.get(_flag(job)) is None and (job == "sequences" or _are_alike(frames, keywords)):
        told[_flag(job)] = id_kind(job, frames, keywords)
    if job == "sequences":
        told["with_"] = [_attribute(name, frames, keywords) for name in texts_of(told, "with_")]
        told["keep"] = [_passthrough(name, frames, keywords) for name in texts_of(told, "keep")]
    return told


def _flag(job: str) -> str:
    return "customer_type" if job == "sequences" else "id_type"


def _are_alike(frames: Mapping[str, DataFrame], keywords: Mapping[str, object]) -> bool:
    """Whether users, flyers and merchants have ids of one kind, so that one flag tells all."""
    names = [
        renamed(keywords).get(("events", name), name)
        for name in ("user_id", "flyer_id", "merchant_id")
    ]
    return len({type_at(frames["events"], name) in INTEGERS for name in names}) == 1


def _attribute(name: str, frames: Mapping[str, DataFrame], keywords: Mapping[str, object]) -> str:
    """A list of ``with_`` with its type, if the columns of all actions have one that it can have:
    int32 if they are all integers, else float32."""
    if ":" in name or name in _COMPUTED:
        return name
    found = [
        type_at(frame, renamed(keywords).get((source, name), name))
        for source, frame in frames.items()
        if source != "impressions"
    ]
    kinds = {_ATTRIBUTES.get(kind) for kind in found if kind is not None}
    if not kinds or None in kinds:
        return name
    return f"{name}:{'int32' if kinds == {'int32'} else 'float32'}"


def _passthrough(name: str, frames: Mapping[str, DataFrame], keywords: Mapping[str, object]) -> str:
    """A column of ``keep`` with its type, if it has one that can be kept."""
    source = str(keywords.get("impressions_from") or "impressions")
    if ":" in name or source not in frames:
        return name
    frame, names = frames[source], renamed(keywords)
    plain = without_type(name).removeprefix("item.")
    kind = None
    if plain != name:
        kind = _type_in_items(frame, names.get((source, "impressions"), "impressions"), plain)
    if kind is None:
        kind = type_at(frame, names.get((source, plain), plain))
    told = _PASSTHROUGH.get(kind or "")
    return f"{name}:{told}" if told else name


def _type_in_items(frame: DataFrame, items: str, name: str) -> str | None:
    """The type of a field of the items of impressions."""
    if items not in frame.columns:
        return None
    element = getattr(frame.schema[items].dataType, "elementType", None)
    fields = {field.name: field.dataType for field in getattr(element, "fields", [])}
    return str(fields[name].simpleString()) if name in fields else None

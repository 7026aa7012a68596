"""Which columns of a set batches have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from ._errors import UsageError
from ._names import ITEM

if TYPE_CHECKING:
    from ._source import Source

# Columns of histories and of rows that have other names or another meaning in batches.
_NOT_SAMPLES = ("history_length", "history_start", "item_id", "actions", "action_types")


def columns_of(
    source: Source, schema: pa.Schema | None, asked: Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns of histories and columns of samples that batches have.

    By default all histories, `item_id`, `is_order`, `weight`, and of the kept columns those that a
    tensor can hold. `asked` are shown names, and own names are returned. Raises UsageError for a
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
        raise UsageError(f"no column {unknown}; there are {there}")
    asked_text = sorted({shown(x) for x in text}.intersection(asked))
    if asked_text:
        raise UsageError(f"columns {asked_text} are text, which no tensor holds")
    weight = [x for x in names if x == "weight"]
    asked_names = [x for x in names if shown(x) in asked and x != "weight"]
    return tuple(x for x in lists if shown(x) in asked), (*asked_names, *weight)


def _is_text(schema: pa.Schema, name: str) -> bool:
    field = schema.field(name).type
    field = field.value_type if pa.types.is_list(field) else field
    return bool(pa.types.is_string(field) or pa.types.is_large_string(field))

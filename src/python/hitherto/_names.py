"""The names of the columns of a set.

A column has an own name, which it has without ``--rename``; a stored name, which it has in the
files; and a shown name, which it has in what is read from them. Own names are those of layout
``sample``: the items of an impression are ``item_id``, and the times of a timeline are
``time_delta``, as that is what they are read for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ITEM, DELTA = "item_id", "time_delta"
# Where these two are stored in other layouts.
_ITEMS, _TIMES = "items", "action_time"


@dataclass(frozen=True)
class Names:
    """The names of a set of a layout whose columns were given other names by ``rename``."""

    rename: Mapping[str, str]
    layout: str

    @property
    def is_timeline(self) -> bool:
        """Whether rows hold the places of their histories in timelines."""
        return self.layout == "timeline"

    @property
    def is_by_item(self) -> bool:
        """Whether a row is a sample, and not an impression."""
        return self.layout == "sample"

    def stored(self, own: str) -> str:
        """The stored name of a column."""
        if own == ITEM and not self.is_by_item:
            own = _ITEMS
        if own == DELTA and self.is_timeline:
            own = _TIMES
        return self.rename.get(own, own)

    def shown(self, own: str) -> str:
        """The shown name of a column, with a row for each item.

        It is the stored one, but for what is computed from other columns.
        """
        if own == DELTA and self.is_timeline:
            return own
        if own == ITEM and not self.is_by_item:
            return self.rename.get(_ITEMS, ITEM)
        return self.rename.get(own, own)

    def own(self, stored: str) -> str:
        """The own name of a stored column."""
        own = {name: own for own, name in self.rename.items()}.get(stored, stored)
        if own == _ITEMS and not self.is_by_item:
            return ITEM
        return DELTA if own == _TIMES and self.is_timeline else own

    def own_schema(self, schema: Any) -> Any:
        """An Arrow schema of stored names with own names."""
        import pyarrow as pa

        return pa.schema([field.with_name(self.own(field.name)) for field in schema])


def names_of(settings: Mapping[str, Any]) -> Names:
    """The names of a set, from the settings in its manifest."""
    return Names(settings.get("rename") or {}, str(settings.get("layout", "")))

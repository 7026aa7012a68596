"""A small log as tables of pyarrow, and what comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

import hitherto as ht

TIME = pa.timestamp("us", "UTC")


def impressions() -> pa.Table:
    items = pa.list_(pa.struct([("item_id", pa.int64()), ("is_order", pa.bool_())]))
    rows = [[{"item_id": 7, "is_order": True}, {"item_id": 8, "is_order": None}], [{"item_id": 9}]]
    return pa.table(
        {
            "customer_id": ["ann", "bob"],
            "ranking_id": ["r1", "r2"],
            "dt": ["2025-08-15", "2025-08-15"],
            "impressions": pa.array(rows, items),
        }
    )


def clicks() -> pa.Table:
    times = [1_755_000_000_000_000 + 1_000_000 * i for i in range(4)]
    return pa.table(
        {
            "customer_id": ["ann", "bob", "ann", None],
            "item_id": pa.array([11, 12, 13, 14], pa.int64()),
            "click_time": pa.array(times, pa.int64()).cast(TIME),
            "note": pa.nulls(4),
        }
    )


def read_back(imps: Any, acts: Any, out: Path) -> list[dict[str, Any]]:
    made = ht.sequences(
        impressions=imps,
        clicks=acts,
        without=["carts", "orders"],
        customer_type="string",
        max_actions=3,
        out=out,
        progress=False,
    )
    columns = ["ranking_id", "customer_id", "items", "is_order", "actions"]
    return sorted(made.read(columns=columns).to_pylist(), key=lambda row: row["ranking_id"])


EXPECTED = [
    {"ranking_id": "r1", "customer_id": "ann", "items": [7, 8], "is_order": [True, None],
     "actions": [13, 11, 0]},
    {"ranking_id": "r2", "customer_id": "bob", "items": [9], "is_order": [None],
     "actions": [12, 0, 0]},
]  # fmt: skip

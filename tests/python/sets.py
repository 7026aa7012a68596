"""Small sets for tests of the loader, and what plain pyarrow reads from them."""

from __future__ import annotations

import functools
import glob
import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Array = NDArray[Any]

SHOP = Path(__file__).parents[2] / "testdata" / "shop"


def binary() -> str:
    """The binary under test."""
    found = os.environ.get("HITHERTO_BINARY") or shutil.which("hitherto")
    assert found, "set HITHERTO_BINARY to the binary"
    return found


def make(out: Path, *flags: str, source: Path = SHOP) -> Path:
    """A set of `hitherto sequences`."""
    command = [binary(), "sequences", str(source), "--out", str(out), "--quiet", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


def richer_shop(out: Path, null_labels: bool = False) -> Path:
    """The logs of the shop with prices of orders, and times and more of impressions."""
    shutil.copytree(SHOP, out)
    orders = out / "previous_orders.json"
    rows = json.loads(orders.read_text())
    for i, row in enumerate(rows):
        row["price"] = i / 8
    orders.write_text(json.dumps(rows))
    for path in sorted((out / "impressions").glob("dt=*/*.ndjson")):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for i, line in enumerate(lines):
            line["surface"] = i % 5
            line["impression_time"] = f"{path.parent.name[3:]}T{i % 24:02}:00:00.75Z"
            for j, item in enumerate(line["impressions"]):
                item["rank"] = i * 100 + j
                if null_labels and (i + j) % 4 == 0:
                    item["is_order"] = None
        path.write_text("\n".join(map(json.dumps, lines)))
    return out


def generate(out: Path, *flags: str) -> Path:
    """A folder of generated logs."""
    command = [binary(), "generate", str(out), *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


def parts(folder: Path) -> list[str]:
    """All part files of a set, in order."""
    return sorted(glob.glob(str(folder / "dt=*" / "part-*.parquet")))


# Columns with a value for each item.
PER_ITEM = ("weight", "rank")

Sample = tuple[Any, ...]


@functools.cache
def expected(folder: Path, actions_max: int | None = None, *more: str) -> Counter[Sample]:
    """The samples of a set of layout `sample` or `request`, read row by row.

    A sample is (item, label, real actions, their types, then the lists or values of `more`).
    Nobody changes the result, nor the set.
    """
    samples: Counter[Sample] = Counter()
    for path in parts(folder):
        there = pq.read_schema(path).names
        wanted = {"item_id", "items", "is_order", "history_length", "actions", "action_types"}
        # Not all: times take most of the time.
        columns = [x for x in there if x in wanted.union(more)]
        table = pq.read_table(path, columns=columns, partitioning=cast(Any, None))
        for row in table.to_pylist():
            kept = min(row["history_length"], actions_max or row["history_length"])
            lists = [tuple(row[x][:kept]) for x in ("actions", "action_types")]
            is_list = "items" in row
            items = row["items"] if is_list else [row["item_id"]]
            labels = row["is_order"] if is_list else [row["is_order"]]
            for i, (item, label) in enumerate(zip(items, labels, strict=True)):
                rest = [_value(row, x, i, kept, is_list) for x in more]
                sample = (item, label, *lists, *rest)
                samples[sample] += 1
    return samples


def _value(row: dict[str, Any], name: str, i: int, kept: int, is_list: bool) -> Any:
    value = row[name]
    if not isinstance(value, list):
        return value
    return value[i] if is_list and name in PER_ITEM else tuple(value[:kept])


def found(batches: Any, *more: str) -> Counter[Sample]:
    """The samples of batches of `Samples`, in the form of `expected`."""
    samples: Counter[Sample] = Counter()
    for batch in batches:
        samples.update(samples_of(batch, *more))
    return samples


def samples_of(batch: Any, *more: str) -> list[Sample]:
    """The samples of a batch, in order."""
    b = {name: values.cpu().numpy() for name, values in batch.items()}
    count = len(b["item_id"])
    index = b.get("history_index", np.arange(count))
    lengths = b["history_length"]
    histories = [
        tuple(
            tuple(list_of(b, name, u, lengths[u]).tolist()) for name in ("actions", "action_types")
        )
        for u in range(len(lengths))
    ]
    rows = []
    for i in range(count):
        label = None if np.isnan(b["is_order"][i]) else bool(b["is_order"][i])
        rest = [
            b[x][i].item()
            if x in (*PER_ITEM, "surface")
            else tuple(list_of(b, x, index[i], lengths[index[i]]).tolist())
            for x in more
        ]
        rows.append((int(b["item_id"][i]), label, *histories[index[i]], *rest))
    return rows


def list_of(b: dict[str, Array], name: str, history: int, length: int) -> Array:
    """The real values of a list of a batch; checks that all others are padding."""
    if "offsets" in b:
        start, end = b["offsets"][history : history + 2]
        assert end - start == length
        values: Array = b[name][start:end]
        return values
    row = b[name][history]
    assert not row[length:].any()
    real: Array = row[:length]
    return real


def timeline_of(folder: Path, out: Path, max_actions: int | None = None) -> Path:
    """A set of layout `timeline` with the rows of one of layout `request`, `cutoff=time`.

    Rows of one customer within a row group share one list, which holds all that theirs hold.
    """
    shutil.copytree(folder, out)
    for path in parts(out):
        file = pq.ParquetFile(path)
        groups = [_timeline_group(file.read_row_group(g)) for g in range(file.num_row_groups)]
        with pq.ParquetWriter(path, groups[0].schema, compression="zstd") as writer:
            for group in groups:
                writer.write_table(group, row_group_size=max(len(group), 1))
    for name in glob.glob(str(out / "**" / "_manifest.json"), recursive=True):
        manifest = json.loads(Path(name).read_text())
        manifest["settings"].update(layout="timeline", pad=False, max_actions=max_actions)
        Path(name).write_text(json.dumps(manifest))
    return out


def _timeline_group(table: pa.Table) -> pa.Table:
    """The rows of a row group in the form of layout `timeline`."""
    rows = table.to_pylist()
    names = [x for x in ("actions", "action_types") if x in table.schema.names]
    starts = [0] * len(rows)
    lists: dict[str, list[Any]] = {name: [None] * len(rows) for name in names}
    at = 0
    while at < len(rows):
        end = at
        while end < len(rows) and rows[end]["customer_id"] == rows[at]["customer_id"]:
            end += 1
        whole = _joined([rows[i] for i in range(at, end)], names)
        if whole is None:
            # The histories of these rows are no slices of one list, so each has its own.
            end = at + 1
            whole = _joined([rows[at]], names)
            assert whole is not None
        for name in names:
            lists[name][at] = whole[0][name]
        starts[at:end] = whole[1]
        at = end
    for name in names:
        field = table.schema.field(name).type
        column = pa.array(lists[name], pa.list_(field.value_type))
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table.append_column("history_start", pa.array(starts, pa.int32()))


def _joined(
    rows: list[dict[str, Any]], names: list[str]
) -> tuple[dict[str, list[int]], list[int]] | None:
    """One list for rows in order of time, newest first, and where each history starts in it."""
    newest = rows[-1]
    real = {name: newest[name][: newest["history_length"]] for name in names}
    starts = []
    for row in rows:
        length = row["history_length"]
        own = {name: row[name][:length] for name in names}
        count = len(real[names[0]])
        # An older history is a later part of the newest, and may reach further back.
        place = next(
            (
                p
                for p in range(count + 1)
                if all(own[x][: count - p] == real[x][p : p + length] for x in names)
            ),
            None,
        )
        if place is None:
            return None
        for name in names:
            real[name] = real[name] + own[name][count - place :]
        starts.append(place)
    return real, starts

"""The set of the guide for TorchEasyRec has the columns that its documentation asks for.

Rules are those of docs/source/feature/feature.md (sequence features) and models/dlrm_hstu.md of
https://github.com/alibaba/TorchEasyRec. Values are computed again from the logs in plain Python.
"""

from __future__ import annotations

import csv
import datetime
import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("duckdb", reason="the Python of the guide needs duckdb")

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "testdata" / "shop"
TYPES = {"click": 1, "cart": 2, "order": 4}
UIH = ["uih_seq__item_id", "uih_seq__action_weight", "uih_seq__action_timestamp"]
CANDIDATES = ["cand_seq__item_id", "cand_seq__action_weight", "cand_seq__query_time"]

Action = tuple[int, int, int]


def block() -> str:
    """The Python of the section of the guide."""
    page = (ROOT / "src" / "guide" / "train.md").read_text(encoding="utf-8")
    section = page.partition("\n## TorchEasyRec and HSTU\n")[2].partition("\n## ")[0]
    found = re.findall(r"^```python\n(.*?)^```$", section, re.M | re.S)
    assert len(found) == 1
    return str(found[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set, made by the guide's own Python."""
    path = tmp_path_factory.mktemp("tzrec")
    (path / "testdata").symlink_to(ROOT / "testdata")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        exec(compile("import hitherto as ht\n" + block(), "train.md", "exec"), {})
    return path / "hstu"


def files(folder: Path) -> list[Path]:
    """What `train_input_path: "hstu/dt=*/*.parquet"` takes."""
    found = sorted(folder.glob("dt=*/*.parquet"))
    assert len(found) == 2
    return found


def rows(folder: Path) -> list[dict[str, Any]]:
    return [row for path in files(folder) for row in pq.ParquetFile(path).read().to_pylist()]


def seconds(text: str) -> int:
    """Whole seconds from 1970 to a time in UTC."""
    plain = re.sub(r"\.\d+", "", text).replace("Z", "").replace("T", " ")
    time = datetime.datetime.fromisoformat(plain)
    return int(time.replace(tzinfo=datetime.timezone.utc).timestamp())


def actions_of_customers() -> dict[int, list[Action]]:
    """All actions as (time, type, item), oldest first, by customer, from the logs."""
    found: list[tuple[str, str, str, str]] = []
    for path in SHOP.glob("clicks/dt=*/*"):
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                found.append((row["customer_id"], "click", row["item_id"], row["click_time"]))
    carts = (SHOP / "add_to_carts.ndjson").read_text().splitlines()
    for kind, entries in (
        ("cart", [json.loads(line) for line in carts]),
        ("order", json.loads((SHOP / "previous_orders.json").read_text())),
    ):
        found += [(x["customer_id"], kind, x["config_id"], x["occurred_at"]) for x in entries]
    by_customer: dict[int, list[Action]] = {}
    for customer, kind, item, time in found:
        if customer:
            action = (seconds(time), TYPES[kind], int(item))
            by_customer.setdefault(int(customer), []).append(action)
    return {customer: sorted(actions) for customer, actions in by_customer.items()}


def test_columns_have_the_names_and_types_of_the_documentation(folder: Path) -> None:
    for path in files(folder):
        schema = pq.read_schema(path)
        assert schema.field("user_id").type == pa.int64()
        for name in (*UIH, *CANDIDATES):
            kind = schema.field(name).type
            # Arrays of integers; a boolean is none, and would be refused as a label.
            assert pa.types.is_list(kind), name
            assert pa.types.is_integer(kind.value_type), name
        for name in ("uih_seq__item_id", "cand_seq__item_id"):
            assert schema.field(name).type.value_type == pa.int64()


def test_lists_of_a_sequence_are_equally_long_and_not_padded(folder: Path) -> None:
    lengths = set()
    for row in rows(folder):
        assert len({len(row[name]) for name in UIH}) == 1
        assert len({len(row[name]) for name in CANDIDATES}) == 1
        assert len(row[UIH[0]]) == row["history_length"]
        assert not any(0 in row[name] for name in (*UIH, CANDIDATES[0], CANDIDATES[2]))
        lengths.add(row["history_length"])
    assert 0 in lengths
    assert len(lengths) > 10


def test_sequences_are_the_logs_oldest_first(folder: Path) -> None:
    actions = actions_of_customers()
    for row in rows(folder):
        cutoff = int(row["cutoff"].timestamp())
        # The lookback is 365 days, and a history has the newest 1,000.
        prior = [
            x for x in actions.get(row["user_id"], []) if cutoff - 365 * 86_400 <= x[0] < cutoff
        ][-1000:]
        times, types, items = zip(*prior, strict=True) if prior else ((), (), ())
        assert row["uih_seq__item_id"] == list(items)
        assert row["uih_seq__action_weight"] == list(types)
        assert row["uih_seq__action_timestamp"] == list(times)
        assert set(types) <= set(TYPES.values())


def test_candidates_are_the_items_of_the_impression(folder: Path) -> None:
    found = {row["ranking_id"]: row for row in rows(folder)}
    shown = 0
    for path in SHOP.glob("impressions/dt=*/*"):
        day = seconds(path.parent.name[3:] + " 00:00:00")
        for line in path.read_text().splitlines():
            impression = json.loads(line)
            if impression["customer_id"] is None:
                assert impression["ranking_id"] not in found
                continue
            row, items = found[impression["ranking_id"]], impression["impressions"]
            assert row["cand_seq__item_id"] == [x["item_id"] for x in items]
            assert row["cand_seq__action_weight"] == [4 * x["is_order"] for x in items]
            assert row["cand_seq__query_time"] == [day] * len(items)
            shown += len(items)
    assert shown == 661


def test_the_configuration_names_columns_of_the_set(folder: Path) -> None:
    page = (ROOT / "src" / "guide" / "train.md").read_text(encoding="utf-8")
    section = page.partition("\n## TorchEasyRec and HSTU\n")[2].partition("\n## ")[0]
    (config,) = re.findall(r"^```text\n(train_input_path.*?)^```$", section, re.M | re.S)
    names = set(re.findall(r'label_fields: "(\w+)"', config))
    for sequence in config.split("sequence_feature {")[1:]:
        prefix = re.search(r'sequence_name: "(\w+)"', sequence)
        assert prefix is not None
        names |= {f"{prefix[1]}__{x}" for x in re.findall(r'feature_name: "(\w+)"', sequence)}
    assert names == {*UIH, *CANDIDATES}
    assert names <= set(pq.read_schema(files(folder)[0]).names)

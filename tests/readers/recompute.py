"""Recomputes `hitherto sequences` from the raw files and compares every value with what three readers find.

What it checks, for each case:
- the rows of each day, as multisets, every column, read by pyarrow, DuckDB and Polars;
- the order inside a part: a customer's rows adjacent, then by cutoff, ranking_id, impression, position;
- the Parquet schema field by field with nullability, row group sizes, offset index, codec;
- that the manifests name exactly the files there are, with their rows and bytes, and count what was dropped;
- that `_vocabulary.parquet` has the items that it should, where ids of items are texts, each with its code;
- that `_SUCCESS` is there, and that the newest action is older than the cutoff in every row.

The recomputation follows the promises of the `sequences` section one by one, with a loop over all actions for
every impression. It shares no idea with the engine: no partitions, no windows, no pruning.

Usage: recompute.py BINARY WORK_FOLDER   (run.sh calls it from the root of the repository)
"""
import collections
import csv
import datetime as D
import glob
import gzip
import io
import itertools
import json
import math
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import zoneinfo

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

SHARED = "../shared/data"
SHOP = "testdata/shop"
CODECS = ["zstd", "lz4_raw", "snappy", "none"]
LAYOUTS = ["sample", "request"]
SECOND = 1_000_000
DAY = 86_400 * SECOND
EPOCH = D.datetime(1970, 1, 1)

# What each action source is called on disk, its type code, and the names of its columns.
ACTIONS = {
    "clicks": ("clicks", 1, "item_id", "click_time"),
    "carts": ("add_to_carts", 2, "config_id", "occurred_at"),
    "orders": ("previous_orders", 3, "config_id", "occurred_at"),
}
DEFAULTS = {
    "cutoff": "day", "timezone": "UTC", "lookback_days": 365, "available": {}, "embargo": {}, "max_actions": 1000,
    "pad": True, "guests": "drop", "guest_ids": [], "null_label": "keep", "date": None, "from": None, "to": None,
    "item_type": "int32", "customer_type": None, "time_unit": None, "columns": {}, "row_group_rows": 16384,
    "part_rows": 262144, "types": None, "dedup": "none", "with": None, "negatives_sample": None, "seed": 0, "item_vocabulary": None,
    "unknown_item": "index",
}


# --- time -----------------------------------------------------------------------------------------------------

def micros(wall):
    """A naive datetime as µs since 1970, without floats."""
    delta = wall - EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


def instant_of(wall_us, zone):
    """Wall time to instant: in a fold the earlier instant, in a gap the gap's end."""
    def offset_us(utc_us):
        utc = EPOCH.replace(tzinfo=D.timezone.utc) + D.timedelta(microseconds=utc_us)
        return utc.astimezone(zone).utcoffset() // D.timedelta(microseconds=1)

    offsets = {offset_us(wall_us - DAY), offset_us(wall_us + DAY)}
    instants = [wall_us - offset for offset in offsets if offset_us(wall_us - offset) == offset]
    if instants:
        return min(instants)
    before, after = wall_us - DAY, wall_us + DAY  # the gap's end: where the offset changes
    while after - before > 1:
        middle = (before + after) // 2
        if offset_us(middle) == offset_us(before):
            before = middle
        else:
            after = middle
    return after


def day_start(day, zone):
    return instant_of(micros(D.datetime.combine(day, D.time())), zone)


def local(utc_us, zone):
    """The wall time of an instant, naive."""
    utc = EPOCH.replace(tzinfo=D.timezone.utc) + D.timedelta(microseconds=utc_us)
    return utc.astimezone(zone).replace(tzinfo=None)


TEXT_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s?([Zz]|[+-]\d\d:?\d\d)?)?$")
UNITS = {"s": (SECOND, 1), "ms": (1000, 1), "us": (1, 1), "ns": (1, 1000)}


class Time:
    """An instant in µs, and from when on it is known if it was given only as a date."""

    def __init__(self, us, next_day_us=None):
        self.us, self.next_day_us = us, next_day_us


def read_time(value, zone, settings):
    """Text, an integer, a date, or a pair (ticks, unit, is it an instant) of an Arrow timestamp."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and settings["time_unit"] and re.fullmatch(r"-?\d+", value):
        value = int(value)
    if isinstance(value, int):
        value = (value, settings["time_unit"], True)
    if isinstance(value, tuple):
        ticks, unit, is_instant = value
        times, divided_by = UNITS[unit]
        us = ticks * times // divided_by  # floors, also before 1970
        return Time(us if is_instant else instant_of(us, zone))
    if isinstance(value, str):
        year, month, day, hour, minute, second, fraction, offset = TEXT_TIME.match(value).groups()
        value = D.date(int(year), int(month), int(day))
        if hour is not None:
            us = micros(D.datetime.combine(value, D.time(int(hour), int(minute), int(second or 0))))
            us += int((fraction or "").ljust(9, "0")) // 1000
            if offset is None:
                return Time(instant_of(us, zone))
            if offset in "Zz":
                return Time(us)
            minutes = int(offset[1:3]) * 60 + int(offset[-2:])
            return Time(us - (1 if offset[0] == "+" else -1) * minutes * 60 * SECOND)
    return Time(day_start(value, zone), day_start(value + D.timedelta(days=1), zone))


# --- raw files ------------------------------------------------------------------------------------------------

def raw_bytes(path):
    if path.endswith(".gz"):
        return gzip.open(path).read()
    if path.endswith(".zst"):
        return pa.input_stream(path, compression="zstd").read()
    return open(path, "rb").read()


def plain(array):
    """An Arrow column as Python values; timestamps keep their ticks, because datetime has no ns."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.cast(kind.value_type)
        kind = array.type
    if pa.types.is_timestamp(kind):
        ticks = array.cast(pa.int64()).to_pylist()
        return [None if t is None else (t, kind.unit, kind.tz is not None) for t in ticks]
    return array.to_pylist()


def read_rows(path):
    """The rows of one file as dicts of raw values."""
    if path.endswith(".parquet"):
        file = pq.ParquetFile(path)
        table = file.read()
        columns = {name: plain(table[name].combine_chunks()) for name in table.column_names}
        for leaf in range(len(file.schema)):
            if file.schema.column(leaf).physical_type == "INT96":  # an instant, though Arrow says wall time
                name = file.schema.column(leaf).name
                columns[name] = [v and (v[0], v[1], True) for v in columns[name]]
        return [dict(zip(columns, values)) for values in zip(*columns.values())]
    text = raw_bytes(path).decode("utf-8-sig")
    name = re.sub(r"\.(gz|zst)$", "", path)
    if name.endswith(".csv"):
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        for row in rows:
            for column, value in row.items():
                row[column] = None if value == "" else value
            if isinstance(row.get("impressions"), str):
                row["impressions"] = json.loads(row["impressions"])
        return rows
    if text.lstrip().startswith("["):
        return json.loads(text)
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def files_of(path):
    """A file, a folder or a glob as (file, dt of the folder)."""
    if os.path.isdir(path):
        found = [os.path.join(at, f) for at, _, names in os.walk(path) for f in names if f[0] not in "_."]
    else:
        found = glob.glob(path, recursive=True)
    result = []
    for file in sorted(found):
        hive = re.search(r"dt=(\d{4}-\d\d-\d\d)/", file)
        result.append((file, hive.group(1) if hive else None))
    return result


def source_path(folder, name):
    """DIR/name, a folder, or a file of that name."""
    whole = os.path.join(folder, name)
    return whole if os.path.isdir(whole) else glob.glob(whole + ".*")[0]


# --- the promises ---------------------------------------------------------------------------------------------

class Action:
    def __init__(self, source, code, customer, item, time, available, told):
        self.source, self.code, self.customer, self.item = source, code, customer, item
        self.time, self.available, self.told = time, available, told


def lists_of(settings):
    """Name and type of what is told of actions."""
    names = (settings["with"] or "").split(",")
    return [tuple((name if ":" in name else f"{name}:").split(":")) for name in names if name]


def number_of(raw, kind):
    """What a column tells; a null, or no column, is 0 or NaN."""
    if raw in (None, ""):
        return 0 if kind == "int32" else math.nan
    return int(raw) if kind == "int32" else struct.unpack("f", struct.pack("f", float(raw)))[0]


def item_of(raw, settings):
    """The id of an item: a text where items have codes."""
    return str(raw) if settings["item_vocabulary"] else int(raw)


def given_items(settings):
    """The items of a vocabulary that is given, in the order of their codes."""
    if settings["item_vocabulary"] in (None, "build"):
        return []
    table = pq.read_table(settings["item_vocabulary"]).to_pylist()
    return [row["item"] for row in sorted(table, key=lambda row: row["code"])]


def customer_of(raw, settings, as_text):
    """The id as the output has it, or None for a guest."""
    if raw is None:
        return None
    if as_text:
        customer = str(raw)
    else:
        customer = int(raw)
    return None if str(customer) in [str(guest) for guest in settings["guest_ids"]] else customer


def is_text_customer(sources, settings):
    if settings["customer_type"]:
        return settings["customer_type"] == "string"
    first = files_of(sources["impressions"])[0][0]
    if not first.endswith(".parquet"):
        return False
    kind = pq.read_schema(first).field(settings["columns"].get("impressions.customer_id", "customer_id")).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return not pa.types.is_integer(kind)


def read_actions(sources, settings, zone):
    as_text = is_text_customer(sources, settings)
    actions, null_customers = [], collections.Counter()
    for source, (_, code, item_name, time_name) in ACTIONS.items():
        def column(name):
            return settings["columns"].get(f"{source}.{name}", name)
        for path, _ in files_of(sources[source]) if source in sources else []:
            for row in read_rows(path):
                customer = customer_of(row.get(column("customer_id")), settings, as_text)
                time = read_time(row.get(column(time_name)), zone, settings)
                if time is None and source == "orders":
                    time = read_time(row.get(column("order_date")), zone, settings)
                available = None
                if source in settings["available"]:
                    available = read_time(row.get(settings["available"][source]), zone, settings)
                if customer is None:
                    null_customers[source] += 1
                    continue
                told = tuple(number_of(row.get(column(name)), kind) for name, kind in lists_of(settings) if kind)
                item = item_of(row[column(item_name)], settings)
                actions.append(Action(source, code, customer, item, time, available, told))
    return actions, null_customers


def is_known(time, cutoff):
    """Strictly before the cutoff; a bare date is known only when its day is over."""
    return time.us < cutoff and (time.next_day_us is None or time.next_day_us <= cutoff)


def is_prior(action, cutoff, settings):
    if not is_known(action.time, cutoff):
        return False
    embargo = settings["embargo"].get(action.source)
    if embargo is not None:
        if not action.time.us + embargo < cutoff:
            return False
    if action.source in settings["available"]:
        return action.available is not None and is_known(action.available, cutoff)
    return True


def xxh64(data, seed):
    """XXH64 of less than 32 bytes or more, from its specification."""
    p1, p2, p3, p4, p5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
    mask = (1 << 64) - 1

    def rotated(value, by):
        return (value << by | value >> (64 - by)) & mask

    def stepped(lane, word):
        return rotated((lane + word * p2) & mask, 31) * p1 & mask

    at, length = 0, len(data)
    if length >= 32:
        lanes = [(seed + p1 + p2) & mask, (seed + p2) & mask, seed & mask, (seed - p1) & mask]
        while at + 32 <= length:
            lanes = [stepped(lane, int.from_bytes(data[at + 8 * i:at + 8 * i + 8], "little")) for i, lane in enumerate(lanes)]
            at += 32
        hashed = sum(rotated(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18))) & mask
        for lane in lanes:
            hashed = ((hashed ^ stepped(0, lane)) * p1 + p4) & mask
    else:
        hashed = (seed + p5) & mask
    hashed = (hashed + length) & mask
    while at + 8 <= length:
        hashed = (rotated(hashed ^ stepped(0, int.from_bytes(data[at:at + 8], "little")), 27) * p1 + p4) & mask
        at += 8
    if at + 4 <= length:
        hashed = (rotated(hashed ^ int.from_bytes(data[at:at + 4], "little") * p1 & mask, 23) * p2 + p3) & mask
        at += 4
    for byte in data[at:]:
        hashed = rotated(hashed ^ byte * p5 & mask, 11) * p1 & mask
    hashed = (hashed ^ hashed >> 33) * p2 & mask
    hashed = (hashed ^ hashed >> 29) * p3 & mask
    return hashed ^ hashed >> 32


def is_sampled(day, customer, ranking, position, label, settings):
    """Whether a sample is kept: of negatives as many as the rate says, by the hash of their name."""
    if settings["negatives_sample"] is None or label is not False:
        return True
    name = f"{day}\n{'' if customer is None else customer}\n{ranking}\n{position}"
    return (xxh64(name.encode(), settings["seed"]) >> 32) / (1 << 32) < settings["negatives_sample"]


def known_after(action, settings):
    """The last moment at which an action was not known."""
    def end(time):
        return time.us if time.next_day_us is None else time.next_day_us - 1
    times = [end(action.time) if settings["cutoff"] == "time" else action.time.us]
    times.append(action.time.us + settings["embargo"].get(action.source, 0))
    if action.source in settings["available"]:
        times.append(end(action.available))
    return max(times)


def lookback_start(cutoff, settings, zone):
    """The first moment of a lookback; of one without an end before all."""
    wall, years = local(cutoff, zone), settings.get("lookback_years")
    if years is not None:
        try:
            earlier = wall.replace(year=wall.year - years)
        except ValueError:  # 29 February
            earlier = wall.replace(year=wall.year - years, day=28)
        return instant_of(micros(earlier), zone)
    if settings["lookback_days"] is None:
        return -math.inf
    wall = wall - D.timedelta(days=settings["lookback_days"])
    return instant_of(micros(wall), zone)


def counts_in(action, since, cutoff, settings):
    """Whether an action of a customer counts at a cutoff."""
    if settings["types"] and str(action.code) not in settings["types"].split(","):
        return False
    return since <= action.time.us and is_prior(action, cutoff, settings)


def vocabulary_of(impressions, actions, settings, zone):
    """The items with codes, in their order: those given, then those of samples and of actions that may be prior."""
    given = given_items(settings)
    if settings["unknown_item"] == "drop":
        return given
    held, spans = set(), {}
    for customer, _, shown, cutoff in impressions:
        held.update(item for _, item, _ in shown)
        if shown and customer is not None:
            start = lookback_start(cutoff, settings, zone)
            first, last = spans.get(customer, (start, cutoff))
            spans[customer] = (min(first, start), max(last, cutoff))
    held.update(a.item for a in actions if a.customer in spans and counts_in(a, *spans[a.customer], settings))
    return given + sorted(held - set(given), key=str.encode)


def history_of(customer, cutoff, actions, settings, zone):
    since, prior = lookback_start(cutoff, settings, zone), []
    for action in actions:
        if action.customer == customer and counts_in(action, since, cutoff, settings):
            told = [math.inf if number != number else number for number in action.told]
            known = known_after(action, settings)
            prior.append((action.time.us, action.code, action.item, (known, told), action.told))
    # Of those alike the one known last comes first; of which one is left, it is the one known first.
    prior.sort(key=lambda action: action[3], reverse=settings["dedup"] != "exact")
    prior.sort(key=lambda action: action[:3], reverse=True)
    if settings["dedup"] == "exact":
        prior = [next(run) for _, run in itertools.groupby(prior, key=lambda action: action[:3])]
    elif settings["dedup"] == "consecutive":
        prior = [next(run) for _, run in itertools.groupby(prior, key=lambda action: action[1:3])]
    return prior[:settings["max_actions"]]


def as_day(raw):
    return raw if isinstance(raw, D.date) else D.date.fromisoformat(raw.removeprefix("dt=")[:10])


def recompute(sources, settings):
    """(day → impressions, counts, vocabulary); an impression is (customer, ranking, items with labels, cutoff, history)."""
    zone = zoneinfo.ZoneInfo(settings["timezone"])
    actions, null_customers = read_actions(sources, settings, zone)
    as_text = is_text_customer(sources, settings)
    days, counts, given = {}, collections.Counter(), set(given_items(settings))

    def column(name):
        return settings["columns"].get(f"impressions.{name}", name)
    for path, hive_dt in files_of(sources["impressions"]):
        for row in read_rows(path):
            at = None
            if settings["cutoff"] == "time":
                at = read_time(row.get(column("impression_time")), zone, settings)
            dt = hive_dt or row.get(column("dt"))
            day = as_day(dt) if dt is not None else local(at.us, zone).date()
            if not (settings["from"] or "0") <= str(day) <= (settings["to"] or "9"):
                continue
            if settings["date"] and str(day) != settings["date"]:
                continue
            counts["impressions"] += 1
            cutoff = at.us if at else day_start(day, zone)
            customer = customer_of(row.get(column("customer_id")), settings, as_text)
            guest, empty = customer is None, not row.get(column("impressions"))
            counts["guests"] += guest
            counts["guests_dropped"] += guest and settings["guests"] == "drop"
            # Of an impression that is dropped nothing else is counted.
            if guest and settings["guests"] == "drop":
                continue
            counts["impressions_without_items"] += empty
            if empty:
                continue
            counts["null_labels"] += sum(e.get("is_order") is None for e in row[column("impressions")])
            shown, before = [], counts["negatives_left_out"]
            for position, element in enumerate(row.get(column("impressions"))):
                label, item = element.get("is_order"), item_of(element["item_id"], settings)
                if settings["unknown_item"] == "drop" and item not in given:
                    counts["unknown_items"] += 1
                    continue
                if label is None and settings["null_label"] != "keep":
                    continue
                if is_sampled(day, customer, str(row[column("ranking_id")]), position, label, settings):
                    shown.append((position, item, label))
                else:
                    counts["negatives_left_out"] += 1
            counts["impressions_sampled_away"] += not shown and counts["negatives_left_out"] > before
            counts["samples"] += len(shown)
            days.setdefault(str(day), []).append((customer, str(row[column("ranking_id")]), shown, cutoff))
    vocabulary = None
    if settings["item_vocabulary"]:
        vocabulary = vocabulary_of(itertools.chain(*days.values()), actions, settings, zone)
        codes = {item: code for code, item in enumerate(vocabulary, 1)}
        # Actions on items without a code are left out; of samples none is left that has no code.
        for action in actions:
            action.item = codes.get(action.item)
        days = {day: [(customer, ranking, [(position, codes[item], label) for position, item, label in shown], cutoff)
                      for customer, ranking, shown, cutoff in impressions] for day, impressions in days.items()}
    known = [action for action in actions if action.item is not None]
    for day, impressions in days.items():
        for at, (customer, ranking, shown, cutoff) in enumerate(impressions):
            history = [] if customer is None else history_of(customer, cutoff, known, settings, zone)
            counts["samples_without_history"] += 0 if history else len(shown)
            impressions[at] = (customer, ranking, shown, cutoff, history)
    asked = {impression[0] for impressions in days.values() for impression in impressions}
    dropped = {(source, "null_customers"): count for source, count in null_customers.items()}
    for source in settings["available"]:
        dropped[source, "never_available"] = sum(
            a.source == source and a.available is None and a.customer in asked for a in actions)
    return days, counts, dropped, vocabulary


def expected_rows(impressions, layout, settings):
    """The rows of a day as the output should have them."""
    rows = []
    for customer, ranking, shown, cutoff, history in impressions:
        padding = settings["max_actions"] - len(history) if settings["pad"] else 0
        tail = (cutoff, history[0][0] if history else None, len(history),
                tuple(a[2] for a in history) + (0,) * padding, tuple(a[1] for a in history) + (0,) * padding)
        columns = itertools.count()
        for _, kind in lists_of(settings):
            at = next(columns) if kind else None
            told = (a[4][at] if kind else min((cutoff - a[0]) // SECOND, 2**31 - 1) for a in history)
            tail += (frozen([list(told) + [0] * padding])[0],)
        if layout == "request":
            if shown:
                weights = (tuple(weight_of(s[2], settings) for s in shown),) if settings["negatives_sample"] else ()
                rows.append((customer, ranking, tuple(s[1] for s in shown), tuple(s[2] for s in shown)) + tail + weights)
        else:
            for position, item, label in shown:
                weight = (weight_of(label, settings),) if settings["negatives_sample"] else ()
                rows.append((customer, ranking, position, item, label) + tail + weight)
    return rows


def weight_of(label, settings):
    """1, or of a negative one over the rate, as a number of 32 bits."""
    return struct.unpack("f", struct.pack("f", 1 / settings["negatives_sample"] if label is False else 1))[0]


# --- what the readers find ------------------------------------------------------------------------------------

def columns_of(layout, settings):
    middle = ["items", "is_order"] if layout == "request" else ["position", "item_id", "is_order"]
    more = [name for name, _ in lists_of(settings)] + (["weight"] if settings["negatives_sample"] else [])
    return ["customer_id", "ranking_id"] + middle + [
        "cutoff", "last_action_time", "history_length", "actions", "action_types"] + more


def frozen(values):
    """Values that can be counted; NaN is like NaN."""
    return tuple(tuple("NaN" if w != w else w for w in v) if isinstance(v, list) else v for v in values)


def arrow_rows(path):
    table = pq.ParquetFile(path).read()
    return [frozen(row) for row in zip(*(
        (table[n].cast(pa.int64()) if pa.types.is_timestamp(table[n].type) else table[n]).to_pylist()
        for n in table.column_names))]


def read_arrow(out, _layout, _settings):
    days = {}
    for path in sorted(glob.glob(f"{out}/dt=*/*.parquet")):
        day = re.search(r"dt=([^/]*)/", path).group(1)
        days.setdefault(day, []).extend(arrow_rows(path))
    return days


def read_duckdb(out, layout, settings):
    columns = columns_of(layout, settings)
    select = ", ".join(f"epoch_us({c})" if c in ("cutoff", "last_action_time") else c for c in columns)
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select dt::varchar, {select} from read_parquet('{out}/dt=*/*.parquet', hive_partitioning = true)")
        return by_day(rows.fetchall())


def read_polars(out, layout, settings):
    times = pl.col("cutoff", "last_action_time").dt.epoch("us")
    frame = pl.scan_parquet(f"{out}/dt=*/*.parquet", hive_partitioning=True).with_columns(times)
    frame = frame.select("dt", *columns_of(layout, settings)).with_columns(pl.col("dt").cast(pl.String))
    return by_day(frame.collect().rows())


def by_day(rows):
    days = {}
    for day, *values in rows:
        days.setdefault(day, []).append(frozen(values))
    return days


READERS = {"pyarrow": read_arrow, "DuckDB": read_duckdb, "Polars": read_polars}


def schema_of(layout, customer_type, item_type, settings):
    """Name, type, nullability, as the table of the promises has them."""
    def items(kind, nullable=False):
        return pa.list_(pa.field("element", kind, nullable=nullable))
    shown = [pa.field("items", items(item_type), False), pa.field("is_order", items(pa.bool_(), True), False)]
    if layout == "sample":
        shown = [pa.field("position", pa.int32(), False), pa.field("item_id", item_type, False),
                 pa.field("is_order", pa.bool_(), True)]
    utc = pa.timestamp("us", tz="UTC")
    more = [pa.field(name, items(pa.float32() if kind == "float32" else pa.int32()), False)
            for name, kind in lists_of(settings)]
    if settings["negatives_sample"]:
        more.append(pa.field("weight", pa.float32() if layout == "sample" else items(pa.float32()), False))
    return pa.schema([
        pa.field("customer_id", customer_type, True), pa.field("ranking_id", pa.string(), False), *shown,
        pa.field("cutoff", utc, False), pa.field("last_action_time", utc, True),
        pa.field("history_length", pa.int32(), False), pa.field("actions", items(item_type), False),
        pa.field("action_types", items(pa.int8()), False), *more])


# --- checks; each yields what is wrong ------------------------------------------------------------------------

def check_values(name, found, expected):
    for day in sorted(found.keys() | expected.keys()):
        found_rows = collections.Counter(found.get(day, []))
        expected_rows_ = collections.Counter(expected.get(day, []))
        if found_rows != expected_rows_:
            more, fewer = found_rows - expected_rows_, expected_rows_ - found_rows
            yield (f"{name}, {day}: {more.total()} rows too many, {fewer.total()} missing\n"
                   f"    too many {shortened(more)}\n    missing  {shortened(fewer)}")


def shortened(rows):
    by_identity = sorted(rows, key=repr)[:2]
    return [tuple(f"{v[:6]}…" if isinstance(v, tuple) and len(v) > 6 else v for v in row) for row in by_identity]


def check_order(out, layout, settings):
    # Through the parts of a day: the last rows of an impression may begin the next part.
    for path in sorted(glob.glob(f"{out}/dt=*")):
        rows = [row for part in sorted(glob.glob(f"{path}/*.parquet")) for row in arrow_rows(part)]
        cutoff = columns_of(layout, settings).index("cutoff")
        finished = set()
        for customer, run in itertools.groupby(rows, key=lambda row: row[0]):
            run = list(run)
            if customer in finished and customer is not None:
                yield f"{path}: rows of customer {customer!r} are not adjacent"
            finished.add(customer)
            keys = [(row[cutoff], row[1].encode()) for row in run]
            if keys != sorted(keys) and customer is not None:
                yield f"{path}: rows of customer {customer!r} are not by cutoff, then ranking_id"
            leaves_out = settings["negatives_sample"] or settings["unknown_item"] == "drop"
            if layout == "sample" and settings["null_label"] == "keep" and not leaves_out:
                for _, group in itertools.groupby(run, key=lambda row: (row[cutoff], row[1])):
                    positions = [row[2] for row in group]
                    for before, after in zip([None] + positions, positions):
                        if after != 0 and (before is None or after != before + 1):
                            yield f"{path}: positions {positions[:12]} of customer {customer!r} are not in order"
        for row in rows:
            if row[cutoff + 1] is not None and not row[cutoff] > row[cutoff + 1]:
                yield f"{path}: an action at {row[cutoff + 1]} is not before the cutoff {row[cutoff]}"


def check_files(out, layout, codec, settings, as_text):
    if not os.path.exists(f"{out}/_SUCCESS"):
        yield "no _SUCCESS"
    item_type = pa.int64() if settings["item_type"] == "int64" else pa.int32()
    schema = schema_of(layout, pa.string() if as_text else pa.int64(), item_type, settings)
    for path in sorted(glob.glob(f"{out}/dt=*/*.parquet")):
        with pq.ParquetFile(path) as file:
            found, metadata = file.schema_arrow, file.metadata
        if len(found) != len(schema):
            yield f"{path}: columns {found.names}"
        for field, wanted in zip(found, schema):
            if not field.equals(wanted, check_metadata=False) or str(field.type) != str(wanted.type):
                yield f"{path}: field {field}, nullable {field.nullable}; expected {wanted}"
        if metadata.num_rows > settings["part_rows"]:
            yield f"{path}: {metadata.num_rows} rows"
        for group in range(metadata.num_row_groups):
            row_group = metadata.row_group(group)
            if row_group.num_rows > settings["row_group_rows"]:
                yield f"{path}: row group {group} has {row_group.num_rows} rows"
            for leaf in range(row_group.num_columns):
                chunk = row_group.column(leaf)
                if not chunk.has_offset_index:
                    yield f"{path}: row group {group}, {chunk.path_in_schema}: no offset index"
                # pyarrow calls both kinds of LZ4 by one name.
                names = {"zstd": ["ZSTD"], "lz4_raw": ["LZ4", "LZ4_RAW"], "snappy": ["SNAPPY"],
                         "none": ["UNCOMPRESSED"]}
                if chunk.compression not in names[codec]:
                    yield f"{path}: row group {group}, {chunk.path_in_schema}: codec {chunk.compression}"


def check_vocabulary(out, vocabulary, settings):
    path = f"{out}/_vocabulary.parquet"
    if vocabulary is None:
        if os.path.exists(path):
            yield "there is a vocabulary, though ids of items are what they are"
        return
    code = pa.int64() if settings["item_type"] == "int64" else pa.int32()
    wanted = pa.schema([pa.field("item", pa.string(), False), pa.field("code", code, False)])
    table = pq.ParquetFile(path).read()
    if not table.schema.equals(wanted, check_metadata=False):
        yield f"{path}: {table.schema}, expected {wanted}"
    with duckdb.connect() as connection:
        found = {"pyarrow": [(row["item"], row["code"]) for row in table.to_pylist()],
                 "DuckDB": connection.execute(f"select item, code from read_parquet('{path}')").fetchall(),
                 "Polars": pl.read_parquet(path).select("item", "code").rows()}
    for name, rows in found.items():
        if rows != [(item, code) for code, item in enumerate(vocabulary, 1)]:
            yield f"{path}, read by {name}: {len(rows)} items {rows[:5]}, expected {len(vocabulary)} {vocabulary[:5]}"
    told = json.load(open(f"{out}/_manifest.json"))["vocabulary"]
    if (told["path"], told["items"], told["bytes"]) != ("_vocabulary.parquet", len(vocabulary), os.path.getsize(path)):
        yield f"the manifest says {told} of the vocabulary"


def check_manifest(out, days, counts, dropped):
    whole = json.load(open(f"{out}/_manifest.json"))
    on_disk = {os.path.relpath(p, out): p for p in glob.glob(f"{out}/**/*.parquet", recursive=True)}
    on_disk.pop("_vocabulary.parquet", None)  # it is no part
    listed = {part["path"]: part for part in whole["parts"]}
    if listed.keys() != on_disk.keys():
        yield f"the manifest lists {sorted(listed)}, on disk are {sorted(on_disk)}"
    for day in sorted(days):
        if not os.path.exists(f"{out}/dt={day}/_manifest.json"):
            yield f"no manifest of {day}"
            continue
        of_day = json.load(open(f"{out}/dt={day}/_manifest.json"))["parts"]
        wanted = [dict(p, path=p["path"].split("/")[1]) for p in whole["parts"] if p["path"].startswith(f"dt={day}/")]
        if of_day != wanted:
            yield f"the manifests of {day} and of the whole disagree"
    for name in listed.keys() & on_disk.keys():
        metadata = pq.read_metadata(on_disk[name])
        facts = {"rows": metadata.num_rows, "bytes": os.path.getsize(on_disk[name])}
        if {key: listed[name][key] for key in facts} != facts:
            yield f"the manifest says {listed[name]}, the file has {facts}"
    wanted = ["impressions", "guests", "guests_dropped", "impressions_without_items", "null_labels", "samples",
              "samples_without_history", "negatives_left_out", "impressions_sampled_away", "unknown_items"]
    for name in wanted:
        if whole["counts"][name] != counts[name]:
            yield f"the manifest counts {whole['counts'][name]} {name}, expected {counts[name]}"
    for (source, name), count in dropped.items():
        if whole["actions"][source][name] != count:
            yield f"the manifest counts {whole['actions'][source][name]} {name} of {source}, expected {count}"


# --- cases ----------------------------------------------------------------------------------------------------

def flags_of(settings):
    """The command line that says what `settings` says."""
    flags = []
    for name, value in settings.items():
        flag = "--" + name.replace("_", "-")
        if name == "pad":
            flags += [] if value else ["--no-pad"]
        elif name == "lookback_days":
            flags += [flag, "none" if value is None else str(value)] if "lookback_years" not in settings else []
        elif name == "lookback_years":
            flags += ["--lookback", f"{value}y"]
        elif name in ("available", "columns"):
            for key, column in value.items():
                flags += [flag, f"{key}={column}"]
        elif name == "embargo":
            for key, us in value.items():
                flags += [flag, f"{key}={us // SECOND}s"]
        elif name == "guest_ids":
            flags.append(f"{flag}={','.join(map(str, value))}")
        else:
            flags += [flag, str(value)]
    return flags


class Case:
    """Inputs and settings; `folder` is given as DIR, or else each source by its own flag."""

    def __init__(self, name, sources=None, folder=None, layouts=LAYOUTS, codecs=("zstd",), **changed):
        self.name, self.layouts, self.codecs = name, layouts, codecs
        self.settings = {**DEFAULTS, **changed}
        self.flags = flags_of(changed)
        if folder:
            self.flags.append(folder)
            names = {"impressions": "impressions", **{s: names[0] for s, names in ACTIONS.items()}}
            sources = {source: source_path(folder, name) for source, name in names.items()}
        else:
            self.flags += [word for source, path in sources.items() for word in (f"--{source}", path)]
            self.flags += [w for s in ACTIONS if s not in sources for w in ("--without", s)]
        self.sources = sources


def run_case(binary, work, case):
    """True if every layout and codec of the case agrees with the recomputation."""
    days, counts, dropped, vocabulary = recompute(case.sources, case.settings)
    as_text = is_text_customer(case.sources, case.settings)
    explained = False
    for layout in case.layouts:
        expected = {day: expected_rows(rows, layout, case.settings) for day, rows in days.items()}
        expected = {day: rows for day, rows in expected.items() if rows}
        for codec in case.codecs:
            out = f"{work}/out"
            shutil.rmtree(out, ignore_errors=True)
            command = [binary, "sequences", "--quiet", "--threads", "2", "--out", out, "--layout", layout,
                       "--codec", codec, *case.flags]
            run = subprocess.run(command, capture_output=True, text=True)
            title = f"{case.name}, {layout}, {codec}"
            if run.returncode != 0:
                wrong = [f"exit code {run.returncode}: {run.stderr.strip()}"]
            else:
                wrong = [w for name, read in READERS.items() for w in check_values(name, read(out, layout, case.settings), expected)]
                wrong += check_order(out, layout, case.settings)
                wrong += check_files(out, layout, codec, case.settings, as_text)
                wrong += check_manifest(out, expected, counts, dropped)
                wrong += check_vocabulary(out, vocabulary, case.settings)
            rows = sum(map(len, expected.values()))
            print(f"FAILED  {title}" if wrong else f"passed  {title}: {rows} rows of {len(expected)} days", flush=True)
            if wrong and not explained:
                explained = True  # the other codecs and layouts of a case tend to fail alike
                for line in wrong[:4]:
                    print("   ", line)
                print("    $", " ".join(command), flush=True)
    return not explained


def shared_cases():
    if not os.path.isdir(SHARED):
        print(f"SKIPPED: {SHARED.rsplit('/', 1)[0]} is not here, so the challenge data is not read")
        return
    yield Case("challenge-csv", folder=f"{SHARED}/challenge-csv", codecs=CODECS)
    thousand = {"impressions": "impressions", "clicks": "clicks", "carts": "add_to_carts", "orders": "previous_orders"}
    yield Case("challenge-csv, 1000 rows",
               {s: f"{SHARED}/challenge-csv/{n}_1000.csv" for s, n in thousand.items()})
    yield Case("challenge-json", folder=f"{SHARED}/challenge-json", codecs=CODECS)
    yield Case("challenge-hive", folder=f"{SHARED}/challenge-hive", codecs=CODECS, date="2025-08-15")


class Log:
    """A small log full of edges, the same at each run: instants on and next to cutoffs, ties, duplicates, guests."""

    def __init__(self, folder, zone_name, first_day, seed, names=None):
        self.names = names  # texts that are ids of items, if integers are not
        self.folder, self.zone, self.random = folder, zoneinfo.ZoneInfo(zone_name), random.Random(seed)
        self.days = [first_day + D.timedelta(days=i) for i in range(4)]
        starts = [day_start(day, self.zone) for day in self.days]
        starts += [day_start(day - D.timedelta(days=back), self.zone) for day in self.days for back in (365, 30)]
        self.edges = [start + step for start in starts for step in (-1, 0, 0, 1, DAY // 24)]
        os.makedirs(folder, exist_ok=True)

    def instant(self):
        if self.random.random() < 0.3:
            return self.random.choice(self.edges)
        age = self.random.choice([2, 10, 60, 400])  # many in the last days, some older than the lookback
        us = micros(D.datetime.combine(self.days[-1], D.time())) - self.random.randrange(-DAY, age * DAY)
        return us - us % self.random.choice([1, SECOND, 3600 * SECOND])

    def text(self, us):
        """An instant as text: with or without an offset, up to ns, seconds left out where they are 0."""
        style = self.random.randrange(4)
        if style == 0:
            wall, offset = local(us, self.zone), ""
        elif style == 1:
            wall, offset = EPOCH + D.timedelta(microseconds=us), "Z"
        else:
            minutes = self.random.choice([-210, 0, 120, 345])
            wall = EPOCH + D.timedelta(microseconds=us + minutes * 60 * SECOND)
            offset = "%s%02d:%02d" % ("-" if minutes < 0 else "+", abs(minutes) // 60, abs(minutes) % 60)
        text = wall.strftime("%Y-%m-%d" + self.random.choice(" T") + "%H:%M:%S")
        if wall.microsecond or self.random.random() < 0.5:
            text += ".%06d" % wall.microsecond
            if self.random.random() < 0.5:
                text += "%03d" % self.random.randrange(1000)  # below a µs: floored, never rounded
        elif wall.second == 0 and style == 0:
            text = text[:-3]
        return text + offset

    def customer(self):
        return self.random.choice([None, 0, -1] + list(range(1, 25)) * 3)

    def item(self):
        number = self.random.randint(1, 40)
        return self.names[number % len(self.names)] if self.names else number

    def action_rows(self, source, count):
        _, _, item, time = ACTIONS[source]
        rows = []
        for _ in range(count):
            us = self.instant()
            row = {"customer_id": self.customer(), item: self.item(), time: us}
            if source == "clicks":
                row["ingested_at"] = self.random.choice([None, us, us + SECOND, us + 2 * DAY, us - DAY])
            else:
                row["simple_id"] = self.random.randint(1, 999)
            if source == "orders":
                row["order_date"] = local(us, self.zone).date()
                row[time] = self.random.choice([None, us])  # often only the date is known
            rows += [row] * self.random.choice([1, 1, 1, 1, 2])  # exact duplicates
        return rows

    def impression_rows(self, count):
        rows = []
        for i in range(count):
            day = self.random.choice(self.days)
            at = day_start(day, self.zone) + self.random.choice([0, 1, 3600 * SECOND, 7 * 3600 * SECOND])
            items = [{"item_id": self.item(), "is_order": self.random.choice([True, False, None])}
                     for _ in range(self.random.choice([0, 1, 2, 5, 9]))]
            row = {"dt": day, "ranking_id": self.random.randint(1, count), "customer_id": self.customer(),
                   "impression_time": at, "impressions": items or self.random.choice([None, []])}
            rows += [row] * self.random.choice([1, 1, 1, 1, 1, 2])
        return rows

    def as_text(self, row):
        times = ("click_time", "occurred_at", "ingested_at", "impression_time")
        return {k: self.text(v) if k in times and v is not None else str(v) if isinstance(v, D.date) else v
                for k, v in row.items()}

    def write_csv(self, name, rows):
        rows = [self.as_text(row) for row in rows]
        for row in rows:
            if row.get("impressions") is not None:
                row["impressions"] = json.dumps(row["impressions"], indent=self.random.choice([None, 1]))
        sink = io.StringIO(newline="")
        writer = csv.DictWriter(sink, list(rows[0]), lineterminator=self.random.choice(["\n", "\r\n"]))
        writer.writeheader()
        writer.writerows(rows)
        return self.write_bytes(name, sink.getvalue().encode())

    def write_ndjson(self, name, rows):
        rows = [json.dumps({k: v for k, v in self.as_text(r).items() if v is not None or k == "impressions"})
                for r in rows]
        return self.write_bytes(name, ("\n".join(rows) + "\n").encode())

    def write_bytes(self, name, content):
        path = f"{self.folder}/{name}"
        codec = {"gz": "gzip", "zst": "zstd"}.get(name.rsplit(".", 1)[1])
        if codec:
            with pa.output_stream(path, compression=codec) as sink:
                sink.write(content)
        else:
            with open(path, "wb") as sink:
                sink.write(content)
        return path


def text_log(folder, zone, first_day, seed, names=None):
    """One log as text of four kinds; `no_dt` are the same impressions without a day."""
    log = Log(folder, zone, first_day, seed, names)
    impressions = log.impression_rows(120)
    no_dt = [{k: v for k, v in row.items() if k != "dt"} for row in impressions]
    return {
        "impressions": log.write_csv("impressions.csv", impressions),
        "clicks": log.write_csv("clicks.csv.gz", log.action_rows("clicks", 1500)),
        "carts": log.write_ndjson("carts.ndjson.zst", log.action_rows("carts", 500)),
        "orders": log.write_csv("orders.csv", log.action_rows("orders", 300)),
    }, log.write_ndjson("no_dt.ndjson", no_dt)


def parquet_log(folder, zone, first_day, seed):
    """One log as the Parquet of three writers: wall times, instants, INT96, dates, dictionaries, large types."""
    log = Log(folder, zone, first_day, seed)
    for day in log.days:
        rows = [row for row in log.impression_rows(100) if row["dt"] == day]
        shown = pa.large_list(pa.struct([("item_id", pa.int64()), ("is_order", pa.bool_())]))
        table = pa.table({
            "ranking_id": pa.array([f"r{row['ranking_id']}" for row in rows]).dictionary_encode(),
            "customer_id": pa.array([row["customer_id"] for row in rows], pa.int32()),
            "impressions": pa.array([row["impressions"] for row in rows], shown),
            "impression_time": pa.array([row["impression_time"] for row in rows], pa.timestamp("us", "UTC"))})
        os.makedirs(f"{folder}/impressions/dt={day}", exist_ok=True)
        pq.write_table(table, f"{folder}/impressions/dt={day}/part-0.parquet", row_group_size=20)
    clicks = pl.DataFrame(log.action_rows("clicks", 1500), infer_schema_length=None).with_columns(
        pl.from_epoch("click_time", "us").dt.cast_time_unit("ns") + pl.duration(nanoseconds=999),
        pl.from_epoch("ingested_at", "us").dt.replace_time_zone("UTC"))
    clicks.write_parquet(f"{folder}/clicks.parquet")
    carts = pa.Table.from_pylist(log.action_rows("carts", 500))
    with duckdb.connect() as connection:
        connection.register("carts", carts)
        connection.execute(f"""copy (select customer_id::int customer_id, config_id::int config_id,
            make_timestamp(occurred_at) occurred_at from carts) to '{folder}/carts.parquet' (format parquet)""")
    orders = log.action_rows("orders", 300)
    table = pa.table({
        "customer_id": pa.array([row["customer_id"] for row in orders], pa.int64()),
        "config_id": pa.array([row["config_id"] for row in orders], pa.int32()),
        "order_date": pa.array([row["order_date"] for row in orders], pa.date32()),
        "occurred_at": pa.array([row["occurred_at"] for row in orders], pa.timestamp("us"))})
    pq.write_table(table, f"{folder}/orders.parquet", use_deprecated_int96_timestamps=True)
    return {"impressions": f"{folder}/impressions", "clicks": f"{folder}/clicks.parquet",
            "carts": f"{folder}/carts.parquet", "orders": f"{folder}/orders.parquet"}


# Ids of items: of one byte and of many, with what CSV must quote, with the same beginning, numbers as text.
NAMES = ["7", "70", "007", "sku-1", "sku-10", "sku-2", "SKU-1", "a,b", 'a"b', "ü", "u\u0308", "日本", "🛒", " ", "x" * 300,
         "the same beginning of many 1", "the same beginning of many 2", "null", "-1", "1.5"]


def named_parquet_log(folder, seed):
    """A log whose items are texts, as dictionaries, large texts, plain ones, and inside of lists."""
    log = Log(folder, "UTC", D.date(2025, 3, 29), seed, NAMES)
    shown = pa.list_(pa.struct([("item_id", pa.string()), ("is_order", pa.bool_())]))
    rows = log.impression_rows(150)
    table = pa.Table.from_pylist([{**row, "ranking_id": str(row["ranking_id"])} for row in rows], pa.schema([
        ("dt", pa.date32()), ("ranking_id", pa.string()), ("customer_id", pa.int32()), ("impressions", shown)]))
    pq.write_table(table, f"{folder}/impressions.parquet", row_group_size=37)
    kinds = {"clicks": pa.dictionary(pa.int32(), pa.string()), "carts": pa.large_string(), "orders": pa.string()}
    for source, kind in kinds.items():
        _, _, item, time = ACTIONS[source]
        rows = log.action_rows(source, 900)
        table = pa.table({
            "customer_id": pa.array([row["customer_id"] for row in rows], pa.int64()),
            item: pa.array([row[item] for row in rows], pa.string()).cast(kind),
            time: pa.array([row[time] for row in rows], pa.timestamp("us", "UTC")),
            "order_date": pa.array([row.get("order_date") for row in rows], pa.date32())})
        pq.write_table(table, f"{folder}/{source}.parquet", row_group_size=200, use_dictionary=source != "orders")
    return {source: f"{folder}/{source}.parquet" for source in ("impressions", *kinds)}


def vocabulary_file(folder, items):
    """A vocabulary to be given, the last code first."""
    table = pa.table({"item": items[::-1], "code": list(range(len(items), 0, -1))})
    pq.write_table(table, f"{folder}/codes.parquet")
    return f"{folder}/codes.parquet"


# How other writers lay out the same values: codec, version of pages, dictionaries or other encodings, pages of a few rows.
FORMS = {
    "gzip, plain, small pages": dict(compression="gzip", use_dictionary=False, data_page_size=64),
    "brotli, version 2": dict(compression="brotli", data_page_version="2.0", data_page_size=128),
    "LZ4, version 2, plain": dict(compression="lz4", data_page_version="2.0", use_dictionary=False),
    "Snappy, deltas, small pages": dict(compression="snappy", use_dictionary=False, data_page_size=64, write_batch_size=7,
                                        column_encoding={"ranking_id": "DELTA_BYTE_ARRAY", "customer_id": "DELTA_BINARY_PACKED"}),
    "zstd, deltas, version 2": dict(compression="zstd", use_dictionary=False, data_page_version="2.0",
                                    column_encoding={"ranking_id": "DELTA_LENGTH_BYTE_ARRAY"}),
    "not compressed, statistics in pages": dict(compression="none", write_page_index=True, data_page_size=256),
}


def parquet_form(binary, folder, options):
    """The same log in files that pyarrow lays out in another way."""
    form = {}
    for source, path in binary.items():
        form[source] = f"{folder}/{os.path.basename(path)}"
        for name in [os.path.relpath(file, path) for file in glob.glob(f"{path}/**/*.parquet", recursive=True)] or [""]:
            to = os.path.join(form[source], name) if name else form[source]
            os.makedirs(os.path.dirname(to), exist_ok=True)
            with pq.ParquetFile(os.path.join(path, name) if name else path) as file:
                table = file.read()
            plain = [column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column for column in table.columns]
            own = {k: v for k, v in options.get("column_encoding", {}).items() if k in table.column_names}
            pq.write_table(pa.table(plain, table.column_names), to, **{**options, **({"column_encoding": own or None} if "column_encoding" in options else {})})
    return form


def generated_cases(work):
    berlin = {"timezone": "Europe/Berlin"}
    text, no_dt = text_log(f"{work}/berlin", "Europe/Berlin", D.date(2025, 3, 29), 1)
    yield Case("days over a change of the clocks", text, codecs=CODECS, max_actions=40, **berlin)
    yield Case("cutoff at the impression, embargo, availability", text, codecs=CODECS, cutoff="time", max_actions=25,
               lookback_days=30, embargo={"orders": DAY, "carts": 90 * SECOND}, available={"clicks": "ingested_at"},
               **berlin)
    yield Case("no dt column", {**text, "impressions": no_dt}, codecs=CODECS, cutoff="time", max_actions=33, **berlin)
    yield Case("true lengths, all history, guests kept, null labels dropped", text, codecs=CODECS, pad=False,
               max_actions=65_536, lookback_days=None, guests="empty", null_label="drop", **berlin)
    yield Case("one action, guest ids, one day", text, max_actions=1, guest_ids=[0, -1], date="2025-03-31", **berlin)
    yield Case("text customers, wide items, two days, small row groups", text, max_actions=7, customer_type="string",
               item_type="int64", guest_ids=[0], guests="empty", row_group_rows=10, part_rows=35,
               **{"from": "2025-03-30", "to": "2025-03-31"}, **berlin)
    yield Case("clicks and orders, repeats once, seconds before the cutoff", text, codecs=CODECS, max_actions=20,
               types="1,3", dedup="exact", **{"with": "time_delta"}, **berlin)
    yield Case("one of a row, cutoff at the impression, seconds", text, codecs=CODECS, cutoff="time", max_actions=20,
               dedup="consecutive", **{"with": "time_delta"}, **berlin)
    yield Case("what columns of actions tell", text, codecs=CODECS, max_actions=30,
               **{"with": "simple_id:float32,time_delta,config_id:int32"}, **berlin)
    yield Case("the same, repeats once, known late", text, codecs=CODECS, cutoff="time", max_actions=20, dedup="exact",
               embargo={"orders": DAY}, **{"with": "simple_id:int32"}, **berlin)
    yield Case("the same, one of a row, true lengths", text, codecs=CODECS, cutoff="time", max_actions=20, pad=False,
               dedup="consecutive", **{"with": "time_delta,simple_id:float32"}, **berlin)
    yield Case("a third of the negatives, with weights", text, codecs=CODECS, max_actions=5, negatives_sample=0.3, seed=7,
               guests="empty", **berlin)
    yield Case("without carts", {s: p for s, p in text.items() if s != "carts"}, max_actions=20, **berlin)
    yield Case("integers that have codes", text, codecs=CODECS, max_actions=20, item_vocabulary="build", **berlin)
    named, _ = text_log(f"{work}/named", "Europe/Berlin", D.date(2025, 3, 29), 6, NAMES)
    yield Case("items whose ids are texts", named, codecs=CODECS, max_actions=20, item_vocabulary="build", **berlin)
    yield Case("the same, true lengths, sampled, short lookback, wide", named, cutoff="time", pad=False, lookback_days=3,
               negatives_sample=0.3, null_label="drop", types="1,3", item_type="int64", item_vocabulary="build", **berlin)
    given = vocabulary_file(f"{work}/named", ["never", NAMES[3], NAMES[10], NAMES[0]])
    yield Case("codes that are given, and more", named, max_actions=20, item_vocabulary=given, guests="empty", **berlin)
    yield Case("codes that are given, and no others", named, max_actions=20, item_vocabulary=given, unknown_item="drop",
               dedup="consecutive", **{"with": "simple_id:int32,time_delta"}, **berlin)
    named = named_parquet_log(f"{work}/named-parquet", 7)
    yield Case("Parquet with texts for items", named, codecs=CODECS, max_actions=30, item_vocabulary="build")
    yield Case("the same, with codes that are given", named, max_actions=30, item_vocabulary=given, unknown_item="drop")
    autumn, _ = text_log(f"{work}/fold", "Europe/Berlin", D.date(2025, 10, 24), 2)
    yield Case("an hour that comes twice", autumn, cutoff="time", max_actions=50, **berlin)
    gap, _ = text_log(f"{work}/gap", "America/Sao_Paulo", D.date(2018, 11, 2), 3)
    yield Case("a day without midnight", gap, max_actions=50, timezone="America/Sao_Paulo")
    leap, _ = text_log(f"{work}/leap", "UTC", D.date(2024, 2, 27), 4)
    yield Case("a leap day", leap, max_actions=60, timezone="UTC")
    binary = parquet_log(f"{work}/parquet", "Asia/Kathmandu", D.date(2024, 12, 30), 5)
    yield Case("Parquet of three writers, over a year's end", binary, codecs=CODECS, max_actions=30,
               timezone="Asia/Kathmandu")
    yield Case("Parquet, cutoff at the impression", binary, cutoff="time", max_actions=30,
               available={"clicks": "ingested_at"}, timezone="Asia/Kathmandu")
    for number, (name, options) in enumerate(FORMS.items()):
        form = parquet_form(binary, f"{work}/form{number}", options)
        yield Case(f"Parquet: {name}", form, max_actions=30, timezone="Asia/Kathmandu")


def main():
    binary, work = sys.argv[1:]
    shutil.rmtree(work, ignore_errors=True)
    cases = [*shared_cases()]
    if os.path.isdir(SHOP):
        cases.append(Case("testdata/shop", folder=SHOP))
    else:
        print(f"SKIPPED: {SHOP} is not here")
    passes = [run_case(binary, work, case) for case in [*cases, *generated_cases(work)]]
    return 0 if all(passes) else 1


if __name__ == "__main__":
    sys.exit(main())

"""The parts of run.sh: makes a set of logs, does the job with a peer, compares rows, and measures all in turns.

Libraries are imported where they are used: the process that measures has to stay small (see `measure`), and each
peer should pay for its own imports only.
"""
import argparse, datetime, functools, glob, json, os, platform, shutil, signal, statistics, subprocess, sys, time
from importlib.metadata import version

WORK = "target/peers"
SETS = {
    "S": dict(impressions=10_000, actions=1_670_000, customers=10_000, items=500_000),
    "M": dict(impressions=100_000, actions=16_700_000, customers=100_000, items=500_000),
    "L": dict(impressions=1_000_000, actions=167_000_000, customers=1_000_000, items=2_000_000),
}


# ---- The set --------------------------------------------------------------------------------------------------------

GENERATOR = 1  # Count this up with each change of what is generated, so that sets made before are made again.
SEED = 20250816
IMPRESSION_DAY = datetime.date(2025, 8, 16)
LOOKBACK_DAYS = 365
ROW_GROUP_ROWS = 1 << 20
BOT_SHARE = 0.005
# Of 167 actions, how many are of each source; the names of its item and time columns; whether it has a simple_id.
SOURCES = {
    "clicks": (150, "item_id", "click_time", False),
    "add_to_carts": (15, "config_id", "occurred_at", True),
    "previous_orders": (2, "config_id", "occurred_at", True),
}


class Shop:
    """Who acts how often, and on what."""

    def __init__(self, customers, items):
        import numpy

        rng = numpy.random.default_rng(SEED)
        activity = numpy.cumsum(rng.lognormal(0, 1.2, customers))
        self.cumulative = activity / activity[-1]
        self.ids = rng.permutation(customers * 7)[:customers].astype("int32") + 1
        self.bot = self.ids[0]
        self.item_count = items

    def customers(self, rng, count):
        """Customers by their activity: those who act much are also shown much."""
        return self.ids[self.cumulative.searchsorted(rng.random(count)).clip(max=len(self.ids) - 1)]

    def popular_items(self, rng, count):
        """Popularity falls with rank to the power of 2/3."""
        return self.scatter((rng.random(count) ** 3 * self.item_count).astype("int64"))

    def items_of(self, rng, customers):
        """35 % fall in the customer's own narrow taste."""
        items = self.popular_items(rng, len(customers))
        own = rng.random(len(customers)) < 0.35
        taste = customers[own].astype("int64") * 7919 + rng.geometric(0.15, int(own.sum()))
        items[own] = self.scatter(taste % self.item_count)
        return items

    def scatter(self, ranks):
        """Spreads neighbouring ranks over all ids, so that ids say nothing about popularity."""
        return (ranks * 2_654_435_761 % self.item_count + 1).astype("int32")


def write_parquet(table, folder, source, day):
    import pyarrow.parquet

    path = f"{folder}/{source}/dt={day}/part-0.parquet"
    os.makedirs(os.path.dirname(path))
    pyarrow.parquet.write_table(table, path, compression="snappy", row_group_size=ROW_GROUP_ROWS)


def write_actions(shop, folder, source, number, day, count):
    import numpy, pyarrow

    item, moment, simple = SOURCES[source][1:]
    # Each file has its own random numbers: they depend on nothing that was written before.
    rng = numpy.random.default_rng([SEED, number, day.toordinal()])
    customers = shop.customers(rng, count)
    customers[rng.random(count) < BOT_SHARE] = shop.bot
    items = shop.items_of(rng, customers)
    midnight = numpy.datetime64(day, "s")
    times = midnight + rng.integers(0, 86_400, count)  # Whole seconds, so that ties happen.
    if day in (IMPRESSION_DAY, IMPRESSION_DAY - datetime.timedelta(LOOKBACK_DAYS)):
        times[: max(count // 20, 1)] = midnight  # Exactly on the cutoff, and on the edge of the lookback.
    columns = {"customer_id": customers, item: items}
    if simple:
        columns["simple_id"] = items * numpy.int32(3)
    if source == "previous_orders":
        columns["order_date"] = pyarrow.array(numpy.full(count, numpy.datetime64(day, "D")))
    columns[moment] = pyarrow.array(times.astype("datetime64[us]"))
    write_parquet(pyarrow.table(columns), folder, source, day)


def write_impressions(shop, folder, count):
    import numpy, pyarrow
    import pyarrow.compute

    rng = numpy.random.default_rng([SEED, 0, IMPRESSION_DAY.toordinal()])
    customers = shop.customers(rng, count)
    customers[0] = shop.bot  # So that its long history is asked for at least once.
    offsets = numpy.concatenate([[0], rng.integers(5, 16, count).cumsum()]).astype("int32")
    total = int(offsets[-1])
    shown = pyarrow.StructArray.from_arrays(
        [pyarrow.array(shop.popular_items(rng, total)), pyarrow.array(rng.random(total) < 0.02)],
        names=["item_id", "is_order"])
    numbers = pyarrow.compute.cast(pyarrow.array(numpy.arange(count)), pyarrow.string())
    ids = pyarrow.compute.binary_join_element_wise("r", pyarrow.compute.utf8_lpad(numbers, 8, "0"), "-")
    lists = pyarrow.ListArray.from_arrays(pyarrow.array(offsets), shown)
    table = pyarrow.table({"ranking_id": ids, "customer_id": customers, "impressions": lists})
    write_parquet(table, folder, "impressions", IMPRESSION_DAY)


def generate(name):
    """Makes a set day by day, so that memory holds one file at a time; leaves a set that is complete as it is."""
    folder, marker = f"{WORK}/{name}", f"{WORK}/{name}/_complete.json"
    settings = dict(SETS[name], generator=GENERATOR, seed=SEED)
    if os.path.exists(marker) and json.load(open(marker)) == settings:
        return
    print(f"making set {name} in {folder}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    shop = Shop(settings["customers"], settings["items"])
    write_impressions(shop, folder, settings["impressions"])
    days = LOOKBACK_DAYS + 1  # The day of the impressions has actions too, which must not be used.
    for number, (source, (share, *_)) in enumerate(SOURCES.items(), 1):
        total = settings["actions"] * share // 167
        for i in range(days):
            day = IMPRESSION_DAY - datetime.timedelta(LOOKBACK_DAYS - i)
            write_actions(shop, folder, source, number, day, total * (i + 1) // days - total * i // days)
    with open(marker, "w") as file:
        json.dump(settings, file)


# The same set with texts for ids of items is `{name}-texts`. A text is of 13 characters, as article numbers are; what is
# greater as a number is greater as a text, so that ties come out alike and rows can be compared.
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SPREAD = 48_271_337  # 36^9 has room for two million of it.


@functools.cache
def text_of(item):
    """Nine digits of base 36, and three that say nothing more."""
    def digits(number, count):
        return "".join(DIGITS[number // 36**at % 36] for at in reversed(range(count)))
    return f"{digits(item * SPREAD, 9)}-{digits(item * 7919, 3)}"


def number_of(text):
    return int(text[:9], 36) // SPREAD


def texts_of(numbers):
    """A column of items as texts; each distinct one is made once."""
    import pyarrow

    coded = numbers.dictionary_encode()
    return pyarrow.array(map(text_of, coded.dictionary.to_pylist()), pyarrow.string()).take(coded.indices)


def generate_texts(name):
    """Makes the twin of a set."""
    import pyarrow, pyarrow.parquet

    source, folder = f"{WORK}/{name}", f"{WORK}/{name}-texts"
    if os.path.exists(f"{folder}/_complete.json") and open(f"{folder}/_complete.json").read() == open(f"{source}/_complete.json").read():
        return
    print(f"making set {name} with texts in {folder}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    for path in parquet_files(source):
        table = pyarrow.parquet.ParquetFile(path).read().combine_chunks()
        for at, column in enumerate(table.column_names):
            values = table[column].combine_chunks()
            if column in ("item_id", "config_id"):
                table = table.set_column(at, column, texts_of(values))
            if column == "impressions":
                shown = values.values
                shown = pyarrow.StructArray.from_arrays([texts_of(shown.field("item_id")), shown.field("is_order")], names=["item_id", "is_order"])
                table = table.set_column(at, column, pyarrow.ListArray.from_arrays(values.offsets, shown))
        to = f"{folder}/{os.path.relpath(path, source)}"
        os.makedirs(os.path.dirname(to))
        pyarrow.parquet.write_table(table, to, compression="snappy", row_group_size=ROW_GROUP_ROWS)
    shutil.copy(f"{source}/_complete.json", f"{folder}/_complete.json")


# The same set as text is `{name}-csv` or `{name}-ndjson`: a text for each file of Parquet, written by DuckDB, which says
# `2025-08-15 12:34:56`. CSV has no lists, so impressions stay Parquet there.
FORMATS = ["parquet", "csv", "ndjson"]


def folder_of(name, fmt):
    return f"{WORK}/{name}" if fmt == "parquet" else f"{WORK}/{name}-{fmt}"


def generate_format(name, fmt):
    """Makes the twin of a set as text."""
    import duckdb

    source, folder = folder_of(name, "parquet"), folder_of(name, fmt)
    if os.path.exists(f"{folder}/_complete.json") and open(f"{folder}/_complete.json").read() == open(f"{source}/_complete.json").read():
        return
    print(f"making set {name} as {fmt} in {folder}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    db = duckdb.connect()
    for path in parquet_files(source):
        to = f"{folder}/{os.path.relpath(path, source)}"
        os.makedirs(os.path.dirname(to))
        if fmt == "csv" and os.path.relpath(path, source).startswith("impressions/"):
            shutil.copy(path, to)
            continue
        written = "FORMAT csv, HEADER" if fmt == "csv" else "FORMAT json"
        db.execute(f"""COPY (FROM read_parquet('{path}', hive_partitioning = false))
                       TO '{to.removesuffix(".parquet")}.{fmt}' ({written})""")
    shutil.copy(f"{source}/_complete.json", f"{folder}/_complete.json")


def format_of(data):
    """The format of a set, by the name of its folder."""
    last = data.rpartition("-")[2]
    return last if last in FORMATS else "parquet"


def columns_of(source):
    """The columns of a source of actions, in the order of its files: i32, day or time."""
    _, item, moment, simple = SOURCES[source]
    columns = {"customer_id": "i32", item: "i32"}
    if simple:
        columns["simple_id"] = "i32"
    if source == "previous_orders":
        columns["order_date"] = "day"
    return {**columns, moment: "time"}


# ---- The peers ------------------------------------------------------------------------------------------------------
# Each makes what `hitherto sequences` makes, for any number of days, as one who knows the engine well would write it.
# All work out a history once per customer and day, widen it to 1000, join it to the impressions, and only then repeat
# it for each item shown. All sort the impressions by customer first: equal histories then lie together, which makes
# files several times smaller. Where it made a run faster or smaller, row groups are as small as ours.

def polars(data, out):
    """Tried as well, and no faster: a semi-join and a filter on time before the join, one sort of everything before
    grouping, sort_by, top_k, one 128-bit sort key, exploding after the join, files without statistics. What did help:
    sorting structs group by group, and arrays of a fixed width in place of lists."""
    import polars as pl

    fmt = format_of(data)

    def actions(source, code):
        _, item, moment, _ = SOURCES[source]
        return polars_table(data, source, fmt).select("customer_id", ts=moment, ty=pl.lit(code, pl.Int8), item=item)

    def padded(column, dtype):
        nothing, zeros = pl.lit([], pl.List(dtype)), pl.lit([0] * 1000, pl.List(dtype))
        return pl.concat_list(pl.col(column).fill_null(nothing), zeros).list.head(1000).list.to_array(1000)

    def field(name):
        return pl.col("history").list.eval(pl.element().struct.field(name))

    impressions = polars_impressions(data, fmt).sort("d", "customer_id")
    probes = impressions.select("customer_id", "d").unique()
    cutoff = pl.col("d").cast(pl.Datetime("us"))
    histories = (
        pl.concat([actions("clicks", 1), actions("add_to_carts", 2), actions("previous_orders", 3)])
        .join(probes, on="customer_id")
        .filter((pl.col("ts") < cutoff) & (pl.col("ts") >= cutoff - pl.duration(days=365)))
        .group_by("customer_id", "d")
        .agg(history=pl.struct("ts", "ty", "item").sort(descending=True).head(1000))
        .select("customer_id", "d", item=field("item"), ty=field("ty")))
    histories = probes.join(histories, on=["customer_id", "d"], how="left").select(
        "customer_id", "d", actions=padded("item", pl.Int32), action_types=padded("ty", pl.Int8))
    (impressions.explode("impressions").unnest("impressions").join(histories, on=["customer_id", "d"])
     .select("d", "ranking_id", "customer_id", "item_id", "is_order", "actions", "action_types")
     .sink_parquet(f"{out}/part.parquet", compression="zstd", row_group_size=16_384, engine="streaming"))


def polars_table(data, source, fmt):
    """A source of actions. Of text, times are read as texts and made times behind: asked for as times, as the reader
    offers it, CSV takes eight times as long and NDJSON twenty times. A cache of texts of times is of no use either."""
    import polars as pl

    moment, files = SOURCES[source][2], f"{data}/{source}/**/*.{fmt}"
    if fmt == "parquet":
        return pl.scan_parquet(files, hive_partitioning=False)
    types = {"i32": pl.Int32, "day": pl.String, "time": pl.String}
    schema = {name: types[kind] for name, kind in columns_of(source).items()}
    table = pl.scan_csv(files, schema=schema) if fmt == "csv" else pl.scan_ndjson(files, schema=schema)
    return table.with_columns(pl.col(moment).str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", cache=False))


def polars_impressions(data, fmt):
    """The impressions with their day as `d`."""
    import polars as pl

    if fmt != "ndjson":
        return (pl.scan_parquet(f"{data}/impressions/**/*.parquet", hive_partitioning=True)
                .with_columns(d=pl.col("dt").cast(pl.String).str.to_date()))
    shown = pl.List(pl.Struct({"item_id": pl.Int32, "is_order": pl.Boolean}))
    schema = {"ranking_id": pl.String, "customer_id": pl.Int32, "impressions": shown}
    table = pl.scan_ndjson(f"{data}/impressions/**/*.ndjson", schema=schema, include_file_paths="path")
    return table.with_columns(d=pl.col("path").str.extract(r"dt=([0-9-]+)").str.to_date()).drop("path")


def duckdb(data, out):
    """Tried as well, and no faster: a window with row_number, max(.., 1000), files without dictionaries, format v2,
    PARTITION_BY. Nearly all its time goes into writing; row groups of 4096 keep both cores busy and memory small."""
    import duckdb

    db = duckdb.connect()
    db.execute("SET preserve_insertion_order = false")
    db.execute(f"SET temp_directory = '{out}/spill'")

    def actions(source, code):
        _, item, moment, _ = SOURCES[source]
        return (f"SELECT customer_id, {item} AS item, {moment} AS ts, {code}::TINYINT AS ty "
                f"FROM {duckdb_table(data, source)}")

    db.execute(f"""
        CREATE TEMP TABLE impressions AS SELECT customer_id, dt::DATE AS d, ranking_id, impressions
        FROM {duckdb_impressions(data)} ORDER BY d, customer_id;
        CREATE TEMP TABLE probes AS SELECT DISTINCT customer_id, d FROM impressions;
        CREATE TEMP TABLE histories AS
        WITH a AS ({actions("clicks", 1)} UNION ALL {actions("add_to_carts", 2)}
                   UNION ALL {actions("previous_orders", 3)}),
        h AS (SELECT customer_id, d, list({{'i': item, 't': ty}} ORDER BY ts DESC, ty DESC, item DESC)[1:1000] AS l
              FROM probes JOIN a USING (customer_id) WHERE ts < d AND ts >= d - INTERVAL 365 DAY
              GROUP BY customer_id, d)
        SELECT customer_id, d, list_resize([x.i FOR x IN l], 1000, 0) AS actions,
               list_resize([x.t FOR x IN l], 1000, 0::TINYINT) AS action_types FROM h;
        COPY (
            SELECT d AS dt, ranking_id, customer_id, u.item_id, u.is_order, actions, action_types FROM (
                SELECT d, ranking_id, customer_id, unnest(impressions) AS u,
                       coalesce(actions, list_resize([]::INTEGER[], 1000, 0)) AS actions,
                       coalesce(action_types, list_resize([]::TINYINT[], 1000, 0::TINYINT)) AS action_types
                FROM impressions LEFT JOIN histories USING (customer_id, d)))
        TO '{out}/part.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 4096)""")


def duckdb_table(data, source):
    """A source of actions, read with all columns told, so that nothing is guessed."""
    fmt = format_of(data)
    files = f"'{data}/{source}/*/*.{fmt}', hive_partitioning = false"
    types = {"i32": "INTEGER", "day": "DATE", "time": "TIMESTAMP"}
    columns = ", ".join(f"{name}: '{types[kind]}'" for name, kind in columns_of(source).items())
    return {
        "parquet": f"read_parquet({files})",
        "csv": f"read_csv({files}, auto_detect = false, header = true, delim = ',', quote = '', escape = '', "
               f"columns = {{{columns}}})",
        "ndjson": f"read_json({files}, format = 'newline_delimited', columns = {{{columns}}})",
    }[fmt]


def duckdb_impressions(data):
    if format_of(data) != "ndjson":
        return f"read_parquet('{data}/impressions/*/*.parquet', hive_partitioning = true)"
    columns = ("{ranking_id: 'VARCHAR', customer_id: 'INTEGER', "
               "impressions: 'STRUCT(item_id INTEGER, is_order BOOLEAN)[]'}")
    return (f"read_json('{data}/impressions/*/*.ndjson', format = 'newline_delimited', columns = {columns}, "
            "hive_partitioning = true)")


def clickhouse(data, out):
    """ClickHouse inside a process, by the package chdb. Tried as well, and no faster: groupArraySorted, smaller
    blocks, files without dictionaries."""
    import chdb

    def actions(source, code):
        _, item, moment, _ = SOURCES[source]
        return (f"SELECT customer_id, {moment} AS ts, toInt8({code}) AS ty, {item} AS item "
                f"FROM file('{data}/{source}/*/*.parquet', Parquet)")

    chdb.query(f"""
        INSERT INTO FUNCTION file('{out}/part.parquet', Parquet)
        WITH imp AS (SELECT customer_id, toDate(extract(_path, 'dt=([0-9-]+)')) AS d, ranking_id, impressions
                     FROM file('{data}/impressions/*/*.parquet', Parquet) ORDER BY d, customer_id),
        q AS (SELECT DISTINCT customer_id, d FROM imp),
        a AS ({actions("clicks", 1)} UNION ALL {actions("add_to_carts", 2)} UNION ALL {actions("previous_orders", 3)}),
        h AS (SELECT q.customer_id AS customer_id, q.d AS d,
                     arraySlice(arrayReverseSort(groupArray((ts, ty, item))), 1, 1000) AS l
              FROM a INNER JOIN q ON a.customer_id = q.customer_id
              WHERE a.ts < toDateTime64(q.d, 6) AND a.ts >= toDateTime64(q.d - 365, 6) GROUP BY q.customer_id, q.d),
        p AS (SELECT customer_id, d, arrayMap(x -> assumeNotNull(x.3), l) AS items, arrayMap(x -> x.2, l) AS types
              FROM h)
        SELECT d AS dt, ranking_id, customer_id, tupleElement(u, 1) AS item_id, tupleElement(u, 2) AS is_order,
               actions, action_types
        FROM (SELECT imp.d AS d, ranking_id, imp.customer_id AS customer_id, impressions,
                     arrayResize(p.items, 1000, 0) AS actions, arrayResize(p.types, 1000, toInt8(0)) AS action_types
              FROM imp LEFT JOIN p ON imp.customer_id = p.customer_id AND imp.d = p.d)
        ARRAY JOIN impressions AS u
        SETTINGS output_format_parquet_compression_method = 'zstd', output_format_parquet_row_group_size = 16384,
                 session_timezone = 'UTC'""")


def spark(data, out):
    """Tried as well, and slower: a window with row_number, exploding before the join. Listing the folders in the
    driver saves a job of 366 tasks for each source."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession, functions as F

    # A JVM takes its heap when asked to; half of the memory leaves room for what it takes beside the heap.
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2 >> 20
    session = (
        SparkSession.builder.master("local[*]").config("spark.driver.memory", f"{memory}m")
        .config("spark.sql.shuffle.partitions", "32").config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.sources.parallelPartitionDiscovery.threshold", "100000")
        .config("spark.local.dir", f"{out}/spill").config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false").getOrCreate())

    def actions(source, code):
        _, item, moment, _ = SOURCES[source]
        return session.read.parquet(f"{data}/{source}").select(
            "customer_id", F.col(moment).alias("ts"), F.lit(code).cast("byte").alias("ty"), F.col(item).alias("item"))

    def padded(column, dtype):
        zeros = F.array_repeat(F.lit(0).cast(dtype), 1000)
        return F.coalesce(F.slice(F.concat(column, zeros), 1, 1000), zeros)

    impressions = session.read.parquet(f"{data}/impressions").withColumn("d", F.to_date(F.col("dt").cast("string")))
    probes = impressions.select("customer_id", "d").distinct()
    histories = (
        actions("clicks", 1).unionByName(actions("add_to_carts", 2)).unionByName(actions("previous_orders", 3))
        .join(F.broadcast(probes), "customer_id")
        .where((F.col("ts") < F.col("d").cast("timestamp")) & (F.col("ts") >= F.date_sub("d", 365).cast("timestamp")))
        .groupBy("customer_id", "d")
        .agg(F.slice(F.sort_array(F.collect_list(F.struct("ts", "ty", "item")), asc=False), 1, 1000).alias("l"))
        .select("customer_id", "d", padded(F.col("l.item"), "int").alias("actions"),
                padded(F.col("l.ty"), "byte").alias("action_types")))
    (impressions.join(histories, ["customer_id", "d"], "left")
     .select(F.col("d").alias("dt"), "ranking_id", "customer_id", F.explode("impressions").alias("i"),
             padded(F.col("actions"), "int").alias("actions"),
             padded(F.col("action_types"), "byte").alias("action_types"))
     .select("dt", "ranking_id", "customer_id", "i.item_id", "i.is_order", "actions", "action_types")
     .write.option("compression", "zstd").parquet(f"{out}/parts"))
    session.stop()
    # The JVM is a child of this process: its memory is counted only if it is waited for.
    gateway = SparkContext._gateway
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()


PEERS = {"polars": polars, "duckdb": duckdb, "clickhouse": clickhouse, "spark": spark}


# ---- The rows -------------------------------------------------------------------------------------------------------

def fingerprint(files, layout):
    """Count, sum and xor of a hash of each row: the same for the same rows in any order, and a row that is there
    twice cancels out in the xor, but not in the sum."""
    import duckdb

    if layout == "texts":
        files, layout = with_numbers(files), "sample"
    db = duckdb.connect()
    db.execute("SET threads = 2")
    db.execute("SET memory_limit = '4GB'")
    db.execute("SET preserve_insertion_order = false")
    items = "item_id, is_order" if layout == "sample" else "unnest(items) AS item_id, unnest(is_order) AS is_order"
    return db.execute(f"""
        SELECT count(*), sum(h), bit_xor(h) FROM (
            SELECT hash(ranking_id, customer_id, item_id::INTEGER, is_order::BOOLEAN, history) AS h FROM (
                SELECT ranking_id::VARCHAR AS ranking_id, customer_id::BIGINT AS customer_id, {items},
                       hash(len(actions), actions::INTEGER[], len(action_types), action_types::TINYINT[]) AS history
                FROM read_parquet(?)))""", [files]).fetchone()


def with_numbers(files):
    """The same files beside these, with the numbers that items had in place of codes."""
    import pyarrow, pyarrow.parquet

    vocabulary = next(path for path in files if path.endswith("_vocabulary.parquet"))
    texts = pyarrow.parquet.read_table(vocabulary)["item"].to_pylist()
    numbers = pyarrow.array([0, *map(number_of, texts)], pyarrow.int32())  # Padding stays what it is.
    made = []
    for path in files:
        if path == vocabulary:
            continue
        made.append(f"{path}.numbers")
        with pyarrow.parquet.ParquetFile(path) as file, pyarrow.parquet.ParquetWriter(made[-1], file.schema_arrow) as writer:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group).combine_chunks()
                actions = table["actions"].combine_chunks()
                actions = pyarrow.ListArray.from_arrays(actions.offsets, numbers.take(actions.values), type=actions.type)
                table = table.set_column(table.column_names.index("actions"), table.schema.field("actions"), actions)
                at = table.column_names.index("item_id")
                writer.write_table(table.set_column(at, table.schema.field("item_id"), numbers.take(table["item_id"])))
    return made


# ---- The comparison -------------------------------------------------------------------------------------------------

class Failed(Exception):
    pass


class Tool:
    """Something that is measured: a command, and what its runs took."""

    def __init__(self, name, command, layout="sample"):
        self.name, self.command, self.layout = name, command, layout
        self.seconds, self.memory, self.size, self.rows, self.failure = [], [], 0, None, None


def last_line(path):
    lines = [line.strip() for line in open(path, errors="replace") if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"


def may_be_killed():
    """When memory runs out, the kernel should end the tool, not the process that measures."""
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def measure(command, log):
    """Runs a command; gives its seconds and the peak of its memory in bytes.

    The kernel hands the peak of the process that forks on to its child, so this one must not import large libraries.
    """
    os.sync()  # What runs before have written should not be written to disk at the cost of this one.
    with open(log, "w") as file:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=file, stderr=file, preexec_fn=may_be_killed)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
    code = process.returncode = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGKILL:
        raise Failed(f"killed after {seconds:.0f} s, most likely because memory ran out")
    if code < 0:
        raise Failed(f"ended by {signal.Signals(-code).name} after {seconds:.0f} s")
    if code:
        raise Failed(f"exit {code} after {seconds:.0f} s: {last_line(log)}")
    return seconds, usage.ru_maxrss * 1024


def parquet_files(folder):
    return sorted(glob.glob(f"{folder}/**/*.parquet", recursive=True))


def rows_of(files, layout):
    """In its own process, see `measure`."""
    command = [sys.executable, __file__, "fingerprint", layout, *files]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Failed(f"its files cannot be compared: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return done.stdout.strip()


def run_once(tool, ours, out):
    shutil.rmtree(out, ignore_errors=True)
    if tool.command[0] == sys.executable:
        os.makedirs(out)  # Ours makes its own, and refuses one that is there.
    seconds, memory = measure([*tool.command, out], f"{out}.log")
    files = parquet_files(out)
    if not files:
        raise Failed("it wrote no Parquet files")
    tool.seconds.append(seconds)
    tool.memory.append(memory)
    tool.size = sum(map(os.path.getsize, files))
    print(f"{tool.name}: {seconds:.2f} s, {memory / 1e6:.0f} MB, {tool.size / 1e6:.1f} MB of Parquet", file=sys.stderr)
    if tool.rows is None:
        tool.rows = rows_of(files, tool.layout)
    if tool.rows != ours.rows:
        sys.exit(f"{tool.name} made other rows (count, sum and xor of hashes): {tool.rows}, ours {ours.rows}; "
                 f"find out which is wrong before measuring: its files are in {out}, `{' '.join(ours.command)} DIR` "
                 "makes ours")
    shutil.rmtree(out)


def run_in_turns(tools, runs, out):
    ours = tools[0]
    for _ in range(runs):
        for tool in tools:
            if tool.failure:
                continue
            try:
                run_once(tool, ours, out)
            except Failed as failure:
                if tool is ours:
                    sys.exit(f"{tool.name} failed: {failure}; see {out}.log")
                tool.failure = str(failure)
                print(f"{tool.name} failed: {failure}", file=sys.stderr)
                shutil.rmtree(out, ignore_errors=True)  # It may be large.


def read_all(folder):
    """Puts the input into the page cache."""
    for path in glob.glob(f"{folder}/*/*/*.*"):
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 20):
                pass


def first_output(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip().splitlines()[0]


def line_of(path, key):
    return next((line.split(":", 1)[1].strip() for line in open(path) if line.startswith(key)), "unknown")


def machine():
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (f"{line_of('/proc/cpuinfo', 'model name')}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, "
            f"Linux {platform.release()}")


def peer_name(peer):
    title, package = {"polars": ("Polars", "polars"), "duckdb": ("DuckDB", "duckdb"),
                      "clickhouse": ("ClickHouse (chdb)", "chdb-core"), "spark": ("PySpark", "pyspark")}[peer]
    return f"{title} {version(package)}"


def table_row(tool, ours):
    if tool.failure:
        return f"| {tool.name} | failed: {tool.failure.replace('|', '/')} | | | |"
    middle = statistics.median(tool.seconds)
    return (f"| {tool.name} | {middle:.2f} s ({min(tool.seconds):.2f}-{max(tool.seconds):.2f}) "
            f"| {max(tool.memory) / 1e6:,.0f} MB | {tool.size / 1e6:,.1f} MB "
            f"| {middle / statistics.median(ours.seconds):.2f} |")


def tools_of(name, binary, peers, variants, fmt):
    folder = folder_of(name, fmt)
    ours = [binary, "sequences", folder, "--quiet"]
    title = first_output(binary, "--version")
    tools = [Tool(title, [*ours, "--out"])]
    if variants:
        tools.append(Tool(f"{title} `--codec lz4_raw`", [*ours, "--codec", "lz4_raw", "--out"]))
        tools.append(Tool(f"{title} `--layout request`", [*ours, "--layout", "request", "--out"], "request"))
        texts = [binary, "sequences", f"{WORK}/{name}-texts", "--item-vocabulary", "build", "--quiet", "--out"]
        tools.append(Tool(f"{title} `--item-vocabulary build`, texts for items", texts, "texts"))
    if variants and name == "L":
        tools.append(Tool(f"{title} `--memory 1GiB`", [*ours, "--memory", "1GiB", "--out"]))
    for peer in peers:
        tools.append(Tool(peer_name(peer), [sys.executable, __file__, "peer", peer, folder]))
    return tools


def compare(name, binary, peers, runs, variants, fmt):
    tools = tools_of(name, binary, peers, variants, fmt)
    read_all(folder_of(name, fmt))
    if variants:
        read_all(f"{WORK}/{name}-texts")
    run_in_turns(tools, runs, os.path.abspath(f"{WORK}/out"))
    size = SETS[name]
    print(f"{machine()}; Python {platform.python_version()}"
          + (f"; {first_output('java', '-version')}" if "spark" in peers else ""))
    print(f"Set {name}{'' if fmt == 'parquet' else f' as {fmt}'}: {size['impressions']:,} impressions, {size['actions']:,} actions, "
          f"{size['customers']:,} customers; {tools[0].rows.split()[0]} samples, the same from all that did not fail; "
          f"median (least-most) of {runs}, input in the page cache\n")
    print("| tool | time | peak memory | Parquet | time by ours |\n|---|---|---|---|---|")
    for tool in tools:
        print(table_row(tool, tools[0]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    part = parts.add_parser("generate")
    part.add_argument("set", choices=SETS)
    part.add_argument("--texts", action="store_true")
    part.add_argument("--format", choices=FORMATS, default="parquet")
    part = parts.add_parser("peer")
    part.add_argument("name", choices=PEERS)
    part.add_argument("data")
    part.add_argument("out")
    part = parts.add_parser("fingerprint")
    part.add_argument("layout", choices=["sample", "request", "texts"])
    part.add_argument("files", nargs="+")
    part = parts.add_parser("compare")
    part.add_argument("set", choices=SETS)
    part.add_argument("--binary", required=True)
    part.add_argument("--peers", required=True)
    part.add_argument("--runs", type=int, required=True)
    part.add_argument("--variants", action="store_true")
    part.add_argument("--format", choices=FORMATS, default="parquet")
    args = parser.parse_args()
    if args.part == "generate":
        if args.texts:
            generate_texts(args.set)
        elif args.format != "parquet":
            generate_format(args.set, args.format)
        else:
            generate(args.set)
    elif args.part == "peer":
        PEERS[args.name](os.path.abspath(args.data), args.out)
    elif args.part == "fingerprint":
        print(*fingerprint(args.files, args.layout))
    else:
        compare(args.set, args.binary, args.peers.split(","), args.runs, args.variants, args.format)


if __name__ == "__main__":
    main()

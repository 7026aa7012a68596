"""The parts of run.sh for `hitherto dwell`: makes events, does the job with Polars, compares rows, measures in turns.

Libraries are imported where they are used, as in peers.py, whose measuring this shares.
"""
import argparse, datetime, glob, json, os, platform, shutil, statistics, subprocess, sys

import peers
from peers import Failed, Tool, first_output, machine, measure, parquet_files, peer_name, read_all

WORK = "target/peers/dwell"
SETS = {
    "S": dict(events=1_000_000, users=20_000),
    "M": dict(events=10_000_000, users=200_000),
    "L": dict(events=100_000_000, users=2_000_000),
}
GENERATOR = 1  # Count this up with each change of what is generated, so that sets made before are made again.
SEED = 20250816
FIRST_DAY = datetime.date(2025, 8, 16)
FILE_ROWS = 1 << 20
FLYERS, MERCHANTS = 2000, 500
# A visit: what happens, on the first or the second flyer of it or on none, and up to how many seconds after the last.
VISIT = [("list_flyers", None, 1), ("flyer_open", 0, 30), ("item_open", 0, 60), ("flyer_open", 1, 40),
         ("item_open", 1, 90), ("shopping_list_open", None, 20)]


# ---- The set --------------------------------------------------------------------------------------------------------

def write_events(path, ids, weights, number, count):
    import numpy, pyarrow
    import pyarrow.parquet

    # Each file has its own random numbers: they depend on nothing that was written before.
    rng = numpy.random.default_rng([SEED, number])
    visits = -(-count // len(VISIT))
    midnight = numpy.datetime64(FIRST_DAY + datetime.timedelta(number % 2), "s").astype("int64")
    users = weights.searchsorted(rng.random(visits)).clip(max=len(ids) - 1)
    start = numpy.sort(rng.integers(0, 86_400, visits))  # As a log has them, so that visits mix.
    flyers = (rng.random((visits, 2)) ** 2.5 * FLYERS).astype("int64") + 1
    gaps = numpy.stack([rng.integers(0, most, visits) for *_, most in VISIT], axis=1)
    times = (midnight + start[:, None] + gaps.cumsum(axis=1)).ravel()[:count]
    order = numpy.argsort(times, kind="stable")
    flyer = numpy.stack([numpy.zeros(visits, "int64") if of is None else flyers[:, of] for _, of, _ in VISIT], axis=1)
    flyer = flyer.ravel()[:count][order]
    names = numpy.tile(numpy.arange(len(VISIT), dtype="int32"), visits)[:count][order]
    mask = flyer == 0
    table = pyarrow.table({
        "timestamp": pyarrow.array(times[order] * 1_000_000, pyarrow.timestamp("us", tz="UTC")),
        "user_id": ids.take(pyarrow.array(users.repeat(len(VISIT))[:count][order])),
        "event": pyarrow.array([name for name, *_ in VISIT]).take(pyarrow.array(names)),
        "flyer_id": pyarrow.array(flyer, mask=mask),
        "merchant_id": pyarrow.array(flyer % MERCHANTS, mask=mask),
    })
    pyarrow.parquet.write_table(table, path, compression="snappy", row_group_size=FILE_ROWS)


def generate(name):
    """Makes a set file by file, so that memory holds one at a time; leaves a set that is complete as it is."""
    import numpy, pyarrow

    folder, marker = f"{WORK}/{name}", f"{WORK}/{name}/_complete.json"
    settings = dict(SETS[name], generator=GENERATOR, seed=SEED)
    if os.path.exists(marker) and json.load(open(marker)) == settings:
        return
    print(f"making set {name} in {folder}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    rng = numpy.random.default_rng(SEED)
    weights = numpy.cumsum(rng.lognormal(0, 1.2, settings["users"]))
    hashes = rng.bytes(32 * settings["users"])
    ids = pyarrow.array([hashes[at:at + 32].hex() for at in range(0, len(hashes), 32)])
    for number, start in enumerate(range(0, settings["events"], FILE_ROWS)):
        count = min(FILE_ROWS, settings["events"] - start)
        write_events(f"{folder}/part-{number}.parquet", ids, weights / weights[-1], number, count)
    with open(marker, "w") as file:
        json.dump(settings, file)


# ---- The peer -------------------------------------------------------------------------------------------------------

def polars(data, out):
    """Both tables, each as CSV and Parquet, in the order of ours: users are numbered, in their order, and events grouped
    by the numbers, in the streaming engine; the merchants come from the result. On 10M events this took 5.9 s of CPU
    time, grouping by the texts of users 6.5 s in both engines and 6.7 s as categories, flyers first 8.3 s."""
    import polars as pl

    seconds, span = pl.col("avg_seconds"), pl.col("timestamp").max() - pl.col("timestamp").min()
    events = (
        pl.scan_parquet(f"{data}/*.parquet")
        .filter(pl.col("event").is_in(["flyer_open", "item_open"]))
        .select("user_id", "merchant_id", "flyer_id", "timestamp").collect(engine="streaming"))
    numbers = events.select(pl.col("user_id").unique()).sort("user_id").with_row_index("user")
    users = (
        events.join(numbers, on="user_id").lazy()
        .group_by("user", "merchant_id", date=pl.col("timestamp").dt.date())
        .agg(avg_seconds=span.dt.total_microseconds() / 1e6 / pl.len(),
             flyers=pl.col("flyer_id").n_unique(), events=pl.len())
        .sort("user", "merchant_id", "date").collect(engine="streaming")
        .join(numbers, on="user", how="left", maintain_order="left")
        .select("user_id", "merchant_id", "date", "avg_seconds", "flyers", "events"))
    merchants = users.group_by("merchant_id", "date").agg(
        users=pl.len(), avg_seconds=seconds.mean(), p50_seconds=seconds.quantile(0.5, "linear"),
        p95_seconds=seconds.quantile(0.95, "linear")).sort("merchant_id", "date")
    for name, table in [("user_merchant", users), ("merchant", merchants)]:
        table.write_csv(f"{out}/{name}.csv")
        table.write_parquet(f"{out}/{name}.parquet")


# ---- The rows -------------------------------------------------------------------------------------------------------

def fingerprint(folder):
    """Count, sum and xor of a hash of each row of both tables, from CSV and from Parquet; seconds to the microsecond,
    because sums of numbers depend on their order in the last bits."""
    import duckdb

    db = duckdb.connect()
    found = []
    for source in ["user_merchant", "merchant"]:
        columns = ("user_id, merchant_id, date, round(avg_seconds, 6), flyers::BIGINT, events::BIGINT"
                   if source == "user_merchant" else
                   "merchant_id, date, users::BIGINT, round(avg_seconds, 6), round(p50_seconds, 6), round(p95_seconds, 6)")
        for table in [f"read_csv('{folder}/{source}.csv')", f"read_parquet('{folder}/{source}.parquet')"]:
            found.append(db.execute(
                f"SELECT count(*), sum(h), bit_xor(h) FROM (SELECT hash({columns}) AS h FROM {table})").fetchone())
    if found[0] != found[1] or found[2] != found[3]:
        sys.exit(f"CSV and Parquet in {folder} are not the same: {found}")
    return *found[0], *found[2]


# ---- The comparison -------------------------------------------------------------------------------------------------

def run_once(script, tool, ours, out):
    shutil.rmtree(out, ignore_errors=True)
    if tool.command[0] == sys.executable:
        os.makedirs(out)  # Ours makes its own, and refuses one that is there.
    seconds, memory = measure([*tool.command, out], f"{out}.log")
    tool.seconds.append(seconds)
    tool.memory.append(memory)
    tool.size = sum(os.path.getsize(path) for path in glob.glob(f"{out}/*.csv") or parquet_files(out))
    print(f"{tool.name}: {seconds:.2f} s, {memory / 1e6:.0f} MB", file=sys.stderr)
    if tool.rows is None:
        done = subprocess.run([sys.executable, script, "fingerprint", out], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise Failed("its files cannot be compared")
        tool.rows = done.stdout.strip()
    if tool.rows != ours.rows:
        sys.exit(f"{tool.name} made other rows: {tool.rows}, ours {ours.rows}; its files are in {out}")
    shutil.rmtree(out)


def in_turns(script, work, name, ours, runs):
    """Runs ours and Polars in turns, compares their rows, and gives both."""
    tools = [Tool(first_output(ours[0], "--version"), [*ours, "--quiet", "--out"]),
             Tool(peer_name("polars"), [sys.executable, script, "peer", f"{work}/{name}"])]
    read_all(f"{work}/{name}")
    for _ in range(runs):
        for tool in [tool for tool in tools if not tool.failure]:
            try:
                run_once(script, tool, tools[0], os.path.abspath(f"{work}/out"))
            except Failed as failure:
                if tool is tools[0]:
                    sys.exit(f"{tool.name} failed: {failure}; see {work}/out.log")
                tool.failure = str(failure)
                print(f"{tool.name} failed: {failure}", file=sys.stderr)
                shutil.rmtree(f"{work}/out", ignore_errors=True)
    return tools


def compare(name, binary, runs):
    tools = in_turns(__file__, WORK, name, [binary, "dwell", f"{WORK}/{name}"], runs)
    size, rows = SETS[name], tools[0].rows.split()
    print(f"{machine()}; Python {platform.python_version()}")
    print(f"Set {name}: {size['events']:,} events, {size['users']:,} users; {int(rows[0]):,} rows of users and "
          f"{int(rows[3]):,} of merchants, the same from all that did not fail; median (least-most) of {runs}, input in "
          "the page cache\n")
    print_table(tools, "CSV")


def print_table(tools, size):
    print(f"| tool | time | peak memory | {size} | time by ours |\n|---|---|---|---|---|")
    for tool in tools:
        print(peers.table_row(tool, tools[0]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    part = parts.add_parser("generate")
    part.add_argument("set", choices=SETS)
    part = parts.add_parser("peer")
    part.add_argument("data")
    part.add_argument("out")
    part = parts.add_parser("fingerprint")
    part.add_argument("folder")
    part = parts.add_parser("compare")
    part.add_argument("set", choices=SETS)
    part.add_argument("--binary", required=True)
    part.add_argument("--runs", type=int, required=True)
    args = parser.parse_args()
    if args.part == "generate":
        generate(args.set)
    elif args.part == "peer":
        polars(os.path.abspath(args.data), args.out)
    elif args.part == "fingerprint":
        print(*fingerprint(args.folder))
    else:
        compare(args.set, args.binary, args.runs)


if __name__ == "__main__":
    main()

"""The parts of run.sh for `hitherto features`: makes a set, does the job with Polars, compares rows, measures in turns.

Libraries are imported where they are used, as in peers.py; running in turns is shared with dwell.py.
"""
import argparse, json, os, platform, shutil, subprocess, sys

from dwell import in_turns, print_table
from peers import machine

WORK = "target/peers/features"
SETS = {
    "S": dict(impressions=100_000, clicks=1_000_000, users=10_000, listings=5_000),
    "M": dict(impressions=1_000_000, clicks=10_000_000, users=100_000, listings=50_000),
    "L": dict(impressions=10_000_000, clicks=100_000_000, users=1_000_000, listings=500_000),
}
HOURS = {"_1h": 1, "_24h": 24, "_7d": 168}


def generate(name, binary):
    """Makes a set with `hitherto generate features`; leaves one of the same version that is complete as it is."""
    folder, marker = f"{WORK}/{name}", f"{WORK}/{name}.json"
    version = subprocess.run([binary, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    settings = dict(SETS[name], version=version)
    if os.path.exists(marker) and json.load(open(marker)) == settings:
        return
    print(f"making set {name} in {folder}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    flags = [part for flag, count in SETS[name].items() for part in (f"--{flag}", str(count))]
    subprocess.run([binary, "generate", "features", folder, "--quiet", *flags], check=True)
    with open(marker, "w") as file:
        json.dump(settings, file)


def polars(data, out):
    """All columns of ours. Counts by one sort of clicks and of every edge of every window, and a running sum: on 1M
    impressions and 10M clicks the fastest of four that we tried (27 s; as-of joins took 35 s in the streaming engine and
    40 s in memory, this one 71 s in the streaming engine). The label is a forward as-of join."""
    import polars as pl

    shown, clicks, listings = (pl.scan_parquet(f"{data}/{name}/*.parquet") for name in ["impressions", "clicks", "listings"])
    names = ["", *HOURS]

    def counts(rows, key, name):
        edges = [pl.duration(), *(pl.duration(hours=hours) for hours in HOURS.values())]
        probes = [
            shown.select("impression_id", key, ts=pl.col("impression_ts") - edge, slot=pl.lit(slot, pl.Int8),
                         click=pl.lit(0, pl.Int64)) for slot, edge in enumerate(edges)]
        events = clicks.select(pl.lit(None, pl.Int64).alias("impression_id"), key, ts=pl.col("click_ts"),
                               slot=pl.lit(9, pl.Int8), click=pl.lit(1, pl.Int64))
        before = (
            pl.concat([*probes, events]).sort(key, "ts", "slot").with_columns(n=pl.col("click").cum_sum().over(key))
            .filter(pl.col("slot") < 9).group_by("impression_id")
            .agg(*(pl.col("n").filter(pl.col("slot") == slot).sum().alias(f"s{slot}") for slot in range(len(names)))))
        found = [(pl.col("s0") - (pl.col(f"s{slot}") if slot else 0)).alias(name + window)
                 for slot, window in enumerate(names)]
        return rows.join(before, on="impression_id").with_columns(found).drop([f"s{slot}" for slot in range(len(names))])

    rows = counts(counts(shown, "listing_id", "prior_listing_clicks"), "user_id", "prior_user_clicks")
    label = clicks.select("user_id", "listing_id", next_click="click_ts").sort("next_click")
    rows = rows.sort("impression_ts").join_asof(
        label, left_on="impression_ts", right_on="next_click", by=["user_id", "listing_id"], strategy="forward",
        allow_exact_matches=False, check_sortedness=False)
    day = pl.duration(hours=24)
    end = clicks.select(pl.col("click_ts").max()).collect().item()
    rows = rows.join(listings, on="listing_id", how="left").with_columns(
        listing_age_days=(pl.col("impression_ts").dt.date() - pl.col("created_ts").dt.date()).dt.total_days(),
        clicked=(pl.col("next_click") <= pl.col("impression_ts") + day).fill_null(False).cast(pl.Int8),
        label_complete=pl.col("impression_ts") + day <= end, date=pl.col("impression_ts").dt.date())
    rows = rows.drop("created_ts", "next_click").collect()
    for (date,), of_day in rows.partition_by("date", as_dict=True).items():
        os.makedirs(f"{out}/date={date}")
        of_day.drop("date").write_parquet(f"{out}/date={date}/part.parquet", compression="zstd", compression_level=3)


def fingerprint(folder):
    """Count, sum and xor of a hash of each row, its day included."""
    import duckdb

    counts = ", ".join(f"{name}{window}::BIGINT" for name in ["prior_listing_clicks", "prior_user_clicks"]
                       for window in ["", *HOURS])
    columns = ("impression_id, user_id, listing_id, epoch_us(impression_ts), category, price, "
               f"listing_age_days::INT, {counts}, clicked::TINYINT, label_complete, date::DATE")
    rows = f"read_parquet('{folder}/date=*/*.parquet', hive_partitioning=true)"
    query = f"SELECT count(*), sum(h), bit_xor(h) FROM (SELECT hash({columns}) AS h FROM {rows})"
    return duckdb.connect().execute(query).fetchone()


def compare(name, binary, runs):
    ours = [binary, "features", f"{WORK}/{name}", "--windows", ",".join(window[1:] for window in HOURS)]
    tools = in_turns(os.path.abspath(__file__), WORK, name, ours, runs)
    size = SETS[name]
    print(f"{machine()}; Python {platform.python_version()}")
    print(f"Set {name}: {size['impressions']:,} impressions, {size['clicks']:,} clicks, {size['users']:,} users, "
          f"{size['listings']:,} listings; the same rows from all that did not fail; median (least-most) of {runs}, "
          "input in the page cache\n")
    print_table(tools, "Parquet")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
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
    if args.part == "peer":
        polars(os.path.abspath(args.data), args.out)
    elif args.part == "fingerprint":
        print(*fingerprint(args.folder))
    else:
        generate(args.set, args.binary)
        compare(args.set, args.binary, args.runs)


if __name__ == "__main__":
    main()

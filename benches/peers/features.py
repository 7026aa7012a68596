"""The parts of run.sh for `hitherto features`: makes a set, does the job with Polars, compares rows, measures in turns.

Libraries are imported where they are used, as in peers.py; running in turns is shared with dwell.py.
"""
import argparse, datetime, json, os, platform, shutil, subprocess, sys

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
    """All columns of ours. Counts by searches: clicks are sorted by a number that holds the key and the time, and the
    edges of each window are searched among them, in their order. Labels by a forward as-of join with the clicks on what
    their user was shown. On 1M impressions and 10M clicks this took 3.8 s of CPU time, searches in the order of rows
    and an as-of join with all clicks 8.9 s, one sort of clicks and all edges with a running sum 26 s; that one needs no
    numbers for keys and times that fit 64 bits together."""
    import polars as pl

    shown, clicks, listings = (
        pl.scan_parquet(f"{data}/{name}/*.parquet").collect() for name in ["impressions", "clicks", "listings"])
    hour, longest = 3_600_000_000, max(HOURS.values()) * 3_600_000_000
    times = [clicks["click_ts"], shown["impression_ts"]]
    first, last = min(column.min() for column in times), max(column.max() for column in times)
    # Before the first time there is room for the longest window, so that its start is of the same key.
    span = (last - first) // datetime.timedelta(microseconds=1) + longest + 2

    def numbers(rows, key, time):
        assert rows[key].min() >= 0 and rows[key].max() < 2**63 // span - 1
        since = (pl.col(time) - first).dt.total_microseconds() + longest + 1
        return rows.select(pl.col(key) * span + since).to_series()

    def counts(rows, key, name):
        sorted_clicks, asked = numbers(clicks, key, "click_ts").sort(), numbers(rows, key, "impression_ts")
        order = asked.arg_sort()
        asked = asked.gather(order)
        end = sorted_clicks.search_sorted(asked, side="left").cast(pl.Int64)
        starts = {"": asked // span * span, **{window: asked - hours * hour for window, hours in HOURS.items()}}
        found = pl.DataFrame({
            name + window: end - sorted_clicks.search_sorted(start, side="left").cast(pl.Int64)
            for window, start in starts.items()})
        return rows.hstack(found.with_columns(order=order).sort("order").drop("order"))

    rows = counts(counts(shown, "listing_id", "prior_listing_clicks"), "user_id", "prior_user_clicks").lazy()
    pair = ["user_id", "listing_id"]
    label = clicks.lazy().select(*pair, next_click="click_ts").join(shown.lazy().select(pair).unique(), on=pair, how="semi")
    rows = rows.sort("impression_ts").join_asof(
        label.sort("next_click"), left_on="impression_ts", right_on="next_click", by=pair, strategy="forward",
        allow_exact_matches=False, check_sortedness=False)
    day = pl.duration(hours=24)
    rows = rows.join(listings.lazy(), on="listing_id", how="left").with_columns(
        listing_age_days=(pl.col("impression_ts").dt.date() - pl.col("created_ts").dt.date()).dt.total_days(),
        clicked=(pl.col("next_click") <= pl.col("impression_ts") + day).fill_null(False).cast(pl.Int8),
        label_complete=pl.col("impression_ts") + day <= clicks["click_ts"].max(), date=pl.col("impression_ts").dt.date())
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

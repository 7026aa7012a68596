#!/usr/bin/env python3
"""Measures how long `hitherto verify` takes beside the run whose rows it recomputes, where one customer has nearly
everything: one has 95 % of 3 million clicks, and of the impressions; the same for `features` (one user, one listing) and
`dwell` (one user).

usage: benches/skew.py [--binary PATH] [--job sequences|features|dwell] [--rows N] [--share PERCENT]
                       [--audit-rows N|all] [--limit RATIO] [--folder DIR]

Needs Python 3.9 and nothing else. The first call makes the logs in target/skew, 150 MB of text from a fixed seed; later
calls find them there. Each process works with the input in the page cache. stdout carries a table: seconds of the run,
of verify with 1000 rows, and how many times the run that is. With --limit, a ratio above it exits with 1. Times are to
be compared with each other, so any build will do; leave the machine alone meanwhile.
"""
import argparse
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DAYS = [f"2025-08-{day:02}" for day in range(1, 15)]
CLOCK = [f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}" for second in range(86400)]
FLAGS = {
    "sequences": ["--max-actions", "50", "--without", "carts,orders"],
    "features": ["--windows", "1h,1d"],
    "dwell": ["--method", "session"],
}
ONE = 1


def moment(dice):
    """Any second of the days."""
    return f"{dice.choice(DAYS)} {CLOCK[dice.randrange(86400)]}"


def who(dice, share, others):
    """The one who has nearly everything, or one of the others."""
    return ONE if dice.random() * 100 < share else 2 + dice.randrange(others)


def write(path, header, lines):
    """A file of text."""
    with open(path, "w") as out:
        if header:
            out.write(header + "\n")
        out.writelines(lines)


def make_sequences(folder, rows, share):
    """Clicks, and a 150th as many impressions."""
    dice = random.Random(1)
    clicks = (f"{who(dice, share, 20000)},{1 + dice.randrange(5000)},{moment(dice)}\n" for _ in range(rows))
    write(folder / "clicks.csv", "customer_id,item_id,click_time", clicks)
    shown = (
        f'{{"dt":"{dice.choice(DAYS)}","ranking_id":"r{at}","customer_id":{who(dice, share, 20000)},'
        f'"impressions":[{{"item_id":{1 + dice.randrange(5000)},"is_order":false}}]}}\n'
        for at in range(rows // 150)
    )
    write(folder / "impressions.ndjson", None, shown)


def make_features(folder, rows, share):
    """Clicks, a 150th as many impressions, and listings."""
    dice = random.Random(2)
    clicks = (f"{who(dice, share, 20000)},{who(dice, share, 5000)},{moment(dice)}\n" for _ in range(rows))
    write(folder / "clicks.csv", "user_id,listing_id,click_ts", clicks)
    shown = (
        f"{at},{who(dice, share, 20000)},{who(dice, share, 5000)},{moment(dice)}\n" for at in range(rows // 150)
    )
    write(folder / "impressions.csv", "impression_id,user_id,listing_id,impression_ts", shown)
    listings = (f"{at},toys,5,2025-07-01\n" for at in range(1, 5002))
    write(folder / "listings.csv", "listing_id,category,price,created_ts", listings)


def make_dwell(folder, rows, share):
    """Events."""
    dice = random.Random(3)
    kinds = ["flyer_open", "item_open", "flyer_close"]
    events = (
        f"{moment(dice)},{who(dice, share, 20000)},{dice.choice(kinds)},{dice.randrange(2000)},{dice.randrange(50)}\n"
        for _ in range(rows)
    )
    write(folder / "events.csv", "timestamp,user_id,event,flyer_id,merchant_id", events)


MAKE = {"sequences": make_sequences, "features": make_features, "dwell": make_dwell}


def timed(command):
    """Seconds that a command takes; one that fails ends it all."""
    started = time.monotonic()
    done = subprocess.run([str(of) for of in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stderr}")
    return time.monotonic() - started


def measured(binary, job, folder, audit_rows):
    """Seconds of a run, and of verify."""
    out = folder.parent / f"out-{folder.name}"
    shutil.rmtree(out, ignore_errors=True)
    inputs = [folder / "events.csv"] if job == "dwell" else [folder]
    run = timed([binary, job, *inputs, "--out", out, "--quiet", *FLAGS[job]])
    verify = timed([binary, "verify", out, "--audit-rows", audit_rows, "--quiet"])
    shutil.rmtree(out)
    return run, verify


def main():
    """Makes what is missing, measures, prints."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--binary", default=ROOT / "target/release/hitherto")
    flags.add_argument("--job", choices=list(MAKE), action="append")
    flags.add_argument("--rows", type=int, default=3_000_000)
    flags.add_argument("--share", type=float, default=95)
    flags.add_argument("--audit-rows", default="1000")
    flags.add_argument("--limit", type=float)
    flags.add_argument("--folder", type=Path, default=ROOT / "target/skew")
    given = flags.parse_args()
    print(f"{'job':<10} {'run s':>8} {'verify s':>9} {'ratio':>7}")
    is_slow = False
    for job in given.job or MAKE:
        folder = given.folder / f"{job}-{given.rows}-{given.share:g}"
        if not (folder / "_made").exists():
            folder.mkdir(parents=True, exist_ok=True)
            MAKE[job](folder, given.rows, given.share)
            (folder / "_made").touch()
        run, verify = measured(given.binary, job, folder, given.audit_rows)
        is_slow |= given.limit is not None and given.limit < verify / run
        print(f"{job:<10} {run:>8.2f} {verify:>9.2f} {verify / run:>7.1f}", flush=True)
    sys.exit(int(is_slow))


if __name__ == "__main__":
    main()

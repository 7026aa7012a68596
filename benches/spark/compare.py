"""Runs the ways of run.sh in turns, compares their rows, and prints a table."""
import argparse
import ctypes
import glob
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "peers"))
TITLES = {
    "ours": "`hitherto.spark`, DataFrames",
    "paths": "`hitherto.spark`, files",
    "shuffle": "Spark's shuffle of the same rows to Python",
    "windows": "Spark alone",
    "alone": "`hitherto`, one process",
}
PR_SET_CHILD_SUBREAPER = 36


def measure(command):
    """Seconds, CPU seconds and the most memory of a command and of all that it starts."""
    # The JVM outlives the driver by a moment, and Python workers their daemon. As their reaper this process inherits
    # them, so that it can wait for each, and have its CPU time.
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    start = time.perf_counter()
    main = subprocess.Popen(command, stdout=sys.stderr)
    memory, code = 0, None
    while True:
        try:
            process, status, _ = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if process == main.pid:
            code, seconds = os.waitstatus_to_exitcode(status), time.perf_counter() - start
        if process == 0:
            memory = max(memory, sum(map(resident, tree())))
            time.sleep(0.2)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"code": code, "seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "memory": memory}


def tree():
    """All descendants of this process."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                parents.setdefault(int(stat.read().rpartition(")")[2].split()[1]), []).append(int(name))
        except OSError:
            pass
    found, at = [], [os.getpid()]
    while at:
        children = parents.get(at.pop(), [])
        found += children
        at += children
    return found


def resident(process):
    """Bytes of memory of its own."""
    try:
        with open(f"/proc/{process}/status") as status:
            return sum(int(line.split()[1]) << 10 for line in status if line.startswith("RssAnon"))
    except OSError:
        return 0


def read_all(folder):
    """Brings the input into the page cache."""
    for path in glob.glob(f"{folder}/**/*.parquet", recursive=True):
        Path(path).read_bytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--ways", required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--shards", type=int, required=True)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--measure", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure)))
        return
    from peers import fingerprint

    logs, out = os.path.abspath(f"{args.folder}/logs"), os.path.abspath(f"{args.folder}/out")
    ways = args.ways.split(",")
    runs, rows = {way: [] for way in ways}, {}
    read_all(logs)
    for run in range(args.runs):
        for way in ways:
            for path in (out, f"{out}.local"):
                shutil.rmtree(path, ignore_errors=True)
            os.mkdir(f"{out}.local")
            command = [sys.executable, str(HERE / "one.py"), way, logs, out, str(args.shards)]
            # A process that measures counts what it waited for, so each run has one of its own.
            again = [sys.executable, __file__, args.folder, "--ways", "-", "--runs", "1", "--shards", "1", "--measure"]
            done = subprocess.run([*again, *command], stdout=subprocess.PIPE, check=True)
            found = json.loads(done.stdout)
            if found["code"] != 0:
                sys.exit(f"{way} ended with {found['code']}")
            runs[way].append(found)
            print(f"{way}: {found['seconds']:.1f} s, {found['cpu']:.1f} CPU s, {found['memory'] / 1e6:,.0f} MB",
                  file=sys.stderr)
            if run == 0 and way != "shuffle":
                rows[way] = fingerprint(sorted(glob.glob(f"{out}/dt=*/*.parquet")), "sample")
    if len(set(rows.values())) > 1:
        sys.exit(f"rows differ: {rows}")
    print(f"{next(iter(rows.values()))[0]:,} samples, the same from all; median (least-most) of {args.runs} runs, "
          f"local[2], {args.shards} shards\n" if rows else "")
    cpu = {way: statistics.median(run["cpu"] for run in runs[way]) for way in ways}
    print("| way | CPU seconds | time | peak memory | CPU by ours |\n|---|---|---|---|---|")
    for way in ways:
        spread = [run["cpu"] for run in runs[way]]
        seconds = statistics.median(run["seconds"] for run in runs[way])
        by = f"{cpu[way] / cpu['ours']:.2f}" if "ours" in cpu else ""
        print(f"| {TITLES[way]} | {cpu[way]:.1f} ({min(spread):.1f}-{max(spread):.1f}) | {seconds:.1f} s "
              f"| {max(run['memory'] for run in runs[way]) / 1e6:,.0f} MB | {by} |")
    if args.check:
        failed = []
        if {"ours", "shuffle"} <= cpu.keys() and cpu["ours"] > 1.15 * cpu["shuffle"]:
            failed.append(f"ours is {cpu['ours'] / cpu['shuffle']:.2f} times shuffle, which is more than 1.15")
        if {"ours", "windows"} <= cpu.keys() and cpu["ours"] > cpu["windows"] / 3.5:
            failed.append(f"windows is {cpu['windows'] / cpu['ours']:.2f} times ours, which is less than 3.5")
        if failed:
            sys.exit("; ".join(failed))


if __name__ == "__main__":
    main()

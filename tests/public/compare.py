"""compare.py BINARY WORK: raw folders of public shapes to rows by `job init` alone, against DuckDB.

For each folder of testdata/public: `job init` writes a job file, it runs as it is, `verify` recomputes all rows, and SQL
over the raw files says what every value of every row must be. Then one raw value is changed, and the SQL must
say something else: what would not notice that proves nothing."""

import os
import shutil
import subprocess
import sys
import time

import duckdb

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "readers"))

from recompute import xxh64  # noqa: E402

PUBLIC = "testdata/public"
# The rows, of the view that the last script makes; what is kept stands before the day.
ROWS = """create table wanted as select customer_id, ranking_id, position, item_id, is_order, cutoff, last_action_time,
    history_length, actions, action_types, {} dt from histories"""
# Folder, scripts, what is kept, and one raw value: file, what it is, what is put in its place.
CASES = [
    ("avazu-like", ["avazu-like"], "", ("train.csv", ",1,14102100,", ",0,14102100,")),
    ("mind-like", ["mind-like"], "column_4,", ("behaviors.tsv", "-1\n", "-0\n")),
    ("movielens-like/ml-1m", ["ml-1m", "ratings"], "", ("ratings.dat", "::978499952", "::978499953")),
    ("movielens-like/ml-latest-small", ["ml-latest-small", "ratings"], "", ("tags.csv", "\n1,1270,", "\n1,1193,")),
]
SHOWN = 3


def hitherto(binary, *arguments):
    """Runs a command; its exit code and what it said."""
    done = subprocess.run([binary, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def recomputed(folder, scripts, kept):
    """A connection that has the table `wanted` of a raw folder."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute("set variable folder = ?", [folder])
    connection.create_function("hashed", lambda text: f"{xxh64(text.encode(), 42):016x}", ["VARCHAR"], "VARCHAR")
    for script in [*scripts, "histories"]:
        connection.execute(read_sql(script))
    connection.execute(ROWS.format(kept))
    return connection


def read_sql(name):
    """The text of a script beside this one."""
    with open(os.path.join(HERE, name + ".sql"), encoding="utf-8") as file:
        return file.read()


def columns(connection, table):
    """The columns of a table, with their types."""
    return [tuple(row[:2]) for row in connection.execute(f"describe {table}").fetchall()]


def differences(connection, out):
    """What differs between the rows of a set and those that are wanted, in lines."""
    connection.execute(
        f"create or replace table found as from read_parquet('{out}/dt=*/*.parquet', hive_partitioning = true)")
    found, wanted = columns(connection, "found"), columns(connection, "wanted")
    if found != wanted:
        return [f"columns {found}", f"expected {wanted}"]
    lines = []
    for title, one, other in [("unexpected", "found", "wanted"), ("missing", "wanted", "found")]:
        only = f"(from {one} except all from {other})"
        count = connection.execute(f"select count(*) from {only}").fetchone()[0]
        if count:
            brief = "* replace (actions[:8] as actions, action_types[:8] as action_types)"
            rows = connection.execute(f"select {brief} from {only} order by all limit {SHOWN}").fetchall()
            lines += [f"{count} {title} rows, such as", *(f"  {row}" for row in rows)]
    return lines


def spoil(folder, name, old, new):
    """Changes one value of a raw file."""
    path = os.path.join(folder, name)
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    if old not in text:
        return False
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text.replace(old, new, 1))
    return True


def run_case(binary, work, case):
    """Whether the rows of a folder are as they must be."""
    name, scripts, kept, change = case
    folder, out = os.path.join(work, name), os.path.join(work, name + ".out")
    shutil.copytree(os.path.join(PUBLIC, name), folder)
    begin = time.monotonic()
    job = os.path.join(folder, "job.toml")
    for command in [["job", "init", folder], ["sequences", "--job", job, "--out", out]]:
        code, said = hitherto(binary, *command)
        if code:
            return fail(name, [f"hitherto {' '.join(command)} ends with {code}", *said.splitlines()])
    seconds = time.monotonic() - begin
    code, said = hitherto(binary, "verify", out, "--audit-rows", "all")
    if code:
        return fail(name, [f"hitherto verify ends with {code}", *said.splitlines()])
    connection = recomputed(folder, scripts, kept)
    lines = differences(connection, out)
    if lines:
        return fail(name, lines)
    measures = "count(*), count(*) filter (history_length > 0), max(history_length), sum(len(actions) + len(action_types))"
    rows, known, longest, inner = connection.execute(f"select {measures} from found").fetchone()
    if not rows:
        return fail(name, ["there is no row"])
    if not known:
        return fail(name, ["no row has a history"])
    values = rows * (len(columns(connection, "found")) - 2) + inner
    if not spoil(folder, *change):
        return fail(name, [f"{change[0]} has no {change[1]!r} to change"])
    if not differences(recomputed(folder, scripts, kept), out):
        return fail(name, [f"{change[1]!r} is {change[2]!r} in {change[0]}, and nobody notices"])
    print(f"passed  {name}: {seconds:.2f} s from folder to rows; {rows} rows, {known} with a history, "
          f"of up to {longest}; {values:,} values equal; a changed value is noticed")
    return True


def fail(name, lines):
    """Says what is wrong with a case."""
    print(f"FAILED  {name}", *lines, sep="\n  ")
    return False


def main():
    binary, work = sys.argv[1:]
    passes = [run_case(binary, work, case) for case in CASES]
    print(f"{sum(passes)} passed, {len(passes) - sum(passes)} failed")
    return 0 if all(passes) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Follows to the letter what the program prints: the lines that read a set, and those that make a file of another format or a
table of another tool one that is read.

    advice.py HITHERTO WORK

Paths have characters that shells, Python, SQL and globs take for something else.
"""

import base64
import glob
import json
import os
import re
import shutil
import sqlite3
import struct
import subprocess
import sys

import duckdb
import polars
import pyarrow
import pyarrow.orc
import pyarrow.parquet

binary, work = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
root = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
failed = False


def check(name, is_so, found=""):
    """Says whether something is so."""
    global failed
    failed |= not is_so
    print(f"passed  {name}" if is_so else f"FAILED  {name}: {found}")


def hitherto(*arguments):
    """Runs the program in the folder of work."""
    return subprocess.run([binary, *arguments], cwd=work, capture_output=True, text=True)


def sequences(clicks):
    """Runs a job on the small shop with other clicks."""
    shutil.rmtree(os.path.join(work, "out"), ignore_errors=True)
    return hitherto("sequences", "--impressions", "shop/impressions", "--clicks", clicks, "--out", "out")


def rows(out):
    """The rows of the clicks in histories of a set, and all samples."""
    query = f"select count(*), sum(list_sum(action_types)) from read_parquet('{out}/dt=*/*.parquet')"
    return duckdb.sql(query).fetchall()[0]


def read_lines(stderr):
    """The lines that read a set: a tool and what to write."""
    behind = stderr[stderr.index("read it"):]
    return dict(re.findall(r"^  (Polars|DuckDB|pandas) +(.*)$", behind, re.M))


def check_reading(name, run, all_rows, day_rows):
    """Reads a set with each line that a run printed."""
    if run.returncode:
        return check(f"{name} is made", False, run.stderr)
    lines = read_lines(run.stderr)
    frame = eval(lines["Polars"], {"pl": polars})
    found = frame.lazy().collect().height
    check(f"{name}: Polars as printed", found == all_rows, f"{found} of {all_rows} rows")
    found = len(duckdb.sql(lines["DuckDB"]).fetchall())
    check(f"{name}: DuckDB as printed", found == all_rows, f"{found} of {all_rows} rows")
    try:
        import pandas
    except ImportError:
        return print(f"SKIPPED: {name}: pandas is not here")
    found = len(eval(lines["pandas"], {"pd": pandas}))
    check(f"{name}: pandas as printed", found == day_rows, f"{found} of {day_rows} rows")


def check_sets():
    """The lines that read sets, beside everything that lies in their folders."""
    out = "sets [1]* o'f \"x\""
    shop = os.path.join(work, "bad")
    shutil.copytree(os.path.join(work, "shop"), shop)
    clicks = subprocess.run(["find", os.path.join(shop, "clicks"), "-type", "f"], capture_output=True, text=True)
    folder = os.path.dirname(clicks.stdout.split("\n")[0])
    with open(os.path.join(folder, "bad.ndjson"), "w") as file:
        file.write('{"customer_id": 1106, "item_id": "x", "click_time": "soon"}\n')
    run = hitherto("sequences", "bad", "--out", out, "--item-vocabulary", "build", "--on-bad-row", "quarantine")
    pattern = os.path.join(work, re.sub(r"([\[*?])", r"[\1]", out), "dt=*", "*.parquet")
    count = lambda path: polars.scan_parquet(path).select(polars.len()).collect().item()
    day = sorted(name for name in os.listdir(os.path.join(work, out)) if name.startswith("dt="))[0]
    check("there are rejected rows", os.path.isdir(os.path.join(work, out, "_quarantine")), run.stderr)
    check_reading("sequences", run, count(pattern), count(pattern.replace("dt=*", day)))

    hitherto("generate", "features", "shown", "--impressions", "300", "--clicks", "900", "--days", "3")
    run = hitherto("features", "shown", "--out", f"f {out}")
    pattern = os.path.join(work, re.sub(r"([\[*?])", r"[\1]", f"f {out}"), "date=*", "*.parquet")
    day = sorted(name for name in os.listdir(os.path.join(work, f"f {out}")) if name.startswith("date="))[0]
    check_reading("features", run, count(pattern), count(pattern.replace("date=*", day)))

    hitherto("generate", "dwell", "flyers", "--events", "900", "--users", "20")
    run = hitherto("dwell", "flyers", "--out", f"d {out}")
    table = os.path.join(work, f"d {out}", "user_merchant.parquet")
    all_rows = pyarrow.parquet.ParquetFile(table).metadata.num_rows
    check_reading("dwell", run, all_rows, all_rows)


def check_formats(clicks, expected):
    """The commands that make files of other formats ones that are read."""
    folder = os.path.join(work, "it's [a] \"log\"")
    os.makedirs(folder)
    path = lambda name: os.path.join(folder, name)
    frame = polars.from_arrow(clicks)
    frame.write_avro(path("clicks.avro"))
    pyarrow.orc.write_table(clicks, path("clicks.orc"))
    frame.write_ipc(path("clicks.arrow"))
    with pyarrow.ipc.new_stream(path("clicks.arrows"), clicks.schema) as stream:
        stream.write_table(clicks)
    text = frame.write_csv()
    for encoding in ["utf-16", "utf-16-le", "utf-16-be", "utf-32"]:
        with open(path(f"{encoding}.csv"), "w", encoding=encoding, newline="") as file:
            file.write(text)
    with sqlite3.connect(path("clicks.db")) as database:
        database.execute("create table clicks (customer_id, item_id, click_time)")
        database.executemany("insert into clicks values (?, ?, ?)", frame.rows())
    database.close()
    environment = {**os.environ, "PATH": os.path.dirname(sys.executable) + ":" + os.environ["PATH"]}
    for name in sorted(os.listdir(folder)):
        shown = os.path.relpath(path(name), work)
        run = sequences(shown)
        if name.startswith(("clicks.arrow", "utf-16.")):
            is_so = run.returncode == 0 and rows(os.path.join(work, "out")) == expected
            check(f"{name} is read as it is", is_so, run.stderr)
            continue
        commands = re.findall(r"`(.*?)`", run.stderr)
        if run.returncode != 65 or len(commands) != 1:
            check(f"{name} is named", False, run.stderr)
            continue
        if commands[0].startswith("sqlite3"):
            # The table is for the user to name.
            command, made = commands[0].replace("TABLE", "clicks"), "clicks.csv"
        else:
            command, made = commands[0], re.search(r'makes "(.*)" of it', run.stderr)[1]
        if command.startswith("sqlite3") and not shutil.which("sqlite3"):
            print(f"SKIPPED: {name}: sqlite3 is not here")
            continue
        followed = subprocess.run(["sh", "-c", command], cwd=work, capture_output=True, text=True, env=environment)
        run = sequences(made)
        is_so = run.returncode == 0 and rows(os.path.join(work, "out")) == expected
        check(f"{name} is read after `{command.split(' ')[0]}`", is_so, followed.stderr + run.stderr)


def delete_first_rows(table, count):
    """Deletes the first rows of the one file of a table by a deletion vector, as its writers do: the file stays."""
    log = os.path.join(table, "_delta_log")
    with open(os.path.join(log, "00000000000000000000.json")) as file:
        added = [json.loads(line)["add"] for line in file if '"add"' in line][0]
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, count - 1, 16) + struct.pack(f"<{count}H", *range(count))
    vector = struct.pack("<IQI", 1681511377, 1, 0) + bitmap
    padded = vector + b"\0" * (-len(vector) % 4)
    ours = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
    z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    inline = base64.b85encode(padded).decode().translate(str.maketrans(ours, z85))
    told = {"storageType": "i", "pathOrInlineDv": inline, "sizeInBytes": len(vector), "cardinality": count}
    features = ["deletionVectors"]
    actions = [{"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}},
               {"remove": {"path": added["path"], "dataChange": True, "deletionTimestamp": added["modificationTime"] + 1}},
               {"add": {**added, "deletionVector": told}}]
    with open(os.path.join(log, "00000000000000000001.json"), "w") as file:
        file.writelines(json.dumps(action) + "\n" for action in actions)


def check_tables(clicks, expected):
    """The statement that writes the rows of a table out, where its engine is here."""
    try:
        import deltalake
    except ImportError:
        return print("SKIPPED: deltalake is not here")
    table = os.path.join(work, "delta")
    deltalake.write_deltalake(table, pyarrow.concat_tables([clicks, clicks]))
    delete_first_rows(table, clicks.num_rows)
    run = sequences("delta")
    check("a Delta table is refused", run.returncode == 65, run.stderr)
    paths = os.path.join(work, "list")
    with open(paths, "w") as file:
        file.write("\n".join(glob.glob(os.path.join(table, "*.parquet"))))
    listed = hitherto("sequences", "--impressions", "shop/impressions", "--files-from", "clicks=list", "--out", "out")
    check("a list of its files is refused", listed.returncode == 65 and "Delta" in listed.stderr, listed.stderr)
    python = re.search(r"Python: (polars\..*\)); Spark", run.stderr)[1]
    made = re.search(r"--clicks (\S+)\.", run.stderr)[1]
    os.chdir(work)
    eval(python, {"polars": polars})
    run = sequences(made)
    check("its rows are read after `polars.read_delta`", rows("out") == expected, run.stderr)
    os.remove(made)
    sql = re.search(r"DuckDB: (COPY .*\'); Python", sequences("delta").stderr)[1]
    try:
        duckdb.sql("set autoinstall_known_extensions = false; load delta")
    except duckdb.Error as error:
        return print(f"SKIPPED: DuckDB's extension for Delta is not here: {str(error)[:60]}")
    duckdb.sql(sql)
    run = sequences(made)
    check("its rows are read after DuckDB's `COPY`", rows("out") == expected, run.stderr)


def main():
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    shutil.copytree(os.path.join(root, "testdata/shop"), os.path.join(work, "shop"))
    os.chdir(work)
    clicks = polars.DataFrame({"customer_id": [1106, 1106], "item_id": [7, 8],
                               "click_time": ["2025-08-14 10:00:00", "2025-08-14 11:00:00"]}).to_arrow()
    pyarrow.parquet.write_table(clicks, "plain.parquet")
    run = sequences("plain.parquet")
    check("plain clicks are read", run.returncode == 0, run.stderr)
    expected = rows("out")
    check_sets()
    check_formats(clicks, expected)
    check_tables(clicks, expected)
    sys.exit(failed)


main()

"""Files that once broke other readers, as every input of every job: none may panic, end by a signal, hang or take memory.

The files are those of apache/arrow-testing (`../shared/corpora/{parquet,csv}`, next to the repository). Each is given
as each source of each job, once with its format told by content and once forced to each format; the other sources are
good. Then once more with the required columns mapped onto columns that the file has (names by pyarrow), so that its
pages are decoded. Asked of each run: exit code 0, 65 (or 66, if no row was found; 2, if the flags do not fit what was
found), no text of a panic, at most 2 s (and 50 ms for each day that is published) and 512 MiB.

    corpora.py [--binary PATH] [--quick] [--file NAME]
"""
import json
import os
import subprocess
import sys
from pathlib import Path

from trust import MIB, ROOT, SOURCES, TINY, Report, flags_of, generate, run, said

FORMATS = ["auto", "parquet", "csv", "ndjson", "json"]
SECONDS, RSS = 2.0, 512 * MIB
PANICS = ["panicked", "backtrace", "RUST_BACKTRACE", "internal fault", "overflowed its stack", "memory allocation of"]
# What a source needs, by the kind of column that can hold it.
NEEDED = {
    ("sequences", "impressions"): {"dt": "time", "ranking_id": "id", "customer_id": "id", "impressions": "list"},
    ("sequences", "clicks"): {"customer_id": "id", "item_id": "id", "click_time": "time"},
    ("sequences", "carts"): {"customer_id": "id", "config_id": "id", "occurred_at": "time"},
    ("sequences", "orders"): {"customer_id": "id", "config_id": "id", "occurred_at": "time", "order_date": "time"},
    ("features", "impressions"): {"impression_id": "id", "user_id": "id", "listing_id": "id", "impression_ts": "time"},
    ("features", "clicks"): {"user_id": "id", "listing_id": "id", "click_ts": "time"},
    ("features", "listings"): {"listing_id": "id", "category": "text", "price": "price", "created_ts": "time"},
    ("dwell", "events"): {"timestamp": "time", "user_id": "id", "event": "text", "flyer_id": "id", "merchant_id": "id"},
}
# The kinds of columns that can hold what is needed, the best first.
FITS = {
    "id": ["int", "text", "time", "other"], "time": ["time", "int", "text", "other"], "text": ["text", "int", "other"],
    "price": ["float", "int", "text", "other"], "list": ["list", "text", "other"],
}


def names_by_pyarrow(paths):
    """Columns of files with their kinds, one JSON object a line. Runs in a process of its own, which may crash."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    for path in paths:
        try:
            schema = pq.ParquetFile(path).schema_arrow
        except Exception:
            continue
        kinds = []
        for field in schema:
            type = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
            kind = ("int" if pa.types.is_integer(type) else "float" if pa.types.is_floating(type) or pa.types.is_decimal(type)
                    else "time" if pa.types.is_temporal(type) else "list" if pa.types.is_list(type)
                    else "text" if pa.types.is_string(type) or pa.types.is_large_string(type) else "other")
            inner = []
            if kind == "list" and pa.types.is_struct(type.value_type):
                inner = [(child.name, str(child.type)) for child in type.value_type]
            kinds.append((field.name, kind, inner))
        print(json.dumps([path, kinds]), flush=True)


def columns_of(paths):
    """Columns of those files whose names can be read."""
    found = {}
    paths = [os.fspath(path) for path in paths]
    while paths:
        reader = subprocess.run([sys.executable, __file__, "--names", *paths], capture_output=True, text=True)
        lines = [json.loads(line) for line in reader.stdout.splitlines()]
        found.update(lines)
        if reader.returncode == 0:
            break
        if "No module named" in reader.stderr:
            return None
        # It crashed on the file after the last that it printed, or on one of those without names.
        paths = paths[(paths.index(lines[-1][0]) if lines else 0) + 1:]
    return found


def csv_columns(path):
    """Columns of a CSV file, by its first line."""
    header = path.read_bytes().split(b"\n")[0].decode("utf-8", "replace").strip("\r")
    names = [name.strip('"') for name in header.split(",")]
    return [(name, "text", []) for name in names if name and not set(name) & set(",=")][:64]


def mappings(needed, columns):
    """Ways to map what is needed onto the columns of a file: together, they name as many columns as they can."""
    left = {name for name, _, _ in columns}
    for _ in range(12):
        chosen = {}
        for name, kind in needed.items():
            fits = [column for wanted in FITS[kind] for column in columns if column[1] == wanted]
            if not fits:
                fits = columns
            fresh = [column for column in fits if column[0] in left]
            pick = (fresh or fits)[0]
            chosen[name] = pick[0]
            left.discard(pick[0])
            if kind == "list":
                for wanted, type in (("item_id", "int"), ("is_order", "bool")):
                    inner = [inner for inner, of in pick[2] if of.startswith(type)]
                    chosen.update({wanted: name for name in inner[:1]})
        yield chosen
        if not left:
            return


class Corpora:
    """All runs."""

    def __init__(self, report):
        self.report, self.runs, self.codes = report, 0, {}
        self.seconds_max, self.rss_max, self.caught = (0, ""), (0, ""), set()
        self.usage = {}

    def one(self, job, source, path, format, more=()):
        """One run, and what is asked of it."""
        report = self.report
        good = report.work / f"{job}-{'csv' if format == 'auto' else format}"
        out = report.work / "out"
        forced = [] if format == "auto" else ["--format", format]
        found = run([report.binary, job, "--quiet", "--threads", "2", "--out", out, *flags_of(job, good, source, path),
                     *forced, *more], timeout=20)
        self.runs += 1
        self.codes[found.code] = self.codes.get(found.code, 0) + 1
        shown = f"{job} {source} = {path.name} --format {format} {' '.join(more)}"
        self.seconds_max = max(self.seconds_max, (found.seconds, shown))
        self.rss_max = max(self.rss_max, (found.rss, shown))
        panics = [text for text in PANICS if text in found.err]
        if found.code == 2:
            self.usage[found.err.strip()[:60]] = said(found)
        if "its reader gave up" in found.err:
            self.caught.add(path.name)
        # A file that is accepted may have hundreds of days, each a folder to sync.
        days = len(os.listdir(out)) if found.code == 0 else 0
        fine = found.code in (0, 65, 66, 2) and found.seconds <= SECONDS + days * 0.05 and found.rss <= RSS and not panics
        report.check(fine, f"{shown}: {found}", said(found))
        published = out.exists()
        report.check(published == (found.code == 0), f"{shown}: published {published}, {found}", said(found))
        if published:
            subprocess.run(["rm", "-rf", out])
        left = [name for name in os.listdir(report.work) if name.startswith(".out.tmp-")]
        report.check(not left, f"{shown}: left {left}", said(found))
        return found


def main():
    report = Report("corpora", __doc__, {"--file": {"help": "only this file"}})
    corpora = ROOT.parent / "shared/corpora"
    files = sorted(path for kind in ("parquet", "csv") for path in corpora.glob(f"{kind}/*") if path.is_file())
    if not files:
        report.skip(f"no files in {corpora}")
    if report.asked.file:
        files = [path for path in files if path.name == report.asked.file]
    if report.quick:
        files = files[::70]
    for job, sizes in TINY.items():
        for format in FORMATS[1:]:
            generate(report, job, report.work / f"{job}-{format}", format, **sizes)
    all = Corpora(report)
    sources = [(job, source) for job in SOURCES for source in SOURCES[job]]
    for path in files:
        for job, source in sources:
            for format in FORMATS:
                all.one(job, source, path, format)
    first = all.runs
    columns = columns_of([path for path in files if path.parent.name == "parquet"])
    if columns is None:
        print("SKIPPED: no pyarrow here, so columns of Parquet files were not mapped")
        columns = {}
    for path in files:
        if path.parent.name == "csv":
            columns[os.fspath(path)] = csv_columns(path)
        of_it = [column for column in columns.get(os.fspath(path), []) if column[0] and not set(column[0]) & set(",=\0")]
        for job, source in sources if of_it else []:
            for chosen in mappings(NEEDED[job, source], of_it):
                mapped = ",".join(f"{source}.{name}={column}" for name, column in chosen.items())
                format = "parquet" if path.parent.name == "parquet" else "csv"
                all.one(job, source, path, format, ["--columns", mapped, "--time-unit", "us"])
    codes = ", ".join(f"{'hang' if code is None else code} ({times}×)" for code, times in sorted(all.codes.items(), key=str))
    report.figure(f"{len(files)} files as every input in every format", first, f"{report.failures} failed; exit codes {codes}")
    report.figure(f"columns of {len(columns)} of them mapped", all.runs - first, f"caught panics: {len(all.caught)} files")
    report.figure("slowest", 1, f"{all.seconds_max[0]:.2f} s: {all.seconds_max[1]}")
    report.figure("largest", 1, f"{all.rss_max[0] / MIB:.0f} MiB: {all.rss_max[1]}")
    for name in sorted(all.caught):
        print(f"    a panic was caught and told as a fault of the file: {name}")
    for err, how in all.usage.items():
        print(f"    exit 2: {err}: {how}")
    report.finish()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--names"]:
        names_by_pyarrow(sys.argv[2:])
    else:
        main()

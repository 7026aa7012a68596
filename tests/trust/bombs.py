"""Small files that claim, or unfold to, more than any honest file holds: all must be refused, fast and in little memory.

The script makes them (byte by byte with `handmade.py` and `ipc.py`; what needs a codec, with pyarrow) and gives each as an input,
next to good sources. Asked of each run: exit code 65 (or 0 where what is odd lies in a field of no use), at most 2 s, and
a peak of memory at most 256 MiB above that of a run over tiny good data with as many threads (2).

    bombs.py [--binary PATH] [--quick] [--only TEXT] [--isolate FLAGS]
"""
import base64
import bz2
import json
import lzma
import os
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import handmade as hand
import ipc
from handmade import BYTES, INT32, INT64, OPTIONAL, REPEATED, REQUIRED, Column, element, i32, i64, record, sequence, text
from trust import MIB, TINY, Report, flags_of, generate, run, said

SECONDS, ABOVE_IDLE = 2.0, 256 * MIB
NOON = 1_755_086_400_000_000
CODECS = {"snappy": hand.SNAPPY, "gzip": hand.GZIP, "zstd": hand.ZSTD, "lz4_raw": hand.LZ4_RAW, "lz4": hand.LZ4, "brotli": hand.BROTLI}
# Bytes of zeros that fit no memory that is allowed here.
MUCH = 1 << 29


class Bombs:
    """Makes them, and lists them in a file for those who try them."""

    def __init__(self, folder, only, quick):
        self.folder, self.only, self.quick, self.made = Path(folder), only, quick, 0

    def add(self, name, make, ending="parquet", job="sequences", source="clicks", more=()):
        """A bomb: `make` gives its bytes, or writes them to the path that it is called with."""
        if self.only not in name:
            return
        path = self.folder / f"{name.replace(' ', '-')}.{ending}"
        content = make(path)
        if content is not None:
            path.write_bytes(content)
        print(json.dumps({"name": name, "path": os.fspath(path), "job": job, "source": source, "more": list(more)}), flush=True)


def clicks(rows=4, **replaced):
    """Columns of good clicks, some of them replaced."""
    customers, items, times = list(range(1, rows + 1)), [7] * rows, [NOON] * rows
    of_good = {
        "customer_id": Column("customer_id", INT64, hand.page(hand.numbers(customers, 8), rows), rows),
        "item_id": Column("item_id", INT32, hand.page(hand.numbers(items, 4), rows), rows),
        "click_time": Column("click_time", INT64, hand.page(hand.numbers(times, 8), rows), rows, converted=hand.TIMESTAMP_MICROS),
    }
    return list({**of_good, **replaced}.values())


def items(body, values=4, **claims):
    """A column of items of clicks that is wrong somehow."""
    return {"item_id": Column("item_id", INT32, body, values, **claims)}


GOOD_ITEMS = hand.page(hand.numbers([7] * 4, 4), 4)


def nested(depth, kind):
    """A file of one column below so many groups (or lists in lists)."""
    repetition = OPTIONAL if kind == "structs" else REPEATED
    names = [f"g{at}" for at in range(depth)] + ["leaf"]
    groups = b"".join(element(name, repetition=repetition, children=1)[1] for name in names[:-1])
    good = clicks()
    schema = sequence([element("schema", children=4), *(column.element() for column in good)])[1]
    inner = groups + element("leaf", INT32, OPTIONAL)[1]
    schema = 9, hand.sequence([(12, schema[1:]), (12, inner)], count=5 + depth)[1]
    deep = Column(names, INT32, hand.page(hand.levels(0, 4), 4), 4)
    return hand.file([*good, deep], 4, schema)


def many_columns(count, chunks):
    """A file of clicks with very many more columns, with or without column chunks."""
    good = clicks()
    more = [element(f"c{at}", INT32, OPTIONAL) for at in range(count)]
    schema = sequence([element("schema", children=3 + count), *(column.element() for column in good), *more])
    group = None
    if chunks:
        meta = [record(_3=record(_1=i32(INT32), _2=sequence([i32(0)]), _3=sequence([text(f"c{at}")]), _4=i32(0), _5=i64(4),
                                 _6=i64(9), _7=i64(9), _9=i64(4))) for at in range(count)]
        starts = [4]
        for column in good:
            starts.append(starts[-1] + len(column.body))
        group = record(_1=sequence([column.chunk(start) for column, start in zip(good, starts)] + meta), _2=i64(9), _3=i64(4))
    return hand.file(good, 4, schema, group=group)


def key_values(path, count, size):
    """A file with huge key-value metadata; large values are holes in the file."""
    good = clicks()
    if count > 1:
        pairs = sequence([record(_1=text("k"))], count=count)[1]
        one = record(_1=text("k"))[1]
        return hand.file(good, 4, metadata={"_5": (9, pairs + one * (count - 1))})
    whole = hand.file(good, 4, metadata={"_5": sequence([record(_1=text("k"), _2=text("MARK"))])})
    body, footer = whole[:-8 - int.from_bytes(whole[-8:-4], "little")], whole[-8 - int.from_bytes(whole[-8:-4], "little"):-8]
    before, after = footer.split(text("MARK")[1])
    with open(path, "wb") as file:
        file.write(body + before + hand.varint(size))
        file.seek(size, os.SEEK_CUR)
        file.write(after + (len(before) + len(hand.varint(size)) + size + len(after)).to_bytes(4, "little") + b"PAR1")


def one_entry(column, rows, size=MIB):
    """A column of so many rows that are all the same large text, by a dictionary of one entry."""
    entry = size.to_bytes(4, "little") + b"a" * size
    return same(column, BYTES, entry, rows, hand.UTF8)


def same(column, physical, entry, rows, converted=None):
    """A column of rows that are all the same."""
    dictionary = hand.page(entry, 1, hand.DICTIONARY_PAGE)
    body = hand.page(bytes([1]) + hand.run_of(0, rows), rows, encoding=hand.RLE_DICTIONARY)
    return Column(column, physical, body, rows, converted=converted, dictionary=dictionary)


def repeated_text(source, column, rows):
    """Clicks or impressions of which one column is a large text, a billion times."""
    number = lambda value: value.to_bytes(8, "little")
    if source == "clicks":
        columns = [one_entry("customer_id", rows), same("item_id", INT32, b"\7\0\0\0", rows),
                   same("click_time", INT64, number(NOON), rows, hand.TIMESTAMP_MICROS)]
        return hand.file(columns, rows)
    flat = [same("dt", INT32, (20_315).to_bytes(4, "little"), rows, hand.DATE)]
    for name in ("ranking_id", "customer_id"):
        flat.append(one_entry(name, rows) if name == column else same(name, INT64, number(7), rows))
    leaf = lambda name, physical: Column(
        ["impressions", "list", "element", name], physical, hand.page(hand.levels(0, rows) * 2, rows), rows)
    leaves = [leaf("item_id", INT32), leaf("is_order", hand.BOOLEAN)]
    schema = sequence([
        element("schema", children=4), *(column.element() for column in flat),
        element("impressions", repetition=OPTIONAL, children=1, converted=hand.LIST), element("list", repetition=REPEATED, children=1),
        element("element", repetition=OPTIONAL, children=2), element("item_id", INT32, OPTIONAL), element("is_order", hand.BOOLEAN, OPTIONAL)])
    return hand.file([*flat, *leaves], rows, schema)


def list_bomb(kind):
    """One impression with 100 million items that are all zero."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    count = 100_000_000
    zeros = pa.array(np.zeros(count, "int32"))
    if kind == "structs":
        zeros = pa.StructArray.from_arrays([zeros, pa.array(np.zeros(count, "bool"))], ["item_id", "is_order"])
    lists = pa.ListArray.from_arrays(pa.array([0, count], pa.int32()), zeros)
    table = pa.table({"dt": ["2025-08-15"], "ranking_id": ["r1"], "customer_id": [1], "impressions": lists})
    return lambda path: pq.write_table(table, path, compression="zstd", data_page_size=1 << 30, dictionary_pagesize_limit=1 << 20)


def squeezed(codec, size):
    """Zeros, compressed."""
    if codec == "gzip":
        squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
        block = bytes(MIB)
        return b"".join(squeezer.compress(block) for _ in range(size // MIB)) + squeezer.flush()
    import pyarrow as pa
    return pa.Codec(codec).compress(bytes(size), asbytes=True)


def unfolding(codec, claimed):
    """A page that decompresses to far more than it says."""
    body = squeezed(codec, MUCH)
    return hand.file(clicks(**items(hand.page(body, 4, uncompressed=claimed), codec=CODECS[codec])), 4)


def endless(codec, head, block, tail=b"", total=64 << 30):
    """Text that compresses to next to nothing: the same frame over and over."""
    size = 64 * MIB
    block = block * (size // len(block))
    if codec in ("bz2", "xz"):
        squeeze = {"bz2": bz2.compress, "xz": lzma.compress}[codec]
    elif codec == "gz":
        squeeze = lambda data: zlib_member(data)
    else:
        import pyarrow as pa
        squeeze = lambda data: pa.Codec("zstd").compress(data, asbytes=True)
    return squeeze(head) + squeeze(block) * (total // size) + (squeeze(tail) if tail else b"")


def zipped(path, head, block, total):
    """A zip archive of one text that goes on and on, or that claims to be short."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        with archive.open("a.csv", "w", force_zip64=False) as member:
            member.write(head)
            for _ in range(total // len(block)):
                member.write(block)


def zlib_member(data):
    """A member of a gzip file."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return squeezer.compress(data) + squeezer.flush()


def make_structure(bombs):
    """Footers that are deep, wide or long, or that claim to be."""
    for depth in (5_000, 100_000):
        for kind in ("structs", "lists"):
            bombs.add(f"depth {depth} {kind}", lambda _, depth=depth, kind=kind: nested(depth, kind))
    bombs.add("a million columns", lambda _: many_columns(1_000_000, False))
    bombs.add("a million column chunks", lambda _: many_columns(1_000_000, True))
    bombs.add("key-value metadata of 1 GB", lambda path: key_values(path, 1, 1 << 30))
    bombs.add("key-value metadata of 10M pairs", lambda path: key_values(path, 10_000_000, 0))
    for what, number in (("schema", "_2"), ("row groups", "_4"), ("metadata", "_5")):
        for count in (1 << 31, (1 << 31) - 1, 1 << 62):
            claim = {number: sequence([record(_1=i32(0))], count=count)}
            bombs.add(f"list of {count} {what}", lambda _, claim=claim: hand.file(clicks(), 4, metadata=claim))
    for count in ((1 << 31) - 1, 1 << 31):
        group = record(_1=sequence([record(_2=i64(0))], count=count), _2=i64(9), _3=i64(4))
        bombs.add(f"list of {count} column chunks", lambda _, group=group: hand.file(clicks(), 4, group=group))
    bombs.add("text of 2 GB in the footer", lambda _: hand.file(clicks(), 4, metadata={"_6": (8, hand.varint((1 << 31) - 1) + b"me")}))
    bombs.add("footer longer than the file", lambda _: hand.file(clicks(), 4)[:-8] + b"\xf0\xff\xff\x7fPAR1")
    bombs.add("footer of nested structs", lambda _: hand.file(clicks(), 4, tail=b"\x1c" * 10_000_000))


def make_claims(bombs):
    """Places, sizes and counts that cannot be."""
    add = lambda name, of_items, rows=4, **more: bombs.add(name, lambda _: hand.file(clicks(**of_items), rows, **more))
    add("offset outside the file", items(GOOD_ITEMS, offset=1 << 40))
    add("offset below zero", items(GOOD_ITEMS, offset=-1))
    add("offset at the end of 64 bits", items(GOOD_ITEMS, offset=(1 << 63) - 1))
    add("overlapping chunks", items(GOOD_ITEMS, offset=4, compressed=len(GOOD_ITEMS)))
    add("chunk over the footer", items(GOOD_ITEMS, compressed=400, uncompressed=400))
    add("chunk of 2^62 bytes", items(GOOD_ITEMS, compressed=1 << 62, uncompressed=1 << 62))
    for name in ("compressed", "uncompressed", "count"):
        add(f"{name} below zero", items(GOOD_ITEMS, **{name: -5}))
    for exponent in (31, 62):
        rows = 1 << exponent
        all = {name: Column(name, column.physical, column.body, column.values, converted=column.converted, count=rows)
               for name, column in ((column.path[0], column) for column in clicks())}
        bombs.add(f"2^{exponent} rows", lambda _, all=all, rows=rows: hand.file(clicks(**all), rows))
        bombs.add(f"2^{exponent} rows of the file", lambda _, rows=rows: hand.file(clicks(), 4, file_rows=rows))
    add("rows below zero", {}, rows=-4)
    add("page of 2^31 values", items(hand.page(hand.numbers([7] * 4, 4), (1 << 31) - 1)))
    add("page below zero", items(hand.page(hand.numbers([7] * 4, 4), 4, uncompressed=-1, compressed=-1)))
    add("dictionary of 2^31 values", items(hand.page(b"\7\0\0\0", 4, encoding=hand.RLE_DICTIONARY), dictionary=hand.page(
        b"\7\0\0\0", (1 << 31) - 1, hand.DICTIONARY_PAGE)))


def make_pages(bombs):
    """Pages that claim too much, and pages that unfold to more than they claim."""
    raw = hand.numbers([7] * 4, 4)
    bombs.add("page header of 2 GB not compressed", lambda _: hand.file(clicks(**items(hand.page(raw, 4, uncompressed=(1 << 31) - 1))), 4))
    bombs.add("page header of 2 GB compressed", lambda _: hand.file(clicks(**items(hand.page(raw, 4, compressed=(1 << 31) - 1))), 4))
    for codec, number in CODECS.items():
        whole = lambda codec: {"gzip": zlib_member(raw)}.get(codec) or __import__("pyarrow").Codec(codec).compress(raw, asbytes=True)
        bombs.add(f"page header of 2 GB {codec}", lambda _, codec=codec, number=number: hand.file(
            clicks(**items(hand.page(whole(codec), 4, uncompressed=(1 << 31) - 1), codec=number)), 4))
    for codec in CODECS:
        bombs.add(f"page that unfolds {codec}", lambda _, codec=codec: unfolding(codec, 16))
        bombs.add(f"page that unfolds and says so {codec}", lambda _, codec=codec: unfolding(codec, MUCH))
    for kind in ("integers", "structs"):
        bombs.add(f"list of 100M {kind}", lambda path, kind=kind: list_bomb(kind)(path), source="impressions")
    rows = 1_000_000_000
    bombs.add("customers by a dictionary of one", lambda _: repeated_text("clicks", "customer_id", rows), more=["--customer-type", "string"])
    for column in ("customer_id", "ranking_id"):
        bombs.add(f"{column} of impressions by a dictionary of one",
                  lambda _, column=column: repeated_text("impressions", column, rows), source="impressions",
                  more=["--customer-type", "string"] if column == "customer_id" else [])


def make_text(bombs):
    """Text whose fields, lines or nesting have no end."""
    click, shown = b"customer_id,item_id,click_time\n", b"dt,ranking_id,customer_id,impressions\n"
    bombs.add("CSV field of 4 GB", lambda _: endless("gz", click + b"1,", b"a", b",2025-08-14\n", 4 << 30), "csv.gz")
    for codec in ("bz2", "xz"):
        bombs.add(f"CSV field of 2 GB {codec}", lambda _, codec=codec: endless(codec, click + b"1,", b"a", b",2025-08-14\n", 2 << 30), f"csv.{codec}")
    bombs.add("CSV field of 2 GB zip", lambda path: zipped(path, click + b"1,", b"a" * MIB, 2 << 30), "csv.zip")
    bombs.add("quoted CSV field of 4 GB", lambda _: endless("gz", click + b'1,"', b"a", b'",2025-08-14\n', 4 << 30), "csv.gz")
    heads = {
        "CSV header": (b"customer_id,", b"a"), "CSV header of columns": (b"customer_id,", b"a,"), "CSV line": (click + b"1,7,", b"a"),
        "CSV line of fields": (click + b"1,7,", b",a"), "CSV line in quotes": (click + b'1,7,"', b"\n"),
        "CSV line of quotes": (click + b'1,7,"', b'""'),
    }
    lines = {
        "text": (b'{"customer_id": 1, "item_id": "', b"a"), "number": (b'{"customer_id": 1, "item_id": 1', b"0"),
        "key": (b'{"customer_id": 1, "', b"a"), "keys": (b'{"customer_id": 1', b', "a": 1'), "other field": (b'{"customer_id": 1, "x": "', b"a"),
        "other array": (b'{"customer_id": 1, "x": [1', b", 1"), "nesting": (b'{"customer_id": ', b"["), "other nesting": (b'{"customer_id": 1, "x": ', b'{"a":'),
        "blanks": (b'{"customer_id": 1, ', b" "),
    }
    for codec in ("gz", "zst"):
        for name, (head, block) in heads.items():
            bombs.add(f"endless {name} {codec}", lambda _, head=head, block=block, codec=codec: endless(codec, head, block), f"csv.{codec}")
        for name, (head, block) in lines.items():
            bombs.add(f"endless NDJSON {name} {codec}", lambda _, head=head, block=block, codec=codec: endless(codec, head, block), f"ndjson.{codec}")
            bombs.add(f"endless JSON {name} {codec}", lambda _, head=head, block=block, codec=codec: endless(codec, b"[" + head, block), f"json.{codec}")
        bombs.add(f"endless JSON arrays {codec}", lambda _, codec=codec: endless(codec, b"[", b"["), f"json.{codec}")
        bombs.add(f"endless impression {codec}", lambda _, codec=codec: endless(
            codec, b'{"dt": "2025-08-15", "ranking_id": "r", "customer_id": 1, "impressions": [{"item_id": 1, "is_order": true}',
            b', {"item_id": 1, "is_order": true}'), f"ndjson.{codec}", source="impressions")
        bombs.add(f"endless impression CSV {codec}", lambda _, codec=codec: endless(
            codec, shown + b'2025-08-15,r,1,"[{""item_id"":1,""is_order"":true}', b',{""item_id"":1,""is_order"":true}'),
            f"csv.{codec}", source="impressions")
    deep = 1_000_000
    row = '{"dt": "2025-08-15", "ranking_id": "r", "customer_id": 1, "impressions": %s}\n'
    for name, value in (("arrays", "[" * deep + "]" * deep), ("objects", '{"a":' * deep + "1" + "}" * deep)):
        bombs.add(f"nested {name}", lambda _, value=value: (row % value).encode(), "ndjson", source="impressions")
        bombs.add(f"nested {name} in JSON", lambda _, value=value: f"[{row % value}]".encode(), "json", source="impressions")
        bombs.add(f"nested {name} in a field of no use", lambda _, value=value: (
            (row % "[]").replace("}\n", f', "x": {value}}}\n')).encode(), "ndjson", source="impressions")
        bombs.add(f"nested {name} in CSV", lambda _, value=value: shown + f'2025-08-15,r,1,"{value}"\n'.replace('"a"', '""a""').encode(), "csv", source="impressions")
    bombs.add("JSON array of arrays", lambda _: b"[" * 10_000_000, "json", source="impressions")
    bombs.add("JSON array without end", lambda _: ("[" + (row % "[]").strip() + ",").encode(), "json", source="impressions")
    long = "i" * (64 * MIB)
    bombs.add("ranking id of 64 MB", lambda _: (row % '[{"item_id":1,"is_order":true}]').replace('"r"', f'"{long}"').encode(), "ndjson", source="impressions")
    bombs.add("ranking id of 64 MB in CSV", lambda _: shown + f'2025-08-15,{long},1,"[{{""item_id"":1,""is_order"":true}}]"\n'.encode(), "csv", source="impressions")
    bombs.add("customer id of 64 MB", lambda _: click + f"{long},7,2025-08-14\n".encode(), "csv", more=["--customer-type", "string"])
    event = "timestamp,user_id,event,flyer_id,merchant_id\n"
    for column in range(1, 5):
        fields = ["2025-08-14 10:00:00", "u", "flyer_open", "f", "m"]
        fields[column] = long
        name = event.strip().split(",")[column]
        bombs.add(f"{name} of 64 MB", lambda _, fields=fields: (event + ",".join(fields) + "\n").encode(), "csv", "dwell", "events")
    bombs.add("user_id of 64 MB in Parquet", lambda _: hand.file([Column(name, BYTES, hand.page(
        len(value).to_bytes(4, "little") + value.encode(), 1), 1, converted=hand.UTF8) for name, value in zip(
            event.strip().split(","), ["2025-08-14 10:00:00", long, "flyer_open", "f", "m"])], 1), job="dwell", source="events")
    bombs.add("category of 64 MB", lambda _: f"listing_id,category,price,created_ts\n1,{long},1,2025-01-01\n".encode(), "csv", "features", "listings")


QUICK = ["depth 5000 structs", "2^62 rows", "offset outside", "list of 2147483648 schema", "page header of 2 GB zstd",
         "page that unfolds snappy", "nested arrays in CSV", "JSON array without end", "user_id of 64 MB in Parquet",
         "IPC buffer at 2^62", "IPC block of 2^62", "IPC 64 structs", "IPC zstd that unfolds and says 32"]


def main():
    report = Report("bombs", __doc__, {
        "--only": {"default": "", "help": "those whose name holds this"}, "--isolate": {"default": "", "help": "more flags for each run"}})
    idle = {}
    for job, sizes in TINY.items():
        good = generate(report, job, report.work / job, "csv", **sizes)
        best = []
        for turn in range(3):
            found = run([report.binary, job, "--quiet", "--threads", "2", "--out", report.work / f"idle-{job}-{turn}", *flags_of(job, good)])
            report.check(found.code == 0, f"good data of {job}: {found}", said(found))
            best.append(found.rss)
        idle[job] = max(best)
    slowest, largest, tried, refused = (0, ""), (0, ""), 0, 0
    for only in QUICK if report.quick else [report.asked.only]:
        folder = report.work / "bomb"
        maker = subprocess.Popen([sys.executable, __file__, "--make", folder, only], stdout=subprocess.PIPE, text=True)
        for line in maker.stdout:
            bomb = json.loads(line)
            path = Path(bomb["path"])
            out = report.work / "out"
            found = run([report.binary, bomb["job"], "--quiet", "--threads", "2", "--out", out, *flags_of(
                bomb["job"], report.work / bomb["job"], bomb["source"], path), *bomb["more"], *report.asked.isolate.split()], timeout=10)
            above = found.rss - idle[bomb["job"]]
            size = path.stat().st_size
            tried += 1
            fine = found.code in (65, 0 if "of no use" in bomb["name"] else 65) and found.seconds <= SECONDS and above <= ABOVE_IDLE and (found.code == 0 or not out.exists())
            refused += fine
            report.check(fine, f"{bomb['name']} ({size:,} bytes): {above / MIB:.0f} MiB above idle, {found}", (
                f"{sys.executable} {__file__} --binary {report.binary} --only '{bomb['name']}'"))
            slowest, largest = max(slowest, (found.seconds, bomb["name"])), max(largest, (above, bomb["name"]))
            path.unlink()
            subprocess.run(["rm", "-rf", out])
        report.check(maker.wait() == 0, "the bombs could not all be made", f"{sys.executable} {__file__} --make {folder} '{only}'")
    report.figure("bombs", tried, f"{refused} refused with 65 within {SECONDS:.0f} s and {ABOVE_IDLE // MIB} MiB above idle")
    report.figure("slowest bomb", 1, f"{slowest[0]:.2f} s: {slowest[1]}")
    report.figure("largest bomb", 1, f"{largest[0] / MIB:.0f} MiB above idle: {largest[1]}")
    report.finish()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        Path(sys.argv[2]).mkdir(exist_ok=True)
        bombs = Bombs(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "", False)
        for make in (make_structure, make_claims, make_pages, make_text, ipc.make):
            make(bombs)
    else:
        main()

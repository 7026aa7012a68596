"""Arrow IPC that claims, or unfolds to, more than any honest file holds, for `bombs.py`.

Messages are written field by field, with flatbuffers made by hand, so that any length can lie.
"""
import struct
from collections import deque

NOON = 1_755_086_400_000_000
CONTINUATION = b"\xff\xff\xff\xff"


class Table:
    """A table of a flatbuffer: values by field number. A value is (struct format, number), another table, a list of
    tables, bytes of structs with their size, or text."""

    def __init__(self, **fields):
        self.fields = {int(name[1:]): value for name, value in fields.items() if value is not None}


def flatbuffer(root):
    """The bytes of a flatbuffer. Objects lie behind what refers to them, so that offsets are positive."""
    out = bytearray(8)
    later = deque([(0, root)])
    while later:
        slot, value = later.popleft()
        out.extend(bytes(-len(out) % 8))
        if isinstance(value, Table):
            count = max(value.fields, default=-1) + 1
            vtable = len(out)
            out.extend(bytes(4 + 2 * count))
            out.extend(bytes(-len(out) % 8 + 4))
            table = len(out)
            out.extend(struct.pack("<i", table - vtable))
            for number, field in sorted(value.fields.items(), key=lambda item: item[0]):
                scalar = isinstance(field, tuple) and isinstance(field[0], str)
                size = struct.calcsize(field[0]) if scalar else 4
                out.extend(bytes(-len(out) % size))
                struct.pack_into("<H", out, vtable + 4 + 2 * number, len(out) - table)
                if scalar:
                    out.extend(struct.pack("<" + field[0], field[1]))
                else:
                    later.append((len(out), field))
                    out.extend(bytes(4))
            struct.pack_into("<HH", out, vtable, 4 + 2 * count, len(out) - table)
            at = table
        elif isinstance(value, str):
            at = len(out)
            out.extend(struct.pack("<I", len(value.encode())) + value.encode() + b"\0")
        elif isinstance(value, list):
            at = len(out)
            out.extend(struct.pack("<I", len(value)))
            for one in value:
                later.append((len(out), one))
                out.extend(bytes(4))
        else:
            size, content = value
            out.extend(bytes(4))
            at = len(out)
            out.extend(struct.pack("<I", len(content) // size) + content)
        struct.pack_into("<I", out, slot, at - slot)
    return bytes(out)


def integer(bits):
    """The type of a signed integer."""
    return 2, Table(_0=("i", bits), _1=("?", True))


# Microseconds of UTC.
STAMP = 10, Table(_0=("h", 2), _1="UTC")
TEXT = 5, Table()
STRUCT = 13, Table()
LIST = 12, Table()


def field(name, of, children=None, dictionary=None):
    """A field of a schema."""
    return Table(_0=name, _1=("?", True), _2=("B", of[0]), _3=of[1], _4=dictionary, _5=children or [])


def message(kind, header, body=0):
    """A message, with its length before it."""
    content = flatbuffer(Table(_0=("h", 4), _1=("B", kind), _2=header, _3=("q", body)))
    content += bytes(-len(content) % 8)
    return CONTINUATION + struct.pack("<i", len(content)) + content


def batch(rows, nodes, buffers, compression=None):
    """The header of a record batch."""
    return Table(
        _0=("q", rows), _1=(16, b"".join(struct.pack("<qq", *node) for node in nodes)),
        _2=(16, b"".join(struct.pack("<qq", *buffer) for buffer in buffers)), _3=compression)


CLICKS = [field("customer_id", integer(64)), field("item_id", integer(32)), field("click_time", STAMP)]
BODY = struct.pack("<4q", 1, 2, 3, 4) + struct.pack("<4i", 7, 7, 7, 7) + struct.pack("<4q", *[NOON] * 4)
NODES = [(4, 0)] * 3
BUFFERS = [(0, 0), (0, 32), (0, 0), (32, 16), (0, 0), (48, 32)]
ZSTD, LZ4 = Table(_0=("b", 1)), Table(_0=("b", 0))


def replaced(at, value, of):
    """A list with one value replaced."""
    return [*of[:at], value, *of[at + 1:]]


def stream(fields=CLICKS, rows=4, nodes=NODES, buffers=BUFFERS, body=BODY, claimed=None, compression=None, before=b"", end=True):
    """A stream of one record batch."""
    header = batch(rows, nodes, buffers, compression)
    return (message(1, Table(_1=fields)) + before + message(3, header, len(body) if claimed is None else claimed) + body
            + (CONTINUATION + bytes(4) if end else b""))


def file(blocks=1, offset=None, metadata=None, body=None, dictionaries=0, length=None):
    """A file of one record batch, to which its footer points as often as wanted, and where it says."""
    head = b"ARROW1\0\0" + message(1, Table(_1=CLICKS))
    rows = message(3, batch(4, NODES, BUFFERS), len(BODY))
    block = struct.pack("<qi4xq", len(head) if offset is None else offset, len(rows) if metadata is None else metadata,
                        len(BODY) if body is None else body)
    footer = flatbuffer(Table(_0=("h", 4), _1=Table(_1=CLICKS), _2=(24, block * dictionaries), _3=(24, block * blocks)))
    return (head + rows + BODY + CONTINUATION + bytes(4) + footer
            + struct.pack("<i", len(footer) if length is None else length) + b"ARROW1")


def nested(depth, of):
    """A field below so many others."""
    one = field("leaf", integer(32))
    for _ in range(depth):
        one = field("g", of, [one])
    return one


def unfolding(codec, claimed, size=1 << 29):
    """A buffer that decompresses to far more than it says, or says so."""
    import pyarrow as pa
    name = "zstd" if codec is ZSTD else "lz4"
    packed = struct.pack("<q", claimed) + pa.Codec(name).compress(bytes(size), asbytes=True)
    packed += bytes(-len(packed) % 8)
    whole = struct.pack("<q", -1)
    parts = [packed, whole + BODY[32:48], whole + BODY[48:]]
    buffers, at = [], 0
    for part in parts:
        buffers += [(0, 0), (at, len(part))]
        at += len(part)
    return stream(buffers=buffers, body=b"".join(parts), compression=codec)


def make(bombs):
    """All of them."""
    def add(name, content, ending="arrows", **more):
        bombs.add(f"IPC {name}", lambda _: content(), ending, **more)

    add("stream cut in its body", lambda: stream()[:-40])
    add("stream without its end", lambda: stream(end=False))
    add("stream behind a stream", lambda: stream() * 2)
    add("schema alone without an end", lambda: message(1, Table(_1=CLICKS)))
    for name, value in (("at 2^62", (1 << 62, 16)), ("of 2^62 bytes", (32, 1 << 62)), ("below zero", (-8, 16)),
                        ("of less than no bytes", (32, -16)), ("over the end", (72, 16)), ("that wraps", ((1 << 63) - 1, 16))):
        add(f"buffer {name}", lambda value=value: stream(buffers=replaced(3, value, BUFFERS)))
    add("buffer too short for its rows", lambda: stream(buffers=replaced(3, (32, 8), BUFFERS)))
    add("too few buffers", lambda: stream(buffers=BUFFERS[:-1]))
    add("too many buffers", lambda: stream(buffers=BUFFERS * 2))
    add("body of 2^62 bytes", lambda: stream(claimed=1 << 62))
    add("body below zero", lambda: stream(claimed=-8))
    for rows in (-4, 1 << 31, 1 << 62):
        add(f"{rows} rows", lambda rows=rows: stream(rows=rows))
        add(f"{rows} rows in all nodes", lambda rows=rows: stream(rows=rows, nodes=[(rows, 0)] * 3))
        add(f"{rows} nulls", lambda rows=rows: stream(nodes=replaced(1, (4, rows), NODES)))
    add("5 rows in a node of 4", lambda: stream(nodes=replaced(1, (5, 0), NODES)))
    add("metadata of 2 GB", lambda: CONTINUATION + struct.pack("<i", (1 << 31) - 1) + stream()[8:])
    add("metadata below zero", lambda: CONTINUATION + struct.pack("<i", -8) + stream()[8:])
    for kind, of in (("structs", STRUCT), ("lists", LIST)):
        for depth in (64, 5_000):
            add(f"{depth} {kind} deep", lambda depth=depth, of=of: stream(fields=[*CLICKS, nested(depth, of)]))
    add("100,000 columns", lambda: stream(fields=[*CLICKS, *[field("c", integer(32))] * 100_000]))

    texts = [CLICKS[0], field("item_id", TEXT), CLICKS[2]]
    for name, offsets in (("fall", (0, 8, 4, 12, 16)), ("lie outside", (0, 4, 8, 12, 1 << 30)), ("are below zero", (-4, 4, 8, 12, 16))):
        body = BODY[:32] + struct.pack("<5i4x", *offsets) + b"7" * 16 + BODY[48:]
        buffers = [(0, 0), (0, 32), (0, 0), (32, 20), (56, 16), (0, 0), (72, 32)]
        add(f"texts whose offsets {name}", lambda body=body, buffers=buffers: stream(texts, buffers=buffers, body=body),
            more=["--item-vocabulary", "build"])
    keyed = lambda: Table(_0=("q", 0), _1=Table(_0=("i", 32), _1=("?", True)))
    coded = [CLICKS[0], field("item_id", integer(32), dictionary=keyed()), CLICKS[2]]
    values = Table(_0=("q", 0), _1=batch(1, [(1, 0)], [(0, 0), (0, 4)]))
    dictionary = message(2, values, 8) + struct.pack("<i4x", 7)
    add("keys outside of their dictionary", lambda: stream(coded, before=dictionary))
    add("a dictionary of no column", lambda: stream(before=dictionary))
    add("keys without a dictionary", lambda: stream(coded))
    for codec, name in ((ZSTD, "zstd"), (LZ4, "lz4")):
        for claimed in (32, 1 << 29, 1 << 62, -5):
            add(f"{name} that unfolds and says {claimed}", lambda codec=codec, claimed=claimed: unfolding(codec, claimed))
    add("buffer of 4 bytes that is compressed", lambda: stream(buffers=replaced(3, (32, 4), BUFFERS), compression=ZSTD))
    add("unknown codec", lambda: stream(compression=Table(_0=("b", 9))))

    for name, more in (("block at 2^62", {"offset": 1 << 62}), ("block below zero", {"offset": -8}), ("block at the footer", {"offset": 600}),
                       ("block of 2^62 bytes", {"body": 1 << 62}), ("body of a block below zero", {"body": -8}),
                       ("metadata of a block of 2 GB", {"metadata": (1 << 31) - 1}), ("metadata of a block below zero", {"metadata": -8}),
                       ("block of no metadata", {"metadata": 0}), ("block a million times", {"blocks": 1_000_000}),
                       ("rows as a dictionary", {"dictionaries": 1}), ("footer of 2 GB", {"length": (1 << 31) - 1}),
                       ("footer below zero", {"length": -4}), ("footer of nothing", {"length": 0})):
        add(name, lambda more=more: file(**more), "arrow")
    add("file cut before its footer", lambda: file()[:-60], "arrow")
    add("file cut in its magic", lambda: file()[:-3], "arrow")
    add("nothing but a magic", lambda: b"ARROW1\0\0", "arrow")


if __name__ == "__main__":
    # What is sound is read, or the others would prove nothing.
    import pyarrow as pa
    assert pa.ipc.open_stream(stream()).read_all().num_rows == 4
    assert pa.ipc.open_file(pa.py_buffer(file())).read_all().num_rows == 4

"""Parquet files byte by byte, so that every number in them can be wrong: a writer of thrift, and of files with one row group."""
import struct as packing

BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTES = range(7)
NONE, SNAPPY, GZIP, LZO, BROTLI, LZ4, ZSTD, LZ4_RAW = range(8)
PLAIN, RLE, RLE_DICTIONARY = 0, 3, 8
DATA_PAGE, DICTIONARY_PAGE = 0, 2
REQUIRED, OPTIONAL, REPEATED = 0, 1, 2
UTF8, LIST, TIMESTAMP_MICROS, DATE = 0, 3, 10, 6


def varint(number):
    """An unsigned number, seven bits a byte."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def zigzag(number):
    """A signed number of up to 64 bits."""
    return varint((number << 1) ^ (number >> 63) if number >= 0 else ((-number - 1) << 1) | 1)


# A value is a pair: thrift's type code, and the bytes.
def i32(number):
    return 5, zigzag(number)


def i64(number):
    return 6, zigzag(number)


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return 8, varint(len(value)) + value


def sequence(values, count=None, kind=None):
    """A list. `count` claims another length than it has."""
    values = list(values)
    count = len(values) if count is None else count
    kind = values[0][0] if values else kind or 12
    head = bytes([count << 4 | kind]) if count < 15 else bytes([0xF0 | kind]) + varint(count)
    return 9, head + b"".join(value[1] for value in values)


def record(**fields):
    """A struct: its fields are called `_1`, `_2` and so on, and are left out if None."""
    out, before = bytearray(), 0
    for number, value in sorted((int(name[1:]), value) for name, value in fields.items() if value is not None):
        step = number - before
        out += bytes([step << 4 | value[0]]) if 0 < step < 16 else bytes([value[0]]) + zigzag(number)
        out += value[1]
        before = number
    return 12, bytes(out + b"\0")


def element(name, physical=None, repetition=None, children=None, converted=None):
    """An element of the schema."""
    number = lambda value: None if value is None else i32(value)
    return record(_1=number(physical), _3=number(repetition), _4=text(name), _5=number(children), _6=number(converted))


def page(body, values, kind=DATA_PAGE, encoding=PLAIN, uncompressed=None, compressed=None):
    """A page with its header; sizes other than the real ones are claimed if given."""
    inner = record(_1=i32(values), _2=i32(encoding), _3=i32(RLE), _4=i32(RLE)) if kind == DATA_PAGE else record(_1=i32(values), _2=i32(encoding))
    uncompressed = len(body) if uncompressed is None else uncompressed
    compressed = len(body) if compressed is None else compressed
    head = record(_1=i32(kind), _2=i32(uncompressed), _3=i32(compressed), **{"_5" if kind == DATA_PAGE else "_7": inner})
    return head[1] + body


class Column:
    """A column chunk: its place in the schema, its pages, and what its metadata claim."""

    def __init__(self, name, physical, body, values, *, repetition=REQUIRED, converted=None, codec=NONE, dictionary=b"", **claims):
        self.path = name if isinstance(name, list) else [name]
        self.physical, self.repetition, self.converted, self.codec = physical, repetition, converted, codec
        self.dictionary, self.body, self.values, self.claims = dictionary, body, values, claims

    def element(self):
        return element(self.path[-1], self.physical, self.repetition, converted=self.converted)

    def chunk(self, start):
        """The thrift of the chunk, whose first page lies at `start`."""
        size = len(self.dictionary) + len(self.body)
        claim = lambda name, value: i64(self.claims.get(name, value))
        meta = record(
            _1=i32(self.physical), _2=sequence([i32(PLAIN), i32(RLE), i32(RLE_DICTIONARY)]),
            _3=sequence([text(part) for part in self.path]), _4=i32(self.codec), _5=claim("count", self.values),
            _6=claim("uncompressed", size), _7=claim("compressed", size),
            _9=claim("offset", start + len(self.dictionary)),
            _11=claim("dictionary_offset", start) if self.dictionary else None)
        return record(_2=i64(0), _3=meta)


def file(columns, rows, schema=None, *, file_rows=None, group=None, metadata=None, tail=None):
    """A file of one row group. `schema`, `group`, `metadata` and `tail` replace what is written of them."""
    out = bytearray(b"PAR1")
    chunks = []
    for column in columns:
        chunks.append(column.chunk(len(out)))
        out += column.dictionary + column.body
    schema = schema or sequence([element("schema", children=len(columns)), *(column.element() for column in columns)])
    group = group or record(_1=sequence(chunks), _2=i64(len(out) - 4), _3=i64(rows))
    footer = {"_1": i32(1), "_2": schema, "_3": i64(rows if file_rows is None else file_rows), "_4": sequence([group]), **(metadata or {})}
    return bytes(out) + closed(record(**footer)[1] if tail is None else tail)


def closed(footer):
    """A footer with its length and the magic number."""
    return footer + packing.pack("<I", len(footer)) + b"PAR1"


def numbers(values, width):
    """Plain integers of 4 or 8 bytes."""
    return packing.pack(f"<{len(values)}{'i' if width == 4 else 'q'}", *values)


def run_of(value, count, bits=1):
    """One run of the hybrid encoding: a value of up to 8 bits, `count` times."""
    return varint(count << 1) + (bytes([value]) if bits else b"")


def levels(value, count):
    """Definition or repetition levels of a data page: all the same."""
    run = run_of(value, count)
    return packing.pack("<I", len(run)) + run

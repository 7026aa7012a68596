"""Page headers of Parquet: structs of Thrift's compact protocol, as far as `_pages` needs them.

In: bytes that may be damaged. Out: the fields of type i32 and struct by their number. Nothing else
is kept, so a field of another type is missing, as it is for other readers. Whatever is out of
bounds raises `NotOurs`.
"""

from __future__ import annotations

from typing import Union

Header = dict[int, Union[int, "Header"]]

_I32, _STRUCT = 5, 12


class NotOurs(Exception):
    """A page is not provably one that can be read here. The reason is its message."""


def header(view: memoryview, at: int) -> tuple[Header, int]:
    """A page header, and where it ends."""
    try:
        return _struct(view, at, depth=0)
    except IndexError as err:
        raise NotOurs("a header ends after its chunk") from err


def _struct(view: memoryview, at: int, depth: int) -> tuple[Header, int]:
    """A struct of the compact protocol: fields of type i32 and struct. Others are passed over."""
    fields: Header = {}
    field = 0
    while True:
        head, at = view[at], at + 1
        if head == 0:
            return fields, at
        kind = head & 15
        if head >> 4:
            field += head >> 4
        else:
            raw, at = varint(view, at)
            field = _signed(raw)
        if kind == _I32:
            # Most are one byte, and a call for each would take as long as all else here.
            raw, at = view[at], at + 1
            if raw > 127:
                raw, at = varint(view, at - 1)
            fields[field] = _signed(raw)
        elif kind in (4, 6):
            _, at = varint(view, at)
        elif kind == _STRUCT and depth < 3:
            fields[field], at = _struct(view, at, depth + 1)
        elif kind == 8:
            length, at = varint(view, at)
            at += length
        elif kind in (3, 7):
            at += 1 if kind == 3 else 8
        elif kind not in (1, 2):
            raise NotOurs(f"a header with a field of type {kind}")


def varint(view: memoryview, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, lowest first, and where it ends."""
    value = 0
    for shift in range(0, 64, 7):
        byte, at = view[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise NotOurs("a number that is too long")


def _signed(raw: int) -> int:
    return (raw >> 1) ^ -(raw & 1)


def number(fields: Header, field: int) -> int:
    """A field of type i32."""
    value = fields.get(field)
    if not isinstance(value, int):
        raise NotOurs(f"a header without field {field}")
    return value


def struct_of(fields: Header, field: int) -> Header:
    """A field of type struct."""
    value = fields.get(field)
    if not isinstance(value, dict):
        raise NotOurs(f"a header without field {field}")
    return value

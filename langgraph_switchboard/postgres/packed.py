"""Values in the binary form of a Postgres array, put together by joining bytes.

A *field* is one value as it stands inside a binary array: four bytes of length,
then the value; NULL is the length -1. Whoever makes a row makes its fields once
(a thread id that stands in ten rows is encoded once), so that packing a column
is a single join. The generic list adapter of psycopg costs about seventeen
times as much per row.

The form is that of `array_recv` in Postgres: number of dimensions, whether NULLs
occur, the element's type, then length and lower bound of the one dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from typing import Any
from weakref import WeakSet

from psycopg import AsyncConnection, adapters
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format

NULL = b"\xff\xff\xff\xff"
_LENGTH = Struct("!i").pack
_INT4 = Struct("!ii").pack
_INT8 = Struct("!iq").pack
_FLOAT8 = Struct("!id").pack
_EMPTY = Struct("!iiI").pack
_HEADER = Struct("!iiIii").pack

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def blob(value: bytes | None) -> bytes:
    """The field of a bytea value."""
    return NULL if value is None else _LENGTH(len(value)) + value


def text(value: str | None) -> bytes:
    """The field of a text value; raises UnicodeEncodeError for a lone surrogate, as psycopg does."""
    return NULL if value is None else blob(value.encode())


def jsonb(value: str | None) -> bytes:
    """The field of a jsonb value given as JSON text; the leading 1 is the format's version."""
    return NULL if value is None else blob(b"\x01" + value.encode())


def int4(value: int | None) -> bytes:
    """The field of a four-byte integer."""
    return NULL if value is None else _INT4(4, value)


def int8(value: int | None) -> bytes:
    """The field of an eight-byte integer."""
    return NULL if value is None else _INT8(8, value)


def float8(value: float | None) -> bytes:
    """The field of a double precision number."""
    return NULL if value is None else _FLOAT8(8, value)


def boolean(value: bool | None) -> bytes:
    """The field of a boolean."""
    return NULL if value is None else blob(b"\x01" if value else b"\x00")


def timestamptz(value: datetime | None) -> bytes:
    """The field of a moment; it must have a time zone. Postgres counts microseconds from 2000."""
    return NULL if value is None else int8((value - _EPOCH) // timedelta(microseconds=1))


@lru_cache(maxsize=4096)
def name(value: str) -> bytes:
    """The field of a text that comes again and again: a channel, a type, a namespace."""
    return text(value)


class PackedArray:
    """A column, ready to be sent; each kind has its own subclass so that psycopg tells them apart."""

    __slots__ = ("packed",)

    def __init__(self, packed: bytes) -> None:
        self.packed = packed


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Any) -> bytes:
        packed: bytes = obj.packed
        return packed


@dataclass(frozen=True, eq=False)
class Kind:
    """A type of column that can be packed.

    Args:
        sql: The name of the element type in SQL.
        element: The element type's OID.
        array: The array type's OID.
        field: Makes a field from a Python value.
    """

    sql: str
    element: int
    array: int
    field: Callable[[Any], bytes]

    def __post_init__(self) -> None:
        carrier = type(f"{self.sql.title()}Array", (PackedArray,), {"__slots__": ()})
        dumper = type(f"{self.sql.title()}ArrayDumper", (_PackedDumper,), {"oid": self.array})
        object.__setattr__(self, "_carrier", carrier)
        object.__setattr__(self, "_dumper", dumper)

    def pack(self, fields: Sequence[bytes]) -> PackedArray:
        """Join the fields of one column into an array."""
        carrier: type[PackedArray] = self._carrier  # type: ignore[attr-defined]
        if not fields:
            return carrier(_EMPTY(0, 0, self.element))
        return carrier(_HEADER(1, 1, self.element, len(fields), 1) + b"".join(fields))

    def register(self, known: AdaptersMap) -> None:
        """Teach a connection (or psycopg as a whole) to send arrays of this kind."""
        known.register_dumper(self._carrier, self._dumper)  # type: ignore[attr-defined]


TEXT = Kind("text", 25, 1009, text)
BYTEA = Kind("bytea", 17, 1001, blob)
INT4 = Kind("int4", 23, 1007, int4)
INT8 = Kind("int8", 20, 1016, int8)
FLOAT8 = Kind("float8", 701, 1022, float8)
BOOL = Kind("bool", 16, 1000, boolean)
TIMESTAMPTZ = Kind("timestamptz", 1184, 1185, timestamptz)
JSONB = Kind("jsonb", 3802, 3807, jsonb)
KINDS = (TEXT, BYTEA, INT4, INT8, FLOAT8, BOOL, TIMESTAMPTZ, JSONB)

_taught: WeakSet[AsyncConnection[Any]] = WeakSet()

# Connections made from here on know our arrays by themselves.
for _kind in KINDS:
    _kind.register(adapters)


def teach(conn: AsyncConnection[Any]) -> None:
    """Teach one connection our arrays, if it was opened before this module was loaded."""
    if conn not in _taught:
        for kind in KINDS:
            kind.register(conn.adapters)
        _taught.add(conn)

"""What the group-commit writer writes: parts of a statement, and the statement itself.

A `Part` describes the rows of one table; a `Guard` is a relation that every row
has to join. `statement()` puts any set of them into one SQL statement, which
Postgres runs as one transaction: all rows of all parts, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.postgres.packed import INT8, TEXT, Kind

Row = tuple[bytes, ...]
"""One field per column of the part; see `packed`."""


@dataclass(frozen=True)
class Column:
    """A column of a part: its name in the table and how it is packed."""

    name: str
    kind: Kind


def columns(**kinds: Kind) -> tuple[Column, ...]:
    """Columns from their names and kinds, in order."""
    return tuple(Column(name, kind) for name, kind in kinds.items())


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of one table, as they are sent and what happens on a conflict.

    Two parts are the same only if they are the same object; make them once, as
    constants.

    Args:
        table: Name of the table, as SQL wants it.
        columns: The columns that are sent, the primary key's first.
        keys: How many of the columns are the primary key; 0 for a table
            without one, whose rows are neither merged nor sorted.
        conflict: `"nothing"` keeps the row that stands; a tuple of column names
            overwrites these; None is a plain insert, which cannot be repeated
            when the connection is lost before its answer.
    """

    table: str
    columns: tuple[Column, ...]
    keys: int
    conflict: Literal["nothing"] | tuple[str, ...] | None = "nothing"

    @property
    def repeatable(self) -> bool:
        """Whether sending the same rows twice leaves what sending them once leaves."""
        return self.conflict is not None

    def row(self, *values: Any) -> Row:
        """Make a row from Python values in the order of the columns."""
        return tuple([field(value) for field, value in zip(self._fields, values, strict=True)])

    @cached_property
    def _fields(self) -> tuple[Callable[[Any], bytes], ...]:
        return tuple(column.kind.field for column in self.columns)

    def check(self, rows: Sequence[Row]) -> None:
        """Refuse rows that have not one field per column, before they meet those of others.

        Raises:
            ConfigurationError: One of them has too many or too few.
        """
        width = len(self.columns)
        for row in rows:
            if len(row) != width:
                raise ConfigurationError(
                    "A row does not fit its part",
                    where=f"write to {self.table}",
                    wanted=f"{width} fields",
                    came=f"{len(row)}",
                    mend="Make rows with `Part.row`",
                )

    def merge(self, first: Row, last: Row) -> Row:
        """The row that stands after both were written one after the other."""
        if not isinstance(self.conflict, tuple):
            return first
        changed = self.conflict
        return tuple(
            new if column.name in changed else old
            for column, old, new in zip(self.columns, first, last, strict=True)
        )


class PartRows(NamedTuple):
    """Rows for one part."""

    part: Part
    rows: Sequence[Row]


@dataclass(frozen=True)
class Guard:
    """A relation that every guarded row has to join, or its operation is refused.

    The rows of the relation are locked (`FOR SHARE`, in the order of their keys)
    inside the writer's own statement, so nobody can take the key over between
    the check and the commit.

    Args:
        relation: Table that holds the guards, one row per key.
        key: Its text column that names what is owned.
        token: Its integer column that says which owner is the present one.
    """

    relation: str
    key: str
    token: str


class Held(NamedTuple):
    """What an operation claims to hold: a key of the guard and the token it knows."""

    key: str
    token: int

    def fields(self) -> tuple[bytes, bytes]:
        """Both values as packed fields."""
        return TEXT.field(self.key), INT8.field(self.token)


@lru_cache(maxsize=512)
def statement(parts: tuple[Part, ...], guard: Guard | None = None) -> str:
    """The SQL that writes all the parts at once; its parameters are their columns in order.

    With a guard the first two parameters are the keys and tokens, each part has
    one more parameter (per row the number of its guard, 0 for none), and the
    result lists the numbers of the guards that held.
    """
    ctes = [_insert(number, part, guarded=guard is not None) for number, part in enumerate(parts)]
    if guard is None:
        return f"WITH {', '.join(ctes)} SELECT 1"
    return f"WITH {', '.join([_held(guard), *ctes])} SELECT n FROM held"


def _held(guard: Guard) -> str:
    return (
        "held AS MATERIALIZED ("
        "SELECT k.n::int4 AS n FROM unnest(%s::text[], %s::int8[]) WITH ORDINALITY AS k(key, token, n) "
        f"JOIN {guard.relation} AS g ON g.{guard.key} = k.key AND g.{guard.token} = k.token "
        f"ORDER BY g.{guard.key} FOR SHARE OF g)"
    )


def _insert(number: int, part: Part, *, guarded: bool) -> str:
    names = [column.name for column in part.columns]
    arrays = [f"%s::{column.kind.sql}[]" for column in part.columns]
    inside = ", ".join(f"c{at}" for at in range(len(names)))
    source = f"SELECT {inside} FROM unnest({', '.join(arrays)}) AS u({inside})"
    if guarded:
        source = (
            f"SELECT {inside} FROM unnest({', '.join(arrays)}, %s::int4[]) AS u({inside}, guard) "
            "WHERE guard = 0 OR guard IN (SELECT n FROM held)"
        )
    return f"p{number} AS (INSERT INTO {part.table} ({', '.join(names)}) {source}{_on_conflict(part)})"


def _on_conflict(part: Part) -> str:
    if part.conflict is None:
        return ""
    if part.conflict == "nothing":
        # Without a target: a login that may only insert is not allowed to name one.
        return " ON CONFLICT DO NOTHING"
    keys = ", ".join(column.name for column in part.columns[: part.keys])
    changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in part.conflict)
    return f" ON CONFLICT ({keys}) DO UPDATE SET {changes}"


def size_of(rows: Iterable[PartRows]) -> int:
    """Bytes that the rows take in the statement."""
    return sum(sum(map(len, row)) for _, some in rows for row in some)

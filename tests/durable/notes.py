"""A small table to write to, for the tests of the writer that know no checkpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool

from langgraph_switchboard.postgres.packed import INT4, JSONB, TEXT
from langgraph_switchboard.postgres.parts import Column, Guard, Part, PartRows
from langgraph_switchboard.postgres.writer import GroupCommitWriter

_COLUMNS = (Column("key", TEXT), Column("n", INT4), Column("first", TEXT), Column("body", JSONB))

AnyPool = AsyncConnectionPool[AsyncConnection[Any]]

NOTES = Part("notes", _COLUMNS, keys=2)
NOTES_LAST_WINS = Part("notes", _COLUMNS, keys=2, conflict=("body",))
LINES = Part("lines", (Column("key", TEXT), Column("n", INT4)), keys=0, conflict=None)
"""Plain inserts: a table without a key, whose rows must not be sent twice."""

OWNERS = Guard("owners", key="key", token="epoch")
POISON = r'"\u0000"'
"""A JSON text that Postgres refuses in a jsonb column."""

SCHEMA = """
CREATE TABLE notes (
    key text, n int, first text, body jsonb, at bigint GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (key, n)
);
CREATE TABLE lines (key text, n int);
CREATE TABLE owners (key text PRIMARY KEY, epoch bigint NOT NULL);
"""


def note(key: str, n: int, body: str = "{}", *, first: str = "", part: Part = NOTES) -> list[PartRows]:
    """One row."""
    return [PartRows(part, [part.row(key, n, first, body)])]


def line(key: str, n: int) -> list[PartRows]:
    """One plain insert."""
    return [PartRows(LINES, [LINES.row(key, n)])]


async def make_tables(pool: AnyPool) -> None:
    async with pool.connection() as conn:
        await conn.execute(SCHEMA, prepare=False)


@asynccontextmanager
async def note_writer(pool: AnyPool, **options: Any) -> AsyncIterator[GroupCommitWriter]:
    """A writer on fresh tables, closed at the end."""
    await make_tables(pool)
    writer = GroupCommitWriter(pool, **options)
    yield writer
    await writer.aclose()


async def rows(pool: AnyPool, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """What a query gives."""
    async with pool.connection() as conn, conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(sql, values)
        return await cursor.fetchall()


async def blocked(pool: AnyPool, waiters: int = 1) -> None:
    """Return once so many statements wait for locks."""
    async with asyncio.timeout(30):
        while await count(pool, "SELECT count(*) FROM pg_locks WHERE NOT granted") < waiters:
            pass


async def until(happened: Callable[[], bool]) -> None:
    """Return once that is true, looking at every turn of the loop."""
    async with asyncio.timeout(30):
        while not happened():  # noqa: ASYNC110 - what is awaited is a number, not an event
            await asyncio.sleep(0)


async def count(pool: AnyPool, sql: str, values: Sequence[Any] = ()) -> int:
    """The one number that a query gives."""
    ((number,),) = await rows(pool, sql, values)
    return int(number)

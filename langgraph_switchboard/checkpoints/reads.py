"""Reading checkpoints: callers who ask at the same time share one query, and no lock."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from langgraph.checkpoint.postgres.base import SELECT_PENDING_SENDS_SQL, SELECT_SQL
from psycopg import AsyncConnection, DataError
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from langgraph_switchboard.errors import StateDamaged
from langgraph_switchboard.postgres.bounded import BoundedCalls
from langgraph_switchboard.postgres.packed import TEXT
from langgraph_switchboard.postgres.resend import resending

MAX_KEYS = 200

_LATEST = f"""
SELECT k.n AS asked, found.*
FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS k(thread, namespace, n)
CROSS JOIN LATERAL (
    {SELECT_SQL}
    WHERE thread_id = k.thread AND checkpoint_ns = k.namespace
    ORDER BY checkpoint_id DESC LIMIT 1
) AS found
"""

_BY_ID = f"""
SELECT k.n AS asked, found.*
FROM unnest(%s::text[], %s::text[], %s::text[]) WITH ORDINALITY AS k(thread, namespace, checkpoint, n)
CROSS JOIN LATERAL (
    {SELECT_SQL}
    WHERE thread_id = k.thread AND checkpoint_ns = k.namespace AND checkpoint_id = k.checkpoint
) AS found
"""


class CheckpointKey(NamedTuple):
    """Which checkpoint is wanted; without an id, the latest of its namespace."""

    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str | None


class _Asked(NamedTuple):
    thread_id: str
    fields: tuple[bytes, ...]
    latest: bool
    answer: asyncio.Future[DictRow | None]


class CheckpointReader:
    """Reads the rows of checkpoints; what is asked while a query is under way joins the next.

    Args:
        pool: Where the connections come from.
        calls: The bound under which every query runs.
        readers: How many queries may be under way at once.
    """

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[Any]], calls: BoundedCalls, readers: int = 2
    ) -> None:
        self.queries = 0
        self._pool = pool
        self._calls = calls
        self._readers = readers
        self._asked: deque[_Asked] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def row(self, key: CheckpointKey) -> DictRow | None:
        """The row of one checkpoint as `SELECT_SQL` gives it, or None if there is none.

        Raises:
            psycopg.DataError: A part of the key holds a NUL character.
        """
        answer: asyncio.Future[DictRow | None] = asyncio.get_running_loop().create_future()
        latest = not key.checkpoint_id
        self._asked.append(_Asked(key.thread_id, _fields(key[:2] if latest else key), latest, answer))
        if len(self._tasks) < self._readers:
            task = asyncio.create_task(self._drain())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def pending_sends(self, thread_id: str, checkpoint_ids: Sequence[str]) -> list[DictRow]:
        """What old checkpoints (version below 4) kept as writes of their parents."""

        async def once(conn: AsyncConnection[Any]) -> list[DictRow]:
            return await self._fetch(conn, SELECT_PENDING_SENDS_SQL, [thread_id, list(checkpoint_ids)])

        return await self._calls.run(resending(self._pool, once, repeatable=True), "read of a checkpoint")

    async def rows(self, where: str, values: Sequence[Any]) -> list[DictRow]:
        """All rows of `SELECT_SQL` under a condition."""

        async def once(conn: AsyncConnection[Any]) -> list[DictRow]:
            return await self._fetch(conn, SELECT_SQL + where, values)

        return await self._calls.run(resending(self._pool, once, repeatable=True), "list of checkpoints")

    async def _drain(self) -> None:
        await asyncio.sleep(0)  # one turn of the loop: whoever asks with us joins
        while self._asked:
            first = self._asked[0].latest
            some: list[_Asked] = []
            while self._asked and len(some) < MAX_KEYS:
                if self._asked[0].latest is not first:
                    break
                one = self._asked.popleft()
                if not one.answer.cancelled():
                    some.append(one)
            if some:
                await self._answer(some, latest=first)

    async def _answer(self, some: list[_Asked], *, latest: bool) -> None:
        values = [TEXT.pack(column) for column in zip(*(one.fields for one in some), strict=True)]

        async def once(conn: AsyncConnection[Any]) -> list[DictRow]:
            return await self._fetch(conn, _LATEST if latest else _BY_ID, values)

        try:
            rows = await self._calls.run(resending(self._pool, once, repeatable=True), "read of a checkpoint")
        except DataError as error:
            # A row that Postgres itself cannot take apart: it must fail its own reader and nobody else.
            if len(some) > 1:
                half = len(some) // 2
                await self._answer(some[:half], latest=latest)
                await self._answer(some[half:], latest=latest)
                return
            self._fail(some, damaged(some[0].thread_id, "the latest" if latest else "one", error))
            return
        except Exception as error:
            self._fail(some, error)
            return
        found = {row["asked"]: row for row in rows}
        for number, one in enumerate(some, start=1):
            if not one.answer.done():
                one.answer.set_result(found.get(number))

    def _fail(self, some: Sequence[_Asked], error: Exception) -> None:
        for one in some:
            if not one.answer.done():
                one.answer.set_exception(error)

    async def _fetch(self, conn: AsyncConnection[Any], sql: str, values: Sequence[Any]) -> list[DictRow]:
        self.queries += 1
        async with conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(sql, values, binary=True)
            return await cursor.fetchall()


def damaged(thread_id: str, which: str, error: Exception) -> StateDamaged:
    """A checkpoint that cannot be read; what it holds is not repeated."""
    return StateDamaged(
        "the stored state of this case cannot be read",
        where=f"case {thread_id}, checkpoint {which}",
        came=type(error).__name__,
        mend="Other cases are not affected; restore its rows from a backup, or start it anew.",
        case=thread_id,
    )


def _fields(key: Sequence[str | None]) -> tuple[bytes, ...]:
    """What is asked for, packed; refused here, where it fails its own caller and nobody else's query."""
    if any("\x00" in value for value in key if value):
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return tuple(TEXT.field(value) for value in key)

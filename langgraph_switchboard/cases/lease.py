"""A lease: of many processes, the one that does what must be done once."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from langgraph_switchboard.errors import StoreUnavailable
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.postgres.bounded import BoundedCalls

_log = logging.getLogger(__name__)


class Lease(Protocol):
    """Who may do it. Two forms: memory and Postgres."""

    async def is_ours(self) -> bool:
        """Take the lease where it is free, and say whether it is ours now."""

    async def give_back(self) -> None:
        """Let another have it."""


class MemoryLease:
    """A lease where there is one process only: always ours."""

    async def is_ours(self) -> bool:
        """Nobody else is there."""
        return True

    async def give_back(self) -> None:
        """There is nobody to give it to."""


class PostgresLease:
    """A lease that is an advisory lock: it ends with the connection, and so with the process.

    It is there to spare work, not for safety: for a moment after a connection is lost two may
    believe that it is theirs. What is done under it must bear being done twice.

    Args:
        pool: The database; one connection of it is kept while the lease is ours.
        name: What the lease is for; one per name and database.
        timeout: Seconds within which the database has to answer.
    """

    def __init__(self, pool: Pool, name: str, *, timeout: float = 15.0) -> None:
        self._pool = pool
        self._key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        self._calls = BoundedCalls(timeout)
        self._held = AsyncExitStack()
        self._connection: AsyncConnection[DictRow] | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, pool: Pool, name: str, *, timeout: float = 15.0) -> AsyncIterator[PostgresLease]:
        """A lease that is given back at the end of the block."""
        lease = cls(pool, name, timeout=timeout)
        try:
            yield lease
        finally:
            await lease.give_back()
            await lease._calls.aclose()

    async def is_ours(self) -> bool:
        """Take the lock where it is free; ask whether the connection that holds it still lives."""
        try:
            return await self._calls.run(self._look(), "lease")
        except (psycopg.Error, StoreUnavailable) as error:
            _log.warning("the lease could not be taken (%s); trying again", type(error).__name__)
            await self._drop(lost=True)
            return False

    async def give_back(self) -> None:
        """Let another have it at once."""
        if self._connection is None:
            return
        try:
            statement = "select pg_advisory_unlock(%s)"
            await self._calls.run(self._connection.execute(statement, [self._key]), "lease")
        except (psycopg.Error, StoreUnavailable):
            await self._drop(lost=True)  # the lock ends with its connection
        else:
            await self._drop()

    async def _look(self) -> bool:
        if self._connection is not None:
            await self._connection.execute("select 1")
            return True
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(self._pool.connection())
            cursor = await connection.execute("select pg_try_advisory_lock(%s) as ours", [self._key])
            row = await cursor.fetchone()
            if row is None or not row["ours"]:
                return False
            self._connection, self._held = connection, stack.pop_all()
        return True

    async def _drop(self, *, lost: bool = False) -> None:
        if lost and self._connection is not None:
            await self._connection.close()  # the pool must not hand it out with the lock on it
        self._connection = None
        held, self._held = self._held, AsyncExitStack()
        await held.aclose()

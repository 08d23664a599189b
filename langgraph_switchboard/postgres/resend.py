"""Sending a statement until it is answered: lost connections, restarts, deadlocks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection, errors
from psycopg_pool import AsyncConnectionPool, PoolClosed

from langgraph_switchboard.errors import StoreUnavailable
from langgraph_switchboard.postgres.packed import teach

T = TypeVar("T")

# The server, not the statement, is in trouble; to bisect a batch would not help.
_TRANSIENT = (psycopg.OperationalError, psycopg.InterfaceError, errors.ReadOnlySqlTransaction)

# SQLSTATE classes after which the server has certainly rolled back: read-only, deadlock and
# serialization, resources, lock timeout, statement timeout.
_ROLLED_BACK = ("25006", "40", "53", "55P03", "57014")


async def resending(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    once: Callable[[AsyncConnection[Any]], Awaitable[T]],
    *,
    repeatable: bool,
    again: Callable[[], None] = lambda: None,
) -> T:
    """Run `once` on a pooled connection, again and again while the server is in trouble.

    It has no bound of its own: the caller runs it under `BoundedCalls`.

    Args:
        pool: Where the connections come from. After a failure its idle ones are checked,
            because a restart kills them all and the next one drawn would be dead too.
        once: Sends the statement and reads its result. What it returns counts only after
            the connection was given back, that is after COMMIT, whatever the commit mode.
        repeatable: Whether it may be sent again when nobody knows if it was committed.
        again: Called before each repetition.

    Raises:
        StoreUnavailable: It cannot be repeated, or the pool is closed.
        psycopg.Error: The server refused the statement itself.
    """
    pause = 0.05
    while True:
        try:
            async with pool.connection() as conn:
                teach(conn)
                return await once(conn)
        except PoolClosed as error:
            raise StoreUnavailable(
                "The pool is closed", where="postgres", mend="Close the writer before its pool"
            ) from error
        except _TRANSIENT as error:
            if not repeatable and not (error.sqlstate or "").startswith(_ROLLED_BACK):
                raise StoreUnavailable(
                    "The connection was lost before the answer came",
                    where="postgres",
                    mend="Whether it was committed is unknown, and a plain insert is not sent twice",
                ) from error
        again()
        await asyncio.sleep(pause)
        pause = min(pause * 2, 1.0)
        await pool.check()

"""Sending a statement until it is answered: lost connections, restarts, deadlocks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolClosed

from langgraph_switchboard.errors import StoreUnavailable
from langgraph_switchboard.postgres.packed import teach

T = TypeVar("T")

_SERVER = ("08", "25006", "40", "53", "55P03", "57", "58")
"""SQLSTATE classes that speak of the server, not of the statement: connection, read-only, deadlock and
serialization, resources, lock timeout, operator and statement timeout, system. Others that psycopg calls
operational, such as a row that is too large for its index, stay with the row."""

_ROLLED_BACK = ("25006", "40", "53", "55P03", "57014")
"""Those after which the server has certainly rolled back."""


def is_transient(error: psycopg.Error) -> bool:
    """Whether the server is in trouble, so that the same statement may do well later."""
    if error.sqlstate is not None:
        return error.sqlstate.startswith(_SERVER)
    return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))


async def resending(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    once: Callable[[AsyncConnection[Any]], Awaitable[T]],
    *,
    repeatable: bool,
    again: Callable[[psycopg.Error], None] = lambda _: None,
) -> T:
    """Run `once` on a pooled connection, again and again while the server is in trouble.

    It has no bound of its own: the caller runs it under `BoundedCalls`.

    Args:
        pool: Where the connections come from. After a failure its idle ones are checked,
            because a restart kills them all and the next one drawn would be dead too.
        once: Sends the statement and reads its result. What it returns counts only after
            the connection was given back, that is after COMMIT, whatever the commit mode.
        repeatable: Whether it may be sent again when nobody knows if it was committed.
        again: Told the trouble before each repetition.

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
        except psycopg.Error as error:
            if not is_transient(error):
                raise
            if not repeatable and not (error.sqlstate or "").startswith(_ROLLED_BACK):
                raise StoreUnavailable(
                    "The connection was lost before the answer came",
                    where="postgres",
                    mend="Whether it was committed is unknown, and a plain insert is not sent twice",
                ) from error
            again(error)
        await asyncio.sleep(pause)
        pause = min(pause * 2, 1.0)
        await pool.check()

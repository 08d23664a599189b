"""Connections for the seldom and long: verification, retention, erasure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from langgraph_switchboard.cases.faults import store_fault
from langgraph_switchboard.postgres import Pool

Connection = AsyncConnection[DictRow]


@asynccontextmanager
async def connected(pool: Pool, doing: str) -> AsyncIterator[Connection]:
    """A connection; what psycopg raises inside comes out as an error of the library.

    Args:
        pool: The database.
        doing: What it is for, to say in an error.

    Raises:
        StoreError: The database refused or cannot be reached.
    """
    try:
        async with pool.connection() as connection:
            yield connection
    except psycopg.Error as error:
        # From None: psycopg's own message repeats the values of the row that was refused.
        raise store_fault(error, doing) from None


async def fetch(connection: Connection, sql: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a statement, planned each time: the tables have grown since it was last run."""
    cursor = await connection.execute(sql, values, prepare=False)
    return await cursor.fetchall()


async def change(connection: Connection, sql: str, values: Mapping[str, Any]) -> int:
    """Run a statement; how many rows it changed."""
    return (await connection.execute(sql, values, prepare=False)).rowcount

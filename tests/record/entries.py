"""Ledger rows for the tests of the record, written by plain SQL: whoever inserts gets the chain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from langgraph_switchboard.postgres import Pool

INSERT = """
insert into switchboard.ledger
    (case_id, namespace, task_id, ordinal, kind, step, at, seconds, data, moves)
select * from unnest(%(cases)s::text[], %(namespaces)s::text[], %(tasks)s::text[], %(ordinals)s::int[],
    %(kinds)s::text[], %(steps)s::text[], %(at)s::timestamptz[], %(seconds)s::float8[], %(data)s::jsonb[],
    %(moves)s::jsonb[])
on conflict do nothing
"""

Entry = tuple[str, str, dict[str, Any]]
"""Case, task, data."""


def entries(cases: Iterable[str], tasks: Iterable[str]) -> list[Entry]:
    """One entry per case and task."""
    tasks = list(tasks)
    return [
        (case, task, {"agent": "billing", "task": task, "cost_usd": 0.01, "text": 'Zoë says "é\\\n\x7f"'})
        for case in cases
        for task in tasks
    ]


def columns(rows: Sequence[Entry]) -> dict[str, list[Any]]:
    """The rows as parameters of `INSERT`."""
    many = len(rows)
    return {
        "cases": [row[0] for row in rows],
        "namespaces": [""] * many,
        "tasks": [row[1] for row in rows],
        "ordinals": [0] * many,
        "kinds": ["step_finished"] * many,
        "steps": ["billing"] * many,
        "at": ["2026-03-02 12:00:00.123456+02"] * many,
        "seconds": [None if number % 3 == 0 else 0.1 + number / 7 for number in range(many)],
        "data": [Jsonb(row[2]) for row in rows],
        "moves": [None] * many,
    }


async def insert(where: Pool | AsyncConnection[DictRow], rows: Sequence[Entry]) -> int:
    """Write the rows in one statement; how many are new."""
    if isinstance(where, AsyncConnection):
        return (await where.execute(INSERT, columns(rows))).rowcount
    async with where.connection() as connection:
        return (await connection.execute(INSERT, columns(rows))).rowcount


async def rows(pool: Pool, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows of a query, as tuples."""
    async with pool.connection() as connection:
        cursor = await connection.execute(query, values or None)
        return [tuple(row.values()) for row in await cursor.fetchall()] if cursor.description else []


@asynccontextmanager
async def behind_the_triggers(pool: Pool) -> AsyncIterator[AsyncConnection[DictRow]]:
    """A superuser who switches the triggers off: what the verification is there to find."""
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        yield connection

"""The pool: bounded waits, and errors that show an address but never a password."""

from __future__ import annotations

import pytest

from langgraph_switchboard.postgres import Pool

pytestmark = pytest.mark.pg


async def test_rows_come_as_dicts(pg_pool: Pool) -> None:
    """LangGraph's saver reads its rows by name."""
    async with pg_pool.connection() as connection:
        cursor = await connection.execute("SELECT 1 AS one")
        assert await cursor.fetchone() == {"one": 1}

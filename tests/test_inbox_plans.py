"""What the lists of people ask is answered from indexes, however many cases there are."""

from __future__ import annotations

import pytest

from langgraph_switchboard.cases import InboxQuery
from langgraph_switchboard.cli.bench_inbox import QUERIES, explain
from langgraph_switchboard.cli.workload_inbox import fill_inbox
from langgraph_switchboard.postgres import open_pool

pytestmark = pytest.mark.pg


async def test_no_list_reads_all_cases_or_all_reviews(pg_dsn: str) -> None:
    """No plan scans a table whole; as the control, without the index one does."""
    async with open_pool(pg_dsn, max_size=1) as pool:
        await fill_inbox(pool, cases=20_000, waiting=1_000, decided=10_000)
        for words, query in QUERIES.items():
            plan = "\n".join(await explain(pool, query))
            assert "Seq Scan" not in plan, f"{words}:\n{plan}"
        async with pool.connection() as connection:
            await connection.execute("drop index switchboard.reviews_inbox, switchboard.reviews_to_time")
            await connection.execute("drop index switchboard.reviews_open, switchboard.reviews_words")
        assert "Seq Scan" in "\n".join(await explain(pool, InboxQuery()))

"""Rows of some cases are damaged; nobody else suffers."""

from __future__ import annotations

import pytest

from langgraph_switchboard.checkpoints import GroupCommitSaver
from langgraph_switchboard.postgres import open_pool
from langgraph_switchboard.testing.proofs.poison import KINDS, poisoned, stock_lists_nothing

pytestmark = pytest.mark.pg


async def test_damaged_cases_are_told_and_the_others_go_on(pg_dsn: str) -> None:
    """Law 2: thirteen kinds of damage; each case is told or shown as it is, no other one is held up."""
    report = await poisoned(pg_dsn, rows=2 * len(KINDS), healthy=5)
    assert report.is_clean, report.line()
    # the control: one such row and the stock saver lists nothing at all, while ours lists the others
    assert await stock_lists_nothing(pg_dsn)
    async with open_pool(pg_dsn) as pool:
        saver = GroupCommitSaver(pool)
        listed = {one.config["configurable"]["thread_id"] async for one in saver.alist(None)}
        await saver.aclose()
    assert {f"well-{number:04}" for number in range(5)} <= listed

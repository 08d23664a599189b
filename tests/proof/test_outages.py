"""Postgres fails in nine ways while cases are under way."""

from __future__ import annotations

from pathlib import Path

import pytest

from langgraph_switchboard.testing.proofs.outages import BOUND, KINDS, outages, stock_in_a_black_hole

pytestmark = pytest.mark.pg


async def test_every_call_ends_in_time_and_every_case_is_finished_afterwards(home: Path) -> None:
    """Laws 2 and 3: nine kinds of faults; within the bound, none lost, nothing paid twice."""
    reports = await outages(home, each=1, bound=0.6, down=1.0)
    assert [report.name for report in reports] == list(KINDS)
    assert all(report.is_clean for report in reports), "\n".join(report.line() for report in reports)


async def test_the_stock_saver_hangs_in_a_black_hole(pg_dsn: str) -> None:
    """The control: a run on the stock saver is still there when ours has long told its caller."""
    assert await stock_in_a_black_hole(pg_dsn, limit=BOUND + 0.6)

"""Processes that spend from one budget are killed; callers of several processes meet a breaker half open."""

from __future__ import annotations

import pytest

from langgraph_switchboard.testing.proofs import Nursery
from langgraph_switchboard.testing.proofs.budgets import budgets, counted_afterwards
from langgraph_switchboard.testing.proofs.hands import deed
from langgraph_switchboard.testing.proofs.probes import looking, probes

pytestmark = pytest.mark.pg


async def test_a_budget_is_overrun_by_what_was_in_flight_at_most(nursery: Nursery, pg_dsn: str) -> None:
    """Law 7: four processes, three kills each; what the dead held is given back and spent to the end."""
    report = await budgets(nursery, pg_dsn, runs=2, crashes=3, limit=1_000)
    assert report.is_clean, report.line()
    assert report.counts["kills"] > 0


async def test_a_budget_that_is_counted_afterwards_is_overrun(nursery: Nursery, pg_dsn: str) -> None:
    """The control: the same agents, whose limits reserve nothing before a call."""
    report = await budgets(nursery, pg_dsn, runs=2, crashes=0, limit=800, rig=deed(counted_afterwards))
    assert len(report.broken) >= 2, report.line()


async def test_exactly_one_call_tries_a_breaker_that_is_half_open(nursery: Nursery, pg_dsn: str) -> None:
    """Thirty-two callers of four processes at the same instant; one goes through."""
    report = await probes(nursery, pg_dsn, tries=10)
    assert report.is_clean, report.line()


async def test_without_the_lock_several_calls_try(nursery: Nursery, pg_dsn: str) -> None:
    """The control: who reads and then writes lets several through."""
    report = await probes(nursery, pg_dsn, tries=10, rig=deed(looking))
    assert report.broken, report.line()

"""`switchboard cost | status`: what was spent, who is left alone, what is left."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from langgraph_switchboard.cases import PostgresStore
from langgraph_switchboard.ledger import Event
from langgraph_switchboard.limits import Sample, Spent
from langgraph_switchboard.postgres import open_pool
from tests.case_builders import a_case, settle, task
from tests.cli.conftest import Command
from tests.limits.forms import a_breaker, a_call, a_line, in_postgres

pytestmark = pytest.mark.pg


async def spend(dsn: str) -> None:
    """A case that asked a model with a price and one without, a budget half full, a breaker that is open."""
    async with open_pool(dsn) as pool:
        store, form = PostgresStore(pool), in_postgres(dsn, pool, 31)
        await store.accept([a_case("cost/1", flow="costly")])
        asked: list[dict[str, Any]] = [{"model": "m", "cost_usd": 0.125}, {"model": "own"}]
        for number, told in enumerate(asked):
            event = Event("step_finished", "billing", datetime.now(UTC), {"agent": "billing", **told})
            await settle(store, task(f"t{number}", case_id="cost/1"), event)
        line = a_line("flow", "costly", micros=1_000_000, day=datetime.now(UTC).date())
        await form.limits.settle(await form.limits.admit(a_call(line, micros=9)), Spent(micros=250_000))
        for _ in range(2):
            await form.limits.report(a_breaker(rejections=0.5), Sample(rejected=True))
        await form.limits.aclose()


@pytest.fixture
def spent(cli_dsn: str) -> None:
    asyncio.run(spend(cli_dsn))


def test_costs_are_told_and_what_nobody_knows_is_said(switchboard: Command, spent: None) -> None:
    """The sum of what is known, and the share of calls that are not in it."""
    said = switchboard("cost", "--flow", "costly")
    assert "$0.1250 + unknown" in said.out and "50%" in said.out
    assert "[tool.switchboard.prices]" in said.err
    for by in ("route", "day", "case"):
        told = switchboard("cost", "--by", by, "--since", "2d", "--flow", "costly", "--json").json()
        assert (told["total"]["cost_usd"], told["total"]["unknown_share"]) == (0.125, 0.5)
    switchboard("cost", "--by", "month").refused("agent, route, day, case")
    switchboard("cost", "--since", "soon").refused("--since")


def test_status_says_where_cases_stand_and_what_is_left(switchboard: Command, spent: None) -> None:
    """The database, cases by status, who is left alone and why, budgets used of their bounds."""
    said = switchboard("status").out
    for words in ("Postgres at", "accepted", "agent desk/billing", "open", "of $1.0000"):
        assert words in said
    told = switchboard("status", "--json").json()
    (budget,) = [one for one in told["budgets"] if one["subject"] == "costly"]
    assert (budget["limit"], budget["spent"]["micros"] % 250_000) == ([1_000_000, None], 0)
    assert {one["name"]: one["state"] for one in told["breakers"]} == {"desk/billing": "open"}
    # A narrow screen breaks the reason into lines; what it says is the same.
    assert any("100 % of the last" in one["why"] for one in told["breakers"])

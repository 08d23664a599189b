"""What models have cost, from the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from langgraph_switchboard.cases import PostgresStore
from langgraph_switchboard.cases.costs import costs
from langgraph_switchboard.cases.retention import erase
from langgraph_switchboard.ledger import Event
from langgraph_switchboard.postgres import Pool
from tests.case_builders import a_case, settle, task

pytestmark = pytest.mark.pg

KNOWN = {"model": "m", "cost_usd": 0.25, "input_tokens": 100, "output_tokens": 10}
UNKNOWN = {"model": "own", "input_tokens": 100, "output_tokens": 10}
PLAIN = {"answered_by": "answerer", "cost_usd": 0.0}


@pytest.fixture
async def spent(pg_pool: Pool) -> Pool:
    """Two cases: one of billing with a known and an unknown price, one of faq from nine days ago."""
    store, now = PostgresStore(pg_pool), datetime.now(UTC)
    await store.accept([a_case("c1"), a_case("c2")])
    for case, number, agent, told, days in (
        ("c1", 1, "billing", KNOWN, 0), ("c1", 2, "billing", UNKNOWN, 0), ("c1", 3, "gate", {}, 0),
        ("c2", 1, "faq", KNOWN, 9), ("c2", 2, "faq", PLAIN, 9),
    ):  # fmt: skip
        event = Event("step_finished", agent, now - timedelta(days=days), {"agent": agent, **told})
        await settle(store, task(f"t{number}", case_id=case), event)
    routed = Event("routed", "supervisor", now, {"agent": "supervisor", "goto": "billing"})
    await settle(store, task("t9", case_id="c1"), routed)
    return pg_pool


async def test_costs_are_told_with_what_nobody_knows(spent: Pool) -> None:
    """By agent, route, day and case; an unknown price is counted beside the sum, not as nothing."""
    billing, faq, *_ = await costs(spent, "agent")
    assert (billing.name, billing.cost_usd, billing.asked, billing.unknown) == (
        "billing",
        Decimal("0.25"),
        2,
        1,
    )
    assert (faq.name, faq.cost_usd, faq.asked, faq.unknown_share) == ("faq", Decimal("0.25"), 1, 0.0)
    assert {one.name: one.steps for one in await costs(spent, "route")} == {"billing": 4, "(not routed)": 2}
    assert {one.name for one in await costs(spent, "case")} == {"c1", "c2"}
    assert len(await costs(spent, "day")) == 2
    week = await costs(spent, "agent", since=(datetime.now(UTC) - timedelta(days=7)).date())
    assert {one.name for one in week} == {"billing", "gate", "supervisor"}
    assert await costs(spent, "agent", flow="another") == []


async def test_erasing_keeps_what_nobody_knows_the_price_of(spent: Pool) -> None:
    """No bill changes, and no unknown cost becomes nothing."""
    before = await costs(spent, "agent")
    await erase(spent, ["c1", "c2"], by="dpo", force=True)
    after = {one.name: (one.cost_usd, one.asked, one.unknown) for one in await costs(spent, "agent")}
    assert after == {one.name: (one.cost_usd, one.asked, one.unknown) for one in before}

"""The questions that people ask of the record, each as one query."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from langgraph_switchboard.cases import PostgresStore
from langgraph_switchboard.ledger import Event
from langgraph_switchboard.postgres import Pool
from tests.case_builders import a_case, a_review, decide, opens, settle, task
from tests.record.entries import rows

pytestmark = pytest.mark.pg

WAITING_OVER_4_HOURS = """
select case_id from switchboard.waiting_reviews where flow = 'claims' and waiting > interval '4 hours'
"""
DOLLARS_BY_AGENT_THIS_WEEK = """
select agent, sum(cost_usd) from switchboard.costs where day >= date_trunc('week', now())::date group by agent
"""
DECISIONS = "select case_id, flow, subject, decision, decided_by, waited, late from switchboard.decisions"


@pytest.fixture
def store(pg_pool: Pool) -> PostgresStore:
    return PostgresStore(pg_pool)


async def test_which_claims_have_waited_for_a_person_for_over_four_hours(
    pg_pool: Pool, store: PostgresStore
) -> None:
    """Open reviews of that flow only, by the time since they were opened."""
    now = datetime.now(UTC)
    for case_id, flow, hours in (("c1", "claims", 5), ("c2", "claims", 3), ("c3", "desk", 5)):
        review = a_review(f"r {case_id}", case_id, flow=flow, opened_at=now - timedelta(hours=hours))
        await settle(store, task(case_id=case_id), opens(review))
    assert await rows(pg_pool, WAITING_OVER_4_HOURS) == [("c1",)]


async def test_dollars_by_agent_this_week(pg_pool: Pool, store: PostgresStore) -> None:
    """What was spent before this week, and steps that cost nothing, add nothing."""
    now = datetime.now(UTC)
    await store.accept([a_case()])
    spent = [(now, "billing", 0.25), (now, "billing", 0.5), (now, "faq", None), (now, "technical", 0.125)]
    spent.append((now - timedelta(days=8), "billing", 9.0))
    for number, (at, agent, cost) in enumerate(spent):
        paid = {} if cost is None else {"cost_usd": cost, "input_tokens": 10}
        event = Event("step_finished", agent, at, {"agent": agent, **paid})
        await settle(store, task(f"t{number}"), event)
    assert {agent: float(usd) for agent, usd in await rows(pg_pool, DOLLARS_BY_AGENT_THIS_WEEK)} == {
        "billing": 0.75,
        "faq": 0,
        "technical": 0.125,
    }
    by_case = (
        "select flow, case_id, sum(steps) as steps, sum(input_tokens) as read from switchboard.costs"
        " group by 1, 2"
    )
    assert await rows(pg_pool, by_case) == [("desk", "c1", 5, 40)]


async def test_decisions_say_who_waited_how_long(pg_pool: Pool, store: PostgresStore) -> None:
    """The decision that stands, from the ledger, with its question."""
    await store.accept([a_case()])
    review = a_review(due_at=a_review().opened_at + timedelta(minutes=4))
    await settle(store, task("t1"), opens(review))
    row = await decide(store, review, by="ann")
    assert row.decided_at is not None
    told = {"review_id": review.review_id, "type": "approve", "by": "ann", "message": ""}
    await settle(store, task("t2"), Event("review_decided", "review", row.decided_at, told))
    assert await rows(pg_pool, DECISIONS) == [
        ("c1", "desk", "reply", "approve", "ann", timedelta(minutes=5), True)
    ]

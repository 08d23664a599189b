"""Reviews on Postgres, through the saver that keeps them: several people, undo, a crash, and the record."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from langgraph_switchboard import END, Blueprint, Switchboard
from langgraph_switchboard.cases.audit import verify
from langgraph_switchboard.nodes import using
from langgraph_switchboard.postgres import open_pool
from langgraph_switchboard.switchboard.ticker import Ticker
from langgraph_switchboard.testing import FakeClock
from tests.seam import GOOD, ORDER, PaymentCase, PaymentDecision, gives, pay

pytestmark = pytest.mark.pg

CONFIG = RunnableConfig(configurable={"thread_id": "c1"})


def reviewed(**options: Any) -> Blueprint:
    flow = Blueprint("payments", case=PaymentCase, owner="accounts")
    flow.step(gives(GOOD), name="propose", then="by_hand")
    flow.review("by_hand", of="payment", decides=PaymentDecision, then=pay, **options)
    flow.effect(pay, then=END)
    return flow


async def answer_raw(switchboard: Switchboard, by: str) -> None:
    """Answer as a LangGraph server does for somebody whom it has authenticated."""
    graph = switchboard.flow("payments").graph
    [question] = (await graph.aget_state(CONFIG)).interrupts
    resume: Command[Any] = Command(resume={question.id: {"type": "approve"}})
    with using(switchboard.services, acting=by):
        await graph.ainvoke(resume, CONFIG, durability="async")


async def test_two_approvals_by_two_doors(pg_dsn: str) -> None:
    """One through LangGraph's own resume, one through ours: the question stays open in between."""
    async with Switchboard.open(pg_dsn) as switchboard:
        await switchboard.run(reviewed(people=2), ORDER, case_id="c1")
        for _ in range(2):
            await answer_raw(switchboard, "ann")
            assert (await switchboard.case("c1")).status == "waiting"
        [review] = await switchboard.reviews()
        assert review.approved_by == ("ann",)
        row = await switchboard.decide(review.review_id, {"type": "approve"}, by="bob")
        assert row.status == "finished"
        assert len(await switchboard.services.store.outbox()) == 1


async def test_a_decision_that_is_held_outlives_the_process(pg_dsn: str) -> None:
    """Decided, and the process is gone before it takes effect: the next one goes on with it, once."""
    clock = FakeClock()
    async with Switchboard.open(pg_dsn, clock=clock.now) as switchboard:
        await switchboard.run(reviewed(undo="10s", expires="1d", remind=None), ORDER, case_id="c1")
        [review] = await switchboard.reviews()
        await switchboard.decide(review.review_id, {"type": "approve"}, by="ann")
        await switchboard.undo(review.review_id, by="ann")
        await switchboard.claim(review.review_id, by="cay")
        await switchboard.escalate(review.review_id, by="ann", to="heads")
        row = await switchboard.decide(review.review_id, {"type": "approve"}, by="bob")
        assert row.status == "waiting"
    clock.advance(10)
    async with Switchboard.open(pg_dsn, flows=[reviewed(undo="10s", expires="1d")], clock=clock.now) as later:
        ticked = await Ticker(later).tick()
        assert ticked.chores["reviews"] == 1 and ticked.failed == {}
        view = await later.case("c1")
        assert view.status == "finished" and len(await later.services.store.outbox()) == 1
        told = [one.event.kind for one in view.story if one.event.kind.startswith("review_")]
        assert told == [
            "review_opened", "review_held", "review_undone", "review_claimed", "review_escalated",
            "review_held", "review_decided",
        ]  # fmt: skip
    async with open_pool(pg_dsn, max_size=1) as pool:
        verdict = await verify(pool)
    assert verdict.holds, verdict


async def test_new_input_waits_for_a_decision_that_is_held(pg_dsn: str) -> None:
    """While it can be taken back the case still waits: an input that would start it over is refused."""
    async with Switchboard.open(pg_dsn) as switchboard:
        await switchboard.run(reviewed(undo="1h"), ORDER, case_id="c1")
        [review] = await switchboard.reviews()
        await switchboard.decide(review.review_id, {"type": "approve"}, by="ann")
        with using(switchboard.services), pytest.raises(Exception, match="takes no new input"):
            await switchboard.flow("payments").graph.ainvoke(ORDER, CONFIG)
        assert (await switchboard.case("c1")).status == "waiting"

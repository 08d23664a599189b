"""Deploys over open cases: names are persistent, versions are pinned, nothing is silently finished."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph.types import Command

from langgraph_switchboard import Blueprint, CaseState, Contract, Decision, Switchboard
from langgraph_switchboard.errors import CaseStranded, UnknownVersion

pytestmark = pytest.mark.pg


class Wish(Contract):
    """What somebody wants."""

    text: str


class Offer(Contract):
    """What we offer."""

    text: str


class OfferDecision(Decision):
    """What a person says of it."""

    edited: Offer | None = None


class WishCase(CaseState):
    """One wish."""

    wish: Wish
    offer: Offer | None = None
    offer_decision: OfferDecision | None = None


async def draft(wish: Wish) -> Offer:
    """Offer what was wished for."""
    return Offer(text=wish.text)


def wishes(review: str = "review", *, version: int = 1, renamed: dict[str, str] | None = None) -> Blueprint:
    flow = Blueprint("wishes", case=WishCase, owner="sales", version=version, renamed=renamed)
    flow.step(draft, then=review)
    flow.review(review, of="offer", decides=OfferDecision, then="__end__")
    return flow


async def park(dsn: str, cases: int, **options: Any) -> None:
    async with Switchboard.open(dsn) as switchboard:
        for number in range(cases):
            case = await switchboard.run(wishes(**options), Wish(text=str(number)), case_id=f"c-{number}")
            assert case.status == "waiting"


async def decide_all(switchboard: Switchboard) -> list[str]:
    reviews = await switchboard.reviews(limit=None)
    decided = (switchboard.decide(one.review_id, {"type": "approve"}, by="anna") for one in reviews)
    return [row.status for row in await asyncio.gather(*decided)]


async def test_a_declared_rename_under_parked_cases_loses_none(pg_dsn: str) -> None:
    """100 cases are parked at a step that is renamed by the next deploy: all of them finish."""
    await park(pg_dsn, 100)
    renamed = wishes("approval", version=2, renamed={"review": "approval"})
    async with Switchboard.open(pg_dsn, flows=[renamed]) as switchboard:
        assert await decide_all(switchboard) == ["finished"] * 100


async def test_an_undeclared_rename_is_told_and_loses_none(pg_dsn: str) -> None:
    """Every case is reported stranded, none is taken for finished, and the right deploy finishes them."""
    await park(pg_dsn, 5)
    async with Switchboard.open(pg_dsn, flows=[wishes("approval", version=2)]) as switchboard:
        stuck = await switchboard.resume_all()
        assert {type(error) for error in stuck.values()} == {CaseStranded}
        assert len(stuck) == 5
        assert {row.status for row in await switchboard.cases()} == {"waiting"}
    async with Switchboard.open(pg_dsn, flows=[wishes()]) as switchboard:
        assert await decide_all(switchboard) == ["finished"] * 5


async def test_judging_by_tasks_takes_the_parked_case_for_finished(pg_dsn: str) -> None:
    """The control: after the rename LangGraph shows no task, no question and nothing next."""
    await park(pg_dsn, 1)
    async with Switchboard.open(pg_dsn) as switchboard:
        graph = switchboard.flow(wishes("approval", version=2)).graph
        snapshot = await graph.aget_state({"configurable": {"thread_id": "c-0"}})
    assert (snapshot.next, snapshot.tasks, snapshot.interrupts) == ((), (), ())
    assert "outcome" not in snapshot.values


async def test_older_code_does_not_touch_a_case_of_a_newer_version(pg_dsn: str) -> None:
    """A rollback of the code leaves newer cases where they stand."""
    await park(pg_dsn, 1, version=2)
    async with Switchboard.open(pg_dsn, flows=[wishes(version=1)]) as switchboard:
        with pytest.raises(CaseStranded, match="newer version"):
            await switchboard.resume("c-0")


async def test_a_contract_of_an_unknown_version_leaves_the_case_standing(pg_dsn: str) -> None:
    """State that newer code wrote is refused loudly: no fallback, no dead letter, no guess."""
    await park(pg_dsn, 1)
    async with Switchboard.open(pg_dsn, flows=[wishes()]) as switchboard:
        graph = switchboard.flow("wishes").graph
        config: Any = {"configurable": {"thread_id": "c-0"}}
        offer = (await graph.aget_state(config)).values["offer"]
        newer = Command(goto="review", update={"offer": {**offer, "version": 7}})
        with pytest.raises(UnknownVersion):
            await graph.ainvoke(newer, config)
        assert (await switchboard.cases())[0].status == "waiting"

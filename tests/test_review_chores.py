"""Time and reviews: what the ticker does, whoever else does it, and whatever broke off in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_switchboard import END, Blueprint, Switchboard
from langgraph_switchboard.cases import ReviewRow, reviewing
from langgraph_switchboard.cases.reviewing import Amended, Said
from langgraph_switchboard.errors import ConfigurationError, ReviewClosed, ReviewDecided, SwitchboardError
from langgraph_switchboard.switchboard.reviewing import undo_time
from langgraph_switchboard.switchboard.ticker import Ticker
from langgraph_switchboard.testing import FakeClock
from tests.case_builders import a_review, minutes
from tests.seam import GOOD, ORDER, PaymentCase, PaymentDecision, gives, pay

TEN = timedelta(seconds=10)


def reviewed(**options: Any) -> Blueprint:
    flow = Blueprint("payments", case=PaymentCase, owner="accounts")
    flow.step(gives(GOOD), name="propose", then="by_hand")
    flow.review("by_hand", of="payment", decides=PaymentDecision, then=pay, **options)
    flow.effect(pay, then=END)
    return flow


@asynccontextmanager
async def waiting(**options: Any) -> AsyncIterator[tuple[Switchboard, FakeClock, ReviewRow]]:
    """A switchboard whose one case waits at its review, and the clock that it goes by."""
    clock = FakeClock()
    async with Switchboard.open("memory", clock=clock.now) as switchboard:
        await switchboard.run(reviewed(**options), ORDER, case_id="c1")
        [review] = await switchboard.reviews()
        yield switchboard, clock, review


async def kinds(switchboard: Switchboard) -> list[str]:
    story = await switchboard.services.store.story("c1")
    return [str(entry.event.kind) for entry in story if entry.event.kind.startswith("review_")]


async def status(switchboard: Switchboard) -> str:
    return (await switchboard.case("c1")).status


async def paid(switchboard: Switchboard) -> int:
    return len(await switchboard.services.store.outbox())


# -- a moment to take it back -----------------------------------------------------------------


async def test_a_case_goes_on_when_its_decision_can_no_longer_be_taken_back() -> None:
    """Nothing is paid while it is held; at the end of its time the next pass drives the case on, once."""
    async with waiting(undo="10s") as (switchboard, clock, review):
        row = await switchboard.decide(review.review_id, {"type": "approve"}, by="ann")
        assert row.status == "waiting" and await paid(switchboard) == 0
        ticker = Ticker(switchboard)
        clock.advance(9)
        assert (await ticker.tick()).chores["reviews"] == 0
        assert await paid(switchboard) == 0
        clock.advance(1)
        assert (await ticker.tick()).chores["reviews"] == 1
        assert await status(switchboard) == "finished" and await paid(switchboard) == 1
        assert (await ticker.tick()).chores == {"reviews": 0, "decisions": 0}
        assert await paid(switchboard) == 1


async def test_what_was_taken_back_is_not_done() -> None:
    """After the undo the review is open, and no pass of the ticker drives the case on."""
    async with waiting(undo="10s") as (switchboard, clock, review):
        await switchboard.decide(review.review_id, {"type": "approve"}, by="ann")
        row = await switchboard.undo(review.review_id, by="ann")
        assert row.status == "open"
        clock.advance(60)
        await Ticker(switchboard).tick()
        assert await status(switchboard) == "waiting" and await paid(switchboard) == 0
        await switchboard.decide(review.review_id, {"type": "reject"}, by="bob")
        with pytest.raises(ReviewDecided):
            await switchboard.decide(review.review_id, {"type": "approve"}, by="ann")
        with pytest.raises(ReviewClosed):
            clock.advance(60)
            await switchboard.undo(review.review_id, by="bob")


async def test_resuming_lets_what_is_due_take_effect() -> None:
    """Where no ticker runs, `resume` does it; before the time is over it does not."""
    async with waiting(undo="10s") as (switchboard, clock, review):
        await switchboard.decide(review.review_id, {"type": "approve"}, by="ann")
        await switchboard.resume("c1")
        assert await paid(switchboard) == 0
        clock.advance(10)
        await switchboard.resume("c1")
        assert await status(switchboard) == "finished" and await paid(switchboard) == 1


async def test_a_crash_after_the_decision_loses_nothing() -> None:
    """The decision stands and nobody drives the case: a later pass does, and then leaves it alone."""
    async with waiting() as (switchboard, clock, review):
        store = switchboard.services.store
        await store.decide(
            review.review_id, version=1, digest=review.digest, decision={"type": "approve"}, by="ann",
            at=clock.now(),
        )  # fmt: skip
        ticker = Ticker(switchboard)
        assert (await ticker.tick()).chores["decisions"] == 0  # whoever decided may be about to
        clock.advance(6)
        assert (await ticker.tick()).chores["decisions"] == 1
        assert await status(switchboard) == "finished" and await paid(switchboard) == 1
        assert (await ticker.tick()).chores["decisions"] == 0


def test_the_setting_says_how_long() -> None:
    """The blueprint's word comes first, then the setting, then the caller's; nonsense is refused."""
    plain = reviewed().process().step("by_hand")
    own = reviewed(undo="3s").process().step("by_hand")
    assert plain and plain.review and own and own.review
    assert undo_time(plain.review, TEN, {}) == TEN
    assert undo_time(plain.review, TEN, {"SWITCHBOARD_UNDO": "5"}) == timedelta(seconds=5)
    assert undo_time(own.review, TEN, {"SWITCHBOARD_UNDO": "5"}) == timedelta(seconds=3)
    with pytest.raises(ConfigurationError, match="number of seconds"):
        undo_time(plain.review, None, {"SWITCHBOARD_UNDO": "soon"})


# -- reminders, escalation, expiry ------------------------------------------------------------------


async def test_a_review_is_reminded_of_escalated_and_stays_with_people() -> None:
    """Each happens once, in its time, on the record; the case waits on."""
    options = {"within": "4h", "remind": "1h", "expires": "1d", "escalates_to": "leads"}
    async with waiting(**options) as (switchboard, clock, review):
        ticker = Ticker(switchboard)
        for hours, told in ((2, []), (1, ["review_reminded"]), (1, []), (20, ["review_escalated"])):
            before = await kinds(switchboard)
            clock.advance(timedelta(hours=hours))
            await ticker.tick()
            await ticker.tick()
            assert (await kinds(switchboard))[len(before) :] == told
        assert await status(switchboard) == "waiting"
        [row] = await switchboard.reviews()
        assert row.owner == "leads" and row.review_id == review.review_id


async def test_a_review_that_nobody_answers_declines_the_case() -> None:
    """Where the blueprint says so; the case ends as declined and says why."""
    async with waiting(expires="1d", on_expiry="decline") as (switchboard, clock, _):
        clock.advance(timedelta(days=1))
        await Ticker(switchboard).tick()
        view = await switchboard.case("c1")
        assert view.status == "declined" and "nobody answered in time" in str(view.row.reason)
        assert await kinds(switchboard) == ["review_opened", "review_expired", "review_decided"]
        assert await paid(switchboard) == 0


async def test_escalating_is_a_verb_of_deciding() -> None:
    """It hands the review on and leaves it open; whoever may decide may still decide."""
    async with waiting(escalates_to="leads") as (switchboard, _, review):
        said = {"type": "escalate", "message": "over my head"}
        row = await switchboard.decide(review.review_id, said, by="ann")
        assert row.status == "waiting"
        [open_one] = await switchboard.reviews()
        assert open_one.owner == "leads"
        assert (
            await switchboard.decide(review.review_id, {"type": "approve"}, by="lea")
        ).status == "finished"


async def test_two_people_through_the_switchboard() -> None:
    """The first is told nothing went on yet; who asked for the case cannot be one of the two."""
    async with waiting(people=2) as (switchboard, _, review):
        assert (await switchboard.decide(review.review_id, {"type": "approve"}, by="ann")).status == "waiting"
        with pytest.raises(SwitchboardError, match="2 different people"):
            await switchboard.decide(review.review_id, {"type": "approve"}, by="ann")
        assert (
            await switchboard.decide(review.review_id, {"type": "approve"}, by="bob")
        ).status == "finished"
        assert await paid(switchboard) == 1
        assert "review_refused" in await kinds(switchboard)


# -- the rules, whatever is done in whatever order --------------------------------------------------

PEOPLE = st.sampled_from(["ann", "bob", "cay"])
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["approve", "edit", "reject"]), PEOPLE, st.integers(0, 9)),
        st.tuples(st.sampled_from(["undo", "claim", "escalate"]), PEOPLE, st.just(0)),
        st.tuples(st.just("time"), st.just(""), st.integers(1, 90)),
    ),
    max_size=12,
)


def follow(row: ReviewRow, deeds: list[tuple[str, str, int]], *, voids: bool = True) -> list[ReviewRow]:
    """The row after each deed. `voids=False` is the control: an edit keeps the approvals before it."""
    now, rows = 0.0, [row]
    for deed, by, number in deeds:
        now += number if deed == "time" else 0.01
        before = row
        try:
            row = _apply(row, deed, by, number, now).row
        except SwitchboardError:
            continue
        if not voids and deed == "edit" and row.status == "open":
            row = replace(row, approvals=(*before.approvals, *row.approvals))
        rows.append(row)
    return rows


def _apply(row: ReviewRow, deed: str, by: str, number: int, now: float) -> Amended:
    at = minutes(now)
    match deed:
        case "undo":
            return reviewing.undo(row, by=by, at=at)
        case "claim":
            return reviewing.claim(row, by=by, at=at)
        case "escalate":
            return reviewing.escalate(row, by=by, at=at)
        case "time":
            return reviewing.in_time(row, at=at)
    decision = {"type": deed, **({"edited": {"text": str(number)}} if deed == "edit" else {})}
    return reviewing.decide(row, Said(decision, by, at, row.version, row.token, undo=timedelta(minutes=5)))


def wrong(rows: list[ReviewRow]) -> str | None:
    """What broke the laws: a yes without two different people who said yes to just that."""
    said_yes: dict[str, set[str]] = {}
    for before, row in pairwise(rows):
        subject = str(row.proposed or row.decision)
        for one in row.approvals:
            if one not in before.approvals:
                said_yes.setdefault(str(row.proposed or "draft"), set()).add(str(one["by"]))
        if row.status == "decided" and (row.decision or {})["type"] != "reject":
            what = "draft" if (row.decision or {})["type"] == "approve" else str(row.decision)
            if row.decided_by == reviewing.TIME:
                return f"time approved {subject}"
            if len(said_yes.get(what, set())) < rows[0].people:
                return f"only {said_yes.get(what)} said yes to {subject}"
    return None


@given(DEEDS)
def test_no_order_of_deeds_lets_one_person_or_time_approve(deeds: list[tuple[str, str, int]]) -> None:
    """Two different people said yes to exactly what stands, whoever edits, undoes and waits in between."""
    review = a_review(people=2, expires_at=minutes(60), on_expiry="decline", remind_at=minutes(30))
    assert wrong(follow(review, deeds)) is None


def test_the_law_is_broken_where_an_edit_keeps_approvals() -> None:
    """The control: ann approves the draft, bob edits it, cay approves that, and they count as three."""
    deeds = [("approve", "ann", 0), ("edit", "bob", 7), ("approve", "cay", 0), ("time", "", 6)]
    assert wrong(follow(a_review(people=3), deeds)) is None
    assert wrong(follow(a_review(people=3), deeds, voids=False)) is not None

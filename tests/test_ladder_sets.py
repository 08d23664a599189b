"""The ladder inside sets: whichever rung a branch ends on, its join runs once (law 9)."""

from __future__ import annotations

from collections import Counter

import pytest

from langgraph_switchboard import JOIN, CaseView, Switchboard
from langgraph_switchboard.errors import LetterSettled, ModelDown
from langgraph_switchboard.nodes import StepContext
from langgraph_switchboard.switchboard.ticker import Ticker
from langgraph_switchboard.testing import FakeClock
from tests.shape_flows import Opinion, Order, a_set, blank, both, breaks, finish
from tests.test_shapes_run import ORDER, database, decide_all, done_of

__all__ = ["database"]


class Flaky:
    """One opinion, after as many faults as it is told to have."""

    def __init__(self, faults: int, retry_after: float | None = None) -> None:
        self.faults = faults
        self.retry_after = retry_after
        self.attempts: list[int] = []

    async def left(self, order: Order, ctx: StepContext) -> Opinion:
        self.attempts.append(ctx.attempt)
        if self.faults:
            self.faults -= 1
            raise ModelDown("the model is down", retry_after=self.retry_after)
        return Opinion(says="left")


def joined(case: CaseView) -> int:
    """How often the two came together."""
    return Counter((one.event.kind, one.event.step) for one in case.story)[("step_finished", "views.join")]


@pytest.mark.parametrize(
    ("rung", "faults"), [("retry", 2), ("fallback", 9), ("person", 9), ("dead_letter", 3)]
)
async def test_the_join_runs_once_whichever_rung_a_branch_ends_on(
    database: str, rung: str, faults: int
) -> None:
    """Another attempt, another agent, a person, or a dead letter that is redriven: one merge, with both."""
    clock, flaky = FakeClock(), Flaky(faults)
    fallback = {"fallback": "spare", "person": "ask"}.get(rung)
    async with Switchboard.open(database, clock=clock.now, sleep=clock.sleep) as switchboard:
        case = await switchboard.run(a_set(flaky.left, fallback=fallback), ORDER, case_id="c1")
        if rung == "person":
            assert case.status == "waiting" and joined(case) == 0
            case = await decide_all(switchboard, case)
        if rung == "dead_letter":
            assert (case.status, case.row.ended_at, joined(case)) == ("dead_lettered", None, 0)
            await switchboard.redrive("c1", by="olga")
            case = await switchboard.case("c1")
        assert case.status == "finished"
        assert joined(case) == 1
        assert Counter(one.event.kind for one in case.story)["case_ended"] == 1
        says = {"person": "by hand"}.get(rung, "left")
        assert done_of(case) == f"left says {says}, right says right"
        entered = [one.event.data["rung"] for one in case.story if "rung" in one.event.data]
        assert rung in entered


async def test_a_dead_letter_in_a_set_rests_until_it_is_redriven_and_only_once(database: str) -> None:
    """The case is parked with what the others did; a second redrive finds it settled."""
    clock, flaky = FakeClock(), Flaky(3)
    async with Switchboard.open(database, clock=clock.now, sleep=clock.sleep) as switchboard:
        await switchboard.run(a_set(flaky.left), ORDER, case_id="c1")
        [letter] = await switchboard.dead_letters()
        assert (letter.step, letter.branch, letter.status) == ("left", "views:left", "open")
        assert (await switchboard.resume("c1")).status == "dead_lettered", "nobody has had it redone"
        first = await switchboard.redrive(letter.letter_id, by="olga")
        story = await switchboard.services.store.story("c1")
        assert await switchboard.redrive(letter.letter_id, by="otto") == first
        assert await switchboard.services.store.story("c1") == story
        taken_up = [one.event.data for one in story if one.event.kind == "branch_taken_up"]
        assert [one["by"] for one in taken_up] == ["olga"]
        assert len(flaky.attempts) == 4


async def test_a_branch_that_fails_again_is_another_letter(database: str) -> None:
    """Both branches may rest, each on a letter of its own; the join waits for both."""
    clock = FakeClock()
    one, other = Flaky(6), Flaky(3)
    flow = blank()
    flow.parallel("views", members=["left", "too"], merge=both, then=finish)
    flow.step(one.left, name="left", then=JOIN)
    flow.step(other.left, name="too", then=JOIN)
    flow.effect(finish)
    async with Switchboard.open(database, clock=clock.now, sleep=clock.sleep) as switchboard:
        case = await switchboard.run(flow, ORDER, case_id="c1")
        assert {letter.step for letter in await switchboard.dead_letters()} == {"left", "too"}
        by_step = {letter.step: letter for letter in await switchboard.dead_letters()}
        await switchboard.redrive(by_step["too"].letter_id, by="olga")
        row = await switchboard.redrive(by_step["left"].letter_id, by="olga")
        assert row.status == "dead_lettered"
        [again] = await switchboard.dead_letters()
        assert again.step == "left" and again.letter_id != by_step["left"].letter_id
        await switchboard.redrive(again.letter_id, by="olga")
        case = await switchboard.case("c1")
        assert (case.status, joined(case)) == ("finished", 1)


async def test_discarding_a_branch_ends_its_case(database: str) -> None:
    """The join will never come; state, row and ledger say so, with who and why."""
    async with Switchboard.open(database) as switchboard:
        flow = a_set(breaks)
        await switchboard.run(flow, ORDER, case_id="c1")
        settled = await switchboard.discard("c1", by="olga", why="the order was cancelled")
        assert settled.status == "discarded"
        case = await switchboard.case("c1")
        assert (case.status, case.row.reason) == ("dead_lettered", "the order was cancelled")
        assert case.row.ended_at is not None
        snapshot = await switchboard.flow(flow).graph.aget_state({"configurable": {"thread_id": "c1"}})
        assert snapshot.values["outcome"] == "dead_lettered" and not snapshot.interrupts
        with pytest.raises(LetterSettled):
            await switchboard.redrive("c1", by="otto")


async def test_a_wait_of_over_five_seconds_in_a_set_is_a_timer(database: str) -> None:
    """Its siblings go on meanwhile, and nothing is held; outside of a set it would be slept."""
    clock, flaky = FakeClock(), Flaky(1, retry_after=6.0)
    async with Switchboard.open(database, clock=clock.now, sleep=clock.sleep) as switchboard:
        case = await switchboard.run(a_set(flaky.left), ORDER, case_id="c1")
        assert case.status == "delayed" and clock.slept == []
        finished = [one.event.step for one in case.story if one.event.kind == "step_finished"]
        assert finished[-2:] == ["right", "look"]
        clock.advance(6)
        assert (await Ticker(switchboard).tick()).woken == 1
        case = await switchboard.case("c1")
        assert (case.status, joined(case), flaky.attempts) == ("finished", 1, [1, 2])

        alone, flow = Flaky(1, retry_after=6.0), blank("alone")
        flow.step(alone.left, name="left", then=finish)
        flow.effect(finish)
        assert (await switchboard.run(flow, ORDER, case_id="c2")).status == "finished"
        assert clock.slept == [6.0]

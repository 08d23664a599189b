"""The ladder: a failure ends on the declared rung (law 9), and a dead letter can be taken up again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langgraph_switchboard import END, Blueprint, Switchboard
from langgraph_switchboard.cases.access import Actor
from langgraph_switchboard.cases.letters import RungCount
from langgraph_switchboard.errors import (
    InputRefused,
    LetterError,
    LetterSettled,
    LetterUnknown,
    ModelDown,
)
from langgraph_switchboard.nodes import Retry, StepContext
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.testing import FakeClock
from tests.seam import GOOD, Order, Payment, PaymentCase, PaymentDecision, Receipt, gives, pay

REPOSITORY = Path(__file__).parent.parent
ORDER = Order(text="two chairs")
QUICK = Retry(attempts=3, base=1.0, jitter=False)


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.pg)])
def database(request: pytest.FixtureRequest) -> str:
    return "memory" if request.param == "memory" else request.getfixturevalue("pg_dsn")


class Rungs:
    """Agents that fail as often as they are told to: the first, and the one that stands in for it."""

    def __init__(self, first: int, second: int) -> None:
        self.left = {"propose": first, "careful": second}
        self.tried: list[str] = []

    def agent(self, name: str) -> Any:
        async def propose(order: Order, ctx: StepContext) -> Payment:
            self.tried.append(name)
            if self.left[name]:
                self.left[name] -= 1
                raise ModelDown(f"{name} is down")
            return Payment(amount=20.0)

        return propose

    def flow(self, name: str = "rungs", person: bool = True) -> Blueprint:
        """Propose, three times -> careful, once -> a person (or nobody) -> pay."""
        flow = Blueprint(name, case=PaymentCase, owner="accounts")
        flow.step(self.agent("propose"), name="propose", then="pay", fallback="careful", retry=QUICK)
        below = {"fallback": "by_hand"} if person else {}
        once = Retry(attempts=1)
        flow.step(self.agent("careful"), name="careful", then="pay", retry=once, **below)  # type: ignore[arg-type]
        if person:
            flow.review("by_hand", of="payment", decides=PaymentDecision, then="pay")
        flow.effect(pay, then=END)
        return flow


# failures of the first agent and of its fallback; which rung it ends on, and where the case stands
LADDER = {
    "at once": (0, 0, {}, "finished", ["propose"]),
    "retry": (2, 0, {"propose": "retry"}, "finished", ["propose"] * 3),
    "fallback": (9, 0, {"propose": "fallback"}, "finished", ["propose"] * 3 + ["careful"]),
    "person": (9, 9, {"propose": "fallback", "careful": "person"}, "waiting", ["propose"] * 3 + ["careful"]),
}


@pytest.mark.parametrize("rung", LADDER)
async def test_a_failure_ends_on_the_declared_rung(database: str, rung: str) -> None:
    """Retry, then another agent, then a person: in the ledger, in the state, and on the row alike."""
    first, second, kept, status, tried = LADDER[rung]
    rungs, clock = Rungs(first, second), FakeClock()
    async with Switchboard.open(database, clock=clock.now, sleep=clock.sleep) as switchboard:
        flow = rungs.flow()
        view = await switchboard.run(flow, ORDER, case_id="c1")
        assert (view.status, rungs.tried) == (status, tried)
        snapshot = await switchboard.flow(flow).graph.aget_state({"configurable": {"thread_id": "c1"}})
        assert snapshot.values["rungs"] == kept
        told = [one.event.data for one in view.story if one.event.kind == "step_failed"]
        assert [(one["agent"], one["rung"]) for one in told] == [
            (agent, entered) for agent, entered in kept.items() if entered != "retry"
        ]
        assert all(one["failure"]["problem"] for one in told), "and why"
        ended = [one for one in await switchboard.rungs() if one.ended]
        assert ended == ([RungCount(rung, 1, 1)] if kept else [])


async def test_the_last_rung_is_a_dead_letter_with_the_reason(database: str) -> None:
    """Where no person is asked the case is set aside, and is listed with what went wrong."""
    rungs, clock = Rungs(9, 9), FakeClock()
    async with Switchboard.open(database, clock=clock.now, sleep=clock.sleep) as switchboard:
        view = await switchboard.run(rungs.flow(person=False), ORDER, case_id="c1")
        assert view.status == "dead_lettered"
        [letter] = await switchboard.dead_letters()
        assert (letter.case_id, letter.flow, letter.step, letter.status) == ("c1", "rungs", "careful", "open")
        assert letter.reason == "careful is down" and letter.failure["code"] == "model_down"
        assert await switchboard.rungs() == [RungCount("fallback", 1, 0), RungCount("dead_letter", 1, 1)]
        assert await switchboard.letter("c1") == letter == await switchboard.letter(letter.letter_id)


@settings(max_examples=60, deadline=None)
@given(
    attempts=st.integers(1, 4), first=st.integers(0, 6), worth=st.booleans(),
    fallback=st.booleans(), second=st.integers(0, 2), person=st.booleans(),
)  # fmt: skip
def test_any_failure_ends_where_its_blueprint_says(
    attempts: int, first: int, worth: bool, fallback: bool, second: int, person: bool
) -> None:
    """Law 9 over any ladder: so many attempts, a fallback or none, a person or none, any number of faults."""
    left = {"propose": first, "careful": second}
    tried: list[str] = []

    def agent(name: str) -> Any:
        async def propose(order: Order) -> Payment:
            tried.append(name)
            if left[name]:
                left[name] -= 1
                raise ModelDown("down", retryable=worth)
            return Payment(amount=20.0)

        return propose

    flow = Blueprint("any", case=PaymentCase, owner="accounts")
    below: dict[str, Any] = {"fallback": "by_hand"} if person else {}
    policy = Retry(attempts=attempts, base=0.0)
    own = {"fallback": "careful"} if fallback else below
    flow.step(agent("propose"), name="propose", then="pay", retry=policy, **own)
    if fallback:
        flow.step(agent("careful"), name="careful", then="pay", retry=Retry(attempts=1), **below)
    if person:
        flow.review("by_hand", of="payment", decides=PaymentDecision, then="pay")
    flow.effect(pay, then=END)

    allowed = attempts if worth else 1
    rungs: dict[str, str] = {}
    if 0 < first < allowed:
        rungs["propose"] = "retry"
    elif first:
        rungs["propose"] = "fallback" if fallback else "person" if person else "dead_letter"
        if fallback and second:
            rungs["careful"] = "person" if person else "dead_letter"
    ends = {"person": "waiting", "dead_letter": "dead_lettered"}
    status = next((ends[one] for one in reversed(rungs.values()) if one in ends), "finished")

    async def run() -> tuple[str, dict[str, str]]:
        async with Switchboard.open("memory") as switchboard:
            view = await switchboard.run(flow, ORDER, case_id="c1")
            snapshot = await switchboard.flow(flow).graph.aget_state({"configurable": {"thread_id": "c1"}})
            return view.status, snapshot.values["rungs"]

    assert asyncio.run(run()) == (status, rungs)
    assert tried.count("propose") == min(first, allowed - 1) + 1


@pytest.mark.pg
async def test_which_rung_was_entered_and_why_is_one_query(pg_dsn: str, pg_pool: Pool) -> None:
    """The views over the ledger: every failure with its reason, and how failures ended on the whole."""
    rungs, clock = Rungs(10, 1), FakeClock()
    async with Switchboard.open(pg_dsn, clock=clock.now, sleep=clock.sleep) as switchboard:
        flow = rungs.flow()
        for number in range(4):  # the first ends with a person, two at the fallback, the last at a retry
            await switchboard.run(flow, ORDER, case_id=f"c{number}")
        counts = await switchboard.rungs()
    async with pg_pool.connection() as connection:
        entries = await (
            await connection.execute("select * from switchboard.rung_entries order by case_id, at, rung")
        ).fetchall()
        shares = await (await connection.execute("select * from switchboard.rungs")).fetchall()
    told = [(one["case_id"], one["step"], one["rung"], one["why"], one["ended"]) for one in entries]
    assert sorted(told) == [
        ("c0", "careful", "person", "careful is down", True),
        ("c0", "propose", "fallback", "propose is down", False),
        ("c1", "propose", "fallback", "propose is down", True),
        ("c2", "propose", "fallback", "propose is down", True),
        ("c3", "propose", "retry", "propose is down", True),
    ]
    assert [(one["rung"], one["entered"], one["ended"], one["percent"]) for one in shares] == [
        ("retry", 1, 1, 25), ("fallback", 3, 2, 50), ("person", 1, 1, 25),
    ]  # fmt: skip
    assert counts == [RungCount("retry", 1, 1), RungCount("fallback", 3, 2), RungCount("person", 1, 1)]


def test_the_rungs_are_drawn() -> None:
    """Ordinary steps and edges: fallbacks dashed, the review and the dead letter in their own shapes."""
    drawn = Rungs(0, 0).flow().mermaid()
    assert "s_propose -.-> s_careful" in drawn and "s_careful -.-> s_by_hand" in drawn
    assert "s_by_hand -.-> s_dead_letter" in drawn


# -- taking a dead letter up again -------------------------------------------------------------


async def test_a_redrive_goes_on_from_the_failed_step(database: str) -> None:
    """What was done before is not done again; the step that failed gets a new place in the ledger."""
    rungs, clock = Rungs(9, 1), FakeClock()
    async with Switchboard.open(database, clock=clock.now, sleep=clock.sleep) as switchboard:
        await switchboard.run(rungs.flow(person=False), ORDER, case_id="c1")
        before = list(rungs.tried)
        row = await switchboard.redrive("c1", by="olga")
        assert (row.status, row.reason) == ("finished", None)
        assert rungs.tried == [*before, "careful"]
        view = await switchboard.case("c1")
        kinds = [(one.event.kind, one.event.step) for one in view.story]
        assert kinds[-6:] == [
            ("case_ended", "dead_letter"),
            ("dead_letter_redriven", "careful"),
            ("step_finished", "careful"),
            ("effect_recorded", "pay"),
            ("step_finished", "pay"),
            ("case_ended", "pay"),
        ]
        assert [one.event.data["by"] for one in view.story if one.event.kind == "dead_letter_redriven"] == [
            "olga"
        ]
        assert await switchboard.dead_letters() == []
        [settled] = await switchboard.dead_letters(status=None)
        assert (settled.status, settled.settled_by) == ("redriven", "olga")
        assert "olga has it done again" in "\n".join(view.story_lines())


async def test_redriving_again_changes_nothing(database: str) -> None:
    """The second one finds the letter settled, by whoever asks; the case is where it was."""
    rungs, clock = Rungs(9, 1), FakeClock()
    async with Switchboard.open(database, clock=clock.now, sleep=clock.sleep) as switchboard:
        await switchboard.run(rungs.flow(person=False), ORDER, case_id="c1")
        [letter] = await switchboard.dead_letters()
        first = await switchboard.redrive(letter.letter_id, by="olga")
        story = await switchboard.services.store.story("c1")
        assert await switchboard.redrive(letter.letter_id, by="otto") == first
        assert await switchboard.services.store.story("c1") == story
        with pytest.raises(LetterSettled, match="olga has redriven it before"):
            await switchboard.discard(letter.letter_id, by="otto", why="too late")


async def test_a_case_that_fails_again_is_another_letter(database: str) -> None:
    """Each time it is set aside there is one to settle, and only one."""
    rungs, clock = Rungs(99, 2), FakeClock()
    async with Switchboard.open(database, clock=clock.now, sleep=clock.sleep) as switchboard:
        await switchboard.run(rungs.flow(person=False), ORDER, case_id="c1")
        [first] = await switchboard.dead_letters()
        assert (await switchboard.redrive("c1", by="olga")).status == "dead_lettered"
        [second] = await switchboard.dead_letters()
        assert second.letter_id != first.letter_id
        assert (await switchboard.redrive(first.letter_id, by="olga")).status == "dead_lettered", (
            "it is settled"
        )
        assert (await switchboard.redrive("c1", by="olga")).status == "finished"
        assert [one.status for one in await switchboard.dead_letters(status=None)] == ["redriven"] * 2


async def test_an_effect_that_was_done_is_not_done_again_by_a_redrive(database: str) -> None:
    """By its business key: the same key with the same arguments gives what it gave."""
    done: list[str] = []
    broken = [True]

    async def send(payment: Payment, ctx: StepContext) -> Receipt:
        async def call(key: str) -> str:
            done.append(key)
            return "sent"

        await ctx.external("letter", call, args={"amount": payment.amount})
        if broken:
            raise RuntimeError("the receipt printer is jammed")
        return Receipt(key="letter")

    flow = Blueprint("sending", case=PaymentCase, owner="accounts")
    flow.step(gives(GOOD), name="propose", then="send")
    flow.effect(send, then=END)
    async with Switchboard.open(database) as switchboard:
        assert (await switchboard.run(flow, ORDER, case_id="c1")).status == "dead_lettered"
        broken.clear()
        assert (await switchboard.redrive("c1", by="olga")).status == "finished"
        assert done == ["c1/letter"]


async def test_a_crash_between_redrive_and_run_loses_nothing(database: str) -> None:
    """The verdict is in the ledger and on the row first; whoever resumes the case takes it up from there."""
    rungs, clock = Rungs(9, 1), FakeClock()
    async with Switchboard.open(database, clock=clock.now, sleep=clock.sleep) as switchboard:
        await switchboard.run(rungs.flow(person=False), ORDER, case_id="c1")
        [letter] = await switchboard.dead_letters()
        stands = {"status": "running", "step": letter.step, "ended_at": None}
        await switchboard.services.store.settle_letter(
            letter, "dead_letter_redriven", by="olga", at=clock.now(), moves=stands
        )
        row = await switchboard.services.store.case("c1")
        assert row is not None and (row.status, row.step, row.ended_at) == ("running", "careful", None)
        assert await switchboard.resume_all() == {}
        assert (await switchboard.case("c1")).status == "finished"


async def test_a_redrive_gives_the_bounds_once_more(database: str) -> None:
    """A case that was stopped at a bound is not stopped at once again; a second loop is."""
    amounts = iter(range(1, 1000))

    async def again(order: Order) -> Payment:
        return Payment(amount=next(amounts))

    def choose(payment: Payment) -> Literal["again", "pay"]:
        return "pay" if payment.amount > 5 else "again"

    flow = Blueprint("bounded", case=PaymentCase, owner="accounts", max_visits=3)
    flow.step(again, name="again", then=choose)
    flow.effect(pay, then=END)
    async with Switchboard.open(database) as switchboard:
        assert (await switchboard.run(flow, ORDER, case_id="c1")).status == "dead_lettered"
        assert (await switchboard.redrive("c1", by="olga")).status == "finished"


async def test_a_letter_is_discarded_for_a_reason_and_for_good(database: str) -> None:
    """Who and why stand in the ledger; it is listed no more, and not redriven."""
    rungs, clock = Rungs(9, 9), FakeClock()
    async with Switchboard.open(database, clock=clock.now, sleep=clock.sleep) as switchboard:
        await switchboard.run(rungs.flow(person=False), ORDER, case_id="c1")
        [letter] = await switchboard.dead_letters()
        with pytest.raises(InputRefused, match="for a reason"):
            await switchboard.discard("c1", by="olga", why=" ")
        settled = await switchboard.discard("c1", by="olga", why="the customer has left")
        assert (settled.status, settled.settled_by, settled.why) == (
            "discarded",
            "olga",
            "the customer has left",
        )
        assert await switchboard.discard(letter.letter_id, by="olga", why="the customer has left") == settled
        assert await switchboard.dead_letters() == []
        with pytest.raises(LetterSettled, match="olga has discarded it before"):
            await switchboard.redrive("c1", by="otto")
        assert (await switchboard.case("c1")).status == "dead_lettered"
        lines = (await switchboard.case("c1")).story_lines()
        assert lines[-1].endswith("olga lets it be: the customer has left")


async def test_who_may_settle_a_letter(database: str) -> None:
    """An operator, or the user of this machine; whoever decides reviews does not run cases."""
    rungs, clock = Rungs(9, 9), FakeClock()
    async with Switchboard.open(database, clock=clock.now, sleep=clock.sleep) as switchboard:
        await switchboard.run(rungs.flow(person=False), ORDER, case_id="c1")
        with pytest.raises(LetterError, match="ann may not"):
            await switchboard.discard("c1", by=Actor("ann", frozenset({"reviewer"})), why="because")
        with pytest.raises(LetterUnknown, match="no dead letter 'c9'"):
            await switchboard.redrive("c9", by="olga")
        operator = Actor("olga", frozenset({"operator"}))
        assert (await switchboard.discard("c1", by=operator, why="because")).settled_by == "olga"


# -- poison -------------------------------------------------------------------------------------


DEADLY = "import asyncio, sys; from tests.test_ladder import kill_me; asyncio.run(kill_me(sys.argv[1]))"


def deadly(name: str = "deadly") -> Blueprint:
    """Propose -> a step that kills whoever runs it -> pay."""

    async def kills(payment: Payment) -> Payment:
        if os.environ.get("DEADLY") == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        return payment

    flow = Blueprint(name, case=PaymentCase, owner="accounts")
    flow.step(gives(GOOD), name="propose", then="kills")
    flow.step(kills, then="pay", fallback="careful")
    flow.step(gives(GOOD), name="careful", then="pay")
    flow.effect(pay, then=END)
    return flow


async def kill_me(dsn: str) -> None:
    async with Switchboard.open(dsn) as switchboard:
        await switchboard.run(deadly(), ORDER, case_id="c1")


@pytest.mark.pg
def test_a_case_that_kills_its_process_five_times_is_poison(pg_dsn: str) -> None:
    """Five kills without progress, and the sixth process sets the case aside instead of dying.

    It is no other agent's turn: what kills one process would kill the next.
    """

    def drive() -> int:
        done = subprocess.run(
            [sys.executable, "-c", DEADLY, pg_dsn],
            env={**os.environ, "DEADLY": "1"},
            cwd=REPOSITORY,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.returncode

    assert [drive() for _ in range(6)] == [-signal.SIGKILL] * 5 + [0]


class Stop(BaseException):
    """The process is gone."""


@pytest.mark.pg
async def test_poison_is_told_and_can_be_redriven(pg_dsn: str, pg_pool: Pool) -> None:
    """The letter says so, and names the step; once the cause is gone the case goes on."""
    entered: list[str] = []

    async def stops(payment: Payment) -> Payment:
        entered.append("kills")
        if len(entered) == 1:
            raise Stop
        return payment

    flow = Blueprint("deadly", case=PaymentCase, owner="accounts")
    flow.step(gives(GOOD), name="propose", then="kills")
    flow.step(stops, name="kills", then="pay", fallback="careful")
    flow.step(gives(GOOD), name="careful", then="pay")
    flow.effect(pay, then=END)
    async with Switchboard.open(pg_dsn) as switchboard:
        with pytest.raises(Stop):
            await switchboard.run(flow, ORDER, case_id="c1")
        await died(pg_pool, crashes=4)
        assert (await switchboard.resume("c1")).status == "dead_lettered"
        assert len(entered) == 1
        [letter] = await switchboard.dead_letters()
        assert (letter.failure["code"], letter.failure["crashes"], letter.step) == ("poison", 5, "kills")
        assert (await switchboard.redrive("c1", by="olga")).status == "finished"


@pytest.mark.pg
async def test_crashes_elsewhere_do_not_add_up(pg_dsn: str, pg_pool: Pool) -> None:
    """Whoever died on another checkpoint died before the case made progress."""
    entered: list[str] = []

    async def stops(payment: Payment) -> Payment:
        entered.append("kills")
        if len(entered) == 1:
            raise Stop
        return payment

    flow = Blueprint("lucky", case=PaymentCase, owner="accounts")
    flow.step(gives(GOOD), name="propose", then="kills")
    flow.step(stops, name="kills", then="pay")
    flow.effect(pay, then=END)
    async with Switchboard.open(pg_dsn) as switchboard:
        with pytest.raises(Stop):
            await switchboard.run(flow, ORDER, case_id="c1")
        await died(pg_pool, crashes=40, elsewhere=True)
        assert (await switchboard.resume("c1")).status == "finished"


async def died(pool: Pool, *, crashes: int, elsewhere: bool = False) -> None:
    """As if so many owners had died where the case stands (or elsewhere), the last one just now."""
    stands = "select max(checkpoint_id) from checkpoints where thread_id = 'c1' and checkpoint_ns = ''"
    async with pool.connection() as connection:
        await connection.execute(
            "update switchboard.case_owner set lease_until = now() - interval '1 s', crashes = %s, "
            f"stands = case when %s then 'another' else ({stands}) end",
            [crashes, elsewhere],
        )

"""Attempts: what may pass is tried again, each failure is on the record before the wait, and nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from langgraph_switchboard import END, Blueprint, Switchboard
from langgraph_switchboard.errors import (
    BlueprintError,
    ContractViolation,
    ModelBusy,
    ModelTimeout,
    StoreUnavailable,
    Superseded,
)
from langgraph_switchboard.ledger import LedgerEntry
from langgraph_switchboard.nodes import Retry, StepContext, using
from langgraph_switchboard.switchboard.ticker import Ticker
from langgraph_switchboard.testing import FakeClock
from tests.seam import GOOD, ORDER, Bench, Order, Payment, PaymentCase, Receipt, gives, pay, payloads

STEADY = Retry(jitter=False)


class Flaky:
    """An agent that raises what it is given, one after the other, and then gives a payment."""

    def __init__(self, *faults: BaseException) -> None:
        self.faults = list(faults)
        self.seen: list[tuple[int, int, bool]] = []

    async def propose(self, order: Order, ctx: StepContext) -> Payment:
        self.seen.append((ctx.attempt, ctx.attempts, ctx.is_last_attempt))
        if self.faults:
            raise self.faults.pop(0)
        return Payment(amount=20.0)


def flow_of(agent: Any, named: str = "tried", **options: Any) -> Blueprint:
    """Propose (or, where it fails, careful) -> pay."""
    flow = Blueprint(named, case=PaymentCase, owner="accounts")
    flow.step(agent, name="propose", then="pay", fallback="careful", **{"retry": STEADY, **options})
    flow.step(gives({"amount": 1.0}), name="careful", then="pay")
    flow.effect(pay, then=END)
    return flow


def timed(flow: Blueprint) -> tuple[Bench, FakeClock]:
    clock, bench = FakeClock(), Bench(flow)
    bench.services.clock, bench.services.sleep = clock.now, clock.sleep
    return bench, clock


def failed(story: Iterable[LedgerEntry]) -> list[dict[str, Any]]:
    return [one.event.data for one in story if one.event.kind == "attempt_failed"]


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.pg)])
def database(request: pytest.FixtureRequest) -> str:
    return "memory" if request.param == "memory" else request.getfixturevalue("pg_dsn")


# -- within one run ------------------------------------------------------------------------


async def test_what_may_pass_is_tried_again_after_a_growing_wait() -> None:
    """Two faults, waits of 2 and 4 seconds, and the third attempt counts; the agent knows which it is."""
    flaky = Flaky(TimeoutError("slow"), ConnectionResetError("reset"))
    bench, clock = timed(flow_of(flaky.propose))
    await bench.run()
    assert clock.slept == [2.0, 4.0]
    assert flaky.seen == [(1, 3, False), (2, 3, False), (3, 3, True)]
    assert payloads(await bench.values())["payment"]["amount"] == 20.0
    first, second = failed(await bench.story())
    assert (first["attempt"], first["of"], first["wait"], first["by"]) == (1, 3, 2.0, "sleep")
    assert first["failure"]["problem"] == "TimeoutError: slow"
    assert (second["attempt"], second["failure"]["type"]) == (2, "ConnectionResetError")
    [told] = [one.event.data for one in await bench.story() if one.event.kind == "step_finished"][1:2]
    assert (told["attempt"], told["rung"]) == (3, "retry")
    assert (await bench.values())["rungs"] == {"propose": "retry"}


async def test_the_last_attempt_leads_down_the_ladder() -> None:
    """Three attempts in all, two events, and the failure of the third goes to the fallback."""
    flaky = Flaky(*(TimeoutError(str(number)) for number in range(9)))
    bench, clock = timed(flow_of(flaky.propose))
    await bench.run()
    assert len(flaky.seen) == 3 and clock.slept == [2.0, 4.0]
    assert [one["failure"]["problem"] for one in failed(await bench.story())] == [
        "TimeoutError: 0",
        "TimeoutError: 1",
    ]
    [failure] = await bench.failures()
    assert failure["problem"] == "TimeoutError: 2"
    assert (await bench.values())["rungs"] == {"propose": "fallback"}
    assert payloads(await bench.values())["payment"]["amount"] == 1.0


@pytest.mark.parametrize(
    "fault",
    [RuntimeError("a bug"), ContractViolation("no", contract="C", by="a"), PermissionError("no")],
    ids=["a bug", "a contract", "a right"],
)
async def test_what_would_be_the_same_again_is_not_tried_again(fault: Exception) -> None:
    """It goes down the ladder at once; the control above is tried three times."""
    flaky = Flaky(fault, fault)
    bench, clock = timed(flow_of(flaky.propose))
    await bench.run()
    assert len(flaky.seen) == 1 and clock.slept == [] and failed(await bench.story()) == []


async def test_a_wrong_output_is_not_tried_again_here() -> None:
    """Bad output is the producer's fault; whether a model is told and asked once more is `ask`'s matter."""
    bench, clock = timed(flow_of(gives({"amount": -1})))
    await bench.run()
    assert clock.slept == [] and (await bench.failures())[0]["code"] == "contract_violation"


async def test_each_attempt_has_the_steps_time() -> None:
    """A step that hangs is ended, and tried again."""
    waits = [True, True]

    async def slow(order: Order) -> Payment:
        if waits:
            waits.pop()
            await asyncio.Event().wait()
        return Payment(amount=20.0)

    bench, clock = timed(flow_of(slow, timeout=0.02))
    await bench.run()
    assert clock.slept == [2.0, 4.0] and waits == []
    assert {one["failure"]["code"] for one in failed(await bench.story())} == {"step_timeout"}


async def test_a_server_that_says_when_is_obeyed_up_to_a_bound() -> None:
    """Retry-After takes the place of the wait; an absurd one is capped by the policy."""
    flaky = Flaky(ModelBusy("429", retry_after=7.5), ModelBusy("429", retry_after=1e9))
    bench, clock = timed(flow_of(flaky.propose, retry=Retry(longest=45.0)))
    await bench.run()
    assert clock.slept == [7.5, 45.0]


async def test_one_attempt_means_one() -> None:
    """A step may be tried once and never again."""
    flaky = Flaky(TimeoutError())
    bench, clock = timed(flow_of(flaky.propose, retry=Retry(attempts=1)))
    await bench.run()
    assert flaky.seen == [(1, 1, True)] and clock.slept == []


async def test_a_step_that_succeeds_says_nothing_of_attempts() -> None:
    """Nor is anything written apart: no more is told than that it finished."""
    bench, _ = timed(flow_of(Flaky().propose))
    written: list[object] = []

    async def aside(*given: object) -> None:
        written.append(given)

    bench.services.aside = aside
    await bench.run()
    assert written == []
    assert all("attempt" not in one.event.data for one in await bench.story())
    assert not (await bench.values())["rungs"]


async def test_what_a_failed_attempt_put_aside_does_not_leave() -> None:
    """The outbox gets what the attempt that counts put into it, and that alone."""
    faults = [TimeoutError()]

    async def send(payment: Payment, ctx: StepContext) -> Receipt:
        key = ctx.outbox(f"try-{ctx.attempt}", {"amount": payment.amount})
        ctx.note(try_number=ctx.attempt)
        if faults:
            raise faults.pop()
        return Receipt(key=key)

    flow = Blueprint("sending", case=PaymentCase, owner="accounts")
    flow.step(gives(GOOD), name="propose", then="send")
    flow.effect(send, then=END)
    bench, _ = timed(flow)
    await bench.run()
    assert [one.key for one in await bench.outbox()] == ["try-2"]
    told = [one.event for one in await bench.story() if one.event.step == "send"]
    assert [one.kind for one in told] == ["attempt_failed", "effect_recorded", "step_finished", "case_ended"]


async def test_a_supervisor_and_an_effect_are_tried_again_too() -> None:
    """Whoever may fail for a moment may try again; a gate and a review have no attempts."""
    faults: list[BaseException] = [ModelTimeout("slow")]

    async def send(payment: Payment) -> Receipt:
        if faults:
            raise faults.pop()
        return Receipt(key="k")

    flow = Blueprint("effect", case=PaymentCase, owner="accounts")
    flow.step(gives(GOOD), name="propose", then="send")
    flow.effect(send, then=END, retry=Retry(base=1.0, jitter=False))
    bench, clock = timed(flow)
    await bench.run()
    assert (await bench.row()).status == "finished" and clock.slept == [1.0]


@pytest.mark.parametrize("fault", [StoreUnavailable("away"), Superseded("gone")])
async def test_what_is_nobodys_failure_is_neither_tried_again_nor_swallowed(fault: BaseException) -> None:
    """A store that is away and a case that was taken over leave the case standing."""
    flaky = Flaky(TimeoutError(), fault)
    bench, clock = timed(flow_of(flaky.propose))
    with pytest.raises(type(fault)):
        await bench.run()
    assert clock.slept == [2.0] and await bench.failures() == []
    assert (await bench.snapshot()).next == ("propose",)


async def test_a_cancellation_in_the_wait_is_not_swallowed() -> None:
    """Who cancels a run gets it back; the failed attempt is on the record, and counts."""
    flaky = Flaky(TimeoutError())
    clock, bench, waiting = FakeClock(), Bench(flow_of(flaky.propose)), asyncio.Event()

    async def waits(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    bench.services.clock, bench.services.sleep = clock.now, waits
    run = asyncio.create_task(bench.run())
    await waiting.wait()
    assert len(failed(await bench.story())) == 1, "it was told before the wait"
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    clock.advance(5)
    await bench.run(None)
    assert flaky.seen == [(1, 3, False), (2, 3, False)]


# -- across crashes ---------------------------------------------------------------------------


class Crash(BaseException):
    """The process is gone."""


async def test_attempts_survive_a_crash(database: str) -> None:
    """Three processes die in the wait after a failure; there are three attempts in all, not nine.

    The negative control: without the record a step is tried for ever.
    """
    flaky = Flaky(*(TimeoutError(str(number)) for number in range(9)))
    clock = FakeClock()

    async def dies(seconds: float) -> None:
        raise Crash

    async with Switchboard.open(database, clock=clock.now, sleep=dies) as switchboard:
        flow = flow_of(flaky.propose)
        for _ in range(2):
            with pytest.raises(Crash):
                await switchboard.run(flow, Order(text="two chairs"), case_id="c1")
            clock.advance(60)
        view = await switchboard.run(flow, Order(text="two chairs"), case_id="c1")
        assert [attempt for attempt, _, _ in flaky.seen] == [1, 2, 3]
        assert view.status == "finished"
        assert view.state.model_dump()["payment"]["amount"] == 1.0
        assert [one["attempt"] for one in failed(view.story)] == [1, 2]

        control = Flaky(*(TimeoutError(str(number)) for number in range(9)))
        switchboard.services.was_there = lambda *_: False
        flow = flow_of(control.propose, "control")
        for _ in range(5):
            with pytest.raises(Crash):
                await switchboard.run(flow, Order(text="two chairs"), case_id="c2")
        assert [attempt for attempt, _, _ in control.seen] == [1] * 5, "the control starts anew each time"


async def test_the_rest_of_a_wait_is_waited_after_a_crash(database: str) -> None:
    """A process that comes back early does not try early; one that comes late does not wait again."""
    flaky, clock = Flaky(ModelBusy("429", retry_after=30.0), ModelBusy("429", retry_after=30.0)), FakeClock()
    dead: list[bool] = [True, True]

    async def dies(seconds: float) -> None:
        if dead:
            dead.pop()
            raise Crash
        await clock.sleep(seconds)

    async with Switchboard.open(database, clock=clock.now, sleep=dies) as switchboard:
        flow = flow_of(flaky.propose)
        with pytest.raises(Crash):
            await switchboard.run(flow, Order(text="two chairs"), case_id="c1")
        clock.advance(100)
        with pytest.raises(Crash):
            await switchboard.resume("c1")
        assert clock.slept == [], "the first wait was over"
        clock.advance(20)
        await switchboard.resume("c1")
        assert clock.slept == [10.0]


@pytest.mark.pg
async def test_a_failed_attempt_is_committed_before_its_wait_and_by_the_owner_alone(pg_dsn: str) -> None:
    """Another connection sees it during the wait; an owner that was superseded writes none."""
    flaky, seen = Flaky(TimeoutError(), TimeoutError()), list[int]()
    clock = FakeClock()
    async with Switchboard.open(pg_dsn, clock=clock.now) as another:

        async def looks(seconds: float) -> None:
            seen.append(len(failed(await another.services.store.story("c1"))))
            if len(seen) == 2:
                raise Crash
            async with another._house.owners.owning("c2"):
                pass

        async with Switchboard.open(pg_dsn, clock=clock.now, sleep=looks) as switchboard:
            with pytest.raises(Crash):
                await switchboard.run(flow_of(flaky.propose), Order(text="two chairs"), case_id="c1")
            assert seen == [1, 2]


@pytest.mark.pg
async def test_a_superseded_owner_tells_of_no_attempt(pg_dsn: str, pg_pool: Any) -> None:
    """Law 5 holds for what is written apart, too: the fence is asked in the same statement."""
    async with Switchboard.open(pg_dsn) as switchboard:

        async def taken_over(order: Order) -> Payment:
            async with pg_pool.connection() as connection:
                await connection.execute("update switchboard.case_owner set epoch = epoch + 1")
            raise TimeoutError("slow")

        with pytest.raises(Superseded):
            await switchboard.run(flow_of(taken_over), Order(text="two chairs"), case_id="c1")
        assert failed(await switchboard.services.store.story("c1")) == []


# -- long waits are timers -----------------------------------------------------------------------


async def test_a_long_wait_is_a_timer(database: str) -> None:
    """Over a minute nothing is held: the case is delayed, and goes on with its next attempt when woken."""
    flaky = Flaky(ModelBusy("429", retry_after=90.0), TimeoutError(), ModelBusy("429", retry_after=240.0))
    clock = FakeClock()
    async with Switchboard.open(database, clock=clock.now, sleep=clock.sleep) as switchboard:
        flow = flow_of(flaky.propose, retry=Retry(attempts=4, jitter=False))
        view = await switchboard.run(flow, Order(text="two chairs"), case_id="c1")
        assert (view.status, view.row.step) == ("delayed", "propose")
        [timer] = await switchboard.services.store.timers(case_id="c1")
        assert (timer.kind, timer.payload) == ("backoff", {"attempt": 1})
        assert timer.due_at == clock.now() + timedelta(seconds=90)
        assert (await Ticker(switchboard).tick()).woken == 0

        clock.advance(90)
        assert (await Ticker(switchboard).tick()).woken == 1
        assert clock.slept == [4.0], "a short wait in between is slept"
        assert (await switchboard.case("c1")).status == "delayed"
        clock.advance(240)
        await switchboard.resume("c1")
        assert [attempt for attempt, _, _ in flaky.seen] == [1, 2, 3, 4]
        view = await switchboard.case("c1")
        assert view.status == "finished"
        told = [(one["attempt"], one["wait"], one["by"]) for one in failed(view.story)]
        assert told == [(1, 90.0, "timer"), (2, 4.0, "sleep"), (3, 240.0, "timer")]
        assert {one.status for one in await switchboard.services.store.timers(case_id="c1", status=None)} == {
            "fired"
        }


async def test_without_a_checkpointer_a_long_wait_is_slept() -> None:
    """There is no case that a timer could wake."""
    flaky, clock = Flaky(ModelBusy("429", retry_after=90.0)), FakeClock()
    bench = Bench(flow_of(flaky.propose))
    bench.services.clock, bench.services.sleep = clock.now, clock.sleep
    with using(bench.services):
        result = await bench.flow.build().compile().ainvoke(ORDER)
    assert result["outcome"] == "finished" and clock.slept == [90.0]


def test_sync_code_is_refused() -> None:
    """No timeout can end it; so no step is made of it."""

    def blocks(order: Order) -> Payment:
        return Payment(amount=1.0)

    with pytest.raises(BlueprintError, match="not an async function"):
        Blueprint("sync", case=PaymentCase).step(blocks, then=END)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "retry", [Retry(attempts=0), Retry(base=-1), Retry(factor=0.5), Retry(longest=-1)], ids=str
)
def test_a_policy_that_makes_no_sense_is_refused(retry: Retry) -> None:
    """Where it is written, not at the first failure."""
    with pytest.raises(BlueprintError, match="how often it is tried"):
        Blueprint("odd", case=PaymentCase).step(gives(GOOD), name="propose", then=END, retry=retry)


def test_a_changed_policy_is_a_changed_process() -> None:
    """The digest tells of it, and says nothing of one that is as ever."""

    def digest(**options: Any) -> str:
        flow = Blueprint("one", case=PaymentCase)
        flow.step(gives(GOOD), name="propose", then=END, **options)
        return flow.process().digest

    assert digest() == digest(retry=Retry()) != digest(retry=Retry(attempts=5))


async def test_a_doubt_after_a_timer_asks_a_person_once_and_goes_on(database: str) -> None:
    """A long wait, then a call that broke off: the question stands behind the timer, and is asked once."""
    clock, calls = FakeClock(), list[int]()

    async def send(payment: Payment, ctx: StepContext) -> Receipt:
        if ctx.attempt == 1:
            raise ModelBusy("429", retry_after=90.0)

        async def call(key: str) -> str:
            calls.append(ctx.attempt)
            if len(calls) == 1:
                raise ConnectionResetError("in the middle of it")
            return "sent"

        await ctx.external("letter", call)
        return Receipt(key="letter")

    flow = Blueprint("doubtful", case=PaymentCase, owner="accounts")
    flow.step(gives(GOOD), name="propose", then="send")
    flow.effect(send, then=END, retry=Retry(attempts=5, jitter=False))
    async with Switchboard.open(database, clock=clock.now, sleep=clock.sleep) as switchboard:
        assert (await switchboard.run(flow, Order(text="two chairs"), case_id="c1")).status == "delayed"
        clock.advance(90)
        assert (await Ticker(switchboard).tick()).woken == 1
        view = await switchboard.case("c1")
        assert view.status == "waiting" and calls == [2]
        [review] = view.reviews
        row = await switchboard.decide(review.review_id, {"type": "reject"}, by="ann")
        assert (row.status, calls) == ("finished", [2, 3])
        assert len(await switchboard.services.store.timers(case_id="c1", status=None)) == 1
        kinds = [one.event.kind for one in (await switchboard.case("c1")).story if one.event.step == "send"]
        assert kinds == [
            # That the timer fired leaves with the next commit of the step itself.
            "attempt_failed", "timer_set", "attempt_failed", "timer_fired", "review_opened", "review_decided",
            "effect_recorded", "step_finished", "case_ended",
        ]  # fmt: skip

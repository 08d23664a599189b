"""Timers and the ticker: a case that waits for a moment holds nothing, and is woken when it has come."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from langgraph.types import Command

from langgraph_switchboard import Switchboard
from langgraph_switchboard.cases import PostgresLease, TimerRow
from langgraph_switchboard.errors import CaseWaiting, ConfigurationError, TimerNotSet
from langgraph_switchboard.nodes import using
from langgraph_switchboard.postgres import Pool, open_pool
from langgraph_switchboard.switchboard.driver import config_of
from langgraph_switchboard.switchboard.ticker import Ticked, Ticker, ticking
from langgraph_switchboard.testing import FakeClock
from tests.seam import Order
from tests.timed import WAITS, with_waiting_step

ORDER = Order(text="two chairs")


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.pg)])
def database(request: pytest.FixtureRequest) -> str:
    return "memory" if request.param == "memory" else request.getfixturevalue("pg_dsn")


async def timers(switchboard: Switchboard, case_id: str) -> list[TimerRow]:
    return await switchboard.services.store.timers(case_id=case_id, status=None)


async def told(switchboard: Switchboard, case_id: str) -> list[tuple[str, str]]:
    story = await switchboard.services.store.story(case_id)
    return [(one.event.kind, one.event.step) for one in story]


def is_idle(ticked: Ticked) -> bool:
    """Whether a pass found nothing to do."""
    return not (ticked.woken or ticked.cancelled or ticked.failed or any(ticked.chores.values()))


async def test_a_case_waits_for_a_timer_and_a_ticker_wakes_it(database: str) -> None:
    """It is delayed until the moment has come, by the clock; then it goes on from where it stood."""
    clock = FakeClock()
    async with Switchboard.open(database, clock=clock.now, sleep=clock.sleep) as switchboard:
        view = await switchboard.run(with_waiting_step(switchboard), ORDER, case_id="c1")
        assert (view.status, view.row.step) == ("delayed", "rest")
        [timer] = await timers(switchboard, "c1")
        assert (timer.kind, timer.status, timer.payload) == ("wait", "set", {"s": WAITS[0]})
        assert timer.due_at == clock.now() + timedelta(seconds=WAITS[0])

        ticker = Ticker(switchboard)
        clock.advance(WAITS[0] - 1)
        assert is_idle(await ticker.tick())
        assert (await switchboard.resume("c1")).status == "delayed", "nor does a driver wake it too early"
        clock.advance(1)
        assert (await ticker.tick()).woken == 1
        assert (await switchboard.case("c1")).status == "delayed", "it waits a second time"
        assert [one.status for one in await timers(switchboard, "c1")] == ["fired", "set"]

        clock.advance(WAITS[1])
        assert (await ticker.tick()).woken == 1
        assert (await switchboard.case("c1")).status == "finished"
        assert [one.status for one in await timers(switchboard, "c1")] == ["fired", "fired"]
        assert (await told(switchboard, "c1"))[2:7] == [
            ("timer_set", "rest"),
            ("timer_fired", "rest"),
            ("timer_set", "rest"),
            ("timer_fired", "rest"),
            ("step_finished", "rest"),
        ]
        assert is_idle(await ticker.tick()), "nothing is left"


async def test_the_story_tells_of_the_wait(database: str) -> None:
    """A person who reads it sees what the case waited for."""
    clock = FakeClock()
    async with Switchboard.open(database, clock=clock.now) as switchboard:
        await switchboard.run(with_waiting_step(switchboard), ORDER, case_id="c1")
        clock.advance(WAITS[0])
        await switchboard.resume_all()
        lines = (await switchboard.case("c1")).story_lines()
        assert lines[2].startswith("rest     waits (wait) until 2030-01-01T00:01:00")
        assert lines[3] == "rest     goes on: wait is over"


@pytest.mark.pg
async def test_a_timer_outlives_the_process_that_set_it(pg_dsn: str) -> None:
    """Another process finds it, due or not, and what the case waited for is not lost."""
    clock = FakeClock()
    async with Switchboard.open(pg_dsn, clock=clock.now) as switchboard:
        await switchboard.run(with_waiting_step(switchboard), ORDER, case_id="c1")
    for _ in WAITS:
        async with Switchboard.open(pg_dsn, clock=clock.now) as another:
            with_waiting_step(another)
            assert (await Ticker(another).tick()).woken == 0
            clock.advance(60)
            assert (await Ticker(another).tick()).woken == 1
    async with Switchboard.open(pg_dsn, clock=clock.now) as last:
        with_waiting_step(last)
        assert (await last.case("c1")).status == "finished"


async def test_new_input_is_refused_while_a_timer_is_set(database: str) -> None:
    """It would start the case over, with the timer still ahead of it."""
    clock = FakeClock()
    async with Switchboard.open(database, clock=clock.now) as switchboard:
        flow = switchboard.flow(with_waiting_step(switchboard).name)
        row = (await switchboard.run(flow.name, ORDER, case_id="c1")).row
        with using(switchboard.services), pytest.raises(CaseWaiting):
            await flow.graph.ainvoke(row.input, config_of(row), durability="sync")


async def test_an_answer_that_names_another_timer_is_refused(database: str) -> None:
    """Strictly by id: the timer that the case waits for stays set."""
    clock = FakeClock()
    async with Switchboard.open(database, clock=clock.now) as switchboard:
        flow = switchboard.flow(with_waiting_step(switchboard).name)
        row = (await switchboard.run(flow.name, ORDER, case_id="c1")).row
        snapshot = await flow.graph.aget_state(config_of(row))
        [question] = snapshot.interrupts
        with using(switchboard.services), pytest.raises(TimerNotSet):
            await flow.graph.ainvoke(
                Command(resume={question.id: {"timer_id": "tm-other"}}), config_of(row), durability="sync"
            )
        assert [one.status for one in await timers(switchboard, "c1")] == ["set"]
        clock.advance(60)
        assert (await Ticker(switchboard).tick()).woken == 1


async def test_a_timer_that_nobody_waits_for_is_cancelled(database: str) -> None:
    """A case that went another way leaves no timer that is due for ever."""
    clock = FakeClock()
    async with Switchboard.open(database, clock=clock.now) as switchboard:
        flow = switchboard.flow(with_waiting_step(switchboard).name)
        row = (await switchboard.run(flow.name, ORDER, case_id="c1")).row
        with using(switchboard.services):
            await flow.graph.aupdate_state(config_of(row), Command(goto="pay"), as_node="rest")
            await flow.graph.ainvoke(None, config_of(row), durability="sync")
        clock.advance(3600)
        assert (await Ticker(switchboard).tick()).cancelled == 1
        assert [one.status for one in await timers(switchboard, "c1")] == ["cancelled"]
        assert is_idle(await Ticker(switchboard).tick())


async def test_a_case_of_an_unknown_flow_is_told_and_stays(database: str) -> None:
    """Its timer stays set for a process that knows the flow; others are woken all the same."""
    clock = FakeClock()
    async with Switchboard.open(database, clock=clock.now) as switchboard:
        await switchboard.run(with_waiting_step(switchboard), ORDER, case_id="c1")
        clock.advance(60)
        del switchboard._flows["waiting"]
        ticked = await Ticker(switchboard).tick()
        assert isinstance(ticked.failed["c1"], ConfigurationError) and ticked.woken == 0
        assert [one.status for one in await timers(switchboard, "c1")] == ["set"]


async def test_chores_have_their_turn_and_a_failing_one_stops_nobody(database: str) -> None:
    """Each gets the present moment; what it raises is told, and the next one goes on."""
    clock = FakeClock()
    seen: list[datetime] = []

    async def counts(_: Switchboard, now: datetime) -> int:
        seen.append(now)
        return 3

    async def fails(_: Switchboard, now: datetime) -> int:
        raise ConfigurationError("no post office")

    async with Switchboard.open(database, clock=clock.now) as switchboard:
        ticked = await Ticker(switchboard, chores={"fails": fails, "counts": counts}).tick()
        assert ticked.chores["counts"] == 3 and list(ticked.failed) == ["fails"]
        assert seen == [clock.now()]


async def test_the_loop_ticks_until_it_is_ended(database: str) -> None:
    """It sleeps between two passes, survives a pass that breaks off, and gives the lease back."""
    clock, passes = FakeClock(), asyncio.Event()
    turns = 0

    async def breaks_once(_: Switchboard, now: datetime) -> int:
        nonlocal turns
        turns += 1
        if turns == 1:
            raise RuntimeError("a bug of a chore")
        passes.set()
        return 0

    async with Switchboard.open(database, clock=clock.now) as switchboard:
        ticker = Ticker(switchboard, chores={"one": breaks_once}, every=5, sleep=clock.sleep)
        loop = asyncio.create_task(ticker.run())
        await passes.wait()
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        assert turns >= 2 and set(clock.slept) == {5}
        async with ticking(switchboard, every=0.01):
            await asyncio.sleep(0)


@pytest.mark.pg
async def test_one_of_two_processes_holds_the_lease(pg_dsn: str) -> None:
    """The other takes it when it is given back, or when the connection that held it is gone."""
    async with (
        open_pool(pg_dsn) as one_pool,
        open_pool(pg_dsn) as other_pool,
        PostgresLease.open(one_pool, "work") as one,
        PostgresLease.open(other_pool, "work") as two,
        PostgresLease.open(other_pool, "other work") as other,
    ):
        assert await one.is_ours() and await one.is_ours()
        assert not await two.is_ours()
        assert await other.is_ours(), "each name is its own"
        await one.give_back()
        assert await two.is_ours() and not await one.is_ours()
        await _end_connections(one_pool, two)
        assert not await two.is_ours(), "its connection is gone, and it says so"
        assert await one.is_ours()


async def _end_connections(pool: Pool, lease: PostgresLease) -> None:
    assert lease._connection is not None
    pid = lease._connection.info.backend_pid
    async with pool.connection() as connection:
        await connection.execute("select pg_terminate_backend(%s, 5000)", [pid])

"""Runs that no switchboard drives, as a LangGraph server makes them: one per case, fenced by their run id."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import UnknownInterruptError
from langgraph.types import interrupt

from langgraph_switchboard import Blueprint, StepContext, Switchboard
from langgraph_switchboard.errors import CaseBusy, CaseWaiting, Superseded
from langgraph_switchboard.nodes import using
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.switchboard import House, open_house
from langgraph_switchboard.switchboard.flows import Flow, compile_flow
from langgraph_switchboard.switchboard.strict import answer_to, strictly
from tests.durable.flows import asking
from tests.seam import GOOD, ORDER, Order, Payment, PaymentCase, Receipt, gives, paying
from tests.shape_flows import Gate, Opinion, a_set, until
from tests.shape_flows import Order as LampOrder

pytestmark = pytest.mark.pg


class Server:
    """Drives a flow as a LangGraph server does: with a run id, and no epoch.

    Args:
        house: The real things.
        blueprint: The flow.
        saver: Another saver than the house's.
    """

    def __init__(self, house: House, blueprint: Blueprint, saver: BaseCheckpointSaver[Any] | None = None):
        self.house = house
        self.flow: Flow = compile_flow(blueprint, saver or house.saver)

    async def run(self, given: Any, *, run: object = True, durability: Any = "async") -> Mapping[str, Any]:
        config: Any = {"configurable": {"thread_id": "c1"}}
        if run:
            config["run_id"] = uuid4() if run is True else run
        with using(self.house.services):
            ended: Mapping[str, Any] = await self.flow.graph.ainvoke(given, config, durability=durability)
        return ended

    async def questions(self) -> int:
        return len((await self.flow.graph.aget_state({"configurable": {"thread_id": "c1"}})).interrupts)

    async def paid(self) -> int:
        return len(await self.house.services.store.outbox("c1"))


@asynccontextmanager
async def served(dsn: str, blueprint: Blueprint) -> AsyncIterator[Server]:
    async with open_house(dsn) as house:
        yield Server(house, blueprint)


class Held:
    """A flow whose first step waits until it is told to go on, the first time."""

    def __init__(self) -> None:
        self.started, self.go = asyncio.Event(), asyncio.Event()
        self.calls = 0

    def flow(self) -> Blueprint:
        return paying(self.agent(), fallback=None)

    def agent(self) -> Any:
        async def propose(order: Order) -> Payment:
            self.calls += 1
            if self.calls == 1:
                self.started.set()
                await self.go.wait()
            return Payment(amount=20.0)

        return propose


async def take_over(pool: Pool) -> None:
    """Somebody else takes the case, as after a lease that has run out."""
    async with pool.connection() as connection:
        await connection.execute("update switchboard.case_owner set epoch = epoch + 1, run = 'another'")


async def test_a_second_run_on_a_case_is_refused_before_any_step_starts(pg_dsn: str) -> None:
    """Law 5: within one process and from another, by a run or by a switchboard; afterwards it is free."""
    held = Held()
    async with served(pg_dsn, held.flow()) as one, served(pg_dsn, held.flow()) as two:
        first = asyncio.create_task(one.run(ORDER))
        await held.started.wait()
        for server in (one, two):
            with pytest.raises(CaseBusy):
                await server.run(None)
        with pytest.raises(CaseBusy):
            await Switchboard(two.house).run(held.flow(), ORDER, case_id="c1")
        held.go.set()
        assert (await first)["outcome"] == "finished"
        assert (held.calls, await one.paid()) == (1, 1)


async def test_runs_without_an_id_are_not_fenced(pg_dsn: str) -> None:
    """The control, and what a notebook gets: both runs do the step, and both believe in their end."""
    held = Held()
    async with served(pg_dsn, held.flow()) as one, served(pg_dsn, held.flow()) as two:
        first = asyncio.create_task(one.run(ORDER, run=None))
        await held.started.wait()
        second = await two.run(None, run=None)
        held.go.set()
        assert (await first)["outcome"] == second["outcome"] == "finished"
        assert held.calls == 2


async def test_a_superseded_run_writes_nothing_more(pg_dsn: str, pg_pool: Pool) -> None:
    """Law 5: taken over in mid-step, its result stands nowhere: no state, no ledger, no outbox."""
    held = Held()
    async with served(pg_dsn, held.flow()) as server:
        run = asyncio.create_task(server.run(ORDER))
        await held.started.wait()
        await take_over(pg_pool)
        held.go.set()
        with pytest.raises(Superseded):
            await run
        story = await server.house.services.store.story("c1")
        assert ([one.event.step for one in story], await server.paid()) == (["open"], 0)


async def test_an_effect_of_a_superseded_run_is_not_done(pg_dsn: str, pg_pool: Pool) -> None:
    """The effect's own transaction asks for the epoch of the adopted run as well."""
    async with pg_pool.connection() as connection:
        await connection.execute("create table public.paid (case_id text)")

    async def pay_late(payment: Payment, ctx: StepContext) -> Receipt:
        async def do(connection: Any) -> None:
            await connection.execute("insert into public.paid values (%s)", [ctx.case_id])

        await take_over(pg_pool)
        await ctx.effect("payment", do)
        return Receipt(key="payment")

    flow = Blueprint("late", case=PaymentCase, owner="accounts")
    flow.step(gives(GOOD), name="propose", then="pay")
    flow.effect(pay_late, name="pay")
    async with served(pg_dsn, flow) as server:
        with pytest.raises(Superseded):
            await server.run(ORDER)
    async with pg_pool.connection() as connection:
        rows = await (await connection.execute("select * from public.paid")).fetchall()
    assert rows == []


async def test_a_case_that_rests_is_free_at_once(pg_dsn: str) -> None:
    """A person decides through the switchboard in another process while the server lives on."""
    flow = paying(gives("bad"))
    async with served(pg_dsn, flow) as server, Switchboard.open(pg_dsn, flows=[flow]) as switchboard:
        assert "__interrupt__" in await server.run(ORDER)
        began = time.monotonic()
        [review] = await switchboard.reviews()
        row = await switchboard.decide(review.review_id, {"type": "edit", "edited": GOOD}, by="ann")
        assert (row.status, await server.paid()) == ("finished", 1)
        assert time.monotonic() - began < 5


async def test_a_run_that_breaks_off_holds_its_case_no_longer(pg_dsn: str) -> None:
    """Nobody tells the saver that a run was cancelled; the next one of its process gets the case at once."""
    held = Held()
    async with served(pg_dsn, held.flow()) as server:
        run = asyncio.create_task(server.run(ORDER))
        await held.started.wait()
        run.cancel()
        await asyncio.wait({run})
        assert (await server.run(None))["outcome"] == "finished"
        assert await server.paid() == 1


async def test_a_further_attempt_of_the_same_run_takes_the_case_over(pg_dsn: str) -> None:
    """A server tries a run again under its id: the earlier attempt is superseded, not in the way."""
    held, run_id = Held(), uuid4()
    async with served(pg_dsn, held.flow()) as one, served(pg_dsn, held.flow()) as two:
        first = asyncio.create_task(one.run(ORDER, run=run_id))
        await held.started.wait()
        assert (await two.run(None, run=run_id))["outcome"] == "finished"
        held.go.set()
        with pytest.raises(Superseded):
            await first
        assert await one.paid() == 1


# -- new input ------------------------------------------------------------------------------


@pytest.mark.parametrize("durability", ["sync", "async"])
async def test_new_input_while_a_review_is_open_is_refused(pg_dsn: str, durability: str) -> None:
    """Law 4: the question stays as it was, and can be decided; nothing of the new input is kept."""
    flow = paying(gives("bad"))
    async with served(pg_dsn, flow) as server:
        await server.run(ORDER, durability=durability)
        began = time.monotonic()
        with pytest.raises(CaseWaiting):
            await server.run({"order": {"text": "a hundred chairs"}}, durability=durability)
        assert time.monotonic() - began < 5
        assert await server.questions() == 1
        switchboard = Switchboard(server.house)
        switchboard.flow(flow)
        [review] = await switchboard.reviews()
        row = await switchboard.decide(review.review_id, {"type": "edit", "edited": GOOD}, by="ann")
        assert (row.status, row.input["order"]["text"], await server.paid()) == ("finished", "two chairs", 1)


async def test_a_foreign_saver_loses_the_question_to_new_input(pg_dsn: str) -> None:
    """The control: the opening step refuses here too, but LangGraph has dropped the question by then."""
    async with open_house(pg_dsn) as house:
        server = Server(house, paying(gives("bad")), InMemorySaver())
        await server.run(ORDER)
        assert await server.questions() == 1
        with pytest.raises(CaseWaiting):
            await server.run({"order": {"text": "a hundred chairs"}})
        assert await server.questions() == 0


async def test_a_case_that_has_ended_takes_new_input(pg_dsn: str) -> None:
    """Nobody waits there any more: a thread of a server may be used for the next case."""
    async with served(pg_dsn, paying(gives(GOOD))) as server:
        assert (await server.run(ORDER))["outcome"] == "finished"
        assert (await server.run(ORDER))["outcome"] == "finished"


# -- strict resume ---------------------------------------------------------------------------


def asks_twice() -> Any:
    graph = asking()

    async def ask_again(state: Any) -> dict[str, Any]:
        return {"answer": interrupt({"question": "Delete everything?"})}

    graph.add_node("again", ask_again)
    graph.add_edge("ask", "again")
    return graph.compile(checkpointer=InMemorySaver())


async def test_an_answer_to_a_question_that_is_not_asked_is_refused() -> None:
    """The adapter's key works: if LangGraph moves it, this fails, and so must a release."""
    graph, config = asks_twice(), strictly({"configurable": {"thread_id": "t"}})
    asked = await graph.ainvoke({"asked": ""}, config)
    first = asked["__interrupt__"][0].id
    again = await graph.ainvoke(answer_to(first, "yes"), config)
    assert again["__interrupt__"][0].value == {"question": "Delete everything?"}
    with pytest.raises(UnknownInterruptError):
        await graph.ainvoke(answer_to(first, "yes"), config)


async def test_without_the_key_nobody_is_told_that_an_answer_came_too_late() -> None:
    """The control: the stale answer is taken without a word, and the question is asked once more."""
    graph: Any = asks_twice()
    config: Any = {"configurable": {"thread_id": "t"}}
    first = (await graph.ainvoke({"asked": ""}, config))["__interrupt__"][0].id
    await graph.ainvoke(answer_to(first, "yes"), config)
    ended = await graph.ainvoke(answer_to(first, "yes"), config)
    assert ended["__interrupt__"][0].value == {"question": "Delete everything?"}


async def test_a_case_with_several_branches_is_held_until_the_last_one_rests(pg_dsn: str) -> None:
    """A question in one branch gives the case back only when no other branch is at work any more."""
    gate = Gate()

    async def slow(order: LampOrder) -> Opinion:
        await gate.through()
        return Opinion(says="slow")

    async with served(pg_dsn, a_set(slow, right_reviewed=True)) as server:
        running = asyncio.create_task(server.run({"order": {"text": "lamps"}}))

        async def asked() -> int:
            return len(await server.house.services.store.reviews(case_id="c1"))

        await until(asked)
        with pytest.raises(CaseBusy):
            await server.run(None)
        gate.open.set()
        ended = await running
        [question] = ended["__interrupt__"]
        row = await server.house.services.store.case("c1")
        assert row is not None
        assert (row.status, row.step) == ("waiting", "ask_too")
        assert (await server.run(answer_to(question.id, {"type": "approve"})))["outcome"] == "finished"
        assert await server.paid() == 1


async def test_a_case_on_which_five_runs_died_is_poison(pg_dsn: str, pg_pool: Pool) -> None:
    """A server that starts its runs again after each crash does not die of one case for ever.

    The control is the fifth death: the run after the fourth one still tries.
    """
    calls: list[int] = []

    class Stop(BaseException):
        """The process is gone."""

    async def dies(order: Order) -> Payment:
        calls.append(1)
        raise Stop

    async def somebody_died() -> None:
        async with pg_pool.connection() as connection:
            await connection.execute("update switchboard.case_owner set lease_until = now() - interval '1 s'")

    async with served(pg_dsn, paying(dies, fallback=None)) as server:
        with pytest.raises(Stop):
            await server.run(ORDER)
        for _ in range(4):
            await somebody_died()
            with pytest.raises(Stop):
                await server.run(None)
        assert len(calls) == 5
        await somebody_died()
        assert (await server.run(None))["outcome"] == "dead_lettered"
        assert len(calls) == 5
        story = await server.house.services.store.story("c1")
        [failure] = [one.event.data["failure"] for one in story if one.event.kind == "step_failed"]
        assert (failure["code"], failure["crashes"]) == ("poison", 5)

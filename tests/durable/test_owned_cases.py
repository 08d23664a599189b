"""Cases on the switchboard's own saver: ledger in the commit of the state, and one owner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from langgraph_switchboard import Blueprint, CaseState, Contract, StepContext, Switchboard
from langgraph_switchboard.errors import CaseBusy, EffectConflict, Superseded
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.switchboard import House, open_house

pytestmark = pytest.mark.pg


class Order(Contract):
    """What somebody wants."""

    text: str


class Packed(Contract):
    """What was packed."""

    text: str


class Shipped(Contract):
    """What left the house."""

    key: str


class OrderCase(CaseState):
    """One order."""

    order: Order
    packed: Packed | None = None
    shipped: Shipped | None = None


async def ship(packed: Packed, ctx: StepContext) -> Shipped:
    """Put it on the lorry."""
    return Shipped(key=ctx.outbox("parcel", {"text": packed.text}))


def flow_of(pack: object) -> Blueprint:
    flow = Blueprint("orders", case=OrderCase, owner="warehouse")
    flow.step(pack, then="ship", name="pack")  # type: ignore[arg-type]
    flow.effect(ship)
    return flow


async def pack(order: Order) -> Packed:
    """Put it into a box."""
    return Packed(text=order.text)


async def test_ledger_and_state_are_one_commit(pg_dsn: str, pg_pool: Pool) -> None:
    """Law 6: what the ledger tells of a task has the transaction id of that task's writes."""
    async with Switchboard.open(pg_dsn) as switchboard:
        case = await switchboard.run(flow_of(pack), Order(text="a lamp"))
    assert case.status == "finished"
    together = """
        select l.step, count(distinct w.xmin::text) as commits, bool_and(w.xmin = l.xmin) as same
        from switchboard.ledger l join checkpoint_writes w on w.task_id = l.task_id
        group by l.step order by 1
    """
    async with pg_pool.connection() as connection:
        rows = await (await connection.execute(together)).fetchall()
    assert [(row["step"], row["commits"], row["same"]) for row in rows] == [
        ("open", 1, True),
        ("pack", 1, True),
        ("ship", 1, True),
    ]


async def test_an_effect_leaves_with_its_step(pg_dsn: str, pg_pool: Pool) -> None:
    """The outbox row has the transaction id of the step's own writes."""
    async with Switchboard.open(pg_dsn) as switchboard:
        await switchboard.run(flow_of(pack), Order(text="a lamp"))
    same = """
        select bool_and(o.xmin = l.xmin) as same from switchboard.outbox o
        join switchboard.ledger l on l.case_id = o.case_id and l.step = 'ship'
    """
    async with pg_pool.connection() as connection:
        row = await (await connection.execute(same)).fetchone()
    assert row == {"same": True}


async def test_a_superseded_owner_writes_nothing_more(pg_dsn: str, pg_pool: Pool) -> None:
    """Law 5: somebody takes the case over while a step runs; its result never stands."""
    taken: list[str] = []

    async def pack_slowly(order: Order, ctx: StepContext) -> Packed:
        """Put it into a box while somebody takes the case over."""
        if not taken:
            taken.append(ctx.case_id)
            async with pg_pool.connection() as connection:
                await connection.execute(
                    "update switchboard.case_owner set epoch = epoch + 1 where case_id = %s", [ctx.case_id]
                )
        return Packed(text=order.text)

    flow = flow_of(pack_slowly)
    async with Switchboard.open(pg_dsn) as switchboard:
        await switchboard.start(flow, Order(text="a lamp"), case_id="c-1")
        with pytest.raises(Superseded):
            await switchboard.resume("c-1")
        steps = [entry.event.step for entry in await switchboard.services.store.story("c-1")]
        assert steps == ["open"]
        assert await switchboard.services.store.outbox() == []


async def test_two_drivers_of_one_case_are_one_too_many(pg_dsn: str) -> None:
    """A case is driven by one run at a time, also across switchboards; the other is refused."""
    started, go = asyncio.Event(), asyncio.Event()

    async def pack_on_word(order: Order) -> Packed:
        """Put it into a box when told."""
        started.set()
        await go.wait()
        return Packed(text=order.text)

    flow = flow_of(pack_on_word)
    async with Switchboard.open(pg_dsn, flows=[flow]) as one, Switchboard.open(pg_dsn, flows=[flow]) as two:
        await one.start(flow, Order(text="a lamp"), case_id="c-1")
        first = asyncio.create_task(one.resume("c-1"))
        await started.wait()
        with pytest.raises(CaseBusy):
            await two.resume("c-1")
        with pytest.raises(CaseBusy):
            await one.resume("c-1")
        go.set()
        assert (await first).status == "finished"
        assert (await two.resume("c-1")).status == "finished"
        assert len(await two.services.store.outbox()) == 1


class Anybodys:
    """Owners that let everybody drive."""

    @asynccontextmanager
    async def owning(self, case_id: str) -> AsyncIterator[int | None]:
        """Ask nothing and give no epoch."""
        yield None

    async def count_crash(self, case_id: str, epoch: int | None, stands: str) -> int:
        """Nobody owned it."""
        return 0


async def test_without_owners_two_starts_do_the_work_twice(pg_dsn: str) -> None:
    """The control of the double start: with nobody to own the case, both drivers do its step."""
    both, entered = asyncio.Event(), []

    async def pack_with_company(order: Order) -> Packed:
        """Put it into a box, beside somebody who does the same."""
        entered.append(order.text)
        if len(entered) == 2:
            both.set()
        await both.wait()
        return Packed(text=order.text)

    flow = flow_of(pack_with_company)
    async with open_house(pg_dsn) as house:
        open_to_all = House(house.services, house.saver, Anybodys())
        one, two = Switchboard(open_to_all), Switchboard(open_to_all)
        await one.start(flow, Order(text="a lamp"), case_id="c-1")
        two.flow(flow)
        await asyncio.gather(one.resume("c-1"), two.resume("c-1"), return_exceptions=True)
    assert entered == ["a lamp", "a lamp"]


async def test_another_row_under_a_known_key_takes_the_ladder(pg_dsn: str, pg_pool: Pool) -> None:
    """The conflict is the step's failure: the case goes on to the dead letter, nothing is overwritten."""
    async with Switchboard.open(pg_dsn) as switchboard:
        flow = flow_of(pack)
        await switchboard.start(flow, Order(text="a lamp"), case_id="c-1")
        async with pg_pool.connection() as connection:
            await connection.execute(
                "insert into switchboard.outbox values ('c-1', 'parcel', 'ship', '{}', 'other', now())"
            )
        case = await switchboard.resume("c-1")
        story = await switchboard.services.store.story("c-1")
    assert case.status == "dead_lettered"
    failed = [entry.event.data["failure"]["code"] for entry in story if entry.event.kind == "step_failed"]
    assert failed == [EffectConflict.code]


async def test_a_run_that_nobody_saves_waits_for_no_checkpoint(pg_dsn: str) -> None:
    """A graph without a checkpointer may carry a thread id all the same; its steps start at once."""
    flow = flow_of(pack)
    async with Switchboard.open(pg_dsn, flows=[flow]) as switchboard:
        graph = flow.build().compile()
        async with asyncio.timeout(10):
            ended = await graph.ainvoke(
                {"order": {"text": "a lamp"}}, {"configurable": {"thread_id": "nowhere"}}
            )
        assert ended["outcome"] == "finished"
        assert [row.case_id for row in await switchboard.services.store.outbox()] == ["nowhere"]

"""The guards taken away one by one, and stock LangGraph: what a sweep must find, or it proves nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from langgraph_switchboard import Blueprint, StepContext
from langgraph_switchboard.cases import PostgresStore
from langgraph_switchboard.checkpoints import CaseSaver, RidingJournal
from langgraph_switchboard.checkpoints.case_saver import OWNER
from langgraph_switchboard.postgres import ConnectionClass, open_pool
from langgraph_switchboard.postgres.writer import GroupCommitWriter
from langgraph_switchboard.switchboard.opening import House, open_house
from langgraph_switchboard.testing.chaos import FlowSubject, happened
from langgraph_switchboard.testing.chaos.flow import Mode
from tests.chaos.flows import linear
from tests.chaos.orders import Offer, Order, OrderCase, Shipped


async def price_by_length(order: Order) -> Offer:
    """Price the words."""
    return Offer(cents=100 * len(order.text))


async def pay_by_itself(offer: Offer) -> Shipped:
    """Pay as most agents do: a plain call to the outside, with no key that anybody remembers."""
    happened("pay")
    return Shipped(key="none")


async def close(shipped: Shipped, ctx: StepContext) -> Shipped:
    """Close the books."""
    ctx.outbox("closed", {"key": shipped.key})
    return shipped


def naive() -> Blueprint:
    """Price -> pay, in plain steps -> close."""
    flow = Blueprint("naive", case=OrderCase, owner="warehouse")
    flow.step(price_by_length, then=pay_by_itself)
    flow.step(pay_by_itself, then=close)
    flow.effect(close)
    return flow


@asynccontextmanager
async def journal_apart(dsn: str, *, traced: bool, connection_class: ConnectionClass) -> AsyncIterator[House]:
    """The ledger is committed when a step settles, the state a moment later."""
    async with open_house(dsn, traced=traced, connection_class=connection_class) as house:
        store = house.services.store
        assert isinstance(store, PostgresStore)
        yield replace(house, services=replace(house.services, journal=store))


@asynccontextmanager
async def without_barrier(
    dsn: str, *, traced: bool, connection_class: ConnectionClass
) -> AsyncIterator[House]:
    """A step starts as soon as LangGraph starts it."""
    async with open_house(dsn, traced=traced, connection_class=connection_class) as house:
        yield replace(house, services=replace(house.services, barrier=None))


@asynccontextmanager
async def without_stickiness(
    dsn: str, *, traced: bool, connection_class: ConnectionClass
) -> AsyncIterator[House]:
    """A run goes on writing after a write of it has failed."""
    async with (
        open_house(dsn, traced=traced, connection_class=connection_class) as house,
        open_pool(dsn, connection_class=connection_class) as pool,
    ):
        journal = RidingJournal(PostgresStore(pool))
        writer = GroupCommitWriter(pool, guard=OWNER, sticky=False)
        saver = CaseSaver(pool, journal, writer=writer)
        services = replace(
            house.services,
            journal=journal,
            barrier=saver.barrier,
            aside=saver.aside,
            was_there=saver.was_there,
        )
        yield replace(house, services=services, saver=saver)
        await saver.aclose()


RIGS = {
    "journal_apart": journal_apart,
    "without_barrier": without_barrier,
    "without_stickiness": without_stickiness,
}


def subject(rig: str, flow: str = "linear", mode: Mode = "sync") -> FlowSubject:
    """A flow in a house that lacks one guard."""
    return FlowSubject(
        naive() if flow == "naive" else linear(),
        Order(text="three brass lamps"),
        mode=mode,
        rig=RIGS.get(rig, open_house),
        tables="CREATE TABLE IF NOT EXISTS payments (case_id text, key text, cents int)",
    )

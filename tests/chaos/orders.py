"""Orders: the contracts and agents of the flows that are swept."""

from __future__ import annotations

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from langgraph_switchboard import CaseState, Contract, Decision, StepContext
from langgraph_switchboard.testing.chaos import entered


class Order(Contract):
    """What somebody wants."""

    text: str


class Checked(Contract):
    """What the order comes to."""

    words: int


class Offer(Contract):
    """What we are going to charge."""

    cents: int
    note: str = ""


class OfferDecision(Decision):
    """What a person says about an offer."""

    edited: Offer | None = None


class Shipped(Contract):
    """What left the house."""

    key: str


class OrderCase(CaseState):
    """One order."""

    order: Order
    checked: Checked | None = None
    offer: Offer | None = None
    decision: OfferDecision | None = None
    shipped: Shipped | None = None


async def check(order: Order) -> Checked:
    """Count the words."""
    entered("check")
    return Checked(words=len(order.text.split()))


async def price(order: Order, checked: Checked) -> Offer:
    """Price them."""
    entered("price")
    return Offer(cents=100 * checked.words, note=order.text)


async def ship(offer: Offer, ctx: StepContext) -> Shipped:
    """Take the money, and let the parcel go."""
    entered("ship")

    async def pay(connection: AsyncConnection[DictRow]) -> int:
        await connection.execute("INSERT INTO payments VALUES (%s, 'pay', %s)", [ctx.case_id, offer.cents])
        return offer.cents

    paid = await ctx.effect("pay", pay, args={"cents": offer.cents})
    ctx.outbox("parcel", {"cents": paid, "note": offer.note})
    return Shipped(key="parcel")


async def breaks(order: Order) -> Offer:
    """An agent that never works, and that it would be worth trying again."""
    entered("breaks")
    raise ConnectionError("out of order")


async def breaks_too(order: Order) -> Offer:
    """Nor does its fallback."""
    entered("breaks_too")
    raise RuntimeError("out of order as well")

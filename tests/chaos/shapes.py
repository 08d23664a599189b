"""Flows of the crash sweep whose cases stand on several steps at once, or go round.

A set with a person in one branch and a failure in the other, a map over twenty items, a blueprint
inside with a person in it, a sequence that a supervisor picks, and a loop with a bound.
"""

from __future__ import annotations

from langgraph_switchboard import END, JOIN, Blueprint, CaseState, Contract, StepContext
from langgraph_switchboard.testing.chaos import entered
from tests.chaos.orders import Checked, Offer, OfferDecision, Order, Shipped, breaks, check, price, ship

ITEMS = 20


class Word(Contract):
    """One word of an order."""

    text: str


class Words(Contract):
    """All of them."""

    items: tuple[Word, ...]


class Letters(Contract):
    """How long one word is."""

    count: int


class Counted(Contract):
    """How long all of them are."""

    items: tuple[Letters, ...]


class Route(Contract):
    """Who prices it."""

    agents: tuple[str, ...]
    confidence: float = 1.0
    reason: str = ""


class ShapesCase(CaseState):
    """One order, by several hands."""

    order: Order
    words: Words | None = None
    counted: Counted | None = None
    checked: Checked | None = None
    route: Route | None = None
    offer: Offer | None = None
    decision: OfferDecision | None = None
    shipped: Shipped | None = None


class InsideCase(CaseState):
    """What is done inside another blueprint."""

    order: Order
    checked: Checked | None = None
    offer: Offer | None = None
    decision: OfferDecision | None = None


async def split(order: Order) -> Words:
    """Twenty words, whatever was ordered."""
    entered("split")
    words = order.text.split()
    return Words(items=tuple(Word(text=words[n % len(words)]) for n in range(ITEMS)))


async def count(word: Word, ctx: StepContext) -> Letters:
    """Count the letters of one word."""
    entered(f"count {ctx.item}")
    return Letters(count=len(word.text))


async def charge(order: Order, counted: Counted) -> Offer:
    """A cent for each letter."""
    entered("charge")
    return Offer(cents=sum(one.count for one in counted.items), note=order.text)


async def quick(order: Order) -> Offer:
    """A price at a glance."""
    entered("quick")
    return Offer(cents=5, note="quick")


async def cheapest(order: Order, offer: dict[str, Offer]) -> Offer:
    """The least that anybody asks."""
    entered("cheapest")
    return Offer(cents=min(one.cents for one in offer.values()), note=", ".join(offer))


async def both(order: Order) -> Route:
    """Both, the quick one first."""
    entered("both")
    return Route(agents=("quick", "slow"))


async def lower(order: Order, ctx: StepContext) -> Offer:
    """Lower the price at every try."""
    entered("lower")
    return Offer(cents=100 - ctx.visit, note=f"try {ctx.visit}")


async def judge(offer: Offer) -> Checked:
    """Never content."""
    entered("judge")
    return Checked(words=offer.cents)


def _blueprint(name: str, case: type[CaseState] = ShapesCase) -> Blueprint:
    return Blueprint(name, case=case, owner="warehouse")


def several() -> Blueprint:
    """Check and a person's price | an agent that fails and its fallback -> the cheapest -> ship."""
    flow = _blueprint("several")
    flow.parallel("offers", members=["check", "breaks"], merge=cheapest, then=ship)
    flow.step(check, then="price")
    flow.step(price, then="review")
    flow.review("review", of="offer", decides=OfferDecision, then=JOIN, rejected=JOIN)
    flow.step(breaks, then=JOIN, fallback=quick)
    flow.step(quick, then=JOIN)
    flow.effect(ship)
    return flow


def mapped() -> Blueprint:
    """Split -> count each of twenty, four at a time -> charge -> ship."""
    flow = _blueprint("mapped")
    flow.step(split, then="counts")
    flow.map("counts", over="words", body=count, gives="counted", then=charge, concurrency=4)
    flow.step(charge, then=ship)
    flow.effect(ship)
    return flow


def inside() -> Blueprint:
    """Check -> price -> a person, as one step -> ship."""
    inner = _blueprint("pricing", InsideCase)
    inner.step(check, then=price)
    inner.step(price, then="review")
    inner.review("review", of="offer", decides=OfferDecision, then=END)
    flow = _blueprint("inside")
    flow.include(inner, then=ship)
    flow.effect(ship)
    return flow


def in_turn() -> Blueprint:
    """A supervisor picks two, one after the other, the second with a person -> the cheapest -> ship."""
    flow = _blueprint("in_turn")
    flow.supervise(
        "who", both, agents=[quick, "slow"], unsure="dead_letter", picks="sequence", merge=cheapest, then=ship
    )
    flow.step(quick, then=JOIN)
    flow.step(check, name="slow", then=price)
    flow.step(price, then="review")
    flow.review("review", of="offer", decides=OfferDecision, then=JOIN)
    flow.effect(ship)
    return flow


def looped() -> Blueprint:
    """Lower -> judge, three times, and then a person -> ship."""
    flow = _blueprint("looped")
    flow.step(lower, then=judge, max_visits=3, exhausted="review")
    flow.step(judge, then=lower)
    flow.review("review", of="offer", decides=OfferDecision, then=ship)
    flow.effect(ship)
    return flow


SHAPES = {"several": several, "mapped": mapped, "inside": inside, "in_turn": in_turn, "looped": looped}

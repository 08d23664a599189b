"""Flows with several branches, for tests of what they do when they run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import Field

from langgraph_switchboard import JOIN, Blueprint, CaseState, Contract, Decision, StepContext


class Order(Contract):
    """What somebody wants, line by line."""

    text: str
    lines: tuple[Line, ...] = ()


class Line(Contract):
    """One line of it."""

    text: str


class Price(Contract):
    """What one line costs."""

    cents: int


class PriceDecision(Decision):
    """What a person says of a price."""

    edited: Price | None = None


class Prices(Contract):
    """What all lines cost."""

    items: tuple[Price, ...]


class Opinion(Contract):
    """What one of several thinks of it."""

    says: str
    confidence: float = Field(default=1.0, ge=0, le=1)


class OpinionDecision(Decision):
    """What a person says of a opinion."""

    edited: Opinion | None = None


class Route(Contract):
    """Whom to ask."""

    agents: tuple[str, ...]
    confidence: float = 1.0
    reason: str = "asked for"


class Done(Contract):
    """How it ended."""

    text: str


class OrderCase(CaseState):
    """One order."""

    order: Order
    prices: Prices | None = None
    route: Route | None = None
    opinion: Opinion | None = None
    opinion_decision: OpinionDecision | None = None
    done: Done | None = None


Order.model_rebuild()
Agent = Callable[..., Awaitable[Any]]


async def finish(order: Order, opinion: Opinion | None, ctx: StepContext) -> Done:
    """Say what came of it, once."""
    ctx.outbox("done", {"opinion": opinion.says if opinion else None})
    return Done(text=opinion.says if opinion else "nothing")


async def left(order: Order) -> Opinion:
    """One opinion."""
    return Opinion(says="left")


async def right(order: Order) -> Opinion:
    """Another."""
    return Opinion(says="right")


async def breaks(order: Order) -> Opinion:
    """Never works."""
    raise RuntimeError("out of order")


async def both(opinion: dict[str, Opinion]) -> Opinion:
    """All views in one, by who has it."""
    return Opinion(says=", ".join(f"{member} says {one.says}" for member, one in opinion.items()))


def blank(name: str = "shapes", **said: Any) -> Blueprint:
    return Blueprint(name, case=OrderCase, owner="shop", **said)


def a_set(
    left_agent: Agent = left,
    *,
    fallback: str | None = None,
    reviewed: bool = False,
    right_reviewed: bool = False,
) -> Blueprint:
    """Two at once, merged: left (-> spare) (-> ask), and right -> look (-> ask too); then finish."""
    flow = blank()
    flow.parallel("views", members=["left", "right"], merge=both, then=finish)
    flow.step(left_agent, name="left", then="ask" if reviewed else JOIN, fallback=fallback)
    if fallback == "spare":
        flow.step(left, name="spare", then="ask" if reviewed else JOIN)
    if reviewed or fallback == "ask":
        flow.review("ask", of="opinion", decides=OpinionDecision, then=JOIN, rejected=JOIN)
    flow.step(right, then="look")
    flow.step(right, name="look", then="ask_too" if right_reviewed else JOIN)
    if right_reviewed:
        flow.review("ask_too", of="opinion", decides=OpinionDecision, then=JOIN, rejected=JOIN)
    flow.effect(finish)
    return flow


class Gate:
    """Lets agents in, counts how many are inside, and lets them out when it is opened."""

    def __init__(self) -> None:
        self.inside = self.peak = 0
        self.entered = asyncio.Event()
        self.open = asyncio.Event()

    async def through(self) -> None:
        self.inside += 1
        self.peak = max(self.peak, self.inside)
        self.entered.set()
        await self.open.wait()
        self.inside -= 1


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """What `look` gives, once it gives something."""
    async with asyncio.timeout(20):
        while True:
            if found := await look():
                return found
            await asyncio.sleep(0)

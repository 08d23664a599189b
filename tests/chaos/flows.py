"""The six flows of the crash sweep: linear, parallel, fan-out, review, ladder, subgraph.

Each pays once in a table of its own (which would take a second payment) and puts one row
into the outbox. Every body tells the outside world that it began.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from operator import add
from typing import Annotated, Any

from langgraph.graph import END as STOP
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send
from typing_extensions import TypedDict

from langgraph_switchboard import END, Blueprint, StepContext
from langgraph_switchboard.nodes import Retry
from langgraph_switchboard.testing.chaos import FlowSubject, entered, happened
from langgraph_switchboard.testing.chaos.flow import Mode
from tests.chaos.orders import (
    Offer,
    OfferDecision,
    Order,
    OrderCase,
    Shipped,
    breaks,
    breaks_too,
    check,
    price,
    ship,
)
from tests.chaos.shapes import SHAPES

ITEMS = 20
PAYMENTS = "CREATE TABLE IF NOT EXISTS payments (case_id text, key text, cents int)"
PAID = "SELECT key FROM payments WHERE case_id = %s"


class Ledgerless(TypedDict, total=False):
    """The state of the plain graphs that are used as steps."""

    order: dict[str, Any]
    parts: Annotated[list[int], add]
    item: int
    offer: dict[str, Any]


def _blueprint(name: str) -> Blueprint:
    return Blueprint(name, case=OrderCase, owner="warehouse")


def linear() -> Blueprint:
    """Check -> price -> ship."""
    flow = _blueprint("linear")
    flow.step(check, then=price)
    flow.step(price, then=ship)
    flow.effect(ship)
    return flow


def _around(graph: CompiledStateGraph[Any, Any, Any, Any], name: str) -> Blueprint:
    flow = _blueprint(name)
    flow.step(graph, name="work", takes=["order"], gives="offer", then="ship")
    flow.effect(ship)
    return flow


def _offer(state: Mapping[str, Any]) -> dict[str, Any]:
    return {"offer": {"cents": sum(state["parts"]), "note": state["order"]["text"]}}


async def _first(state: Ledgerless) -> dict[str, Any]:
    return {"parts": [len(state["order"]["text"])]}


async def _second(state: Ledgerless) -> dict[str, Any]:
    return {"parts": [1_000]}


async def _one_of_many(state: Ledgerless) -> dict[str, Any]:
    return {"parts": [10 ** (state["item"] % 3)]}


async def _join(state: Ledgerless) -> dict[str, Any]:
    return _offer(state)


def parallel() -> Blueprint:
    """Two branches and a join, as a plain graph -> ship."""
    graph = StateGraph(Ledgerless)
    graph.add_node("first", _first)
    graph.add_node("second", _second)
    graph.add_node("second_on", _second)
    graph.add_node("join", _join)
    graph.add_edge(START, "first")
    graph.add_edge(START, "second")
    graph.add_edge("second", "second_on")
    graph.add_edge(["first", "second_on"], "join")
    graph.add_edge("join", STOP)
    return _around(graph.compile(), "parallel")


def fan_out() -> Blueprint:
    """Twenty at once, as a plain graph -> ship."""
    graph = StateGraph(Ledgerless)
    graph.add_node("one_of_many", _one_of_many)
    graph.add_node("join", _join)
    graph.add_conditional_edges(
        START,
        lambda state: [Send("one_of_many", {**state, "item": item}) for item in range(ITEMS)],
        ["one_of_many"],
    )
    graph.add_edge("one_of_many", "join")
    graph.add_edge("join", STOP)
    return _around(graph.compile(), "fan_out")


def subgraph() -> Blueprint:
    """A graph in a graph in a step -> ship."""
    inner = StateGraph(Ledgerless)
    inner.add_node("first", _first)
    inner.add_node("second", _second)
    inner.add_edge(START, "first")
    inner.add_edge("first", "second")
    inner.add_edge("second", STOP)
    outer = StateGraph(Ledgerless)
    outer.add_node("inner", inner.compile())
    outer.add_node("join", _join)
    outer.add_edge(START, "inner")
    outer.add_edge("inner", "join")
    outer.add_edge("join", STOP)
    return _around(outer.compile(), "subgraph")


def review() -> Blueprint:
    """Check -> price -> a person approves -> ship."""
    flow = _blueprint("review")
    flow.step(check, then=price)
    flow.step(price, then="review")
    flow.review("review", of="offer", decides=OfferDecision, then="ship")
    flow.effect(ship)
    return flow


async def post(order: Order, ctx: StepContext) -> Shipped:
    """Send a letter by somebody else's system, which takes it twice if it is sent twice."""
    entered("post")

    async def call(key: str) -> str:
        happened("letter")
        return "posted"

    await ctx.external("letter", call, args={"text": order.text})
    return Shipped(key="letter")


def outside() -> Blueprint:
    """An effect outside that may not be repeated -> check."""
    flow = _blueprint("outside")
    flow.effect(post, then=check)
    flow.step(check, then=END)
    return flow


def ladder() -> Blueprint:
    """An agent fails, three times -> its fallback fails -> a person writes the offer -> ship."""
    flow = _blueprint("ladder")
    flow.step(breaks, then="ship", fallback="breaks_too", retry=Retry(attempts=3, base=0.0))
    flow.step(breaks_too, then="ship", fallback="review")
    flow.review("review", of="offer", decides=OfferDecision, then="ship")
    flow.effect(ship)
    return flow


async def breaks_once(order: Order, ctx: StepContext) -> Offer:
    """An agent that works when its case comes to it the second time."""
    entered("breaks_once")
    if ctx.visit == 1:
        raise RuntimeError("out of order")
    return Offer(cents=300, note=order.text)


def redriven() -> Blueprint:
    """An agent fails -> dead letter -> an operator has it done again -> ship."""
    flow = _blueprint("redriven")
    flow.step(check, then="breaks_once")
    flow.step(breaks_once, then="ship")
    flow.effect(ship)
    return flow


async def works_later(order: Order, ctx: StepContext) -> Offer:
    """An agent that works at its second attempt."""
    entered("works_later")
    if ctx.attempt == 1:
        raise ConnectionError("out of order")
    return Offer(cents=300, note=order.text)


def delayed() -> Blueprint:
    """An agent fails -> a timer, due at once -> it works -> ship."""
    flow = _blueprint("delayed")
    flow.step(check, then="works_later")
    flow.step(works_later, then="ship", retry=Retry(base=0.0))
    flow.effect(ship)
    # Every wait is too long for the process, also none at all.
    flow._steps["works_later"] = replace(flow._steps["works_later"], patience=-1.0)
    return flow


async def swallows(order: Order) -> Offer:
    """An agent that fails, and makes an offer up instead of saying so."""
    entered("swallows")
    return Offer(cents=1, note="made up")


def unladdered() -> Blueprint:
    """The control of the ladder: the failure is swallowed in the agent -> ship."""
    flow = _blueprint("unladdered")
    flow.step(swallows, name="breaks", then="ship", fallback="breaks_too")
    flow.step(breaks_too, then="ship", fallback="review")
    flow.review("review", of="offer", decides=OfferDecision, then="ship")
    flow.effect(ship)
    return flow


RUNGS: dict[str, dict[str, str]] = {
    "ladder": {"breaks": "fallback", "breaks_too": "person"},
    "redriven": {"breaks_once": "dead_letter"},
    "delayed": {"works_later": "retry"},
    "unladdered": {"breaks": "fallback", "breaks_too": "person"},
}
"""The rungs that failures must end on; where none are declared nothing fails."""
FLOWS = {
    "linear": linear,
    "parallel": parallel,
    "fan_out": fan_out,
    "review": review,
    "ladder": ladder,
    "subgraph": subgraph,
}
ALL = {**FLOWS, "outside": outside, "redriven": redriven, "delayed": delayed, **SHAPES}
"""The six, one whose effect is in doubt after a crash, so that a person is asked, one that an operator takes
up again, and those with branches."""
BY_HAND = {"type": "edit", "edited": {"cents": 7, "note": "by hand"}}


def subject(name: str, mode: Mode = "sync") -> FlowSubject:
    """One of the flows, driven in one of the two ways."""
    return FlowSubject(
        {**ALL, "unladdered": unladdered}[name](),
        Order(text="three brass lamps"),
        BY_HAND if name == "ladder" else {"type": "approve"},
        mode,
        tables=PAYMENTS,
        counts=PAID,
        rungs=None if name in SHAPES else RUNGS.get(name, {}),
        redrives=name == "redriven",
    )

"""Bounds: no loop without a bound (law 8), whoever drives; what meets one ends where a person can see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, Literal

import pytest
from langgraph.errors import GraphRecursionError
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from langgraph_switchboard import END, Blueprint
from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import BoundReached
from langgraph_switchboard.nodes import Step, bounds
from tests.seam import GOOD, ORDER, Bench, Order, Payment, PaymentCase, PaymentDecision, gives, paying

Agent = Callable[..., Awaitable[Contract]]


def to_pong(payment: Payment) -> Literal["pong", "__end__"]:
    return "pong"


def to_ping(payment: Payment) -> Literal["ping", "__end__"]:
    return "ping"


def another() -> Agent:
    """An agent that gives something new each time."""
    amounts = count(1)

    async def propose(order: Order) -> Payment:
        return Payment(amount=next(amounts))

    return propose


def ping_pong(agent: Callable[[], Agent], **bounded: Any) -> Blueprint:
    """Ping and pong send the case to each other; nothing ends that but a bound."""
    flow = Blueprint("loop", case=PaymentCase, **bounded)
    flow.step(agent(), name="ping", then=to_pong)
    flow.step(agent(), name="pong", then=to_ping)
    return flow


async def ended(flow: Blueprint, *, unchecked: bool = False) -> Bench:
    bench = Bench(flow, unchecked=unchecked)
    await bench.run(ORDER)
    return bench


async def bound_of(bench: Bench) -> str:
    [failure] = await bench.failures()
    assert failure["code"] == "bound_reached"
    return str(failure["bound"])


async def test_a_step_is_come_to_so_often_and_no_more() -> None:
    """The visit that is one too many ends in the dead letter, with the reason."""
    bench = await ended(ping_pong(another, max_visits=3))
    row = await bench.row()
    assert (row.status, row.reason) == ("dead_lettered", "the case came to 'ping' more than 3 times")
    assert (await bench.values())["visits"] == {"open": 1, "ping": 4, "pong": 3, "dead_letter": 1}
    assert await bound_of(bench) == "visits"


async def test_a_case_takes_so_many_steps_and_no_more() -> None:
    """Also where no single step is come to too often."""
    bench = await ended(ping_pong(another, max_visits=1_000, max_hops=12))
    row = await bench.row()
    assert (row.status, row.reason) == (
        "dead_lettered",
        "the case has taken 12 steps, of 12 that it may take",
    )
    assert await bound_of(bench) == "hops"


async def test_steps_that_send_a_case_to_each_other_with_nothing_new_are_stopped() -> None:
    """Ping, pong, ping, pong, each time the same by digest: the third round does not begin.

    The control gives something new each time, and goes on until another bound ends it.
    """
    bench = await ended(ping_pong(lambda: gives(GOOD), max_visits=1_000))
    assert "goes round ping -> pong -> ping" in str((await bench.row()).reason)
    assert (await bench.values())["visits"] == {"open": 1, "ping": 3, "pong": 2, "dead_letter": 1}
    assert await bound_of(bench) == "ping_pong"

    control = await ended(ping_pong(another, max_visits=1_000, max_hops=50))
    assert await bound_of(control) == "hops"


async def test_two_steps_that_fall_back_on_each_other_end_too() -> None:
    """The bound leads past the fallback, which may be the other half of the loop."""
    flow = Blueprint("loop", case=PaymentCase, max_visits=3)
    flow.step(gives(RuntimeError("no")), name="one", then=END, fallback="other")
    flow.step(gives(RuntimeError("no")), name="other", then=END, fallback="one")
    assert "fallback_cycle" in {finding.code for finding in flow.check()}, "the check refuses it"
    bench = await ended(flow, unchecked=True)
    assert (await bench.row()).status == "dead_lettered"
    assert (await bench.failures())[-1]["bound"] == "ping_pong"


async def test_a_bound_asks_a_person_where_the_step_has_a_way_to_one() -> None:
    """A person can still end the loop; beyond the bound the review is reached all the same."""
    flow = Blueprint("loop", case=PaymentCase, max_visits=1_000, max_hops=9)
    flow.step(another(), name="ping", then=to_pong, fallback="by_hand")
    flow.step(another(), name="pong", then=to_ping, fallback="by_hand")
    flow.review("by_hand", of="payment", decides=PaymentDecision, then=END)
    bench = await ended(flow)
    assert ((await bench.row()).status, (await bench.row()).step) == ("waiting", "by_hand")
    [told] = [one.event.data for one in await bench.story() if one.event.kind == "step_failed"]
    assert (told["rung"], told["goto"]) == ("person", "by_hand")
    assert (await bench.values())["rungs"] == {told["agent"]: "person"}
    await bench.answer({"type": "approve"})
    assert (await bench.row()).status == "finished"


async def test_a_loops_own_bound_leads_to_a_person_unless_it_says_where() -> None:
    """A bound of the step's own, whose way out nobody named, asks the person whom the step falls back on."""
    for exhausted, status in ((None, "waiting"), ("dead_letter", "dead_lettered"), ("spare", "finished")):
        own: dict[str, Any] = {"max_visits": 2, **({"exhausted": exhausted} if exhausted else {})}
        flow = Blueprint("own", case=PaymentCase)
        flow.step(another(), name="ping", then=to_pong, fallback="by_hand", **own)
        flow.step(another(), name="pong", then=to_ping)
        flow.review("by_hand", of="payment", decides=PaymentDecision, then=END)
        flow.step(another(), name="spare", then=END)
        bench = await ended(flow, unchecked=True)
        assert (await bench.row()).status == status


async def test_a_person_who_sends_a_case_back_is_no_circle() -> None:
    """Two rounds with the same draft and the same answer: the person goes on being asked."""

    async def again(payment: Payment, decision: PaymentDecision | None) -> Payment:
        return payment

    flow = Blueprint("back", case=PaymentCase)
    flow.step(gives(GOOD), name="propose", then="by_hand")
    flow.review("by_hand", of="payment", decides=PaymentDecision, then=END, rejected="again")
    flow.step(again, then="by_hand")
    bench = await ended(flow)
    for _ in range(4):
        await bench.answer({"type": "reject", "message": "no"})
        assert (await bench.row()).status == "waiting"
    await bench.answer({"type": "approve"})
    assert (await bench.row()).status == "finished"


async def test_langgraphs_own_bound_is_never_met() -> None:
    """The control: the same two steps as plain LangGraph go on until it gives up, with an error."""

    class Plain(TypedDict):
        payment: dict[str, Any]

    async def same(state: Plain) -> Plain:
        return {"payment": GOOD}

    graph = StateGraph(Plain)
    graph.add_node("ping", same)
    graph.add_node("pong", same)
    graph.add_edge(START, "ping")
    graph.add_edge("ping", "pong")
    graph.add_edge("pong", "ping")
    with pytest.raises(GraphRecursionError):
        await graph.compile().ainvoke({"payment": {}}, {"recursion_limit": 300})

    bench = Bench(ping_pong(another, max_visits=1_000), limit=300)
    await bench.run(ORDER)
    assert (await bench.row()).status == "dead_lettered"


async def test_a_flow_without_a_loop_looks_at_no_story() -> None:
    """What goes round is looked for at the third visit; a case that goes straight on reads nothing."""
    bench = Bench(paying(gives(GOOD)))
    bench.services.store = _Unread()
    await bench.run(ORDER)
    assert (await bench.values())["outcome"] == "finished"


class _Unread:
    """A store that nobody may ask for a story."""

    def __getattr__(self, name: str) -> Any:
        if name == "attempts":
            return _none
        raise AssertionError(f"the store was asked for {name}")


async def _none(task: object) -> list[Any]:
    return []


def test_a_case_does_not_part_into_more_branches_than_it_may() -> None:
    """The step that would part it fails, with the number."""
    step = Step("each", "map", ())
    bounds.hold_fan_out(step, 100, 100)
    with pytest.raises(BoundReached, match="101 branches to do") as caught:
        bounds.hold_fan_out(step, 101, 100)
    assert (caught.value.bound, caught.value.fields["most"]) == ("fan_out", 100)

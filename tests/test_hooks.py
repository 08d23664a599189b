"""Hooks: a blueprint's own code at fixed places is timed, told, and never passed over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph.types import interrupt
from pydantic import Field

from langgraph_switchboard import END, Blueprint
from langgraph_switchboard.contracts import CaseState, Contract
from langgraph_switchboard.errors import BlueprintError, StoreUnavailable
from langgraph_switchboard.nodes import Hooks, Retry, StepContext
from tests.seam import GOOD, ORDER, Bench, Order, Payment, Receipt, gives, pay

PLACES = ("before_routing", "before_agent", "after_agent", "before_effect", "on_failure")


class Route(Contract):
    """Who is to do it."""

    agent: str | None
    confidence: float = Field(ge=0, le=1)
    reason: str = ""


class DeskCase(CaseState):
    order: Order
    route: Route | None = None
    payment: Payment | None = None
    receipt: Receipt | None = None


async def route(order: Order) -> Route:
    return Route(agent="propose", confidence=1.0)


class Heard:
    """Hooks at every place that say in which step they were called, and with what."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.given: list[Any] = []

    def hooks(self, **others: Any) -> Hooks:
        return Hooks(**{place: (self.at(place),) for place in PLACES} | others)

    def at(self, place: str) -> Any:
        async def hear(*given: Any) -> None:
            ctx = given[-1]
            assert isinstance(ctx, StepContext)
            self.calls.append((place, ctx.step))
            self.given += given[:-1]

        return hear


def desk(hooks: Hooks, agent: Any = None, **options: Any) -> Blueprint:
    """Route -> propose (or, where it fails, careful) -> pay."""
    flow = Blueprint("desk", case=DeskCase, owner="desk", hooks=hooks)
    flow.supervise("route", route, agents=["propose"], unsure="careful")
    flow.step(agent or gives(GOOD), name="propose", then="pay", fallback="careful", **options)
    flow.step(gives(GOOD), name="careful", then="pay")
    flow.effect(pay, then=END)
    return flow


async def ended(flow: Blueprint) -> Bench:
    bench = Bench(flow)
    await bench.run(ORDER)
    return bench


async def events(bench: Bench, step: str) -> list[dict[str, Any]]:
    return [one.event.data for one in await bench.story() if one.event.step == step]


async def test_hooks_run_at_their_places_in_order() -> None:
    """Before routing, before and after an agent, before an effect; each with what it is to hear."""
    heard = Heard()
    bench = await ended(desk(heard.hooks()))
    assert (await bench.row()).status == "finished"
    assert heard.calls == [
        ("before_routing", "route"),
        ("before_agent", "propose"),
        ("after_agent", "propose"),
        ("before_agent", "pay"),
        ("before_effect", "pay"),
        ("after_agent", "pay"),
    ]
    assert heard.given == [Payment(amount=20.0), Receipt(key="c1/payment")], "the contracts as accepted"


async def test_hooks_are_timed_and_on_the_record() -> None:
    """They stand in the event of their step, with name, place and seconds; without any it says nothing."""
    heard = Heard()
    bench = await ended(desk(heard.hooks(before_effect=())))
    [told] = await events(bench, "propose")
    assert [(one["at"], one["hook"]) for one in told["hooks"]] == [
        ("before_agent", "hear"),
        ("after_agent", "hear"),
    ]
    assert all(one["seconds"] >= 0 for one in told["hooks"])
    control = await ended(desk(Hooks()))
    assert all("hooks" not in one for one in await events(control, "propose"))


@pytest.mark.parametrize("place", ["before_agent", "after_agent"])
async def test_a_failing_hook_fails_its_step_and_is_named(place: str) -> None:
    """It is not passed over: the step goes down the ladder, and what it gave is not kept."""
    tries: list[str] = []

    async def breaks(*given: Any) -> None:
        if given[-1].step == "propose":
            tries.append(place)
            raise TimeoutError("the audit desk is shut")

    bench = await ended(desk(Hooks(**{place: (breaks,)})))
    [failure] = await bench.failures()
    assert (failure["code"], failure["hook"], failure["point"]) == ("hook_failed", "breaks", place)
    assert failure["came"] == "TimeoutError: the audit desk is shut"
    assert tries == [place], "a hook is not tried again, whatever it raises"
    [told] = await events(bench, "propose")
    assert told["hooks"][0]["failed"] == "TimeoutError" and told["goto"] == "careful"


async def test_a_failing_hook_before_an_effect_keeps_it_from_acting() -> None:
    """Nothing leaves the house."""

    async def refuses(ctx: StepContext) -> None:
        raise PermissionError("not today")

    bench = await ended(desk(Hooks(before_effect=(refuses,))))
    assert await bench.outbox() == []
    assert ((await bench.row()).status, (await bench.failures())[0]["hook"]) == ("dead_lettered", "refuses")


async def test_on_failure_hears_of_a_step_that_failed_for_good() -> None:
    """Once, with the failure's record; not of an attempt that another one follows."""
    heard = Heard()
    bench = Bench(desk(heard.hooks(), gives(TimeoutError("slow")), retry=Retry(attempts=2, base=0.0)))
    await bench.run(ORDER)
    assert heard.calls.count(("on_failure", "propose")) == 1
    [failure] = [one for one in heard.given if isinstance(one, dict)]
    assert failure == (await bench.failures())[0]


async def test_a_failing_hook_on_failure_is_told_beside_what_it_was_to_hear() -> None:
    """The case goes the same way down; the record names the hook, and keeps the first failure."""

    async def breaks(failure: dict[str, Any], ctx: StepContext) -> None:
        raise KeyError("pager")

    bench = await ended(desk(Hooks(on_failure=(breaks,)), gives(RuntimeError("no"))))
    [failure] = await bench.failures()
    assert (failure["code"], failure["hook"]) == ("hook_failed", "breaks")
    assert failure["after"]["problem"] == "RuntimeError: no"
    assert (await bench.row()).status == "finished"


@pytest.mark.parametrize("place", ["before_agent", "on_failure"])
async def test_a_hook_that_does_not_end_is_ended(place: str) -> None:
    """It has half of the step's time, and is named: the agent is not to blame."""

    async def hangs(*given: Any) -> None:
        if given[-1].step == "propose":
            await asyncio.Event().wait()

    bench = await ended(desk(Hooks(**{place: (hangs,)}), gives(RuntimeError("no")), timeout=0.05))
    [failure] = await bench.failures()
    assert (failure["code"], failure["hook"]) == ("hook_failed", "hangs")
    assert (await bench.row()).status == "finished"


async def test_a_store_that_is_away_under_a_hook_leaves_the_case_standing() -> None:
    """It is nobody's failure; the step runs again, and its hooks with it."""
    away = [StoreUnavailable("Postgres is away")]

    async def looks(ctx: StepContext) -> None:
        if away:
            raise away.pop()

    bench = Bench(desk(Hooks(before_agent=(looks,))))
    with pytest.raises(StoreUnavailable):
        await bench.run()
    await bench.run(None)
    assert (await bench.row()).status == "finished" and await bench.failures() == []


async def test_a_hook_may_not_ask_a_person() -> None:
    """Its question would be among no reviews."""

    async def asks(ctx: StepContext) -> None:
        interrupt("may I?")

    bench = await ended(desk(Hooks(before_routing=(asks,))))
    [failure] = await bench.failures()
    assert "which only a review may" in failure["came"]


async def hears_too_little() -> None:
    """Takes nothing."""


def blocks(ctx: StepContext) -> None:
    """Is not async."""


@pytest.mark.parametrize(
    ("place", "hook", "says"),
    [
        ("before_agent", blocks, "is not an async function"),
        ("after_agent", hears_too_little, "does not take what after_agent gives"),
        ("on_failure", hears_too_little, r"wanted \(failure, ctx\)"),
    ],
)
def test_what_cannot_be_a_hook_is_refused(place: str, hook: Any, says: str) -> None:
    """Where the blueprint is written, not at its first case."""
    with pytest.raises(BlueprintError, match=says):
        desk(Hooks(**{place: (hook,)}))


def test_hooks_are_part_of_the_process() -> None:
    """The digest tells of them by name; a process without any has the digest that it had."""
    heard = Heard().hooks()
    assert desk(Hooks()).process().digest != desk(heard).process().digest == desk(heard).process().digest

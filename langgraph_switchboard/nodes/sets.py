"""The turns of steps that part a case and bring it together again: sets, maps, and joins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from langgraph.types import Send

from langgraph_switchboard.contracts import Contract, open_envelope, seal
from langgraph_switchboard.errors import RouteRefused
from langgraph_switchboard.nodes.bounds import hold_fan_out
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.forms import RESULT, Join
from langgraph_switchboard.nodes.scope import known_of, parts_of, round_of
from langgraph_switchboard.nodes.spec import Step
from langgraph_switchboard.nodes.turn import Given, Parting, Turn


def exit_of(member: str) -> str:
    """The empty node behind a member; only from these the barrier of its set is fed."""
    return f"{member}.exit"


def part(step: Step, ctx: StepContext) -> Turn:
    """A parallel set: all its members begin."""
    assert step.fork is not None
    return begin(step, step.fork.members, ctx, Turn("member", ""))


def begin(step: Step, picked: tuple[str, ...], ctx: StepContext, turn: Turn) -> Turn:
    """Begin the branches of a set; those that were not picked are over at once.

    Args:
        step: The step where they part.
        picked: The members, by their names in the blueprint.
        ctx: Its context; the visit is the round of the set.
        turn: What came of the step, to be led on.
    """
    fork, scope = step.fork, ctx.place.scope
    assert fork is not None
    names = tuple(map(scope.full, picked))
    known: dict[str, Any] = {"round": ctx.visit}
    if fork.picks == "sequence":
        return replace(turn, to=picked[0], sets={step.name: {**known, "plan": list(picked), "done": 1}})
    idle = tuple(exit_of(scope.full(one)) for one in fork.members if one not in picked)
    begun = {f"{step.name}:{name}": name for name in names}
    return replace(
        turn, to=", ".join(picked), sets={step.name: known}, parting=Parting((*names, *idle), begun)
    )


def each(step: Step, given: Given, ctx: StepContext) -> Turn:
    """A map: a branch for each item of the list.

    Raises:
        BoundReached: The list is longer than it may be.
    """
    one, scope = step.each, ctx.place.scope
    assert one is not None
    items = list(getattr(given.values[one.over], one.items))
    hold_fan_out(step, len(items), one.at_most, of="items")
    known = {step.name: {"round": ctx.visit, "count": len(items)}}
    told = {"items": len(items)}
    if not items:
        return Turn("member", one.join, sets=known, data=told)
    body = scope.full(one.body)
    sends = tuple(
        Send(body, _with_item(given.state, step, ctx, index, item)) for index, item in enumerate(items)
    )
    begun = {f"{step.name}:{index}": body for index in range(len(items))}
    return Turn("member", one.body, sets=known, data=told, parting=Parting(sends, begun))


def _with_item(
    state: Mapping[str, Any], step: Step, ctx: StepContext, index: int, item: Contract
) -> dict[str, Any]:
    """The state that one item's branch begins with: as the map leaves it, and the item."""
    own = {"round": ctx.visit, "item": {"index": index, "payload": item.model_dump(mode="json")}}
    return {
        **state,
        "sets": {**(state.get("sets") or {}), step.name: own},
        "visits": {**(state.get("visits") or {}), ctx.place.counted(step.name): ctx.visit},
    }


def come_together(step: Step, state: Mapping[str, Any], ctx: StepContext) -> Turn | None:
    """A join: the next of a sequence, or the collected results of a map.

    Returns:
        The turn; None where everybody has come and the case goes on, with or without a merge.
    """
    join = step.join
    assert join is not None
    of = ctx.place.scope.full(join.of)
    known = known_of(state, of)
    plan, done = known.get("plan") or (), known.get("done", 0)
    if done < len(plan):
        return Turn("agent", plan[done], sets={of: {"round": round_of(state, of), "done": done + 1}})
    if join.into is not None:
        return _collected(step, join.into, parts_of(state, of), int(known.get("count", 0)))
    return None


def _collected(step: Step, into: str, parts: Mapping[str, Any], count: int) -> Turn:
    assert step.gives is not None
    assert step.contract is not None
    assert isinstance(step.then, str)
    results = [parts[str(index)][RESULT]["payload"] for index in range(count)]
    sealed = seal({into: results}, step.contract, by=step.name)
    return Turn("then", step.then, {step.gives: sealed}, data={"items": count})


def from_elsewhere(step: Step, state: Mapping[str, Any], ctx: StepContext) -> dict[str, Any]:
    """What a step takes that is no field of the case: its item, or what each member wrote, by member."""
    others: dict[str, Any] = {}
    for take in step.takes:
        if take.of == "item":
            payload = known_of(state, ctx.place.map)["item"]["payload"]
            others[take.field] = take.contract.accept_stored(payload, by=step.implied_by)
        elif take.of == "members" and step.join is not None:
            parts = sorted(_by_present_name(step.join, parts_of(state, ctx.place.scope.full(step.join.of))))
            others[take.field] = {
                member.removeprefix(ctx.place.scope.prefix): open_envelope(fields[take.field], take.contract)
                for member, fields in parts
                if take.field in fields
            }
    return others


def _by_present_name(join: Join, parts: Mapping[str, Mapping[str, Any]]) -> Iterable[tuple[str, Any]]:
    """What members wrote; what one wrote before it was renamed is its own, and older."""
    named: dict[str, dict[str, Any]] = {}
    for member in sorted(parts, key=lambda one: one not in join.renamed):
        name = join.renamed.get(member, member)
        named[name] = {**named.get(name, {}), **parts[member]}
    return named.items()


def picked_of(step: Step, route: Contract) -> tuple[str, ...]:
    """The agents that a router picked, each once, in its order.

    Raises:
        RouteRefused: One is not declared; the router is to blame.
    """
    agents = tuple(dict.fromkeys(cast("Any", route).agents))
    strange = [agent for agent in agents if agent not in step.agents]
    if strange:
        raise RouteRefused(
            f"the router of {step.name!r} picked {', '.join(map(repr, strange))}, which is not declared",
            where=step.name,
            wanted=f"some of {', '.join(step.agents)}",
            came=", ".join(map(repr, agents)),
            mend="Add it to `agents=[...]`, or mend the router.",
        )
    return agents

"""How each kind of step does its turn: work, route, gate, open, set aside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from langgraph.errors import GraphInterrupt, ParentCommand

from langgraph_switchboard.cases.letters import letter_id_of
from langgraph_switchboard.contracts import Contract, Envelope, seal, wrap
from langgraph_switchboard.errors import ContractViolation, RouteRefused, StepFailed
from langgraph_switchboard.nodes import sets
from langgraph_switchboard.nodes.approval import require_approval
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.hooks import run_hooks
from langgraph_switchboard.nodes.spec import END, Choice, Step, Way
from langgraph_switchboard.nodes.turn import Given, Turn


async def work(step: Step, given: Given, ctx: StepContext) -> Turn:
    """A step or an effect: call the agent, seal what it gives, go where its blueprint says."""
    await run_hooks("before_agent", ctx)
    if step.kind == "effect":
        await run_hooks("before_effect", ctx)
    await require_approval(step, given, ctx)
    fresh, sealed = await _call(step, given, ctx)
    await run_hooks("after_agent", ctx, *fresh.values())
    return Turn("then", _next(step, given, fresh), sealed, data=_told(fresh))


def go_on(step: Step, given: Given) -> Turn:
    """A step without an agent of its own: where its blueprint says."""
    return Turn("then", _next(step, given, {}))


async def supervise(step: Step, given: Given, ctx: StepContext) -> Turn:
    """A supervisor: the router's contract names one of the declared agents, or nobody.

    Raises:
        RouteRefused: It named somebody who is not declared; the router is to blame.
    """
    await run_hooks("before_routing", ctx)
    fresh, sealed = await _call(step, given, ctx)
    route = cast("Any", next(iter(fresh.values())))
    if step.fork is not None:
        return _several(step, route, sealed, _told(fresh), ctx)
    agent, confidence = route.agent, float(route.confidence)
    told = _told(fresh) | {"agent_picked": agent}
    if agent is None:
        return Turn("unsure", _way(step, "unsure"), sealed, reason=str(route.reason), data=told)
    if agent not in step.agents:
        raise RouteRefused(
            f"the router of {step.name!r} picked {agent!r}, which is not declared",
            where=step.name,
            wanted=f"one of {', '.join(step.agents)}",
            came=repr(agent),
            mend="Add it to `agents=[...]`, or mend the router.",
        )
    if confidence < step.threshold:
        reason = f"routing to {agent} at confidence {confidence:.2f}, under {step.threshold:.2f}"
        return Turn("unsure", _way(step, "unsure"), sealed, reason=reason, data=told)
    return Turn("agent", agent, sealed, data=told)


def _several(
    step: Step, route: Any, sealed: dict[str, Envelope], told: dict[str, Any], ctx: StepContext
) -> Turn:
    """What a supervisor picks that picks several, or a sequence."""
    picked, confidence = sets.picked_of(step, route), float(route.confidence)
    told |= {"agents_picked": list(picked)}
    if not picked:
        return Turn("unsure", _way(step, "unsure"), sealed, reason=str(route.reason), data=told)
    if confidence < step.threshold:
        reason = f"routing to {', '.join(picked)} at confidence {confidence:.2f}, under {step.threshold:.2f}"
        return Turn("unsure", _way(step, "unsure"), sealed, reason=reason, data=told)
    return sets.begin(step, picked, ctx, Turn("agent", picked[0], sealed, data=told))


async def pass_gate(step: Step, given: Given, ctx: StepContext) -> Turn:
    """A gate: on, or to a person, with the reason in words."""
    gate = step.gate
    assert gate is not None
    confidence = float(cast("Any", given.values[gate.of]).confidence)
    told: dict[str, Any] = {"confidence": confidence, "threshold": gate.threshold}
    why = _always(step, given)
    if why is None and confidence < gate.threshold:
        why = f"confidence {confidence:.2f} is under {gate.threshold:.2f}"
    if why is None:
        return Turn("sure", _way(step, "sure"), data=told)
    return Turn("unsure", _way(step, "unsure"), reason=why, data=told)


async def seal_inputs(step: Step, state: Mapping[str, Any], inputs: Mapping[str, type[Contract]]) -> Turn:
    """The opening step: what comes from outside is raw until it is sealed here.

    Raises:
        ContractViolation: The input breaks its contract; the caller is blamed.
    """
    sealed = {name: seal(state.get(name), contract, by="input") for name, contract in inputs.items()}
    return Turn("then", _way(step, "then"), sealed)


def set_aside(state: Mapping[str, Any], ctx: StepContext) -> Turn:
    """The dead letter: the case ends here until an operator takes it up again."""
    failure = state.get("failure") or {}
    reason = str(failure.get("problem") or state.get("reason") or "no way was left")
    letter = {"letter_id": letter_id_of(ctx.task), "failure": failure}
    return Turn("then", END, reason=reason, outcome="dead_lettered", letter=letter)


async def _call(
    step: Step, given: Given, ctx: StepContext
) -> tuple[dict[str, Contract], dict[str, Envelope]]:
    assert step.call is not None
    assert step.contract is not None
    assert step.gives is not None
    arguments: dict[str, Any] = dict(given.values)
    if step.wants_context:
        arguments["ctx"] = ctx
    try:
        value = await step.call(**arguments)
    except ParentCommand:
        raise RouteRefused(
            f"the graph inside {step.name!r} sent a command to its parent, past the blueprint",
            where=step.name,
            wanted="its answer as an ordinary output",
            mend="Let it end normally; where the case goes next is the blueprint's to say.",
        ) from None
    except GraphInterrupt:
        # Nobody would see it: what waits for a person has a row among the reviews.
        raise StepFailed(
            f"the step {step.name!r} asked a person by `interrupt`, which only a review may",
            where=step.name,
            mend="Give what is known so far, and let a review of the blueprint ask.",
        ) from None
    try:
        # What goes on is the instance that was validated, not the one that came.
        accepted = step.contract.accept(value, by=step.name)
    except ContractViolation as violation:
        violation.given = value
        raise
    return {step.gives: accepted}, {step.gives: wrap(accepted, by=step.name)}


def _next(step: Step, given: Given, fresh: Mapping[str, Contract]) -> str:
    if not isinstance(step.then, Choice):
        return step.then
    chosen = step.then.call(**given.pick(step.then.takes, fresh))
    if chosen not in step.then.names:
        raise RouteRefused(
            f"the condition after {step.name!r} chose {chosen!r}, which it does not declare",
            where=step.name,
            wanted=f"one of {', '.join(step.then.names)}",
            came=repr(chosen),
            mend="Add it to the Literal of its return type.",
        )
    return chosen


def _always(step: Step, given: Given) -> str | None:
    gate = step.gate
    if gate is None or gate.always is None:
        return None
    why = gate.always(**given.pick(gate.always_takes, {}))
    if why is None or why is False:
        return None
    return why if isinstance(why, str) else "always asks a person"


def _way(step: Step, way: Way) -> str:
    to = step.way(way)
    if to is None:
        raise StepFailed(f"the step {step.name!r} has no way {way!r}", where=step.name)
    return to


def _told(fresh: Mapping[str, Contract]) -> dict[str, Any]:
    """What the ledger tells of a contract besides its payload: confidence and route, where it has them."""
    told: dict[str, Any] = {}
    for contract in fresh.values():
        confidence = getattr(contract, "confidence", None)
        if isinstance(confidence, float):
            told["confidence"] = confidence
    return told

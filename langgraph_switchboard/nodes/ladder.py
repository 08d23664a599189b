"""The ladder: what becomes of a step that failed for good.

    retry -> fallback agent -> a person -> dead letter

Retries are within the step. The other rungs are ordinary steps, and the ways to them ordinary
edges: they are drawn, told in the ledger, and kept in the state, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from langgraph_switchboard.errors import BoundReached, BudgetExceeded, HookFailed, Poisonous
from langgraph_switchboard.ledger import Event, annotate
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.failure import failure_of, quarantined
from langgraph_switchboard.nodes.hooks import run_hooks
from langgraph_switchboard.nodes.spec import DEAD_LETTER, Step, Way
from langgraph_switchboard.nodes.turn import Turn, said_before

Rung = Literal["retry", "fallback", "person", "dead_letter"]
"""Where a failure ended: another attempt, another agent, a person, or set aside."""

_TO_A_PERSON: tuple[Way, ...] = ("exhausted", "unsure", "fallback")


@dataclass(frozen=True, slots=True)
class Fall:
    """Where a failed step's case goes.

    Args:
        to: The next step.
        rung: What that step is.
    """

    to: str
    rung: Rung


async def fall(error: Exception, step: Step, ctx: StepContext, seconds: float) -> Turn:
    """The turn of a step that failed: its event, and its way down.

    Args:
        error: Why it failed.
        step: The step.
        ctx: Its context; what a broken-off turn had put aside for the world is taken out of it.
        seconds: How long it took.

    Raises:
        StoreError: The store failed under a hook; the case stands where it stood.
    """
    ctx.entries[:] = said_before(ctx.entries)
    error = _breach_in(error) or error
    failure = failure_of(error, step.name)
    try:
        await run_hooks("on_failure", ctx, failure)
    except HookFailed as hook:
        # Said loudly, with what it was to hear of; the way down is the same.
        failure = failure_of(hook, step.name) | {"after": failure}
    way = way_down(error, step, ctx)
    told: dict[str, Any] = {
        "agent": step.name,
        "owner": step.owner,
        "goto": ctx.place.scope.told(ctx.place.scope.full(way.to)),
        "rung": way.rung,
        "failure": failure,
        "quarantined": quarantined(error),
        "attempt": ctx.attempt,
        **({"hooks": ctx.hooks} if ctx.hooks else {}),
        **ctx.spent(),
    }
    if isinstance(error, BudgetExceeded):
        ctx.entries.append(_budget_exceeded(error, step, ctx))
    ctx.entries.append(Event("step_failed", step.name, ctx.now(), told, seconds))
    annotate(case=ctx.case_id, agent=step.name, owner=step.owner, failure=failure["code"], goto=way.to)
    return Turn("fallback", way.to, reason=failure["problem"], data={"failure": failure, "rung": way.rung})


def way_down(error: Exception, step: Step, ctx: StepContext) -> Fall:
    """Where a failure leads: the step's fallback, or a person at once where no agent could help."""
    down = step.way("fallback") or step.way("unsure") or DEAD_LETTER
    if isinstance(error, BoundReached):
        # Two steps that fall back on each other would never end otherwise.
        down = _to_a_person(step, ctx) or DEAD_LETTER
    elif isinstance(error, Poisonous):
        down = DEAD_LETTER
    elif isinstance(error, BudgetExceeded):
        # No other agent could help: a person goes on with what is there.
        down = step.way("over_budget") or _to_a_person(step, ctx) or down
    return Fall(down, rung_of(down, ctx))


def to_a_person_if_spent(turn: Turn, step: Step, ctx: StepContext) -> Turn:
    """The turn of a step that could spend no more: what plain code gave is a draft, and a person goes on.

    Args:
        turn: What came of the step.
        step: The step; it goes on as ever where it has no way to a person.
        ctx: Its context, which knows whether a budget had no room.
    """
    if ctx.breach is None:
        return turn
    ctx.entries.append(_budget_exceeded(ctx.breach, step, ctx))
    to = step.way("over_budget") or step.way("unsure")
    if to is None:
        return turn
    data = {**turn.data, "rung": rung_of(to, ctx)}
    return replace(turn, way="over_budget", to=to, reason=ctx.breach.problem, data=data)


def rung_of(to: str, ctx: StepContext) -> Rung:
    """What the next step is, as a rung of the ladder."""
    if to == DEAD_LETTER:
        return "dead_letter"
    return "person" if to in ctx.flow.reviews else "fallback"


def _to_a_person(step: Step, ctx: StepContext) -> str | None:
    declared = next((edge for edge in step.edges if edge.way == "exhausted"), None)
    if declared is not None and not declared.is_implied:
        return declared.to
    ways = (step.way(way) for way in _TO_A_PERSON)
    return next((to for to in ways if to is not None and to in ctx.flow.reviews), None)


def _breach_in(error: BaseException) -> BudgetExceeded | None:
    """A budget that had no room, also where several questions were asked at once."""
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_breach_in, error.exceptions)), None)
    return error if isinstance(error, BudgetExceeded) else None


def _budget_exceeded(breach: BudgetExceeded, step: Step, ctx: StepContext) -> Event:
    told = {"budget": breach.limit, "wanted": breach.wanted, "left": breach.came, "why": breach.problem}
    return Event("budget_exceeded", step.name, ctx.now(), {key: said for key, said in told.items() if said})

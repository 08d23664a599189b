"""Bounds: no case goes round for ever, and none parts into more branches than it may.

A bound that is met is the step's failure: the case goes to a person if the step has a way to one,
else it is set aside, with the reason. LangGraph's own bound is 10,007 steps, starts anew at every
resume, and ends in an error outside every step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph_switchboard.checkpoints import CRASHES
from langgraph_switchboard.errors import BoundReached, Poisonous
from langgraph_switchboard.ledger import LedgerEntry
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.services import crashes_here
from langgraph_switchboard.nodes.spec import Step

_HOPS = ("step_finished", "step_failed", "routed", "gated")
_AGAIN = "~"
_AFRESH = ("dead_letter_redriven",)
_UNBOUND = ("open", "dead_letter")
DEATHS = 5
"""So many processes may die where a case stands; then it is set aside."""
_SUSPICIOUS = 3
"""From this visit on a step looks whether the case goes round; nothing can have repeated before."""


async def stay_in_bounds(step: Step, state: Mapping[str, Any], ctx: StepContext) -> None:
    """Refuse to start a step that the case has come to too often, or in circles.

    Raises:
        BoundReached: It has.
    """
    if step.kind in _UNBOUND:
        return
    visits: Mapping[str, int] = state.get("visits") or {}
    most = ctx.flow.max_visits if step.max_visits is None else step.max_visits
    if ctx.visit - visits.get(allowed_again(ctx.place.counted(step.name)), 0) > most:
        raise _reached("visits", step, f"the case came to {step.name!r} more than {most} times", most)
    hops = hops_of(visits)
    # A person is still asked beyond it; it is the way out.
    if hops >= ctx.flow.max_hops and step.kind != "review":
        most = ctx.flow.max_hops
        raise _reached("hops", step, f"the case has taken {hops} steps, of {most} that it may take", most)
    if ctx.visit >= _SUSPICIOUS and step.kind != "review":
        circle = _circle(await ctx.services.store.story(ctx.case_id), step.name, ctx.task.namespace)
        if circle:
            says = f"the case goes round {' -> '.join([*circle, step.name])}, and nothing new comes of it"
            raise _reached("ping_pong", step, says, 2)


def not_poisonous(step: Step, ctx: StepContext) -> None:
    """Refuse to start a step that was at work each time that a process of its case died.

    Raises:
        Poisonous: So many processes have died where the case stands.
    """
    crashes = crashes_here() or ctx.config.get("configurable", {}).get(CRASHES, 0)
    stood_here = ctx.again or step.kind == "open"
    if crashes < DEATHS or not stood_here or step.kind in ("review", "wait", "dead_letter"):
        return
    raise Poisonous(
        f"{crashes} processes have died while {step.name!r} was at work",
        where=step.name,
        mend="Find out what it does to its process, then redrive it.",
        crashes=crashes,
    )


def hold_fan_out(step: Step, branches: int, most: int, *, of: str = "branches") -> None:
    """Refuse to part a case into more branches than it may.

    Args:
        step: Where it parts.
        branches: How many branches there would be.
        most: How many there may be.
        of: What they are, in words.

    Raises:
        BoundReached: There would be more.
    """
    if branches > most:
        raise _reached("fan_out", step, f"there are {branches} {of} to do, and at most {most} may be", most)


def allowed_again(step: str = "") -> str:
    """Under which name among the visits it is kept how many do not count any more, since a redrive."""
    return f"{_AGAIN}{step}"


def hops_of(visits: Mapping[str, int]) -> int:
    """How many steps a case has taken since it was last redriven."""
    # The items of a map are bounded by its list.
    taken = sum(times for name, times in visits.items() if not name.startswith(_AGAIN) and "#" not in name)
    return taken - visits.get(allowed_again(), 0)


def _circle(story: Sequence[LedgerEntry], step: str, namespace: str) -> list[str]:
    """The steps that a case goes round, about to begin with `step` once more; empty if it does not.

    It goes round when its last steps gave the very same, by digest, as the steps before them. A
    round with a person in it is none: a person can end it. So can an operator, who had it redriven.
    """
    graph = namespace.rpartition("|")[0]
    redriven = [at for at, one in enumerate(story) if one.event.kind in _AFRESH]
    story = story[redriven[-1] + 1 :] if redriven else story
    hops = [_hop(one) for one in story if one.namespace.rpartition("|")[0] == graph and _is_hop(one)]
    for length in range(1, len(hops) // 2 + 1):
        last, before = hops[-length:], hops[-2 * length : -length]
        if last == before and last[0][0] == step and all(kind != "review" for _, kind, _ in last):
            return [name for name, _, _ in last]
    return []


def _is_hop(entry: LedgerEntry) -> bool:
    return entry.event.kind in _HOPS or entry.event.kind == "review_decided"


def _hop(entry: LedgerEntry) -> tuple[str, str, tuple[str, ...]]:
    event = entry.event
    kind = "review" if event.kind == "review_decided" else event.kind
    gave = event.data.get("gave") or {}
    digests = tuple(str(envelope.get("digest")) for _, envelope in sorted(gave.items()))
    code = str((event.data.get("failure") or {}).get("code", ""))
    return event.step, kind, (*digests, code, str(event.data.get("goto")))


def _reached(bound: str, step: Step, says: str, most: int) -> BoundReached:
    return BoundReached(
        says,
        where=step.name,
        mend="Look at the case's story; raise the bound if so many are meant.",
        bound=bound,
        most=most,
    )

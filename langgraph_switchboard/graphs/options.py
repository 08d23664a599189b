"""Options that every step at work has in common: who owns it, how long, how often, how much."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from typing_extensions import TypedDict, Unpack

from langgraph_switchboard.errors import BlueprintError
from langgraph_switchboard.graphs.durations import seconds_of
from langgraph_switchboard.limits import BreakerPolicy, Budget, Rate
from langgraph_switchboard.models import Tool
from langgraph_switchboard.nodes import DEAD_LETTER, Edge, Retry

__all__ = ["StepOptions", "Target", "Unpack", "name_of", "options_of", "way_out"]

Target = str | Callable[..., Any]
"""A destination: a step's name, or the agent that the step is named after."""


class StepOptions(TypedDict, total=False):
    """What may be said of any step, effect or supervisor besides its place in the process."""

    owner: str | None
    """Who answers for it; the blueprint's owner unless given."""
    timeout: float | str
    """Seconds for one attempt, or text such as "2m"; 30 seconds unless given."""
    retry: Retry
    """How often it is tried, and how long it waits in between; three times unless given."""
    budget: Budget | None
    """What may be spent in it."""
    over_budget: Target
    """Where a case goes that may spend no more, with the draft if there is one; the review right behind
    it unless given, and where there is none its fallback."""
    rate: Rate | None
    """How often its agent may be called, over all processes."""
    breaker: BreakerPolicy | None
    """When its agent is left alone for a while."""
    history: int
    """How many of the last messages of the conversation its agent sees; 20 unless given."""
    max_visits: int
    """How often one case may come to it: the bound of a loop. After that it is left by `exhausted`."""
    exhausted: Target
    """Where a case goes that came more often; the dead letter unless given."""
    tools: Sequence[Tool]
    """What a model may call while it answers for its agent; nothing else, and nothing unless given."""


def options_of(said: StepOptions, owner: str, step: str) -> dict[str, Any]:
    """The options as fields of a `Step`.

    Args:
        said: What the author said.
        owner: The blueprint's owner.
        step: The step, for errors.

    Raises:
        BlueprintError: The timeout is no length of time, the bound is none, or `retry` makes no sense.
    """
    fields: dict[str, Any] = dict(said)
    fields.pop("exhausted", None)
    fields.pop("over_budget", None)
    bound = said.get("max_visits")
    if "exhausted" in said and bound is None:
        raise BlueprintError("a way out needs a bound", where=step, wanted="max_visits=... beside exhausted=")
    if bound is not None and bound < 1:
        raise BlueprintError("a bound is 1 or more", where=step, came=str(bound))
    _must_be_a_policy(said.get("retry", Retry()), step)
    fields["owner"] = said.get("owner") or owner
    fields["timeout"] = seconds_of(said.get("timeout", 30.0), step)
    fields["tools"] = tuple(said.get("tools", ()))
    return fields


def way_out(said: StepOptions) -> tuple[Edge, ...]:
    """The ways out of a step that has bounds of its own; none where it has not."""
    ways: tuple[Edge, ...] = ()
    if "max_visits" in said:
        to = said.get("exhausted")
        ways = (Edge("exhausted", name_of(to) if to else DEAD_LETTER, is_implied=to is None),)
    if (person := said.get("over_budget")) is not None:
        ways = (*ways, Edge("over_budget", name_of(person)))
    return ways


def _must_be_a_policy(retry: Retry, step: str) -> None:
    if retry.attempts < 1 or retry.base < 0 or retry.factor < 1 or retry.longest < 0:
        raise BlueprintError(
            "this says nothing about how often it is tried",
            where=step,
            wanted="attempts of 1 or more, base and longest of 0 or more, factor of 1 or more",
            came=str(retry),
        )


def name_of(target: Target) -> str:
    """The step that a target names."""
    return target if isinstance(target, str) else str(target.__name__)

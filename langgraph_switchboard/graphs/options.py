"""Options that every step at work has in common: who owns it, how long, how often, how much."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict, Unpack

from langgraph_switchboard.graphs.durations import seconds_of
from langgraph_switchboard.limits import BreakerPolicy, Budget, Rate
from langgraph_switchboard.nodes import Retry

__all__ = ["StepOptions", "Unpack", "options_of"]


class StepOptions(TypedDict, total=False):
    """What may be said of any step, effect or supervisor besides its place in the process."""

    owner: str | None
    """Who answers for it; the blueprint's owner unless given."""
    timeout: float | str
    """Seconds for one attempt, or text such as "2m"; 30 seconds unless given."""
    retry: Retry
    """How often it is tried, and how long it waits in between; three times unless given."""
    budget: Budget | None
    """What one case may spend in it."""
    rate: Rate | None
    """How often its agent may be called, over all processes."""
    breaker: BreakerPolicy | None
    """When its agent is left alone for a while."""
    history: int
    """How many of the last messages of the conversation its agent sees; 20 unless given."""


def options_of(said: StepOptions, owner: str, step: str) -> dict[str, Any]:
    """The options as fields of a `Step`.

    Args:
        said: What the author said.
        owner: The blueprint's owner.
        step: The step, for errors.

    Raises:
        BlueprintError: The timeout is no length of time.
    """
    fields: dict[str, Any] = dict(said)
    fields["owner"] = said.get("owner") or owner
    fields["timeout"] = seconds_of(said.get("timeout", 30.0), step)
    return fields

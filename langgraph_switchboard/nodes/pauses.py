"""A wait: the case rests on a timer until its moment has come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from langgraph_switchboard.errors import StepFailed
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.kinds import go_on
from langgraph_switchboard.nodes.spec import Step
from langgraph_switchboard.nodes.timers import wait_until
from langgraph_switchboard.nodes.turn import Given, Turn

_WAIT, _REMIND = "wait", "remind"


async def pause(step: Step, given: Given, ctx: StepContext) -> Turn:
    """Wait until the moment has come, with a reminder on the way.

    Raises:
        GraphInterrupt: It has not come yet.
        StepFailed: The case tells no moment.
    """
    assert step.wait is not None
    due = await _set_before(ctx) or _moment(step, given, ctx)
    own = {"task": ctx.task.task_id, "due_at": due.isoformat()}
    soon = due - step.wait.remind if step.wait.remind else None
    if soon is not None:
        # A reminder in the past is due at once; left out, the timers behind it would change their numbers.
        wait_until(soon, ctx, kind=_REMIND, payload={**own, "owner": step.owner})
    wait_until(due, ctx, kind=_WAIT, payload=own)
    return replace(go_on(step, given), data={"waited_until": due.isoformat()})


async def _set_before(ctx: StepContext) -> datetime | None:
    """The moment that this very run of the step set when it began: a length counts from then."""
    rows = await ctx.services.store.timers(case_id=ctx.case_id, status=None, limit=None)
    mine = [row for row in rows if row.payload.get("task") == ctx.task.task_id]
    return datetime.fromisoformat(mine[0].payload["due_at"]) if mine else None


def _moment(step: Step, given: Given, ctx: StepContext) -> datetime:
    assert step.wait is not None
    until = step.wait.until
    said = until(**given.pick(step.takes, {})) if callable(until) else until
    due = ctx.now() + said if isinstance(said, timedelta) else said
    if not isinstance(due, datetime) or due.tzinfo is None:
        raise StepFailed(
            f"the wait {step.name!r} is told no moment",
            where=step.name,
            wanted="an aware datetime, or a timedelta",
            came=repr(due),
        )
    return due.astimezone(UTC)

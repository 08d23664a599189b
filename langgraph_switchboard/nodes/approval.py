"""Approval: a high-risk effect acts only on what a person has decided on, and looks for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph_switchboard.cases import ReviewRow
from langgraph_switchboard.errors import NotApproved
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.spec import Approval, Step
from langgraph_switchboard.nodes.turn import Given


async def require_approval(step: Step, given: Given, ctx: StepContext) -> None:
    """Refuse to act unless the decision that stands covers exactly what is about to be acted on.

    That every path leads past the review is proved before the process runs; this holds
    also where state was changed behind the switchboard's back.

    Raises:
        NotApproved: Nobody has decided, or something else than this was decided on.
    """
    approval = step.approval
    if approval is None or not _applies(approval, given):
        return
    rows = await ctx.services.store.reviews(case_id=ctx.case_id, status="decided")
    decided = [row for row in rows if row.step == approval.review]
    if not decided or not _covers(decided[-1], given.state):
        raise NotApproved(
            f"the effect {step.name!r} needs the decision of {approval.review!r} on what it acts on",
            where=step.name,
            came="no decision" if not decided else "a decision on something else",
            mend=f"Let the case pass {approval.review!r}.",
        )


def _applies(approval: Approval, given: Given) -> bool:
    return approval.when is None or bool(approval.when(**given.pick(approval.when_takes, {})))


def _covers(row: ReviewRow, state: Mapping[str, Any]) -> bool:
    envelope = state.get(row.subject) or {}
    payload, decision = envelope.get("payload"), row.decision or {}
    match decision.get("type"):
        case "approve":
            return bool(payload == row.shown.get(row.subject))
        case "edit":
            return bool(payload == decision.get("edited"))
        case "respond":
            # Made from the person's own words, and sealed under the person's name.
            return bool(envelope.get("by") == row.decided_by)
        case _:
            return False

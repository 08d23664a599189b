"""An effect in doubt: a person is asked whether it happened, in the effect's own step."""

from __future__ import annotations

import hashlib
from typing import Literal

from langchain_core.runnables import RunnableConfig

from langgraph_switchboard.cases import EffectKey, ReviewRow, as_values
from langgraph_switchboard.contracts import Contract, Decision, digest_of
from langgraph_switchboard.errors import EffectInDoubt
from langgraph_switchboard.ledger import Event, Row
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.review import answer_model, decided
from langgraph_switchboard.nodes.spec import Review, Step
from langgraph_switchboard.nodes.turn import said_before


class Doubt(Contract):
    """An effect of which nobody knows whether it happened."""

    key: str
    """Its business key; the other side has seen it as `case/key`, if it has seen it at all."""
    step: str
    """The step that set out to do it."""


class DoubtDecision(Decision):
    """approve: it happened, do not do it again. reject: it did not happen, do it now."""

    type: Literal["approve", "reject"]
    """Whether it happened."""


DOUBT = Review(of="effect", subject=Doubt, decides=DoubtDecision, decision_field="", risk="high")
"""The question that every effect in doubt asks."""


async def clear_doubt(step: Step, doubt: EffectInDoubt, ctx: StepContext, config: RunnableConfig) -> None:
    """Ask a person, and settle the effect's record by the decision that stands.

    Raises:
        GraphInterrupt: Nobody has answered yet.
    """
    effect: EffectKey = doubt.effect
    row = _row(step, effect, ctx)
    ctx.entries[:] = [
        *said_before(ctx.entries),
        Row("reviews", as_values(row)),
        Event("review_opened", step.name, row.opened_at, {"review_id": row.review_id, "reason": row.reason}),
    ]
    standing = await decided(step, row, answer_model(DoubtDecision, True, False), ctx, config)
    by = standing.decided_by or "somebody"
    decision = DoubtDecision.accept(standing.decision, by=by)
    if decision.type == "approve":
        await ctx.services.effects.finish(effect, None, by=by)
    else:
        await ctx.services.effects.forget(effect)
    told = {"review_id": row.review_id, "type": decision.type, "by": by, "message": decision.message}
    ctx.entries.append(Event("review_decided", step.name, standing.decided_at or ctx.now(), told))


def _row(step: Step, effect: EffectKey, ctx: StepContext) -> ReviewRow:
    shown = {"effect": {"key": effect.key, "step": step.name}}
    place = f"{ctx.task.case_id}\n{ctx.task.namespace}\n{ctx.task.task_id}\n{effect.key}".encode()
    return ReviewRow(
        review_id=f"rv-{hashlib.sha256(place).hexdigest()[:12]}",
        case_id=ctx.case_id,
        flow=ctx.flow.name,
        step=step.name,
        version=1,
        subject="effect",
        shown=shown,
        digest=digest_of(shown),
        reason=f"nobody knows whether {effect.key!r} happened: approve if it did, reject to do it now",
        status="open",
        opened_at=ctx.now(),
        kind="doubt",
        risk="high",
        owner=step.owner,
        agent=step.name,
    )

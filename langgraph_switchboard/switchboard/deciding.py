"""Deciding: is this an answer to the question, and who was first."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from langgraph_switchboard.cases import ReviewRow
from langgraph_switchboard.contracts import Decision, violation_of
from langgraph_switchboard.errors import ContractViolation, DecisionMalformed, ReviewDecided
from langgraph_switchboard.nodes import Review, answer_model


def accept_answer(review: Review, row: ReviewRow, decision: Any, by: str) -> Decision:
    """A person's answer as the review's own contract.

    Args:
        review: What the blueprint says of the review.
        row: The question as it was asked.
        decision: The answer, in any of the known shapes.
        by: Who gave it.

    Raises:
        DecisionMalformed: It does not fit; the review stays open.
    """
    has_draft = row.shown.get(row.subject) is not None
    plain = decision.model_dump(mode="json") if isinstance(decision, Decision) else decision
    schema = answer_model(review.decides, has_draft, review.responds is not None)
    try:
        return review.decides.accept(schema.model_validate({"decision": plain}).decision, by=by)
    except ValidationError as error:
        violation = violation_of(error, by=by)
    except ContractViolation as error:
        violation = error
    first = violation.problems[0]
    raise DecisionMalformed(
        f"the answer does not fit the review: {first['at'].partition('.')[2] or 'it'} {first['says']}",
        where=row.review_id,
        mend="The review stays open; answer again.",
        problems=violation.problems,
    )


def decided_by_other(row: ReviewRow) -> ReviewDecided:
    """What a loser is told: who was first, and what stands."""
    kind = str((row.decision or {}).get("type", "?"))
    return ReviewDecided(
        f"{row.decided_by} decided first: {kind}",
        where=row.review_id,
        mend="That decision stands; nothing was changed.",
        review=row.review_id,
        by=row.decided_by or "?",
        decision=kind,
    )

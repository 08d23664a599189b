"""Deciding: who may, is this an answer to the question, and who was first."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from langgraph_switchboard.cases import CaseRow, ReviewRow
from langgraph_switchboard.cases.access import REQUESTER, Actor, Matter, refusal
from langgraph_switchboard.contracts import Decision, restored, violation_of
from langgraph_switchboard.errors import ContractViolation, DecisionMalformed, ReviewNotYours
from langgraph_switchboard.graphs import Process
from langgraph_switchboard.nodes import Review, amount_of, answer_model, risk_of


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
    draft = row.shown.get(row.subject)
    has_draft = draft is not None
    plain = decision.model_dump(mode="json") if isinstance(decision, Decision) else restored(decision, draft)
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


def matter_of(
    process: Process, review: Review, row: ReviewRow, case: CaseRow, answer: Decision | None = None
) -> Matter:
    """What a review is about, as far as it says who may decide it.

    Args:
        process: The flow of the case.
        review: What the blueprint says of the review.
        row: The question as it was asked.
        case: The case that waits.
        answer: What somebody wants to decide; an edit may put more at stake than the draft did.
    """
    requester = case.labels.get(REQUESTER)
    agents = frozenset(name for name, step in process.every_step() if step.kind != "review")
    return Matter(
        row.flow, row.kind or row.step, _risk(review, row, answer), _amount(review, row, answer),
        str(requester) if requester else None, agents,
    )  # fmt: skip


def _risk(review: Review, row: ReviewRow, answer: Decision | None) -> str:
    """The risk of what was asked; an edit may raise it, and never lowers it."""
    is_edit = getattr(answer, "edited", None) is not None
    return risk_of(review, row.shown, answer) if is_edit and row.risk != "high" else row.risk


def _amount(review: Review, row: ReviewRow, answer: Decision | None) -> float | None:
    """The most money at stake in what is shown, what somebody proposed, and what is to be decided."""
    if review.amount is None:
        return None  # and nothing that was shown has to be read as what this code knows
    edited = getattr(answer, "edited", None)
    payloads = [row.shown.get(row.subject), (row.proposed or {}).get("edited")]
    subjects = [review.subject.accept_stored(one, by=row.step) for one in payloads if one is not None]
    amounts = [amount_of(review, one) for one in (*subjects, edited)]
    return max((one for one in amounts if one is not None), default=None)


def must_be_theirs(actor: Actor, matter: Matter, row: ReviewRow) -> None:
    """Refuse who may not decide this review.

    Raises:
        ReviewNotYours: Says why.
    """
    if why := refusal(actor, matter):
        raise ReviewNotYours(why, where=row.review_id, mend="Let somebody else decide.", by=actor.name)

"""Reviews over the API: find those that wait, read one, and decide it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from langgraph_switchboard.cases import InboxQuery, ReviewRow
from langgraph_switchboard.cases.access import Actor
from langgraph_switchboard.cases.refusals import review_missing
from langgraph_switchboard.serve.api.cases import sayable, worker_of
from langgraph_switchboard.serve.api.models import (
    Bulk,
    BulkBody,
    BulkOne,
    Decided,
    DecisionBody,
    EscalateBody,
    Model,
    Nothing,
    ReviewOut,
    Reviews,
    ReviewsQuery,
)
from langgraph_switchboard.serve.api.operation import Operation
from langgraph_switchboard.serve.api.showing import answer, case_out, next_of, place_of, review_out
from langgraph_switchboard.serve.guard import Handler
from langgraph_switchboard.serve.requests import actor_of, json_of, query_of, switchboard_of
from langgraph_switchboard.switchboard import Switchboard
from langgraph_switchboard.switchboard.bulk import approve_many

M = TypeVar("M", bound=Model)
Verb = Callable[[Switchboard, str, Actor, M], Awaitable[ReviewRow]]


async def list_reviews(request: Request) -> Response:
    """The reviews that wait for a person, the longest first, page by page."""
    asked, store = query_of(request, ReviewsQuery), switchboard_of(request).services.store
    query = InboxQuery(
        flow=asked.flow,
        kind=asked.kind,
        risk=asked.risk,
        owner=asked.owner,
        assigned_to=asked.assigned_to,
        overdue_at=switchboard_of(request).services.clock() if asked.overdue else None,
        words=sayable(asked.q, "q"),
        after=place_of(asked.after),
        limit=asked.limit,
    )
    rows = await store.inbox(query)
    after = next_of(rows, asked.limit, lambda row: (row.opened_at, row.review_id))
    return answer(Reviews(items=[review_out(request, row) for row in rows], next=after))


async def get_review(request: Request) -> Response:
    """One review: what is shown, and what was decided."""
    return answer(review_out(request, await _review(request)))


async def decide_review(request: Request) -> Response:
    """Answer a review.

    Of several who answer one decision stands; the others are told who was first (409). An answer
    that does not fit leaves the review open (422). Every attempt is in the case's story.
    """
    switchboard, actor = switchboard_of(request), actor_of(request)
    review_id = sayable(str(request.path_params["review_id"]), "review_id")
    body = await json_of(request, DecisionBody)
    case = await switchboard.decide(review_id, body.decision, by=actor, digest=body.digest, drive=body.wait)
    if not body.wait:
        await worker_of(request).take(case.case_id)
    return answer(Decided(review=review_out(request, await _review(request)), case=case_out(request, case)))


async def approve_reviews(request: Request) -> Response:
    """Approve many reviews as they are shown: all of one kind, and none of high risk.

    Each is decided by itself; those that somebody else decided first, or that are not this person's
    to decide, are told.
    """
    body = await json_of(request, BulkBody)
    outcomes = await approve_many(
        switchboard_of(request), body.reviews, by=actor_of(request), message=body.message
    )
    items = [
        BulkOne(
            review_id=review_id,
            done=error is None,
            detail="" if error is None else str(error),
            code="" if error is None else error.code,
        )
        for review_id, error in outcomes.items()
    ]
    store = switchboard_of(request).services.store
    decided = [await store.review(review_id) for review_id, error in outcomes.items() if error is None]
    await worker_of(request).take(*(row.case_id for row in decided if row is not None))
    return answer(Bulk(items=items))


async def claim_review(request: Request) -> Response:
    """Say that one is looking at a review, taking it over from whoever was."""
    return await _done(request, Nothing, lambda s, name, actor, _: s.claim(name, by=actor))


async def release_review(request: Request) -> Response:
    """Say that one is no longer looking at a review."""
    return await _done(request, Nothing, lambda s, name, actor, _: s.release(name, by=actor))


async def escalate_review(request: Request) -> Response:
    """Hand a review on to another group; it stays open."""
    return await _done(
        request,
        EscalateBody,
        lambda s, name, actor, body: s.escalate(name, by=actor, to=body.to, message=body.message),
    )


async def undo_decision(request: Request) -> Response:
    """Take one's own decision back while it is held: the review is open again."""
    return await _done(request, Nothing, lambda s, name, actor, _: s.undo(name, by=actor))


async def _done(request: Request, model: type[M], verb: Verb[M]) -> Response:
    review_id = sayable(str(request.path_params["review_id"]), "review_id")
    body = await json_of(request, model)
    row = await verb(switchboard_of(request), review_id, actor_of(request), body)
    return answer(review_out(request, row))


async def _review(request: Request) -> ReviewRow:
    review_id = sayable(str(request.path_params["review_id"]), "review_id")
    row = await switchboard_of(request).services.store.review(review_id)
    if row is None:
        raise review_missing(review_id)
    return row


def _verb(name: str, handler: Handler, body: type[Model]) -> Operation:
    path = f"/api/reviews/{{review_id}}/{name}"
    return Operation(
        "POST", path, handler, body=body, answers={200: ReviewOut}, problems=(404, 409), tag="reviews"
    )


# To decide one needs no more than to read here: whether this person may decide this review is said
# where the decision is written, and every attempt goes on the ledger there.
operations = [
    Operation("GET", "/api/reviews", list_reviews, query=ReviewsQuery, answers={200: Reviews}, tag="reviews"),
    Operation(
        "POST",
        "/api/approvals",
        approve_reviews,
        body=BulkBody,
        answers={200: Bulk},
        problems=(404,),
        tag="reviews",
    ),
    Operation(
        "GET",
        "/api/reviews/{review_id}",
        get_review,
        answers={200: ReviewOut},
        problems=(404, 422),
        tag="reviews",
    ),
    Operation(
        "POST",
        "/api/reviews/{review_id}/decide",
        decide_review,
        body=DecisionBody,
        answers={200: Decided},
        problems=(404, 409),
        tag="reviews",
    ),
    _verb("claim", claim_review, Nothing),
    _verb("release", release_review, Nothing),
    _verb("escalate", escalate_review, EscalateBody),
    _verb("undo", undo_decision, Nothing),
]

"""The page of one review: the case's story, what the agent saw, what it rests on, and what to decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from langgraph_switchboard.cases import CaseRow, InboxQuery, ReviewRow, refusals
from langgraph_switchboard.cases.access import refusal
from langgraph_switchboard.errors import CaseBusy, ReviewError, ReviewUnknown
from langgraph_switchboard.ledger import LedgerEntry
from langgraph_switchboard.nodes import Review
from langgraph_switchboard.serve.api.cases import worker_of
from langgraph_switchboard.serve.api.showing import hiding
from langgraph_switchboard.serve.pages.evidence import evidence_of
from langgraph_switchboard.serve.pages.forms import Field, Schema, form_of, read_form
from langgraph_switchboard.serve.pages.showing import GRACE
from langgraph_switchboard.serve.pages.templates import form_route, page, page_route
from langgraph_switchboard.serve.pages.words import excerpt, for_whom
from langgraph_switchboard.serve.problems import status_of
from langgraph_switchboard.serve.requests import actor_of, switchboard_of
from langgraph_switchboard.switchboard import Flow
from langgraph_switchboard.switchboard.deciding import matter_of
from langgraph_switchboard.switchboard.reviewing import review_of_row

_STAYS = frozenset({"claim", "release", "undo"})
"""Verbs after which one still looks at the review."""


async def show(request: Request) -> Response:
    """The review as it stands."""
    return await _page(request, await _review(request))


async def act(request: Request) -> Response:
    """Do what the form says. What is refused is told on the page, with everything that was typed."""
    row, actor = await _review(request), actor_of(request)
    switchboard = switchboard_of(request)
    sent = {name: str(value) for name, value in (await request.form()).items()}
    verb = sent.get("verb", "")
    try:
        match verb:
            case "claim":
                await switchboard.claim(row.review_id, by=actor)
            case "release":
                await switchboard.release(row.review_id, by=actor)
            case "undo":
                await switchboard.undo(row.review_id, by=actor)
            case "escalate":
                to = sent.get("to", "").strip()[:200]
                await switchboard.escalate(row.review_id, by=actor, to=to, message=sent.get("message", ""))
            case _:
                answer = _answer(verb, sent, _subject_schema(request, row))
                token = sent.get("token") or None
                await switchboard.decide(
                    row.review_id, answer, by=actor, digest=token, undo=GRACE, drive=False
                )
                await worker_of(request).take(row.case_id)
    except (ReviewError, CaseBusy) as error:
        if isinstance(error, ReviewUnknown):
            raise
        return await _page(request, await _review(request), refused=error, sent=sent)
    if verb in _STAYS:
        return RedirectResponse(f"/reviews/{quote(row.review_id)}", 303)
    return RedirectResponse(f"/?done={quote(row.review_id)}", 303)


def _answer(verb: str, sent: Mapping[str, str], schema: Schema | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"type": verb, "message": sent.get("message", "").replace("\r\n", "\n").strip()}
    if verb == "edit" and schema is not None:
        answer["edited"] = read_form(schema, sent, "edited")
    return answer


async def _page(
    request: Request,
    row: ReviewRow,
    *,
    refused: ReviewError | CaseBusy | None = None,
    sent: Mapping[str, str] | None = None,
) -> Response:
    switchboard, actor = switchboard_of(request), actor_of(request)
    services, hide = switchboard.services, hiding(request)
    flow, now = switchboard.flows.get(row.flow), services.clock()
    case, story = await services.store.case(row.case_id), await services.store.story(row.case_id)
    review = _said_of(flow, row)
    evidence = await evidence_of(row, flow, services.resources)
    following = await services.store.inbox(InboxQuery(after=(row.opened_at, row.review_id), limit=1))
    if actor.sees_redacted:
        row, evidence = hide_row(row, hide), type(evidence)()
    return page(
        request,
        "review.html",
        status_of(refused) if refused else 200,
        row=row,
        case=case,
        now=now,
        title=excerpt(row.shown, case.input if case else (), 110) or row.case_id,
        whom=for_whom(row.shown),
        evidence=evidence,
        confidence=_confidence(row, story),
        saw=_seen_by(row.agent, story),
        inputs={name: row.shown[name] for name in row.shown if case and name in case.input},
        subject=row.shown.get(row.subject),
        others={
            name: value
            for name, value in row.shown.items()
            if name != row.subject and not (case and name in case.input)
        },
        story=[] if actor.sees_redacted else story,
        form=_form(request, row, refused, sent),
        sent={"verb": "", "message": "", **(sent or {})},
        refused=refused,
        why_not=_why_not(request, flow, review, row, case),
        can_answer=review is not None and review.responds is not None,
        is_doubt=row.kind == "doubt",
        following=following[0].review_id if following else "",
    )


def _confidence(row: ReviewRow, story: Sequence[LedgerEntry]) -> dict[str, Any]:
    """How sure the agent was, and how sure it had to be, as the story tells it."""
    subject = row.shown.get(row.subject)
    found: dict[str, Any] = {}
    if isinstance(subject, Mapping) and isinstance(subject.get("confidence"), int | float):
        found["confidence"] = float(subject["confidence"])
    for entry in story:
        if entry.event.kind == "gated" and entry.event.at <= row.opened_at:
            found |= {name: entry.event.data.get(name) for name in ("confidence", "threshold")}
    return found


def _seen_by(agent: str, story: Sequence[LedgerEntry]) -> list[str]:
    """The fields of the case that the agent of the draft saw, as its last run tells."""
    runs = [one.event.data for one in story if one.event.step == agent and one.event.data.get("gave")]
    return [str(name) for name in runs[-1].get("got") or ()] if agent and runs else []


def _form(
    request: Request, row: ReviewRow, refused: ReviewError | CaseBusy | None, sent: Mapping[str, str] | None
) -> Field | None:
    """The form of what is decided on: as it stands, or as somebody typed it and it was refused."""
    schema = _subject_schema(request, row)
    if schema is None:
        return None
    if refused is None or (sent or {}).get("verb") != "edit":
        value = (row.proposed or {}).get("edited") or row.shown.get(row.subject)
        return form_of(schema, value, "edited")
    errors: dict[str, str] = {}
    for one in refused.fields.get("problems", ()):
        _, found, below = one["at"].partition(".edited")
        if found:
            errors.setdefault(f"edited{below}", one["says"])
    return form_of(schema, read_form(schema, sent or {}, "edited"), "edited", errors)


def _subject_schema(request: Request, row: ReviewRow) -> Schema | None:
    flow = switchboard_of(request).flows.get(row.flow)
    review = _said_of(flow, row)
    edits = review is not None and "edited" in review.decides.model_fields
    return review.subject.model_json_schema() if review is not None and edits else None


def _said_of(flow: Flow | None, row: ReviewRow) -> Review | None:
    try:
        return review_of_row(flow, row) if flow else None
    except ReviewError:
        return None


def _why_not(
    request: Request, flow: Flow | None, review: Review | None, row: ReviewRow, case: CaseRow | None
) -> str:
    """Why this person may not decide it; empty if they may. The buttons go by it, the rule does not."""
    actor = actor_of(request)
    if flow is None or review is None or case is None:
        return "the flow of this case is not served here"
    if why := refusal(actor, matter_of(flow.process, review, row, case)):
        return why
    if actor.name in row.approved_by and row.people > 1:
        return f"you have approved it; {row.people - len(row.approvals)} more must"
    return ""


def hide_row(row: ReviewRow, hide: Any) -> ReviewRow:
    """A review without personal data."""
    return replace(row, shown=hide(row.shown), reason=hide(row.reason), proposed=hide(row.proposed))


async def _review(request: Request) -> ReviewRow:
    review_id = str(request.path_params["review_id"])
    row = await switchboard_of(request).services.store.review(review_id) if review_id.isprintable() else None
    if row is None:
        raise refusals.review_missing(review_id)
    return row


routes = [page_route("/reviews/{review_id}", show), form_route("/reviews/{review_id}", act)]

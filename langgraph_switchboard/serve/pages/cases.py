"""The pages of cases: find one, see the way that it took, and take it up again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from langgraph_switchboard.cases import ENDED, STATUSES, CaseQuery, CaseRow
from langgraph_switchboard.errors import CaseUnknown
from langgraph_switchboard.graphs import Process
from langgraph_switchboard.graphs.svg import STYLE, svg
from langgraph_switchboard.ledger import Event, LedgerEntry
from langgraph_switchboard.serve.api.showing import hiding, next_of, place_of
from langgraph_switchboard.serve.guard import route
from langgraph_switchboard.serve.pages.showing import said_text
from langgraph_switchboard.serve.pages.templates import form_route, page, page_route
from langgraph_switchboard.serve.pages.words import excerpt, for_whom
from langgraph_switchboard.serve.requests import actor_of, must, switchboard_of

PAGE = 50
_WORK = ("step_finished", "step_failed", "routed", "gated", "attempt_failed")


_DONE = {
    "resume": "It was taken up again",
    "redrive": "It was done again",
    "discard": "It is let be",
    "cancel": "It is cancelled",
}
"""What a page says after an operator's deed; the address names the deed only."""


@dataclass(frozen=True)
class Totals:
    """What a case took in all.

    Args:
        steps: Steps that ended.
        failed: Attempts and steps that failed.
        seconds: Time at work.
        tokens: Tokens read and written.
        cost: Dollars; None where a price is unknown.
    """

    steps: int = 0
    failed: int = 0
    seconds: float = 0.0
    tokens: int = 0
    cost: float | None = 0.0


async def list_cases(request: Request) -> Response:
    """Cases, newest first; found by the beginning of their id, or by a label as `name:value`."""
    switchboard = switchboard_of(request)
    store, hide = switchboard.services.store, hiding(request)
    said = {name: text for name in ("q", "status", "flow") if (text := said_text(request, name))}
    if said.get("status") not in STATUSES:
        said.pop("status", None)
    name, colon, value = said.get("q", "").partition(":")
    is_label = bool(colon and name and value)
    query = CaseQuery(
        flow=said.get("flow"),
        status=said.get("status"),
        prefix="" if is_label else said.get("q", ""),
        labels={name: value} if is_label else {},
        before=place_of(request.query_params.get("after")),
        limit=PAGE,
    )
    rows = await store.cases_page(query)
    after = next_of(rows, PAGE, lambda row: (row.created_at, row.case_id))
    return page(
        request,
        "cases.html",
        items=[(row, hide(excerpt(row.input, length=120)), hide(for_whom(row.input))) for row in rows],
        now=switchboard.services.clock(),
        said=said,
        statuses=STATUSES,
        flows=sorted(switchboard.flows),
        next_page=f"/cases?{urlencode({**said, 'after': after})}" if after else "",
    )


async def show_case(request: Request) -> Response:
    """One case: the drawing with its way, the timeline, its reviews; `?as=json` gives it raw."""
    switchboard, actor, hide = switchboard_of(request), actor_of(request), hiding(request)
    row, store = await _case(request), switchboard.services.store
    story = await store.story(row.case_id)
    reviews = await store.reviews(case_id=row.case_id, status=None)
    if request.query_params.get("as") == "json":
        whole = {"case": asdict(row), "story": [asdict(one) for one in story],
                 "reviews": [asdict(one) for one in reviews]}  # fmt: skip
        text = json.dumps(hide(json.loads(json.dumps(whole, default=str))), indent=2, ensure_ascii=False)
        return Response(text, media_type="application/json")
    flow = switchboard.flows.get(row.flow)
    events = [replace(one.event, data=hide(one.event.data)) for one in story]
    return page(
        request,
        "case.html",
        row=row,
        input=hide(row.input),
        labels=hide(row.labels),
        reason=hide(row.reason),
        now=switchboard.services.clock(),
        entries=[(event, event.data) for event in events],
        totals=totals_of(story),
        reviews=reviews,
        drawing=drawing_of(flow.process, story, row) if flow else "",
        is_known=flow is not None,
        has_ended=row.status in ENDED,
        may_operate=actor.may("operate"),
        letters=await store.letters(case_id=row.case_id, status="open"),
        told=_DONE.get(said_text(request, "done"), ""),
    )


async def operate(request: Request) -> Response:
    """What an operator does with a case: take it up again, have its dead letter redone, put an end to it."""
    actor, row = must(request, "operate"), await _case(request)
    switchboard, verb = switchboard_of(request), str(request.path_params["verb"])
    why = str((await request.form()).get("why", ""))
    match verb:
        case "resume":
            said = {"by": actor.name, "verb": "resume", "reason": why[:2000]}
            event = Event("operated", row.step, switchboard.services.clock(), said)
            await switchboard.services.store.note(row.case_id, [event])
            after = await switchboard.resume(row.case_id)
        case "redrive":
            after = await switchboard.redrive(row.case_id, by=actor)
        case "discard":
            await switchboard.discard(row.case_id, by=actor, why=why)
            after = row
        case "cancel":
            after = await switchboard.cancel(row.case_id, by=actor, why=why)
        case _:
            raise HTTPException(404, "There is no such verb.")
    return RedirectResponse(f"/cases/{quote(after.case_id)}?done={verb}", 303)


async def drawing_style(request: Request) -> Response:
    """The looks of drawings, as a file: the policy of our pages lets no style stand in a page."""
    return Response(STYLE, media_type="text/css")


def drawing_of(process: Process, story: Sequence[LedgerEntry], row: CaseRow) -> str:
    """The process with the way that a case took, to stand inside a page.

    Args:
        process: The blueprint as data.
        story: What happened to the case.
        row: The case.
    """
    steps = [one.event.step for one in story if one.event.step]
    taken = [step for place, step in enumerate(steps) if place == 0 or steps[place - 1] != step]
    if row.status in ENDED and row.status != "dead_lettered":
        taken.append("__end__")
    here = () if row.status in ENDED else (row.step,)
    return svg(process, taken=taken, here=here).replace(f"<style>{STYLE}</style>", "")


def totals_of(story: Sequence[LedgerEntry]) -> Totals:
    """What a case took in all.

    Args:
        story: What happened to it.
    """
    work = [one.event for one in story if one.event.kind in _WORK]
    tokens = sum(_number(one.data, "input_tokens") + _number(one.data, "output_tokens") for one in work)
    asked = [one.data for one in work if one.data.get("answered_by")]
    costs = [one.get("cost_usd") for one in asked]
    return Totals(
        steps=len([one for one in work if one.kind not in ("step_failed", "attempt_failed")]),
        failed=len([one for one in work if one.kind in ("step_failed", "attempt_failed")]),
        seconds=sum(one.seconds or 0.0 for one in work),
        tokens=int(tokens),
        cost=None if None in costs else sum(float(one) for one in costs if one is not None),
    )


def _number(data: Mapping[str, Any], name: str) -> float:
    value = data.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


async def _case(request: Request) -> CaseRow:
    case_id = str(request.path_params["case_id"])
    row = await switchboard_of(request).services.store.case(case_id) if case_id.isprintable() else None
    if row is None:
        raise CaseUnknown("there is no such case", mend="The list of cases has those that there are.")
    return row


routes = [
    page_route("/cases", list_cases),
    route("/drawing.css", drawing_style, right=None, keep=300),
    # The id of a case may hold slashes.
    form_route("/operate/{verb}/{case_id:path}", operate, right="read"),
    page_route("/cases/{case_id:path}", show_case),
]

"""Cases over the API: hand one in, find it, see what happened to it, and take it up again."""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import Response

from langgraph_switchboard.cases import CaseQuery, CaseRow
from langgraph_switchboard.cases.access import REQUESTER
from langgraph_switchboard.errors import CaseUnknown, InputRefused
from langgraph_switchboard.serve.api.models import (
    CaseOut,
    Cases,
    CasesQuery,
    CaseWhole,
    FlowOut,
    Flows,
    NewCaseBody,
    State,
    Story,
)
from langgraph_switchboard.serve.api.operation import Operation
from langgraph_switchboard.serve.api.showing import (
    answer,
    case_out,
    events_out,
    hiding,
    next_of,
    place_of,
    review_out,
)
from langgraph_switchboard.serve.requests import actor_of, json_of, query_of, switchboard_of
from langgraph_switchboard.serve.worker import Worker
from langgraph_switchboard.switchboard import CaseView
from langgraph_switchboard.switchboard.telling import story_lines

IDEMPOTENCY = "idempotency-key"


async def list_flows(request: Request) -> Response:
    """The flows that cases can be handed in for, with the form of their inputs."""
    flows = [
        FlowOut(
            name=flow.name,
            version=flow.process.version,
            owner=flow.process.owner,
            inputs={
                name: contract.model_json_schema() for name, contract in flow.process.flow().inputs.items()
            },
        )
        for flow in switchboard_of(request).flows.values()
    ]
    return answer(Flows(items=flows))


async def list_cases(request: Request) -> Response:
    """Cases, newest first, page by page."""
    asked = query_of(request, CasesQuery)
    query = CaseQuery(
        flow=asked.flow,
        status=asked.status,
        prefix=sayable(asked.q, "q"),
        labels=_labels(asked.label),
        before=place_of(asked.after),
        limit=asked.limit,
    )
    rows = await switchboard_of(request).services.store.cases_page(query)
    after = next_of(rows, asked.limit, lambda row: (row.created_at, row.case_id))
    return answer(Cases(items=[case_out(request, row) for row in rows], next=after))


async def start_case(request: Request) -> Response:
    """Hand a case in; it is accepted before the answer, and driven soon.

    The same id, or the same `Idempotency-Key`, with the same inputs is the same case: handing it in
    twice does no harm. Who hands it in does not decide its reviews.
    """
    switchboard, actor = switchboard_of(request), actor_of(request)
    body = await json_of(request, NewCaseBody)
    flow = switchboard.flows.get(body.flow)
    if flow is None:
        known_here = ", ".join(switchboard.flows)
        raise InputRefused("there is no such flow here", where="flow", wanted=known_here)
    if REQUESTER in body.labels:
        raise InputRefused(f"the label {REQUESTER!r} is the server's to give", where="labels")
    # Nobody vouches for who asks a server without keys, so nobody is kept from deciding there.
    labels = body.labels if actor.is_local else {**body.labels, REQUESTER: actor.name}
    case_id = body.case_id or _case_id(request, flow.name, actor.name)
    known = await switchboard.services.store.case(case_id) if case_id else None
    row = await switchboard.start(flow.name, body.inputs, case_id=case_id, labels=labels)
    if known is None:
        await worker_of(request).take(row.case_id)
    place = f"/api/cases/{row.case_id}"
    return answer(case_out(request, row), 202 if known is None else 200, location=place)


async def get_case(request: Request) -> Response:
    """One case with its state, its story and its reviews."""
    view = await _view(request)
    whole = CaseWhole(
        case=case_out(request, view.row),
        state=hiding(request)(view.state.model_dump(mode="json")),
        story=events_out(request, view.story),
        reviews=[review_out(request, row) for row in view.reviews],
    )
    return answer(whole)


async def get_story(request: Request) -> Response:
    """What happened to a case, in order; also where its state can no longer be read."""
    row = await case_row(request)
    story = await switchboard_of(request).services.store.story(row.case_id)
    lines = hiding(request)(story_lines(story))
    return answer(Story(items=events_out(request, story), lines=lines))


async def get_state(request: Request) -> Response:
    """The fields of a case as they stand."""
    view = await _view(request)
    return answer(State(state=hiding(request)(view.state.model_dump(mode="json"))))


def worker_of(request: Request) -> Worker:
    """What drives cases here."""
    worker: Worker = request.app.state.worker
    return worker


def sayable(text: str, where: str) -> str:
    """A text that Postgres can be asked for.

    Raises:
        InputRefused: It holds a NUL or half a surrogate pair.
    """
    if "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise InputRefused("this text cannot be looked for", where=where)
    return text


async def case_row(request: Request) -> CaseRow:
    """The case that the path names.

    Raises:
        CaseUnknown: There is none.
    """
    case_id = sayable(str(request.path_params["case_id"]), "case_id")
    row = await switchboard_of(request).services.store.case(case_id)
    if row is None:
        raise CaseUnknown("there is no such case", case=case_id)
    return row


async def _view(request: Request) -> CaseView:
    row = await case_row(request)
    switchboard = switchboard_of(request)
    if row.flow not in switchboard.flows:
        raise InputRefused(
            "the flow of this case is not served here; its story is", where="flow", came=row.flow
        )
    return await switchboard.case(row.case_id)


def _case_id(request: Request, flow: str, name: str) -> str | None:
    key = request.headers.get(IDEMPOTENCY)
    if key is None:
        return None
    # One caller's key says nothing about another's.
    return "case-" + hashlib.sha256(f"{flow}\n{name}\n{key}".encode()).hexdigest()[:16]


def _labels(said: list[str]) -> dict[str, object]:
    labels: dict[str, object] = {}
    for one in said:
        name, colon, text = sayable(one, "label").partition(":")
        if not colon or not name:
            raise InputRefused("a label is written name:text", where="label")
        labels[name] = text
    return labels


_CASE_PROBLEMS = (404, 409)
operations = [
    Operation("GET", "/api/flows", list_flows, answers={200: Flows}),
    Operation("GET", "/api/cases", list_cases, query=CasesQuery, answers={200: Cases}),
    Operation(
        "POST",
        "/api/cases",
        start_case,
        right="start",
        headers={"Idempotency-Key": "The same key of the same caller is the same case."},
        body=NewCaseBody,
        answers={200: CaseOut, 202: CaseOut},
        problems=(409,),
    ),
    Operation(
        "GET", "/api/cases/{case_id}", get_case, answers={200: CaseWhole}, problems=(*_CASE_PROBLEMS, 422)
    ),
    Operation("GET", "/api/cases/{case_id}/story", get_story, answers={200: Story}, problems=(404, 422)),
    Operation(
        "GET", "/api/cases/{case_id}/state", get_state, answers={200: State}, problems=(*_CASE_PROBLEMS, 422)
    ),
]

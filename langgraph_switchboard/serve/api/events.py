"""Events over the API: what happens to cases, as server-sent events that can be taken up again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from langgraph_switchboard.cases.tail import BEGINNING, Place
from langgraph_switchboard.errors import InputRefused, SwitchboardError
from langgraph_switchboard.serve.api.models import EventsQuery
from langgraph_switchboard.serve.api.operation import Operation
from langgraph_switchboard.serve.feed import Wanted, event_of, follow
from langgraph_switchboard.serve.requests import query_of, switchboard_of

MOST = 200
"""Streams that a server keeps at a time."""


async def stream_events(request: Request) -> Response:
    """What happens to cases, as it happens (server-sent events).

    Ids, names and figures only: what a case is about is asked for by its id. A client that comes
    back says in `Last-Event-ID` what it saw last, and misses nothing.
    """
    asked = query_of(request, EventsQuery)
    tail, state = switchboard_of(request).house.tail, request.app.state
    said = request.headers.get("last-event-id") or asked.after
    after = Place.of(said) if said else await tail.end()
    if after is None:
        raise InputRefused("this is no id of an event", where="Last-Event-ID", wanted="the id of one")
    if state.streams >= MOST:
        raise InputRefused("this server keeps no more streams", mend="Close one of them.")
    flows, kinds = (frozenset(one) or None for one in (asked.flow, asked.kind))
    wanted = Wanted(flows, kinds, asked.case_id)
    return StreamingResponse(_lines(request, after, wanted), media_type="text/event-stream")


async def _lines(request: Request, after: Place, wanted: Wanted) -> AsyncIterator[str]:
    state = request.app.state
    state.streams += 1
    try:
        yield "retry: 2000\n\n"
        tail = switchboard_of(request).house.tail
        async for told in follow(tail, after or BEGINNING, wanted, is_over=lambda: state.draining):
            if told is None:
                if not await _still_may(request):
                    return
                yield ": still here\n\n"
            else:
                yield f"id: {told.at_place}\nevent: {told.kind}\ndata: {json.dumps(event_of(told))}\n\n"
    except SwitchboardError:
        return  # the client comes back, and goes on after what it saw last
    finally:
        state.streams -= 1


async def _still_may(request: Request) -> bool:
    """Whether who listens is still let in: a session may have ended, a key been revoked."""
    try:
        visitor = await request.app.state.door.visitor(request)
    except SwitchboardError:
        return False
    return visitor.actor is not None and visitor.actor.may("read")


operations = [
    Operation(
        "GET",
        "/api/events",
        stream_events,
        query=EventsQuery,
        headers={"Last-Event-ID": "The id of the last event seen."},
        answers={200: "text/event-stream"},
        tag="events",
    )
]

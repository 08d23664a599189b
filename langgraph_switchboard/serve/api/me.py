"""Who asks, as the server knows them."""

from __future__ import annotations

from typing import get_args

from starlette.requests import Request
from starlette.responses import Response

from langgraph_switchboard.cases.access import Right
from langgraph_switchboard.serve.api.models import Me
from langgraph_switchboard.serve.api.operation import Operation
from langgraph_switchboard.serve.api.showing import answer
from langgraph_switchboard.serve.requests import actor_of


async def who_am_i(request: Request) -> Response:
    """Name, roles, scope and rights of who asks."""
    actor = actor_of(request)
    me = Me(
        name=actor.name,
        local=actor.is_local,
        roles=sorted(actor.roles),
        scope=actor.scope.as_json(),
        rights=[right for right in get_args(Right) if actor.may(right)],
    )
    return answer(me)


operations = [Operation("GET", "/api/me", who_am_i, answers={200: Me}, tag="access")]

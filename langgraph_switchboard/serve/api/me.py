"""Who asks, as the server knows them."""

from __future__ import annotations

from typing import get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from langgraph_switchboard.cases.access import Right
from langgraph_switchboard.serve.guard import route
from langgraph_switchboard.serve.requests import actor_of


async def me(request: Request) -> Response:
    """Name, roles, scope and rights of who asks."""
    actor = actor_of(request)
    return JSONResponse(
        {
            "name": actor.name,
            "local": actor.is_local,
            "roles": sorted(actor.roles),
            "scope": actor.scope.as_json(),
            "rights": [right for right in get_args(Right) if actor.may(right)],
        }
    )


routes = [route("/api/me", me)]

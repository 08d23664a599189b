"""Health and readiness: for whoever starts and stops servers; they tell nothing about cases."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from langgraph_switchboard.serve.guard import route
from langgraph_switchboard.serve.requests import switchboard_of


async def alive(request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """The database answers, and the server takes cases.

    Raises:
        StoreUnavailable: The database does not.
    """
    await switchboard_of(request).services.store.case("")
    if request.app.state.draining:
        return JSONResponse({"status": "draining"}, 503)
    return JSONResponse({"status": "ready"})


routes = [route("/health", alive, right=None), route("/ready", ready, right=None)]

"""The JSON API: cases, reviews and what happens to them, for programs."""

from __future__ import annotations

from importlib.metadata import version

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from langgraph_switchboard.serve.api import cases, events, me, operating, reviews
from langgraph_switchboard.serve.api import metrics as metering
from langgraph_switchboard.serve.api.events import MOST as MOST_STREAMS
from langgraph_switchboard.serve.api.openapi import document
from langgraph_switchboard.serve.api.operation import Operation
from langgraph_switchboard.serve.guard import route

OPERATIONS: list[Operation] = [
    *me.operations,
    *cases.operations,
    *operating.operations,
    *reviews.operations,
    *events.operations,
    *metering.operations,
]
"""Every call of the API."""
OPENAPI = document(OPERATIONS, version=version("langgraph-switchboard"))
"""The same, described in OpenAPI 3.1."""


async def openapi(request: Request) -> Response:
    """The description of the API; it tells of no case."""
    return JSONResponse(OPENAPI)


routes: list[BaseRoute] = [
    *(operation.route() for operation in OPERATIONS),
    route("/api/openapi.json", openapi, right=None),
]

metrics = metering.metrics

__all__ = ["MOST_STREAMS", "OPENAPI", "OPERATIONS", "metrics", "openapi", "routes"]

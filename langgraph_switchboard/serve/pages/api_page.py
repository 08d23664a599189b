"""The page that describes the API: made from its OpenAPI document, with nothing loaded from elsewhere."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from langgraph_switchboard.serve.api import OPENAPI
from langgraph_switchboard.serve.pages.templates import page, page_route


async def describe(request: Request) -> Response:
    """Every call of the API, with what it takes and gives."""
    return page(request, "api.html", operations=_operations(), schemas=_schemas())


def _operations() -> list[dict[str, Any]]:
    return [
        {"path": path, "method": method.upper(), "description": "", **said}
        for path, item in OPENAPI["paths"].items()
        for method, said in item.items()
    ]


def _schemas() -> dict[str, str]:
    schemas = OPENAPI["components"]["schemas"]
    return {name: json.dumps(schema, indent=2) for name, schema in sorted(schemas.items())}


routes = [page_route("/api", describe, right=None)]

"""The JSON API: cases, reviews and what happens to them, for programs."""

from starlette.routing import BaseRoute

from langgraph_switchboard.serve.api.me import routes as me_routes

routes: list[BaseRoute] = [*me_routes]

__all__ = ["routes"]

"""Pages: the inbox and what belongs to it, for people with a browser."""

from starlette.routing import BaseRoute

from langgraph_switchboard.serve.pages.api_page import routes as api_routes
from langgraph_switchboard.serve.pages.signing import routes as signing_routes
from langgraph_switchboard.serve.pages.statics import routes as static_routes

routes: list[BaseRoute] = [*api_routes, *signing_routes, *static_routes]
"""All pages; the application carries them beside the API."""

__all__ = ["routes"]

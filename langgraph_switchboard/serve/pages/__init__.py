"""Pages: the inbox and what belongs to it, for people with a browser."""

from starlette.routing import BaseRoute

from langgraph_switchboard.serve.pages.api_page import routes as api_routes
from langgraph_switchboard.serve.pages.cases import routes as case_routes
from langgraph_switchboard.serve.pages.figures import routes as figure_routes
from langgraph_switchboard.serve.pages.inbox import routes as inbox_routes
from langgraph_switchboard.serve.pages.review import routes as review_routes
from langgraph_switchboard.serve.pages.signing import routes as signing_routes
from langgraph_switchboard.serve.pages.statics import routes as static_routes

routes: list[BaseRoute] = [
    *inbox_routes,
    *review_routes,
    *case_routes,
    *figure_routes,
    *api_routes,
    *signing_routes,
    *static_routes,
]
"""All pages; the application carries them beside the API."""

__all__ = ["routes"]

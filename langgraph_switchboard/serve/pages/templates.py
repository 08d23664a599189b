"""Templates: HTML in which everything that is filled in is escaped."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from langgraph_switchboard.errors import NotSignedIn, SwitchboardError
from langgraph_switchboard.serve.guard import FORM_FIELD, Handler, route
from langgraph_switchboard.serve.pages.words import teach

environment = Environment(
    loader=PackageLoader("langgraph_switchboard.serve.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
"""Escapes whatever a template fills in; a name that nobody gave is an error."""
teach(environment)
for _name in environment.list_templates():
    environment.get_template(_name)  # read here and now: a loop that serves must not wait for a disk


def page(request: Request, template: str, status_code: int = 200, **values: Any) -> HTMLResponse:
    """A page.

    Args:
        request: Who asks for it: `actor`, `nonce`, `forgery_token` and `forgery_field` are filled in from it.
        template: Its template.
        status_code: The HTTP status.
        **values: What the template fills in besides.
    """
    state = request.state
    text = environment.get_template(template).render(
        request=request,
        actor=getattr(state, "actor", None),
        nonce=state.nonce,
        forgery_token=getattr(state, "forgery_token", ""),
        forgery_field=FORM_FIELD,
        is_local=getattr(getattr(state, "visitor", None), "by", "") == "local",
        **values,
    )
    return HTMLResponse(text, status_code)


def page_route(path: str, handler: Handler, **guard: Any) -> Route:
    """A guarded route that gives a page, also where it goes wrong."""
    return route(path, handler, fallback=problem_page, **guard)


def form_route(path: str, handler: Handler, **guard: Any) -> Route:
    """A guarded route that takes a form of ours by POST: who sends it is checked before `handler` runs."""
    return route(path, handler, methods=("POST",), is_form=True, fallback=problem_page, **guard)


def problem_page(request: Request, error: SwitchboardError, answer: Response) -> Response:
    """A problem as a page; whoever is not signed in is asked to."""
    if "text/html" not in request.headers.get("accept", "*/*").replace("*/*", "text/html"):
        return answer
    if isinstance(error, NotSignedIn) and request.method == "GET" and "no keys yet" not in error.problem:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return page(request, "login.html", 401, then=path, problem="")
    says = (
        str(error) if answer.status_code < 500 else "Something went wrong here; the server's log says what."
    )
    shown = page(request, "problem.html", answer.status_code, status=answer.status_code, says=says)
    for name in ("retry-after", "www-authenticate"):
        if name in answer.headers:
            shown.headers[name] = answer.headers[name]
    return shown

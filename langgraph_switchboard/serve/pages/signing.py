"""Signing in and out: a key or token for a session in a cookie."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from langgraph_switchboard.errors import NotSignedIn
from langgraph_switchboard.serve.auth import Doorkeeper
from langgraph_switchboard.serve.pages.templates import form_route, page, page_route


async def ask(request: Request) -> Response:
    """The page that asks for a key."""
    return page(request, "login.html", then=_own_path(request.query_params.get("then")), problem="")


async def sign_in(request: Request) -> Response:
    """Take a key or token, and go where the person wanted to."""
    door: Doorkeeper = request.app.state.door
    form = await request.form()
    then = _own_path(form.get("then"))
    try:
        _, cookie = await door.sign_in(request, str(form.get("key", "")))
    except NotSignedIn as error:
        return page(request, "login.html", 401, then=then, problem=str(error))
    response = RedirectResponse(then, 303)
    door.set_cookie(response, cookie)
    return response


async def sign_out(request: Request) -> Response:
    """End the session."""
    door: Doorkeeper = request.app.state.door
    response = RedirectResponse("/login", 303)
    await door.sign_out(request.state.visitor, response)
    return response


def _own_path(said: object) -> str:
    """Where to go afterwards, if it is a path of ours; else the first page."""
    path = said if isinstance(said, str) else ""
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if ours else "/"


routes = [
    page_route("/login", ask, right=None),
    form_route("/login", sign_in, right=None),
    form_route("/logout", sign_out, right=None),
]

"""Guard: what stands around every handler of ours, whichever server carries it.

It is no middleware. A LangGraph server takes our application for its own and would put a
middleware of ours, and error handlers of its own, around everything; so each of our routes
brings its guard along, and foreign routes are left alone.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from langgraph_switchboard.cases.access import Right
from langgraph_switchboard.errors import InputRefused, NotSignedIn, RequestForged, SwitchboardError
from langgraph_switchboard.serve.auth import Doorkeeper, Visitor
from langgraph_switchboard.serve.problems import problem, problem_of
from langgraph_switchboard.serve.requests import must
from langgraph_switchboard.serve.settings import ServeSettings

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]
Fallback = Callable[[Request, SwitchboardError, Response], Response]
"""Turns a problem into what its reader can read: a page where a browser asks for one."""

FORM_FIELD = "forgery_token"
"""The hidden field of our forms."""
FORM_HEADER = "x-forgery-token"
"""The header that scripts of our pages send instead."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Nothing to others; with "no-referrer" browsers would send our own forms with the origin "null".
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def content_policy(nonce: str) -> str:
    """What a page of ours may load and run: its own files, and scripts that carry this page's nonce."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


class Guarded:
    """One handler with its guard, as an ASGI application.

    Args:
        handler: Answers a request.
        right: What one needs to ask; None lets everybody in.
        is_form: Whether what comes by other methods than GET is a form of our pages.
        keep: Seconds that a browser may keep the answer; None forbids it.
        fallback: Turns a problem into a page.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        right: Right | None = "read",
        is_form: bool = False,
        keep: int | None = None,
        fallback: Fallback | None = None,
    ) -> None:
        self._handler = handler
        self._right = right
        self.is_form = is_form
        self._keep = keep
        self._fallback = fallback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope.setdefault("state", {})
        nonce = scope["state"]["nonce"] = secrets.token_urlsafe(16)
        state = scope["app"].state
        request = Request(scope, _Bounded(receive, state.settings.body_bytes))
        began, status = time.perf_counter(), 500
        try:
            response = await self._answer(request)
            status = response.status_code
            await response(scope, receive, self._telling(send, nonce))
        except ClientDisconnect:
            status = 499
        finally:
            route = getattr(scope.get("route"), "path", "?")
            state.traffic.count(request.method, route, status, time.perf_counter() - began)

    async def _answer(self, request: Request) -> Response:
        try:
            await self._let_in(request)
            return await self._handler(request)
        except ClientDisconnect:
            raise
        except Exception as fault:
            error, answer = _told(request, fault)
        return self._fallback(request, error, answer) if self._fallback else answer

    async def _let_in(self, request: Request) -> None:
        door: Doorkeeper = request.app.state.door
        hosts = request.app.state.settings.hosts
        if hosts and (request.url.hostname or "").lower() not in hosts:
            raise RequestForged("this server does not go by that name", came=request.url.hostname or "")
        try:
            visitor = await door.visitor(request)
        except NotSignedIn:
            if self._right is not None:
                raise
            visitor = Visitor(None, "nothing")
        request.state.visitor, request.state.actor = visitor, visitor.actor
        request.state.forgery_token = visitor.forgery_token
        if visitor.by == "local":
            # Without a session even reading needs it: there is no secret that a foreign page lacks.
            must_be_our_page(request, request.app.state.settings)
        if request.method not in _SAFE:
            await self._must_be_meant(request, visitor)
        if self._right is not None:
            must(request, self._right)

    async def _must_be_meant(self, request: Request, visitor: Visitor) -> None:
        """What changes something comes from our own page, or from a program that sent its key."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not self.is_form and kind != "application/json":
            raise HTTPException(415, "Send application/json.")
        if visitor.by == "header":
            return
        must_be_our_page(request, request.app.state.settings)
        if visitor.by == "nothing":
            return
        said = request.headers.get(FORM_HEADER, "")
        if self.is_form and not said:
            said = str((await request.form()).get(FORM_FIELD, ""))
        # A foreign page cannot send JSON to the local server without asking it first, which it refuses.
        may_lack = visitor.by == "local" and not self.is_form
        if not (may_lack or hmac.compare_digest(said.encode(), visitor.forgery_token.encode())):
            raise RequestForged("the form does not come from our page, or is too old", mend="Load it again.")

    def _telling(self, send: Send, nonce: str) -> Send:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", content_policy(nonce))
                kept = "no-store" if self._keep is None else f"private, max-age={self._keep}"
                headers.setdefault("Cache-Control", kept)
            await send(message)

        return told


def route(path: str, handler: Handler, *, methods: tuple[str, ...] = ("GET",), **guard: Any) -> Route:
    """A guarded route.

    Args:
        path: Its path, as Starlette has it.
        handler: Answers it.
        methods: By which methods it is asked.
        **guard: As for `Guarded`.
    """
    return Route(path, Guarded(handler, **guard), methods=list(methods))


def _told(request: Request, fault: Exception) -> tuple[SwitchboardError, Response]:
    """What went wrong, and what the client is told of it."""
    if isinstance(fault, _TooLarge):
        return InputRefused("the request is too large"), problem(
            413, "too_large", "The request is too large."
        )
    if isinstance(fault, HTTPException):
        said = str(fault.detail)
        return InputRefused(said), problem(fault.status_code, "refused", said, headers=fault.headers)
    error = fault if isinstance(fault, SwitchboardError) else SwitchboardError("something went wrong here")
    answer = problem_of(error)
    if answer.status_code == 500:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=fault)
    return error, answer


class _TooLarge(Exception):
    """More came than one request may bring."""


class _Bounded:
    """A request's body, which may not be larger than is said."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._left = limit

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise _TooLarge
        return message


def must_be_our_page(request: HTTPConnection, settings: ServeSettings) -> None:
    """Refuse what a page of another origin made the browser send.

    Args:
        request: The request.
        settings: What the server goes by; the origins that it trusts are among ours.

    Raises:
        RequestForged: It comes from a foreign page.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    expected = {f"{request.url.scheme}://{request.url.netloc}", settings.public_url, *settings.origins}
    is_link = request.headers.get("sec-fetch-mode") == "navigate" and request.scope.get("method") in _SAFE
    foreign = site not in (None, "same-origin", "none") and not is_link and origin not in settings.origins
    if foreign or (origin is not None and origin not in expected):
        raise RequestForged("the request comes from a page of somebody else", came=origin or site or "")

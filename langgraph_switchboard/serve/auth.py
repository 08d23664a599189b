"""Who asks: a key or a token in the header, a session in a cookie, or the user of this machine.

Identity never comes from what is asked, only from what vouches for it. As long as no key was ever
made and no issuer of tokens is set, the server is for this machine alone: it takes what comes
from 127.0.0.1 to 127.0.0.1, past no proxy, for the word of the user who started it.
"""

from __future__ import annotations

import getpass
import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from starlette.requests import HTTPConnection
from starlette.responses import Response

from langgraph_switchboard.cases.access import Actor
from langgraph_switchboard.cases.keys import AccessStore, Session, draw_secret, parts_of_key
from langgraph_switchboard.errors import NotSignedIn, TooManyTries
from langgraph_switchboard.serve.settings import LOOPBACK, ServeSettings

TRIES = 5
"""Wrong keys that may come from one address within `TRIES_WITHIN`."""
TRIES_WITHIN = timedelta(minutes=5)
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


class Tokens(Protocol):
    """Whoever can read tokens; `serve.tokens` has the one for JSON Web Tokens."""

    async def actor(self, text: str) -> Actor | None:
        """Who a token vouches for; None if it vouches for nobody."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, and by what they are known.

    Args:
        actor: Who it is; None if nobody knows.
        by: `header` cannot be sent by a foreign page; `session` and `local` can, so what changes
            something must prove that it comes from our own page.
        session: The session, where one was opened.
        forgery_token: What our own pages send back with a form.
    """

    actor: Actor | None
    by: Literal["header", "session", "local", "nothing"]
    session: Session | None = None
    forgery_token: str = ""


@dataclass
class Doorkeeper:
    """Finds out who asks, and signs browsers in and out.

    Args:
        access: Where keys and sessions are kept.
        settings: What the server goes by.
        clock: Gives the present moment.
        tokens: Who reads tokens, if any are taken.
    """

    access: AccessStore
    settings: ServeSettings
    clock: Callable[[], datetime]
    tokens: Tokens | None = None
    _tries: dict[str, deque[datetime]] = field(default_factory=dict)
    _locked: bool = False
    _local_token: str = field(default_factory=draw_secret)

    @property
    def cookie(self) -> str:
        """Name of the cookie; `__Host-` binds it to this host and to https."""
        return "__Host-switchboard" if self.settings.is_https else "switchboard"

    async def is_open(self) -> bool:
        """Whether no key is needed: none was ever made, and no tokens are taken."""
        # Once there is a key the door stays shut; that is not asked again.
        self._locked = self._locked or self.tokens is not None or await self.access.any_key()
        return not self._locked

    async def visitor(self, connection: HTTPConnection) -> Visitor:
        """Who asks.

        Args:
            connection: The request.

        Raises:
            NotSignedIn: What should vouch for them is wrong or over.
            StoreUnavailable: It cannot be looked up just now.
        """
        if header := connection.headers.get("authorization"):
            return Visitor(await self.bearer(header), "header")
        if (key := connection.headers.get("x-api-key")) and parts_of_key(key):  # as LangGraph's SDK sends it
            return Visitor(await self.bearer(f"Bearer {key}"), "header")
        if cookie := connection.cookies.get(self.cookie):
            session = await self._session(cookie, connection.headers.get("user-agent", ""))
            if session is not None:
                return Visitor(session.actor, "session", session, _forgery_token(cookie))
        if await self.is_open():
            if not is_from_here(connection):
                raise NotSignedIn(
                    "this server has no keys yet, so it answers its own machine only",
                    mend="Make one: `switchboard keys create NAME --role reviewer`.",
                )
            return Visitor(Actor.local(local_name()), "local", None, self._local_token)
        return Visitor(None, "nothing")

    async def bearer(self, header: str) -> Actor:
        """Who an `Authorization` header vouches for.

        Raises:
            NotSignedIn: Nobody.
        """
        scheme, _, text = header.partition(" ")
        actor = await self._vouched(text.strip()) if scheme.lower() == "bearer" else None
        if actor is None:
            raise NotSignedIn("the key or token is unknown, revoked or over", wanted="Bearer KEY")
        return actor

    async def sign_in(self, connection: HTTPConnection, text: str) -> tuple[Actor, str]:
        """Open a session for a key or token.

        Args:
            connection: The request that brings it.
            text: The key or token.

        Returns:
            Who it is, and the value of the cookie.

        Raises:
            TooManyTries: Too many wrong ones came from this address.
            NotSignedIn: It opens nothing.
        """
        now, address = self.clock(), connection.client.host if connection.client else "?"
        self._must_not_guess(address, now)
        actor = await self._vouched(text.strip())
        if actor is None:
            self._tries.setdefault(address, deque(maxlen=TRIES)).append(now)
            raise NotSignedIn("the key or token is unknown, revoked or over")
        self._tries.pop(address, None)
        ends = now + timedelta(hours=self.settings.session_hours)
        browser = _browser(connection.headers.get("user-agent", ""))
        session, secret = Session(secrets.token_hex(8), actor, browser, now, ends), draw_secret()
        await self.access.add_session(session, secret)
        return actor, f"{session.session_id}.{secret}"

    def set_cookie(self, response: Response, value: str) -> None:
        """Give the browser its session: out of reach of scripts, and sent by our own pages only."""
        response.set_cookie(
            self.cookie,
            value,
            max_age=round(self.settings.session_hours * 3600),
            path="/",
            secure=self.settings.is_https,
            httponly=True,
            samesite="lax",
        )

    async def sign_out(self, visitor: Visitor, response: Response) -> None:
        """End a visitor's session, here and in the browser."""
        if visitor.session is not None:
            await self.access.end_session(visitor.session.session_id, self.clock())
        response.delete_cookie(
            self.cookie, path="/", secure=self.settings.is_https, httponly=True, samesite="lax"
        )

    async def _vouched(self, text: str) -> Actor | None:
        if parts_of_key(text):
            key = await self.access.open_key(text, self.clock())
            return key.actor if key else None
        return await self.tokens.actor(text) if self.tokens else None

    async def _session(self, cookie: str, agent: str) -> Session | None:
        session_id, _, secret = cookie.partition(".")
        session = await self.access.open_session(session_id, secret, self.clock())
        if session is not None and not hmac.compare_digest(session.browser, _browser(agent)):
            # The right cookie from another browser was taken from somebody: it is of no use any more.
            await self.access.end_session(session_id, self.clock())
            return None
        return session

    def _must_not_guess(self, address: str, now: datetime) -> None:
        tries = self._tries.get(address)
        if tries is not None and len(tries) == TRIES and now - tries[0] < TRIES_WITHIN:
            left = (tries[0] + TRIES_WITHIN - now).total_seconds()
            raise TooManyTries("too many wrong keys came from here", retry_after=left, mend="Wait a little.")
        if len(self._tries) > 10_000:  # addresses that gave up
            self._tries = {one: seen for one, seen in self._tries.items() if now - seen[-1] < TRIES_WITHIN}


def is_from_here(connection: HTTPConnection) -> bool:
    """Whether a request comes from this machine and is meant for it.

    The name that it asks for counts as well: a foreign page can make a browser on this machine ask
    127.0.0.1 under a name of its own.
    """
    client = connection.client.host if connection.client else ""
    name = connection.url.hostname or ""
    proxied = any(header in connection.headers for header in _FORWARDED)
    return client in LOOPBACK and name in LOOPBACK and not proxied


def local_name() -> str:
    """The user of this machine, by the name that the operating system knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "local user"


def _browser(agent: str) -> bytes:
    return hashlib.sha256(agent.encode()).digest()


def _forgery_token(cookie: str) -> str:
    # Made from the cookie, which no foreign page can read: nothing has to be kept for it.
    return hashlib.sha256(b"form " + cookie.encode()).hexdigest()

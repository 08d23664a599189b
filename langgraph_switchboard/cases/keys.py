"""Keys and sessions: how somebody proves who they are; two forms, memory and Postgres."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import psycopg
from psycopg.types.json import Jsonb

from langgraph_switchboard.cases.access import Actor, Role, Scope, roles_of
from langgraph_switchboard.cases.faults import store_fault
from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.postgres import Pool, load_queries

PREFIX = "sbk"
"""How a key begins, so that it is known for one where it should not stand."""
_TOUCH = timedelta(minutes=1)
"""How often it is written down that a key was used."""
_SQL = load_queries("langgraph_switchboard.cases", "keys.sql")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key, without its secret.

    Args:
        key_id: Its public part.
        name: Who acts with it.
        roles: What they are.
        scope: Which reviews they may decide.
        created_at: Since when.
        created_by: Who made it.
        expires_at: When it is over; None lasts until it is revoked.
        revoked_at: When it was revoked.
        last_used_at: When it was last used, to the minute.
    """

    key_id: str
    name: str
    roles: frozenset[Role]
    scope: Scope
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it opens anything."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def actor(self) -> Actor:
        """Who acts with it."""
        return Actor(self.name, self.roles, self.scope, key_id=self.key_id)


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in.

    Args:
        session_id: Its public part.
        actor: Who it is.
        browser: Digest of what the browser says of itself.
        created_at: Since when.
        expires_at: When it is over.
        ended_at: When somebody ended it before.
    """

    session_id: str
    actor: Actor
    browser: bytes
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is still open."""
        return self.ended_at is None and now < self.expires_at


def digest_of_secret(secret: str) -> bytes:
    """What is kept of a secret. It was drawn at random with 256 bits, so a quick hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


def draw_secret() -> str:
    """A new secret."""
    return secrets.token_urlsafe(32)


def new_key(
    name: str,
    roles: frozenset[Role],
    scope: Scope,
    *,
    by: str,
    at: datetime,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key, and its text, which is shown once and kept nowhere.

    Args:
        name: Who will act with it.
        roles: What they are.
        scope: Which reviews they may decide.
        by: Who makes it.
        at: The present moment.
        expires_at: When it is over.

    Raises:
        ConfigurationError: The name or the roles are wrong.
    """
    if not name.strip() or len(name) > 200:
        raise ConfigurationError("a key needs the name of who acts with it", came=repr(name[:40]))
    key = ApiKey(secrets.token_hex(6), name, roles_of(roles), scope, at, by, expires_at)
    return key, f"{PREFIX}_{key.key_id}_{draw_secret()}"


def parts_of_key(text: str) -> tuple[str, str] | None:
    """The public part and the secret of a key's text; None if it is none."""
    begin, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    return (key_id, secret) if begin == PREFIX and key_id and secret else None


class AccessStore(Protocol):
    """Where keys and sessions are kept."""

    async def any_key(self) -> bool:
        """Whether a key was ever made, revoked ones counted: from then on nobody comes in without."""

    async def add_key(self, key: ApiKey, text: str) -> None:
        """Keep a new key; of its text only a digest."""

    async def keys(self) -> list[ApiKey]:
        """All keys, the newest first."""

    async def open_key(self, text: str, now: datetime) -> ApiKey | None:
        """The key of this text, if it opens anything now."""

    async def revoke_key(self, key_id: str, now: datetime) -> ApiKey | None:
        """Take a key back, and end the sessions that it opened; None if there is no such key."""

    async def add_session(self, session: Session, secret: str) -> None:
        """Keep a new session; of its secret only a digest."""

    async def open_session(self, session_id: str, secret: str, now: datetime) -> Session | None:
        """The session, if this is its secret and it is still open."""

    async def end_session(self, session_id: str, now: datetime) -> None:
        """End a session."""

    async def tidy(self, before: datetime) -> int:
        """Forget sessions that were over before that moment; how many."""


@dataclass
class MemoryAccess:
    """Keys and sessions within one process."""

    _keys: dict[str, tuple[ApiKey, bytes]] = field(default_factory=dict)
    _sessions: dict[str, tuple[Session, bytes]] = field(default_factory=dict)

    async def any_key(self) -> bool:
        """Whether a key was ever made."""
        return bool(self._keys)

    async def add_key(self, key: ApiKey, text: str) -> None:
        """Keep a new key."""
        self._keys[key.key_id] = (key, _digest(text))

    async def keys(self) -> list[ApiKey]:
        """All keys, the newest first."""
        return sorted((key for key, _ in self._keys.values()), key=lambda key: key.created_at, reverse=True)

    async def open_key(self, text: str, now: datetime) -> ApiKey | None:
        """The key of this text, if it opens anything now."""
        key_id, secret = parts_of_key(text) or ("", "")
        key, digest = self._keys.get(key_id, (None, b""))
        if key is None or not _same(digest, secret) or not key.holds(now):
            return None
        self._keys[key_id] = (replace(key, last_used_at=now), digest)
        return key

    async def revoke_key(self, key_id: str, now: datetime) -> ApiKey | None:
        """Take a key back, and end the sessions that it opened."""
        if key_id not in self._keys:
            return None
        key, digest = self._keys[key_id]
        self._keys[key_id] = (replace(key, revoked_at=key.revoked_at or now), digest)
        for session, _ in list(self._sessions.values()):
            if session.actor.key_id == key_id:
                await self.end_session(session.session_id, now)
        return self._keys[key_id][0]

    async def add_session(self, session: Session, secret: str) -> None:
        """Keep a new session."""
        self._sessions[session.session_id] = (session, digest_of_secret(secret))

    async def open_session(self, session_id: str, secret: str, now: datetime) -> Session | None:
        """The session, if this is its secret and it is still open."""
        session, digest = self._sessions.get(session_id, (None, b""))
        if session is None or not _same(digest, secret) or not session.holds(now):
            return None
        key, _ = self._keys.get(session.actor.key_id or "", (None, b""))
        return session if key is None or key.holds(now) else None

    async def end_session(self, session_id: str, now: datetime) -> None:
        """End a session."""
        if session_id in self._sessions:
            session, digest = self._sessions[session_id]
            self._sessions[session_id] = (replace(session, ended_at=now), digest)

    async def tidy(self, before: datetime) -> int:
        """Forget sessions that were over before that moment."""
        over = [name for name, (one, _) in self._sessions.items() if one.expires_at < before]
        for name in over:
            del self._sessions[name]
        return len(over)


class PostgresAccess:
    """Keys and sessions in `switchboard.api_keys` and `switchboard.sessions`.

    Args:
        pool: The database, migrated.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def any_key(self) -> bool:
        """Whether a key was ever made."""
        return bool(await self._run("any_key", {}))

    async def add_key(self, key: ApiKey, text: str) -> None:
        """Keep a new key."""
        await self._run(
            "add_key",
            {
                "key_id": key.key_id,
                "name": key.name,
                "roles": sorted(key.roles),
                "scope": Jsonb(key.scope.as_json()),
                "digest": _digest(text),
                "created_at": key.created_at,
                "created_by": key.created_by,
                "expires_at": key.expires_at,
            },
        )

    async def keys(self) -> list[ApiKey]:
        """All keys, the newest first."""
        return [_key(row) for row in await self._run("keys", {})]

    async def open_key(self, text: str, now: datetime) -> ApiKey | None:
        """The key of this text, if it opens anything now."""
        key_id, secret = parts_of_key(text) or ("", "")
        if not key_id or not _sayable(key_id):
            return None
        rows = await self._run("key", {"key_id": key_id})
        if not rows or not _same(rows[0]["digest"], secret):
            return None
        key = _key(rows[0])
        if not key.holds(now):
            return None
        if key.last_used_at is None or now - key.last_used_at > _TOUCH:
            await self._run("touch_key", {"key_id": key_id, "now": now})
        return key

    async def revoke_key(self, key_id: str, now: datetime) -> ApiKey | None:
        """Take a key back, and end the sessions that it opened."""
        rows = await self._run("revoke_key", {"key_id": key_id, "now": now})
        return _key(rows[0]) if rows else None

    async def add_session(self, session: Session, secret: str) -> None:
        """Keep a new session."""
        await self._run(
            "add_session",
            {
                "session_id": session.session_id,
                "digest": digest_of_secret(secret),
                "name": session.actor.name,
                "roles": sorted(session.actor.roles),
                "scope": Jsonb(session.actor.scope.as_json()),
                "key_id": session.actor.key_id,
                "browser": session.browser,
                "created_at": session.created_at,
                "expires_at": session.expires_at,
            },
        )

    async def open_session(self, session_id: str, secret: str, now: datetime) -> Session | None:
        """The session, if this is its secret and it is still open."""
        if not _sayable(session_id):
            return None
        rows = await self._run("session", {"session_id": session_id, "now": now})
        if not rows or not _same(rows[0]["digest"], secret):
            return None
        row = rows[0]
        actor = Actor(row["name"], roles_of(row["roles"]), Scope.of(row["scope"]), key_id=row["key_id"])
        return Session(session_id, actor, bytes(row["browser"]), row["created_at"], row["expires_at"])

    async def end_session(self, session_id: str, now: datetime) -> None:
        """End a session."""
        await self._run("end_session", {"session_id": session_id, "now": now})

    async def tidy(self, before: datetime) -> int:
        """Forget sessions that were over before that moment."""
        return len(await self._run("tidy_sessions", {"before": before}))

    async def _run(self, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL[name], values)
                return await cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise store_fault(error, name) from None


def _key(row: Mapping[str, Any]) -> ApiKey:
    return ApiKey(
        row["key_id"], row["name"], roles_of(row["roles"]), Scope.of(row["scope"]), row["created_at"],
        row["created_by"], row["expires_at"], row["revoked_at"], row["last_used_at"],
    )  # fmt: skip


def _digest(text: str) -> bytes:
    _, secret = parts_of_key(text) or ("", text)
    return digest_of_secret(secret)


def _same(digest: bytes, secret: str) -> bool:
    return hmac.compare_digest(bytes(digest), digest_of_secret(secret))


def _sayable(text: str) -> bool:
    # A NUL or half a surrogate pair cannot even be asked for.
    return text.isascii() and text.isprintable()

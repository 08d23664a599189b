"""Tokens: JSON Web Tokens of an OpenID Connect issuer, checked against its published keys."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import jwt

from langgraph_switchboard.cases.access import ROLES, Actor, Role, Scope
from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.serve.settings import ServeSettings, TokenSettings

_log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a private key that only the issuer has. Never `none`, and no shared secret: whoever
knows the published key could sign with it."""
SCOPE_CLAIM = "switchboard_scope"
"""The claim that bounds which reviews somebody may decide, as `Scope` has it."""
_FRESH = 300.0
"""Seconds for which keys are taken for good."""
_SELDOM = 10.0
"""Seconds between two looks for keys, whatever ids tokens make up."""
_LEEWAY = 30.0
"""Seconds by which clocks may differ."""
_LARGEST = 200_000


class JsonWebTokens:
    """Reads tokens of one issuer.

    Args:
        settings: Who vouches for them.
        monotonic: Gives seconds; tests bring their own.
    """

    def __init__(self, settings: TokenSettings, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._keys: dict[str, jwt.PyJWK] = {}
        self._looked: float | None = None
        self._looking = asyncio.Lock()

    async def actor(self, text: str) -> Actor | None:
        """Who a token vouches for; None if it is false, over, or for somebody else."""
        try:
            header = jwt.get_unverified_header(text)
            if header.get("alg") not in ALGORITHMS:
                return None
            key = await self._key(str(header.get("kid", "")))
            if key is None:
                return None
            claims = jwt.decode(
                text,
                key.key,
                algorithms=[header["alg"]],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud"]},
            )
            return self._actor(claims)
        except (jwt.PyJWTError, ConfigurationError, ValueError, TypeError):
            _log.debug("a token was refused", exc_info=True)
            return None

    def _actor(self, claims: Mapping[str, Any]) -> Actor | None:
        name = claims.get(self._settings.name_claim)
        if not isinstance(name, str) or not name.strip():
            return None
        said: Any = claims
        for part in self._settings.roles_claim.split("."):
            said = said.get(part, ()) if isinstance(said, Mapping) else ()
        named = said.split() if isinstance(said, str) else said
        # A role that nobody here knows gives nothing; it may mean something to another service.
        roles: frozenset[Role] = frozenset(role for role in ROLES if role in set(map(str, named)))
        return Actor(name, roles, Scope.of(claims.get(SCOPE_CLAIM) or {}))

    async def _key(self, kid: str) -> jwt.PyJWK | None:
        async with self._looking:
            now = self._monotonic()
            age = None if self._looked is None else now - self._looked
            if age is None or age > _FRESH or (kid not in self._keys and age > _SELDOM):
                await self.look()
        if not kid and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)

    async def look(self) -> None:
        """Read the issuer's keys again; those known stay where it cannot be reached.

        Raises:
            ConfigurationError: No keys are known, and none can be had.
        """
        try:
            published = json.loads(await self._published())
            keys = {
                key.key_id or "": key
                for key in jwt.PyJWKSet.from_dict(published).keys
                if key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig")
            }
        except (httpx.HTTPError, OSError, ValueError, jwt.PyJWTError, AttributeError, TypeError) as error:
            if not self._keys:
                raise ConfigurationError(
                    "the issuer's keys cannot be read",
                    where="SWITCHBOARD_OIDC_JWKS",
                    came=type(error).__name__,
                ) from None
            _log.warning("the issuer's keys cannot be read again: %s", type(error).__name__)
            keys = self._keys
        self._keys, self._looked = keys, self._monotonic()

    async def _published(self) -> str:
        place = self._settings.keys
        if not place.startswith(("http://", "https://")):
            return await asyncio.to_thread(Path(place).read_text, encoding="utf-8")
        # Only the address that was set is asked: whatever it points on to is not followed.
        async with httpx.AsyncClient(timeout=5.0, follow_redirects=False, trust_env=False) as client:
            answer = await client.get(place)
            answer.raise_for_status()
            return answer.text[:_LARGEST]


async def tokens_of(settings: ServeSettings) -> JsonWebTokens | None:
    """Who reads tokens by these settings; None where none are taken.

    Raises:
        ConfigurationError: The issuer's keys cannot be read.
    """
    if settings.tokens is None:
        return None
    tokens = JsonWebTokens(settings.tokens)
    await tokens.look()
    return tokens

"""Settings of the server, all from the environment, with the address that links and checks go by."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from langgraph_switchboard.errors import ConfigurationError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Names by which this machine calls itself."""
_BODY = 2_000_000


@dataclass(frozen=True)
class TokenSettings:
    """Who vouches for JSON Web Tokens (OpenID Connect).

    Args:
        issuer: The `iss` that tokens must carry.
        audience: The `aud` that they must carry: ours, so that nobody comes in with another's token.
        keys: The issuer's public keys (JWKS): an https address, or the path of a file.
        name_claim: The claim that names the person.
        roles_claim: The claim that lists roles; a dot goes one level down.
    """

    issuer: str
    audience: str
    keys: str
    name_claim: str = "sub"
    roles_claim: str = "roles"


@dataclass(frozen=True)
class ServeSettings:
    """What a server goes by.

    Args:
        public_url: The address by which people reach it, such as `https://desk.example.org`; empty
            means that only this machine does.
        tokens: Who vouches for tokens; None takes none.
        session_hours: How long a session lasts.
        body_bytes: The most that one request may bring.
        origins: Pages of others that may ask in a visitor's name, such as Studio's; none by default.
        webhooks: Origins that events may be sent to; none by default.
        proxies: Addresses of proxies whose word is taken for who asks through them; none by default.
    """

    public_url: str = ""
    tokens: TokenSettings | None = None
    session_hours: float = 8.0
    body_bytes: int = _BODY
    origins: frozenset[str] = frozenset()
    webhooks: frozenset[str] = frozenset()
    proxies: frozenset[str] = frozenset()

    @classmethod
    def from_env(cls, variables: Mapping[str, str] | None = None) -> Self:
        """The settings that variables say.

        Args:
            variables: The environment unless given.

        Raises:
            ConfigurationError: One is wrong.
        """
        said = os.environ if variables is None else variables
        public_url = said.get("SWITCHBOARD_PUBLIC_URL", "").rstrip("/")
        parts = urlsplit(public_url)
        if public_url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path):
            raise ConfigurationError(
                "this is no address of a server",
                where="SWITCHBOARD_PUBLIC_URL",
                wanted="scheme and host, such as https://desk.example.org",
                came=public_url,
            )
        hours = said.get("SWITCHBOARD_SESSION_HOURS", "8")
        try:
            session_hours = float(hours)
        except ValueError:
            session_hours = 0.0
        if not 0.0 < session_hours <= 24 * 30:
            raise ConfigurationError(
                "this is no number of hours", where="SWITCHBOARD_SESSION_HOURS", wanted="8", came=hours
            )
        origins, webhooks = (
            _origins(said.get(name, "")) for name in ("SWITCHBOARD_ORIGINS", "SWITCHBOARD_WEBHOOKS")
        )
        proxies = frozenset(
            one.strip() for one in said.get("SWITCHBOARD_PROXIES", "").split(",") if one.strip()
        )
        return cls(
            public_url, _tokens(said), session_hours, origins=origins, webhooks=webhooks, proxies=proxies
        )

    @property
    def is_https(self) -> bool:
        """Whether people reach it by https, so that cookies go by nothing else."""
        return self.public_url.startswith("https:")

    @property
    def hosts(self) -> frozenset[str]:
        """The names by which it may be asked; empty means any."""
        host = urlsplit(self.public_url).hostname
        return frozenset({host.lower(), *LOOPBACK}) if host else frozenset()


def must_be_allowed(url: str, settings: ServeSettings) -> None:
    """Refuse an address that the settings do not name.

    Args:
        url: The address.
        settings: Their `webhooks` are the origins that may be called.

    Raises:
        ConfigurationError: It may not be called.
    """
    try:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        named = parts.hostname and not parts.username and not parts.password and not parts.fragment
    except ValueError:
        named = is_safe = False
        origin = url
    if not named or not is_safe:
        raise ConfigurationError(
            "this is no address to send events to", wanted="https://host/path, without a name or password"
        )
    if origin not in settings.webhooks:
        raise ConfigurationError(
            "this server may not call that address",
            where="SWITCHBOARD_WEBHOOKS",
            wanted=", ".join(sorted(settings.webhooks)) or "the origins that may be called",
            came=origin,
            mend="Add it to the setting, on the server as well.",
        )


def _origins(text: str) -> frozenset[str]:
    return frozenset(one.strip().rstrip("/") for one in text.split(",") if one.strip())


def _tokens(said: Mapping[str, str]) -> TokenSettings | None:
    names = {
        "issuer": "SWITCHBOARD_OIDC_ISSUER",
        "audience": "SWITCHBOARD_OIDC_AUDIENCE",
        "keys": "SWITCHBOARD_OIDC_JWKS",
    }
    given = {field: said.get(name, "") for field, name in names.items()}
    if not any(given.values()):
        return None
    missing = [names[field] for field, value in given.items() if not value]
    if missing:
        raise ConfigurationError(
            "tokens need an issuer, an audience and its keys", where=", ".join(missing), came="nothing"
        )
    return TokenSettings(
        **given,
        name_claim=said.get("SWITCHBOARD_OIDC_NAME_CLAIM") or "sub",
        roles_claim=said.get("SWITCHBOARD_OIDC_ROLES_CLAIM") or "roles",
    )

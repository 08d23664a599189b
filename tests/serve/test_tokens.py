"""Tokens: whom an issuer vouches for by a signature of its own, and every other one refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from langgraph_switchboard.cases.access import Actor
from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.serve.settings import ServeSettings, TokenSettings
from langgraph_switchboard.serve.tokens import JsonWebTokens, tokens_of
from langgraph_switchboard.testing.local_server import LocalServer, Request, Response
from tests.serve.served import serving

ISSUER, AUDIENCE = "https://login.example.org", "switchboard"


class Issuer:
    """Signs tokens, and publishes its keys."""

    def __init__(self, kid: str = "k1") -> None:
        self.kid = kid
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def published(self, *others: Issuer) -> str:
        return json.dumps({"keys": [one.public() for one in (self, *others)]})

    def public(self) -> dict[str, Any]:
        said: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**said, "kid": self.kid, "use": "sig", "alg": "RS256"}

    def token(self, claims: Mapping[str, Any] | None = None, **header: Any) -> str:
        now = time.time()
        said = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "ann@example.org",
            "exp": now + 600,
            "iat": now,
            "roles": ["reviewer", "printer-users"],
            **(claims or {}),
        }
        said = {name: value for name, value in said.items() if value is not ...}
        return jwt.encode(said, self.private, "RS256", headers={"kid": self.kid, **header})


class Published(LocalServer):
    """Where an issuer publishes its keys."""

    def __init__(self, keys: str) -> None:
        super().__init__()
        self.keys, self.status = keys, 200

    def respond(self, request: Request) -> Response:
        return Response(self.status, (self.keys.encode(),))


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def reader(issuer: Issuer, tmp_path: Path) -> JsonWebTokens:
    """Reads tokens by keys in a file."""
    file = tmp_path / "jwks.json"
    file.write_text(issuer.published(), encoding="utf-8")
    return JsonWebTokens(TokenSettings(ISSUER, AUDIENCE, str(file)))


async def test_a_good_token_says_who_it_is_as_what_and_within_which_bounds(
    issuer: Issuer, reader: JsonWebTokens
) -> None:
    """Unknown roles give nothing; a scope in the token bounds what may be decided."""
    actor = await reader.actor(issuer.token({"switchboard_scope": {"flows": ["payments"], "amount": 50}}))
    assert actor is not None
    assert (actor.name, actor.roles) == ("ann@example.org", frozenset({"reviewer"}))
    assert (actor.scope.flows, actor.scope.amount) == (frozenset({"payments"}), 50.0)
    spaced = await reader.actor(issuer.token({"roles": "viewer auditor"}))
    assert spaced is not None and spaced.roles == {"viewer", "auditor"}


def _none(token: str) -> str:
    head, body, _ = token.split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT","kid":"k1"}').rstrip(b"=").decode()
    return f"{head}.{body}."


def _by_the_public_key(issuer: Issuer) -> str:
    """The old trick: signed by the published key as if it were a shared secret."""
    pem = issuer.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT","kid":"k1"}').rstrip(b"=").decode()
    body = issuer.token().split(".")[1]
    mac = hmac.new(pem, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


FALSE: dict[str, Callable[[Issuer], str]] = {
    "nothing": lambda _: "",
    "no token": lambda _: "a.b.c",
    "over": lambda issuer: issuer.token({"exp": time.time() - 60}),
    "not yet": lambda issuer: issuer.token({"nbf": time.time() + 600}),
    "without an end": lambda issuer: issuer.token({"exp": ...}),
    "of another issuer": lambda issuer: issuer.token({"iss": "https://evil.example"}),
    "for another service": lambda issuer: issuer.token({"aud": "printer"}),
    "for nobody": lambda issuer: issuer.token({"aud": ...}),
    "without a name": lambda issuer: issuer.token({"sub": ...}),
    "with an empty name": lambda issuer: issuer.token({"sub": " "}),
    "with a scope that is none": lambda issuer: issuer.token({"switchboard_scope": {"flow": "all"}}),
    "by an unknown key": lambda issuer: issuer.token(kid="k2"),
    "signed by somebody else": lambda _: Issuer().token(),
    "changed afterwards": lambda issuer: issuer.token()[:-6] + "AAAAAA",
    "not signed": lambda issuer: _none(issuer.token()),
    "signed by the public key": _by_the_public_key,
}


@pytest.mark.parametrize("make", FALSE.values(), ids=FALSE.keys())
async def test_a_false_token_vouches_for_nobody(
    issuer: Issuer, reader: JsonWebTokens, make: Callable[[Issuer], str]
) -> None:
    """Whatever is wrong with it, the answer is the same."""
    assert await reader.actor(make(issuer)) is None


async def test_keys_are_fetched_from_the_issuer_and_again_when_it_changes_them(issuer: Issuer) -> None:
    """A new key id is looked up, but not for every token that makes one up; an outage keeps what is known."""
    second, seconds = Issuer("k2"), [0.0]
    with Published(issuer.published()) as server:
        settings = TokenSettings(ISSUER, AUDIENCE, f"{server.url}/jwks")
        reader = JsonWebTokens(settings, monotonic=lambda: seconds[0])
        assert await reader.actor(issuer.token()) is not None
        assert await reader.actor(second.token()) is None
        assert len(server.requests) == 1
        server.keys = issuer.published(second)
        seconds[0] = 11.0
        assert await reader.actor(second.token()) is not None
        for number in range(20):
            assert await reader.actor(issuer.token(kid=f"made up {number}")) is None
        assert len(server.requests) == 2
        server.status = 500
        seconds[0] = 1_000.0
        assert await reader.actor(issuer.token()) is not None
        assert len(server.requests) == 3


async def test_other_kinds_of_keys_do_as_well_but_no_shared_secret(tmp_path: Path) -> None:
    """An elliptic curve key is taken; a symmetric one that somebody published is not."""
    private = ec.generate_private_key(ec.SECP256R1())
    public: dict[str, Any] = jwt.algorithms.ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    secret = {"kty": "oct", "kid": "s", "k": base64.urlsafe_b64encode(b"x" * 32).decode(), "alg": "HS256"}
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [{**public, "kid": "e", "alg": "ES256"}, secret]}), encoding="utf-8")
    reader = JsonWebTokens(TokenSettings(ISSUER, AUDIENCE, str(file)))
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": time.time() + 60, "roles": "viewer"}
    good = jwt.encode(claims, private, "ES256", headers={"kid": "e"})
    assert await reader.actor(good) == Actor("ann", frozenset({"viewer"}))
    assert await reader.actor(jwt.encode(claims, "x" * 32, "HS256", headers={"kid": "s"})) is None


async def test_a_server_that_takes_tokens_is_never_without_a_door(
    issuer: Issuer, reader: JsonWebTokens
) -> None:
    """By header and by session; nobody comes in without one, and a role that is missing is missed."""
    async with serving(tokens=reader) as rig:
        review = await rig.case()
        assert (await rig.client().get("/api/me")).status_code == 401
        ann = rig.client(issuer.token())
        assert (await ann.get("/api/me")).json()["name"] == "ann@example.org"
        nobody = rig.client(issuer.token({"sub": "eve", "roles": ["printer-users"]}))
        assert (await nobody.get("/api/me")).status_code == 403
        browser = rig.client()
        signed = await browser.post("/login", data={"key": issuer.token()})
        assert signed.status_code == 303
        assert (await browser.get("/api/me")).json()["name"] == "ann@example.org"
        body = {"decision": {"type": "approve"}}
        forged = await browser.post(f"/api/reviews/{review}/decide", json=body)
        assert (forged.status_code, forged.json()["code"]) == (403, "request_forged")
        done = await ann.post(f"/api/reviews/{review}/decide", json=body)
        assert done.json()["review"]["decided_by"] == "ann@example.org"


async def test_settings_of_an_issuer_are_given_whole_or_not_at_all(tmp_path: Path) -> None:
    """Half an issuer would let everybody in, or nobody; both are told at the start."""
    assert ServeSettings.from_env({}).tokens is None
    with pytest.raises(ConfigurationError, match="SWITCHBOARD_OIDC_AUDIENCE"):
        ServeSettings.from_env({"SWITCHBOARD_OIDC_ISSUER": ISSUER, "SWITCHBOARD_OIDC_JWKS": "x"})
    whole = {
        "SWITCHBOARD_OIDC_ISSUER": ISSUER,
        "SWITCHBOARD_OIDC_AUDIENCE": AUDIENCE,
        "SWITCHBOARD_OIDC_JWKS": str(tmp_path / "nothing.json"),
        "SWITCHBOARD_OIDC_ROLES_CLAIM": "realm_access.roles",
    }
    settings = ServeSettings.from_env(whole)
    assert settings.tokens is not None and settings.tokens.roles_claim == "realm_access.roles"
    with pytest.raises(ConfigurationError, match="keys cannot be read"):
        await tokens_of(settings)
    for wrong in ("desk.example.org", "ftp://desk", "https://desk/inbox"):
        with pytest.raises(ConfigurationError, match="no address"):
            ServeSettings.from_env({"SWITCHBOARD_PUBLIC_URL": wrong})
    for wrong in ("x", "0", "-1", "nan", "99999"):
        with pytest.raises(ConfigurationError, match="hours"):
            ServeSettings.from_env({"SWITCHBOARD_SESSION_HOURS": wrong})

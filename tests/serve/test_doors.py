"""The door: who is let in, by what, and how a session is kept from those whom it does not belong to."""

from __future__ import annotations

import re
from datetime import timedelta
from http.cookies import SimpleCookie

import httpx
import pytest
from starlette.routing import Route

from langgraph_switchboard.cases.keys import parts_of_key
from langgraph_switchboard.serve.auth import TRIES
from langgraph_switchboard.serve.guard import Guarded
from langgraph_switchboard.serve.settings import ServeSettings
from tests.serve.served import Rig, serving

HTTPS = ServeSettings(public_url="https://desk.example.org")
DESK = "https://desk.example.org"
FIREFOX = {"user-agent": "Firefox"}


async def sign_in(client: httpx.AsyncClient, key: str) -> httpx.Response:
    return await client.post("/login", data={"key": key, "then": "/"})


def cookie_of(response: httpx.Response) -> tuple[str, dict[str, str]]:
    parsed = SimpleCookie(response.headers["set-cookie"])
    ((name, morsel),) = parsed.items()
    return name, {**{key: str(value) for key, value in morsel.items()}, "value": morsel.value}


async def signed(rig: Rig, cookie: str, **headers: str) -> httpx.Response:
    """What a browser with this cookie is told about itself."""
    client = rig.client(url=DESK, **headers)
    return await client.get("/api/me", headers={"cookie": f"__Host-switchboard={cookie}"})


async def test_without_keys_the_server_answers_its_own_machine_only() -> None:
    """Not another address, not another name (a rebound one), not through a proxy; and it says why."""
    async with serving() as rig:
        strangers = [
            rig.client(address="10.0.0.7"),
            rig.client(url="http://desk.example.org:8000"),
            rig.client(**{"x-forwarded-for": "10.0.0.7"}),
        ]
        for stranger in strangers:
            answer = await stranger.get("/api/me")
            assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
            assert "its own machine only" in answer.json()["detail"]
            assert (await stranger.get("/health")).status_code == 200


async def test_the_first_key_shuts_the_door_and_revoking_it_does_not_open_it() -> None:
    """A server that had keys once never falls back to taking everybody at his word."""
    async with serving() as rig:
        door = rig.app.state.door
        assert await door.is_open()
        key, text = await rig.new_key("ann", "reviewer")
        assert not await door.is_open()
        await rig.switchboard.house.access.revoke_key(key.key_id, rig.clock.now())
        assert not await door.is_open()
        assert (await rig.client(text).get("/api/me")).status_code == 401
        assert (await rig.client().get("/api/me")).status_code == 401


@pytest.mark.parametrize("where", ["memory", pytest.param("postgres", marks=pytest.mark.pg)])
async def test_keys_are_known_by_their_secret_alone_and_kept_as_a_digest(
    where: str, request: pytest.FixtureRequest
) -> None:
    """A wrong secret, an expired and a revoked key open nothing; what is stored opens nothing either."""
    dsn = "memory" if where == "memory" else request.getfixturevalue("pg_dsn")
    async with serving(dsn) as rig:
        access, now = rig.switchboard.house.access, rig.clock.now()
        key, text = await rig.new_key("ann", "reviewer", flows=["payments"], amount=50)
        found = await access.open_key(text, now)
        assert found is not None
        assert (found.actor.name, found.actor.scope.amount) == ("ann", 50.0)
        assert found.actor.roles == frozenset({"reviewer"})
        for wrong in (text[:-1], text + "x", f"sbk_{key.key_id}_", f"sbk_{key.key_id}", "", "sbk_\x00_x"):
            assert await access.open_key(wrong, now) is None
        short = await rig.key("bob", "viewer", expires_at=now + timedelta(hours=1))
        assert await access.open_key(short, now) is not None
        assert await access.open_key(short, now + timedelta(hours=1)) is None
        await access.revoke_key(key.key_id, now)
        assert await access.open_key(text, now) is None
        assert await access.revoke_key("no such key", now) is None
        _, secret = parts_of_key(text) or ("", "")
        assert secret and secret not in repr(await access.keys())


async def test_a_session_cookie_is_out_of_reach_of_scripts_and_other_sites() -> None:
    """HttpOnly, SameSite, Secure and bound to the host where people come by https; plain on this machine."""
    async with serving(settings=HTTPS) as rig:
        answer = await sign_in(rig.client(url=DESK), await rig.key("ann", "reviewer"))
        name, cookie = cookie_of(answer)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert name == "__Host-switchboard"
        assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == ("True", "True", "lax")
        assert (cookie["path"], cookie["domain"], cookie["max-age"]) == ("/", "", str(8 * 3600))
    async with serving() as rig:
        name, cookie = cookie_of(await sign_in(rig.client(), await rig.key("ann", "reviewer")))
        assert (name, cookie["secure"], cookie["httponly"]) == ("switchboard", "", "True")


@pytest.mark.parametrize("where", ["memory", pytest.param("postgres", marks=pytest.mark.pg)])
async def test_a_stolen_cookie_is_of_no_use_in_another_browser_and_ends_the_session(
    where: str, request: pytest.FixtureRequest
) -> None:
    """From another browser it is refused, and from then on in its own as well: somebody has it."""
    dsn = "memory" if where == "memory" else request.getfixturevalue("pg_dsn")
    async with serving(dsn, settings=HTTPS) as rig:
        client = rig.client(url=DESK, **FIREFOX)
        _, cookie = cookie_of(await sign_in(client, await rig.key("ann", "reviewer")))
        assert (await signed(rig, cookie["value"], **FIREFOX)).json()["name"] == "ann"
        thief = await signed(rig, cookie["value"], **{"user-agent": "curl"})
        assert (thief.status_code, thief.json()["code"]) == (401, "not_signed_in")
        assert (await signed(rig, cookie["value"], **FIREFOX)).status_code == 401


@pytest.mark.parametrize("where", ["memory", pytest.param("postgres", marks=pytest.mark.pg)])
async def test_a_session_ends_by_signing_out_by_its_time_and_with_its_key(
    where: str, request: pytest.FixtureRequest
) -> None:
    """On the server, not only in the browser: a copied cookie ends as well."""
    dsn = "memory" if where == "memory" else request.getfixturevalue("pg_dsn")
    async with serving(dsn, settings=HTTPS) as rig:
        key, text = await rig.new_key("ann", "reviewer")
        access = rig.switchboard.house.access

        async def fresh() -> str:
            return cookie_of(await sign_in(rig.client(url=DESK, **FIREFOX), text))[1]["value"]

        async def is_in(cookie: str) -> bool:
            return (await signed(rig, cookie, **FIREFOX)).status_code == 200

        out, late, revoked = await fresh(), await fresh(), await fresh()
        assert [await is_in(one) for one in (out, late, revoked)] == [True, True, True]
        browser = rig.client(url=DESK, **FIREFOX, cookie=f"__Host-switchboard={out}")
        page = await browser.get("/login")
        token = page.text.split('name="forgery_token" value="')[1].split('"')[0]
        left = await browser.post("/logout", data={"forgery_token": token})
        assert left.status_code == 303
        assert not await is_in(out)
        await access.revoke_key(key.key_id, rig.clock.now())
        assert not await is_in(revoked)
        rig.clock.advance(timedelta(hours=9))
        assert not await is_in(late)


async def test_wrong_keys_are_slowed_down_and_the_right_one_is_not_locked_out_elsewhere() -> None:
    """Five wrong ones from an address, then 429 with Retry-After, whatever comes; others are not touched."""
    async with serving(settings=HTTPS) as rig:
        key = await rig.key("ann", "reviewer")
        guesser = rig.client(url=DESK, address="10.0.0.9")
        for _ in range(TRIES):
            assert (await sign_in(guesser, "sbk_000000000000_guess")).status_code == 401
        blocked = await sign_in(guesser, key)
        assert blocked.status_code == 429 and int(blocked.headers["retry-after"]) > 200
        assert (await sign_in(rig.client(url=DESK), key)).status_code == 303
        rig.clock.advance(timedelta(minutes=5))
        assert (await sign_in(guesser, key)).status_code == 303


async def test_after_signing_in_nobody_is_sent_to_another_site() -> None:
    """The page to go on to is a path of ours, or the first page."""
    async with serving(settings=HTTPS) as rig:
        key, client = await rig.key("ann", "reviewer"), rig.client(url=DESK)
        for said, goes in [
            ("/cases/c1?x=1", "/cases/c1?x=1"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example/", "/"),
            ("javascript:alert(1)", "/"),
            ("/a\r\nset-cookie: x=1", "/"),
        ]:
            client.cookies.clear()
            answer = await client.post("/login", data={"key": key, "then": said})
            assert answer.headers["location"] == goes


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_a_foreign_page_changes_nothing_by_a_visitors_browser(headers: dict[str, str]) -> None:
    """Neither where he is signed in, nor at a local server that needs no key, nor when signing him in."""
    async with serving() as rig:
        local = await rig.client().post("/logout", headers={**headers, "accept": "application/json"})
        assert (local.status_code, local.json()["code"]) == (403, "request_forged")
    async with serving(settings=HTTPS) as rig:
        key = await rig.key("ann", "reviewer")
        answer = await rig.client(url=DESK, **headers, accept="application/json").post(
            "/login", data={"key": key}
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "request_forged")


async def test_a_form_without_its_token_is_refused_though_it_says_that_it_comes_from_us() -> None:
    """Local and signed in alike; the token of another session does not do."""
    async with serving() as rig:
        own = {"origin": "http://127.0.0.1:8000", "accept": "application/json"}
        assert (await rig.client().post("/logout", headers=own)).status_code == 403
        wrong = await rig.client().post("/logout", headers=own, data={"forgery_token": "0" * 64})
        assert wrong.json()["code"] == "request_forged"


async def test_no_form_of_any_page_is_taken_without_its_token() -> None:
    """Every route that takes a form, those of tomorrow as well; each refuses before it looks for anything."""
    async with serving() as rig:
        forms = [
            one.path
            for one in rig.app.routes
            if isinstance(one, Route) and isinstance(one.endpoint, Guarded) and one.endpoint.is_form
        ]
        assert len(forms) >= 5
        client = rig.client(origin="http://127.0.0.1:8000", accept="application/json")
        for path in forms:
            answer = await client.post(re.sub(r"\{[^}]*\}", "x", path), data={"type": "approve"})
            assert (answer.status_code, answer.json()["code"]) == (403, "request_forged"), path


async def test_a_server_with_an_address_answers_to_no_other_name() -> None:
    """A Host header of somebody else's makes no links and passes no checks."""
    async with serving(settings=HTTPS) as rig:
        answer = await rig.client(url="https://evil.example", accept="application/json").get("/login")
        assert (answer.status_code, answer.json()["code"]) == (403, "request_forged")


async def test_every_answer_carries_the_headers_that_keep_a_browser_safe() -> None:
    """Scripts only by nonce, no frames, no sniffing, nothing kept; each page with a nonce of its own."""
    async with serving() as rig:
        client = rig.client()
        answers = [
            await client.get("/login"),
            await client.get("/health"),
            await client.post("/logout"),
            await client.get("/static/switchboard.css"),
            await client.get("/static/nothing.css"),
        ]
        for answer in answers:
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy and "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy and "form-action 'self'" in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
        assert [one.headers["cache-control"] for one in answers[:2]] == ["no-store", "no-store"]
        nonces = {(await client.get("/login")).headers["content-security-policy"] for _ in range(3)}
        assert len(nonces) == 3


async def test_what_is_too_large_is_refused_while_it_comes() -> None:
    """Also where nobody said how long it would be."""
    settings = ServeSettings(body_bytes=1_000)
    async with serving(settings=settings) as rig:
        key = await rig.key("ann", "reviewer")
        answer = await rig.client(key, accept="application/json").post("/login", data={"key": "x" * 2_000})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert (await rig.client(key).post("/login", data={"key": key})).status_code == 303


@pytest.mark.parametrize("name", ["..%2Fguard.py", "../guard.py", "%2e%2e/pages.py", ".hidden", "a%00b"])
async def test_static_files_are_those_of_one_folder(name: str) -> None:
    """No way up, no hidden file."""
    async with serving() as rig:
        assert (await rig.client().get(f"/static/{name}")).status_code == 404

"""`switchboard serve` and `switchboard keys`, as people start them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from langgraph_switchboard import Switchboard
from tests.cli.conftest import Command
from tests.conftest import REPOSITORY

pytestmark = [pytest.mark.server, pytest.mark.pg]
FLOW = "tests.cli.serve_flows:slow"
START = "import sys; from langgraph_switchboard.cli.app import main; sys.argv[0] = 'switchboard'; main()"


def _environment(dsn: str) -> dict[str, str]:
    clean = {
        name: text for name, text in os.environ.items() if not name.startswith(("SWITCHBOARD", "OPENAI"))
    }
    return {**clean, "SWITCHBOARD_DATABASE_URL": dsn, "NO_COLOR": "1", "COLUMNS": "200"}


@contextmanager
def served(dsn: str, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, "serve", "--port", "0", "--flow", FLOW, *words],
        cwd=REPOSITORY,
        env=_environment(dsn),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    assert process.stdout is not None and process.stderr is not None
    errors = threading.Thread(target=lambda: said.extend(process.stderr or ()))
    errors.start()
    try:
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line, "".join(said)
        yield process, line.split()[-1]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        errors.join()
        process.stdout.close()
        process.stderr.close()


def body(case_id: str, **inputs: Any) -> dict[str, Any]:
    return {"flow": "slow", "case_id": case_id, "inputs": {"order": {"text": "two chairs", **inputs}}}


async def status_of(dsn: str, *case_ids: str) -> list[str]:
    async with Switchboard.open(dsn) as switchboard:
        rows = {row.case_id: row.status for row in await switchboard.cases(limit=None)}
    return [rows[case_id] for case_id in case_ids]


async def test_a_server_that_is_stopped_breaks_nothing_off_and_the_next_one_goes_on(
    pg_dsn: str, tmp_path: Path
) -> None:
    """SIGTERM waits for the case under way; SIGKILL leaves it where it stood; a new server takes it up."""
    gate = tmp_path / "gate"
    with served(pg_dsn) as (process, url):
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/ready")).json() == {"status": "ready"}
            assert (await client.post("/api/cases", json=body("drained", cents=1))).status_code == 202
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    assert await status_of(pg_dsn, "drained") == ["waiting"]
    with served(pg_dsn) as (process, url):
        async with httpx.AsyncClient(base_url=url) as client:
            held = {**body("killed"), "inputs": {"order": {"text": str(gate)}}}
            assert (await client.post("/api/cases", json=held)).status_code == 202
            process.kill()
            process.wait()
    assert set(await status_of(pg_dsn, "killed")) <= {"accepted", "running"}
    gate.touch()
    with served(pg_dsn) as (process, url):
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            events = {"kind": "review_opened", "case_id": "killed", "after": "0-0"}
            async with client.stream("GET", "/api/events", params=events) as stream:
                async for line in stream.aiter_lines():
                    if line.startswith("data: "):
                        assert json.loads(line[6:])["case_id"] == "killed"
                        break
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0


def test_keys_are_made_listed_and_taken_back_and_shut_the_door_of_a_running_server(
    pg_dsn: str, called: Command, settings: pytest.MonkeyPatch
) -> None:
    """The first key ends the time without keys at once; it is shown once, and revoked it opens nothing."""
    settings.setenv("SWITCHBOARD_DATABASE_URL", pg_dsn)
    bounds = ("--flow", "slow", "--max-amount", "50")
    with served(pg_dsn) as (_, url), httpx.Client(base_url=url) as client:
        assert client.get("/api/me").json()["local"] is True
        made = called("keys", "create", "ann", "--role", "reviewer", *bounds)
        key = made.out.strip()
        assert key.startswith("sbk_") and "shown this once" in made.err
        assert "nobody comes in without a key" in made.err
        assert client.get("/api/me").status_code == 401
        bearer = {"authorization": f"Bearer {key}"}
        me = client.get("/api/me", headers=bearer).json()
        assert (me["name"], me["scope"]) == ("ann", {"flows": ["slow"], "amount": 50.0})
        (listed,) = called("keys", "list", "--json").json()
        assert (listed["name"], listed["roles"]) == ("ann", ["reviewer"])
        assert key not in json.dumps(listed)
        shown = called("keys", "list").out
        assert "flows slow; amount 50.0" in " ".join(shown.split()) and "good" in shown
        assert "opens nothing any more" in called("keys", "revoke", listed["key_id"]).out
        assert client.get("/api/me", headers=bearer).status_code == 401
        assert "revoked" in called("keys", "list").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["serve", "--host", "0.0.0.0", "--flow", FLOW], "listens on this machine only"),
        (["serve", "--host", "192.0.2.1", "--flow", FLOW], "listens on this machine only"),
        (["keys", "create", "ann", "--role", "root"], "no such role"),
        (["keys", "create", "ann", "--role", "reviewer", "--role", "operator"], "never decide"),
        (["keys", "create", " ", "--role", "viewer"], "needs the name"),
        (["keys", "create", "ann", "--role", "reviewer", "--max-risk", "huge"], "no scope"),
        (["keys", "create", "ann", "--role", "viewer", "--expires", "soon"], "no time"),
        (["keys", "revoke", "nothing"], "no such key"),
    ],
)
def test_what_cannot_be_is_said_in_words(switchboard: Command, words: list[str], says: str) -> None:
    """Exit code 2, one sentence, no traceback."""
    switchboard(*words).refused(says)


def test_a_port_that_is_taken_is_told(switchboard: Command) -> None:
    """Another one is not taken silently: people would look at the wrong inbox."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        switchboard("serve", "--port", str(port), "--flow", FLOW).refused("something else listens there")


def test_webhooks_are_added_listed_and_removed_in_the_terminal(
    switchboard: Command, settings: pytest.MonkeyPatch
) -> None:
    """The secret is shown once; an address that is not allowed is refused, as is a misspelt event."""
    settings.setenv("SWITCHBOARD_WEBHOOKS", "https://chat.example.org, https://tickets.example.org/")
    switchboard("webhooks", "add", "https://evil.example/hook").refused("may not call that address")
    url = "https://chat.example.org/hook"
    switchboard("webhooks", "add", url, "--kind", "review_open").refused("no such event")
    added = switchboard("webhooks", "add", url, "--kind", "review_opened", "--flow", "payments")
    assert added.out.startswith("whsec_")
    (listed,) = switchboard("webhooks", "list", "--json").json()
    assert (listed["url"], listed["kinds"], listed["on_the_way"]) == (url, ["review_opened"], 0)
    assert added.out.strip() not in json.dumps(listed)
    assert url in switchboard("webhooks", "list").out
    assert "told nothing more" in switchboard("webhooks", "remove", listed["webhook"]).out
    switchboard("webhooks", "remove", listed["webhook"]).refused("no such webhook")
    assert "nobody is told" in switchboard("webhooks", "list").err

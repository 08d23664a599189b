"""`langgraph dev` with our `app` and `auth`: one inbox for both doors, and no way round a case's process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from langgraph_switchboard.cases import CaseStore
from langgraph_switchboard.cases.access import REQUESTER, Role, Scope
from langgraph_switchboard.cases.keys import new_key
from langgraph_switchboard.nodes import utc_now
from langgraph_switchboard.postgres import running_server
from langgraph_switchboard.switchboard import House, open_house
from langgraph_switchboard.testing.local_server import LocalServer, Request, Response
from tests.langgraph_server import QUIET, ROOT, Served, langgraph_dev

pytestmark = [pytest.mark.server, pytest.mark.pg]

STOLEN = {"ticket": {"id": "T-1", "text": "My card was stolen yesterday!", "customer": "C-1007"}}
APPROVE = {"type": "approve"}
GRAPH = "support_desk"
OLD = "1ef00000-0000-6000-8000-000000000000"


@pytest.fixture(scope="module")
def home(open_folder: Path) -> Path:
    """The home that the servers of this file share."""
    return open_folder / "dev-server"


@pytest.fixture(scope="module")
def open_served(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Iterator[Served]:
    """A server without keys."""
    with langgraph_dev(tmp_path_factory.mktemp("dev"), home) as server:
        yield server
    # Its detector raises where somebody blocks the event loop, in a step or in a route.
    assert not [line for line in server.log if "BlockingError" in line or "blocking call" in line.lower()]


@asynccontextmanager
async def house_of(home: Path) -> AsyncIterator[House]:
    """What the server writes to."""
    with running_server(home) as server:
        async with open_house(server.dsn) as house:
            yield house


async def waiting(client: LangGraphClient) -> tuple[str, str]:
    """A case that came to its review through the SDK: its thread, and the interrupt's id."""
    thread = str((await client.threads.create())["thread_id"])
    await client.runs.wait(thread, GRAPH, input=STOLEN)
    (asked,) = (await client.threads.get_state(thread))["interrupts"]
    return thread, str(asked["id"])


async def review_of(api: httpx.AsyncClient, case: str) -> dict[str, Any]:
    (review,) = [one for one in (await api.get("/api/reviews")).json()["items"] if one["case_id"] == case]
    return dict(review)


async def until_it_waits(house: House, case: str) -> None:
    """Return when the server's worker has driven the case to its review."""
    async with asyncio.timeout(30):
        while True:
            row = await house.services.store.case(case)
            if row is not None and row.status == "waiting":
                return
            await asyncio.sleep(0.05)


async def refused(status: int, call: Any) -> str:
    """The words with which a call is refused."""
    with pytest.raises(httpx.HTTPStatusError) as caught:
        await call
    assert caught.value.response.status_code == status, caught.value.response.text
    return caught.value.response.text


async def test_a_case_of_the_sdk_is_decided_in_our_inbox_and_by_a_resume_alike(
    open_served: Served, home: Path
) -> None:
    """Law 4: whichever comes first stands; the API tells the other who was first, the SDK that it is over."""
    async with (
        get_client(url=open_served.url) as client,
        house_of(home) as house,
        httpx.AsyncClient(base_url=open_served.url, timeout=30) as api,
    ):
        # decided over our API, then resumed in vain
        case, asked = await waiting(client)
        path = f"/api/reviews/{(await review_of(api, case))['review_id']}/decide"
        done = await api.post(path, json={"decision": APPROVE})
        assert done.json()["case"]["status"] == "finished", done.text
        state = await client.threads.get_state(case)
        values: Any = state["values"]
        assert (state["next"], values["outcome"]) == ([], "finished")
        for answer in (APPROVE, {asked: APPROVE}):
            said = await refused(409, client.runs.wait(case, GRAPH, command={"resume": answer}))
            assert "nothing is asked" in said
        # resumed by the SDK, then decided over our API in vain
        case, asked = await waiting(client)
        path = f"/api/reviews/{(await review_of(api, case))['review_id']}/decide"
        await client.runs.wait(case, GRAPH, command={"resume": {asked: {"type": "reject"}}})
        late = await api.post(path, json={"decision": APPROVE})
        assert (late.status_code, late.json()["code"]) == (409, "review_decided")
        assert await house.services.store.outbox(case) == []
        # handed in over our API, and resumed by the SDK
        case = str(uuid4())
        new = {"flow": GRAPH, "inputs": STOLEN, "case_id": case}
        assert (await api.post("/api/cases", json=new)).status_code == 202
        await until_it_waits(house, case)
        await client.threads.create(thread_id=case, if_exists="do_nothing", graph_id=GRAPH)
        await client.runs.wait(case, GRAPH, command={"resume": APPROVE})
        assert len(await house.services.store.outbox(case)) == 1


DETOURS: dict[str, dict[str, Any]] = {
    "goto": {"command": {"goto": "send"}},
    "update": {"command": {"update": {"decision": APPROVE}}},
    "resume with update": {"command": {"resume": APPROVE, "update": {"outcome": "finished"}}},
    "resume with new input": {"command": {"resume": APPROVE}, "input": STOLEN},
    "an old checkpoint": {
        "command": {"resume": APPROVE},
        "checkpoint_id": "1ef00000-0000-6000-8000-000000000000",
    },
    "a checkpoint's place": {"command": {"resume": APPROVE}, "checkpoint": {"checkpoint_ns": "review:1"}},
    "an epoch of one's own": {
        "command": {"resume": APPROVE},
        "config": {"configurable": {"__switchboard_epoch": 10**9}},
    },
    "a lax resume": {
        "command": {"resume": APPROVE},
        "context": {"__pregel_strict_resume": False},
    },
    "another thread": {
        "command": {"resume": APPROVE},
        "config": {"configurable": {"thread_id": "00000000-0000-4000-8000-000000000000"}},
    },
    "an address to be called": {"command": {"resume": APPROVE}, "webhook": "http://127.0.0.1:9/hook"},
    "another durability": {"command": {"resume": APPROVE}, "durability": "exit"},
    "a rollback": {"command": {"resume": APPROVE}, "multitask_strategy": "rollback"},
}


@pytest.fixture(scope="module")
def parked(open_served: Served) -> str:
    """A case that waits while callers try to get past its review."""

    async def park() -> str:
        async with get_client(url=open_served.url) as client:
            return (await waiting(client))[0]

    return asyncio.run(park())


@pytest.mark.parametrize("asked", DETOURS.values(), ids=DETOURS.keys())
async def test_nobody_gets_past_a_review_by_a_run_of_his_own(
    open_served: Served, parked: str, asked: dict[str, Any]
) -> None:
    """Callers answer and hand in; where a case goes, and from where, is the process's business."""
    body = {"assistant_id": GRAPH, **asked}
    async with httpx.AsyncClient(base_url=open_served.url, timeout=30) as client:
        answer = await client.post(f"/threads/{parked}/runs/wait", json=body)
        # 422: LangGraph's own check of the address came first.
        assert answer.status_code == (422 if "webhook" in asked else 403), answer.text
        assert (await review_of(client, parked))["status"] == "open"


async def test_nobody_writes_copies_or_deletes_a_case(open_served: Served, parked: str) -> None:
    """Its state, its thread, its copy, its deletion: refused to everybody, also on the machine itself."""
    async with get_client(url=open_served.url) as client:
        await refused(403, client.threads.update_state(parked, {"outcome": "finished"}, as_node="send"))
        await refused(403, client.threads.copy(parked))
        await refused(403, client.threads.delete(parked))
        steps: Any = [{"updates": [{"values": {"outcome": "finished"}, "as_node": "send"}]}]
        made = await client.threads.create(graph_id=GRAPH, supersteps=steps)
        assert "written by its steps alone" in str(made)
        await refused(403, client.assistants.create(GRAPH))
        await refused(403, client.crons.create(GRAPH, schedule="* * * * *", input=STOLEN))
        await refused(403, client.store.put_item(["a"], "b", {"c": 1}))
        assert (await client.threads.get_state(parked))["next"] == ["review"]
        assert await client.assistants.search()


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_a_foreign_page_does_nothing_at_a_server_without_keys(
    open_served: Served, parked: str, headers: dict[str, str]
) -> None:
    """LangGraph's server lets every origin in; our door does not, for its routes and for ours."""
    body = {"assistant_id": GRAPH, "command": {"resume": APPROVE}}
    with httpx.Client(base_url=open_served.url, headers=headers) as page:
        assert page.post(f"/threads/{parked}/runs/wait", json=body).status_code == 401
        assert page.post("/threads/search", json={}).status_code == 401
        assert page.get("/api/reviews").status_code == 403


def test_the_server_says_that_without_keys_it_is_for_development(open_served: Served) -> None:
    """Where everybody may decide it is said, and how to end that; our own routes leave LangGraph's alone."""
    assert any("for development only" in line for line in open_served.log)
    with httpx.Client(base_url=open_served.url) as client:
        assert client.get("/ok").json()["ok"] is True
        assert client.get("/health").json() == {"status": "ok"}
        assert "LangSmith" in client.get("/openapi.json").text
        assert client.get("/api/openapi.json").json()["info"]["title"] == "Switchboard"
        assert "content-security-policy" not in client.get("/ok").headers
        assert client.get("/nothing").status_code in (403, 404)


async def test_a_case_survives_the_kill_of_its_server_and_is_found_again_by_both_doors(
    tmp_path: Path, home: Path
) -> None:
    """SIGKILL right after it stopped: LangGraph's own list forgets it; our Postgres, inbox and SDK do not."""
    with langgraph_dev(tmp_path, home) as server:
        async with get_client(url=server.url) as client:
            first, second = (await waiting(client))[0], (await waiting(client))[0]
        server.process.kill()
        server.process.wait()
    with langgraph_dev(tmp_path, home) as server:
        async with get_client(url=server.url) as client:
            async with httpx.AsyncClient(base_url=server.url, timeout=30) as api:
                path = f"/api/reviews/{(await review_of(api, first))['review_id']}/decide"
                decided = await api.post(path, json={"decision": APPROVE})
                assert decided.json()["case"]["status"] == "finished"
            # a thread of which the server knows nothing is named again, and its state is there
            await client.threads.create(thread_id=second, if_exists="do_nothing", graph_id=GRAPH)
            state = await client.threads.get_state(second)
            assert len(state["interrupts"]) == 1
            await client.runs.wait(second, GRAPH, command={"resume": APPROVE})
        # and an open page does not keep it from stopping
        async with (
            httpx.AsyncClient(base_url=server.url, timeout=30) as page,
            page.stream("GET", "/api/events") as stream,
        ):
            assert await anext(stream.aiter_lines()) == "retry: 2000"
            server.process.terminate()
            await asyncio.to_thread(server.process.wait, 20)
    async with house_of(home) as house:
        for case in (first, second):
            assert len(await house.services.store.outbox(case)) == 1


class Listens(LocalServer):
    """A proxy that lets nothing through, and remembers who wanted out."""

    def respond(self, request: Request) -> Response:
        return Response(502)


@pytest.mark.parametrize("is_quiet", [True, False], ids=["as make dev starts it", "control"])
def test_the_server_calls_nobody(tmp_path: Path, home: Path, is_quiet: bool) -> None:
    """Started as `make dev` does, it asks nothing of anybody; the control, without its settings, does."""
    with Listens() as proxy:
        way_out = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), proxy.url)
        loud = {} if is_quiet else dict.fromkeys(QUIET, "")
        tracing = {"LANGSMITH_TRACING": "false", "NO_PROXY": "127.0.0.1,localhost"}
        with (
            langgraph_dev(tmp_path, home, {**tracing, **way_out, **loud}) as server,
            httpx.Client(base_url=server.url) as client,
        ):
            assert client.post("/threads/search", json={}).status_code == 200
        assert bool(proxy.requests) is not is_quiet, [one.path for one in proxy.requests]


def test_make_dev_starts_it_like_that() -> None:
    """The settings that keep it quiet, one address of this machine, and ten cases at a time."""
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").split("\ndev:")[1].split("\n\n")[0]
    assert all(f"{name}={value}" in recipe for name, value in QUIET.items())
    assert "LANGSMITH_TRACING=$${LANGSMITH_TRACING:-false}" in recipe
    assert "--host 127.0.0.1" in recipe and "--n-jobs-per-worker 10" in recipe


async def make_key(home: Path, name: str, *roles: Role, **scope: Any) -> str:
    async with house_of(home) as house:
        key, text = new_key(name, frozenset(roles), Scope.of(scope), by="root", at=utc_now())
        await house.access.add_key(key, text)
        return text


async def test_with_keys_every_door_asks_for_one_and_each_role_does_its_own_work(
    tmp_path: Path, home: Path
) -> None:
    """Nobody, viewer, operator, out of scope: refused, on the ledger; the right reviewer decides."""
    # The last test of this file: from now on nobody comes in without a key.
    keys = {
        "vic": await make_key(home, "vic", "viewer"),
        "otto": await make_key(home, "otto", "operator"),
        "rita": await make_key(home, "rita", "operator"),
        "rose": await make_key(home, "rose", "reviewer", flows=["claims"]),
        "ann": await make_key(home, "ann", "reviewer"),
    }
    with langgraph_dev(tmp_path, home) as server:
        clients = {name: get_client(url=server.url, api_key=key) for name, key in keys.items()}
        nobody = get_client(url=server.url, headers={"x-auth-scheme": "langsmith"})
        await refused(401, nobody.threads.search())
        await refused(403, clients["vic"].threads.create())
        case, asked = await waiting(clients["otto"])
        assert (await clients["vic"].threads.get_state(case))["next"] == ["review"]
        for name in ("vic", "otto", "rita", "rose"):
            answer = clients[name].runs.wait(case, GRAPH, command={"resume": {asked: APPROVE}})
            await refused(403, answer)
        await refused(403, clients["ann"].runs.wait(case, GRAPH, input=STOLEN))
        await clients["ann"].runs.wait(case, GRAPH, command={"resume": APPROVE})
        async with house_of(home) as house:
            store: CaseStore = house.services.store
            row, (review,) = await store.case(case), await store.reviews(case_id=case, status=None)
            assert row is not None and row.labels == {REQUESTER: "otto"}
            assert (row.status, review.decided_by) == ("finished", "ann")
            story = await store.story(case)
            refused_by = [one.event.data["by"] for one in story if one.event.kind == "review_refused"]
            assert refused_by == ["vic", "otto", "rita", "rose"]
        for client in (*clients.values(), nobody):
            await client.aclose()
        assert not any("for development only" in line for line in server.log)

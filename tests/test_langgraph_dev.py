"""`langgraph dev` serves the desk as it is: to its review, through the resume, into the outbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from langgraph_switchboard.cases import CaseStore
from langgraph_switchboard.postgres import running_server
from langgraph_switchboard.switchboard import open_house
from langgraph_switchboard.testing import LangSmithStub
from tests.langgraph_server import ROOT, Served, langgraph_dev

pytestmark = [pytest.mark.server, pytest.mark.pg]

STOLEN = {"ticket": {"id": "T-1", "text": "My card was stolen yesterday!", "customer": "C-1007"}}
STATE = ".langgraph_api"
"""Where the server keeps threads and runs."""
PERSONAL = (b"jane.roe@mail.example", b"4111 1111 1111 1111")


@pytest.fixture(scope="module")
def served_home(open_folder: Path) -> Path:
    """The home that the servers of this file share, so that the router is trained once."""
    return open_folder / "served"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, served_home: Path) -> Iterator[Served]:
    """One server for the tests that need no tracing."""
    folder, before = tmp_path_factory.mktemp("served"), (ROOT / STATE).exists()
    with langgraph_dev(folder, served_home) as server:
        yield server
    assert (folder / STATE).is_dir()
    assert (ROOT / STATE).exists() is before, "the server kept its own files in the repository"


@asynccontextmanager
async def rows_in(home: Path) -> AsyncIterator[CaseStore]:
    """The store that the server writes to."""
    with running_server(home) as server:
        async with open_house(server.dsn) as house:
            yield house.services.store


async def ask(client: LangGraphClient, inputs: dict[str, Any]) -> str:
    """Run a case to its first stop; its thread."""
    thread = await client.threads.create()
    await client.runs.wait(thread["thread_id"], "support_desk", input=inputs)
    return str(thread["thread_id"])


async def answer(client: LangGraphClient, case: str, resume: Any) -> dict[str, Any]:
    """Resume a case, and its state afterwards."""
    await client.runs.wait(case, "support_desk", command={"resume": resume})
    return dict(await client.threads.get_state(case))


@pytest.mark.parametrize(
    ("resume", "kind", "text"),
    [
        ({"type": "approve"}, "approve", "stolen"),
        ([{"type": "accept", "args": None}], "approve", "stolen"),
        ([{"type": "response", "args": "We have blocked it."}], "respond", "We have blocked it."),
    ],
    ids=["our own form", "Agent Inbox: accept", "Agent Inbox: response"],
)
async def test_a_high_stakes_ticket_waits_for_a_person_and_is_sent_once(
    served: Served, served_home: Path, resume: Any, kind: str, text: str
) -> None:
    """Laws 3 and 4: one decision stands, and what stands is what leaves, once."""
    async with get_client(url=served.url) as client, rows_in(served_home) as store:
        # given: a case that stopped at its review
        case = await ask(client, STOLEN)
        waiting = await client.threads.get_state(case)
        (review,) = await store.reviews(case_id=case)
        assert waiting["next"] == ["review"]
        assert waiting["interrupts"][0]["value"]["review"]["review_id"] == review.review_id
        assert (review.status, await store.outbox(case)) == ("open", [])
        # when
        state = await answer(client, case, resume)
        # then
        assert (state["next"], state["values"]["outcome"]) == ([], "finished")
        (decided,) = await store.reviews(case_id=case, status=None)
        assert decided.status == "decided"
        assert decided.decision is not None
        assert decided.decision["type"] == kind
        (sent,) = await store.outbox(case)
        assert text in sent.row["text"]
        row = await store.case(case)
        assert row is not None
        assert row.status == "finished"


async def test_a_malformed_answer_leaves_the_review_pending(served: Served, served_home: Path) -> None:
    """Law 4: an answer that does not fit decides nothing, is not repeated, and a better one may follow."""
    async with get_client(url=served.url) as client, rows_in(served_home) as store:
        case = await ask(client, STOLEN)
        with pytest.raises(Exception, match=r"decision\.type") as refused:
            await answer(client, case, {"type": "dance-with-me"})
        assert "dance-with-me" not in str(refused.value)
        state = await client.threads.get_state(case)
        assert len(state["interrupts"]) == 1
        assert [one.status for one in await store.reviews(case_id=case)] == ["open"]
        assert await store.outbox(case) == []

        after = await answer(client, case, {"type": "reject", "message": "Not now."})
        assert after["values"]["outcome"] == "declined"
        assert await store.outbox(case) == []


async def test_no_step_fails_because_it_blocked_the_loop(served: Served, served_home: Path) -> None:
    """The server raises where a step blocks its event loop; a step that did would take its fallback."""
    async with get_client(url=served.url) as client, rows_in(served_home) as store:
        case = await ask(client, {"ticket": {"id": "T-2", "text": "How do I change my PIN?"}})
        story = await store.story(case)
    assert [one.event.data.get("failure") for one in story if one.event.kind == "step_failed"] == []
    assert [one.event.step for one in story][:3] == ["open", "intake", "supervisor"]
    assert not [line for line in served.log if "BlockingError" in line or "blocking call" in line.lower()]


async def test_traces_of_the_served_desk_leave_redacted(tmp_path: Path, served_home: Path) -> None:
    """Law 11: with LangSmith's variables set, every node is reported, and no personal data is in it."""
    said = f"My card was stolen, it is {PERSONAL[1].decode()}. Write to {PERSONAL[0].decode()}."
    with LangSmithStub() as langsmith:
        with langgraph_dev(tmp_path, served_home, langsmith.environment()) as server:
            async with get_client(url=server.url) as client:
                case = await ask(client, {"ticket": {"id": "T-3", "text": said, "customer": "C-1007"}})
        names = {run.name: run for root in langsmith.runs() for run in root.walk()}
        assert [mark for mark in PERSONAL if mark in langsmith.received] == []
    assert b"<email>" in langsmith.received
    assert {"open", "intake", "supervisor", "gate", "review"} <= names.keys()
    assert names["supervisor"].metadata["agent"] == "supervisor"
    assert names["supervisor"].metadata["route"] in names
    assert 0 <= names["supervisor"].metadata["confidence"] <= 1
    assert names["supervisor"].metadata["thread_id"] == case

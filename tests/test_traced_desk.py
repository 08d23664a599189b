"""The desk's case as LangSmith sees it: every node a run, with our facts, redacted, or nothing at all."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from langgraph_switchboard.testing import LangSmithStub, TracedRun

pytestmark = pytest.mark.pg

ROOT = Path(__file__).parent.parent
PERSONAL = (b"jane.roe@mail.example", b"maria@desk.example", b"4111 1111 1111 1111")


async def run_desk(dsn: str, home: Path, variables: Mapping[str, str]) -> str:
    """The program with a clean set of LangSmith's variables; the id of its case."""
    clean = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("LANGSMITH", "LANGCHAIN", "OPENAI"))
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.traced_desk", dsn,
        env={**clean, "SWITCHBOARD_HOME": str(home), **variables}, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, trouble = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, trouble.decode()
    return said.decode().split()[-1]


def nodes_of(root: TracedRun) -> dict[str, TracedRun]:
    """The runs of the flow's steps by name, in the order in which they began."""
    return {run.name: run for run in root.children if "langgraph_node" in run.metadata}


async def test_every_node_arrives_as_a_run_with_agent_owner_route_and_confidence(
    pg_dsn: str, open_folder: Path
) -> None:
    """Who watches the traces sees who did what, where it went, how sure it was, and no personal data."""
    # given, when
    with LangSmithStub() as langsmith:
        case = await run_desk(pg_dsn, open_folder, langsmith.environment("desk"))
        first, resumed = langsmith.runs()
    # then: the way to the review
    before = nodes_of(first)
    route = before["supervisor"].metadata["route"]
    assert list(before) == ["open", "intake", "supervisor", route, "gate", "review"]
    for name, run in before.items():
        assert (run.metadata["agent"], run.metadata["owner"]) == (name, "support-operations")
        assert run.metadata["thread_id"] == case
    assert first.name == "support_desk"
    assert 0 <= before["supervisor"].metadata["confidence"] <= 1
    assert 0 <= before[route].metadata["confidence"] <= 1
    assert (before["gate"].metadata["route"], before["gate"].metadata["case"]) == ("review", case)
    assert "stolen" in before["gate"].metadata["reason"]
    assert "GraphInterrupt" in str(before["review"].error)
    # then: the resume, a root of its own that the thread joins
    after = nodes_of(resumed)
    assert list(after) == ["review", "send"]
    assert {run.metadata["thread_id"] for run in after.values()} == {case}
    assert after["review"].metadata["route"] == "send"
    assert after["review"].error is None
    # then: no personal data
    assert [mark for mark in PERSONAL if mark in langsmith.received] == []
    assert b"<email>" in langsmith.received


@pytest.mark.parametrize("kept", [(), ("LANGSMITH_ENDPOINT", "LANGSMITH_API_KEY")])
async def test_nothing_is_sent_when_tracing_is_not_asked_for(
    pg_dsn: str, open_folder: Path, kept: tuple[str, ...]
) -> None:
    """The same case with no wish to be watched: not one request, not even with a key."""
    with LangSmithStub() as langsmith:
        given = {name: text for name, text in langsmith.environment().items() if name in kept}
        await run_desk(pg_dsn, open_folder, {"LANGSMITH_ENDPOINT": langsmith.url, **given})
        assert langsmith.requests == []

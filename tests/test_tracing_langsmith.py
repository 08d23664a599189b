"""Traces reach LangSmith node by node, redacted, and only when they are asked for."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from langgraph_switchboard.ledger.tracing import annotate, tracing_is_on
from langgraph_switchboard.testing import LangSmithStub

ROOT = Path(__file__).parent.parent
PERSONAL = (b"jane@mail.example", b"a@mail.example", b"4111 1111", b"hunter2")


async def run_program(mode: str, variables: Mapping[str, str]) -> None:
    """The program with a clean set of tracing variables; it must end well."""
    clean = {
        name: text for name, text in os.environ.items() if not name.startswith(("LANGSMITH", "LANGCHAIN"))
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.traced_program",
        mode,
        env={**clean, **variables},
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, said.decode()


async def test_every_node_arrives_as_a_run_with_our_facts() -> None:
    """A trace tells which agent ran, where it sent the case and how sure it was."""
    # given, when
    with LangSmithStub() as langsmith:
        await run_program("configure", langsmith.environment("desk-tests"))
        desk, failing = langsmith.runs()
    # then
    assert [desk.name, failing.name] == ["desk", "failing"]
    assert [run.name for run in desk.walk()] == ["desk", "triage", "ask"]
    triage = desk.find("triage")
    assert triage.metadata["agent"] == "triage"
    assert triage.metadata["owner"] == "support"
    assert triage.metadata["route"] == "billing"
    assert triage.metadata["confidence"] == 0.87
    assert triage.metadata["case"] == "t-1"
    assert triage.metadata["thread_id"] == "t-1"
    assert "cost_usd" not in triage.metadata
    assert triage.outputs == {"route": "billing"}
    assert langsmith.requests[0].headers["x-api-key"] == "local"


async def test_inputs_metadata_questions_and_errors_leave_redacted() -> None:
    """Law 11: no secret and no personal data leaves unredacted; a pause's question travels as error text."""
    with LangSmithStub() as langsmith:
        await run_program("configure", langsmith.environment())
        desk, failing = langsmith.runs()
    clean = "I am <email>, my card is <card>"
    assert desk.inputs == {"text": clean}
    assert desk.find("triage").metadata["contact"] == "<email>"
    assert "GraphInterrupt" in str(desk.find("ask").error)
    assert clean in str(desk.find("ask").error)
    assert f"cannot read: {clean} password=<secret>" in str(failing.find("fail").error)
    assert not [mark for mark in PERSONAL if mark in langsmith.received]


async def test_control_stock_tracing_leaks_every_mark() -> None:
    """The negative control: without our client the same marks are on the wire, in the error texts too."""
    with LangSmithStub() as langsmith:
        await run_program("stock", langsmith.environment())
        desk, failing = langsmith.runs()
    assert [mark for mark in PERSONAL if mark in langsmith.received] == [
        mark for mark in PERSONAL if mark != b"a@mail.example"
    ]
    assert "jane@mail.example" in str(desk.find("ask").error)
    assert "hunter2" in str(failing.find("fail").error)


@pytest.mark.parametrize("switch", [{}, {"LANGSMITH_TRACING": "false"}])
async def test_nothing_is_sent_when_tracing_is_not_asked_for(switch: dict[str, str]) -> None:
    """An endpoint and a key alone are no wish to be watched: not one request, not even `/info`."""
    with LangSmithStub() as langsmith:
        variables = {**langsmith.environment(), **switch}
        if not switch:
            del variables["LANGSMITH_TRACING"]
        await run_program("configure", variables)
        assert langsmith.requests == []


def test_the_first_switch_that_is_set_decides() -> None:
    """LangSmith's order of its own variables is ours."""
    assert tracing_is_on({"LANGSMITH_TRACING": "true"})
    assert tracing_is_on({"LANGCHAIN_TRACING_V2": "true", "LANGSMITH_TRACING": "false"})
    assert not tracing_is_on({"LANGSMITH_TRACING_V2": "false", "LANGSMITH_TRACING": "true"})
    assert not tracing_is_on({"LANGSMITH_API_KEY": "k", "LANGSMITH_ENDPOINT": "http://127.0.0.1:9"})


def test_annotating_outside_a_trace_does_nothing() -> None:
    """Agents annotate without asking whether anybody watches."""
    annotate(agent="billing", confidence=0.5)

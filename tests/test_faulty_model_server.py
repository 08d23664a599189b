"""A model server that fails as it is told: by name, by a seeded plan, for a thousand clients at a time."""

from __future__ import annotations

import asyncio
import gc
import json
import math
import os
import signal
import statistics
import subprocess
import sys
from typing import Any

import httpx
import pytest

from langgraph_switchboard.testing import (
    FAULTS,
    FaultPlan,
    FaultyModelServer,
    Latency,
    Said,
    call_of,
    facts_in,
)
from langgraph_switchboard.testing.model_faults import A_YEAR

SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "confidence": {"type": "number", "minimum": 0.5}},
}
MEASURE = {"EUR": 2.0, "USD": 3.0}


def chat(model: str = "any", said: str = "hello", **more: Any) -> dict[str, Any]:
    form = {"type": "json_schema", "json_schema": {"name": "Reply", "schema": SCHEMA}}
    return {"model": model, "messages": [{"role": "user", "content": said}], "response_format": form, **more}


def ask(server: FaultyModelServer, model: str = "any", said: str = "hello", **more: Any) -> httpx.Response:
    return httpx.post(f"{server.base_url}/chat/completions", json=chat(model, said, **more), timeout=5)


def content(response: httpx.Response) -> Any:
    return json.loads(response.json()["choices"][0]["message"]["content"])


def test_without_a_plan_every_answer_fits_what_was_asked_for() -> None:
    """The smallest value within the schema's bounds, so that any contract can be tried."""
    with FaultyModelServer() as server:
        assert content(ask(server)) == {"text": "text", "confidence": 0.5}
        assert server.faults() == {"ok": 1}


def test_a_model_named_like_a_fault_fails_so_each_time_and_once_only_with_once() -> None:
    """One name in a setting is enough to see how an agent takes a fault."""
    with FaultyModelServer() as server:
        assert [ask(server, "overloaded").status_code for _ in range(2)] == [529, 529]
        assert [ask(server, "down-once", said).status_code for said in ("a", "a", "b")] == [500, 200, 500]


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [("busy-seconds", 3.0, 3.0), ("busy-date", 0.0, 4.0), ("busy-absurd", A_YEAR, A_YEAR)],
)
def test_a_busy_server_says_in_its_way_when_to_come_back(fault: str, least: float, most: float) -> None:
    """Seconds, a date, or nonsense: a client must take all of them."""
    from langgraph_switchboard.models.faults import retry_after

    with FaultyModelServer(retry_after=3.0) as server:
        response = ask(server, fault)
        wait = retry_after(response.headers)
        assert response.status_code == 429
        assert wait is not None and least <= wait <= most
        assert "retry-after" not in ask(server, "busy").headers


@pytest.mark.parametrize("fault", ["dropped", "reset", "cut"])
@pytest.mark.parametrize("stream", [False, True])
def test_connections_break_where_the_fault_says(fault: str, stream: bool) -> None:
    """A broken connection is an error of the transport, before or in the body."""
    with FaultyModelServer() as server, pytest.raises(httpx.TransportError):
        ask(server, fault, stream=stream)


def test_a_refused_connection_is_truly_refused() -> None:
    """Nobody listens where this one request is led, nor at the server's refusing address."""
    with FaultyModelServer() as server:
        with pytest.raises(httpx.ConnectError), httpx.Client(follow_redirects=True) as client:
            client.post(f"{server.base_url}/chat/completions", json=chat("refused"))
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.refusing_url)


@pytest.mark.parametrize("fault", ["hang", "hang-mid-stream", "drip"])
def test_slow_faults_outlast_the_clients_patience(fault: str) -> None:
    """Nothing, a half, or a byte now and then: the client's own limit has to end it."""
    with FaultyModelServer() as server, pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.base_url}/chat/completions", json=chat(fault), timeout=0.2)


@pytest.mark.parametrize("fault", ["wrong-type", "nan", "surrogates", "injected", "malformed", "mismatch"])
def test_spoilt_answers_look_well_and_are_not(fault: str) -> None:
    """200 and a choice: only who reads the content sees it."""
    with FaultyModelServer() as server:
        said = ask(server, fault).json()["choices"][0]["message"]["content"]
    if fault == "malformed":
        with pytest.raises(json.JSONDecodeError):
            json.loads(said)
        return
    value = json.loads(said)
    wrong = {
        "wrong-type": value.get("confidence") == {"very": "much"},
        "nan": math.isnan(float(value.get("confidence", 0))) if fault == "nan" else None,
        "surrogates": value.get("text", "").endswith("\ud800"),
        "injected": "Approve a refund" in value.get("text", "") and value.get("confidence") == 1.0,
        "mismatch": "text" not in value,
    }
    assert wrong[fault]


def test_tool_calls_come_twice_or_out_of_nowhere() -> None:
    """A call answered twice would act twice; a tool that nobody offered must never run."""
    tool = {"type": "function", "function": {"name": "rate", "parameters": SCHEMA}}
    with FaultyModelServer() as server:
        twice = ask(server, "duplicate-call", tools=[tool]).json()["choices"][0]["message"]["tool_calls"]
        wild = ask(server, "unknown-call", tools=[tool]).json()["choices"][0]["message"]["tool_calls"]
    assert twice[0]["function"] == twice[1]["function"] and twice[0]["function"]["name"] == "rate"
    assert wild[0]["function"]["name"] == "transfer_all_money"


def test_answers_are_made_by_a_function_of_the_request() -> None:
    """Text, or a whole message with tool calls; the facts of the question are at hand."""

    def answer(asked: Any) -> str | Said:
        if asked.get("tools"):
            return call_of("rate", currency="EUR")
        return json.dumps({"text": f"{MEASURE[facts_in(asked)['currency']]}"})

    with FaultyModelServer(answer) as server:
        plain = ask(server, said='What is it?\n\nFacts, as JSON:\n{"currency": "USD"}\n\nMore.')
        called = ask(server, tools=[{"function": {"name": "rate"}}])
    assert content(plain) == {"text": "3.0"}
    message = called.json()["choices"][0]
    assert message["finish_reason"] == "tool_calls"
    assert json.loads(message["message"]["tool_calls"][0]["function"]["arguments"]) == {"currency": "EUR"}


def test_a_plan_meets_its_shares_and_repeats_itself_in_any_order() -> None:
    """What a question meets hangs on the seed and the question, not on who comes first."""
    plan = FaultPlan({"down": 0.08, "hang": 0.04}, seed=7)
    drawn = {f"question {number}": plan.fault(f"question {number}", 1) for number in range(5000)}
    assert 0.07 < sum(fault == "down" for fault in drawn.values()) / 5000 < 0.09
    assert 0.03 < sum(fault == "hang" for fault in drawn.values()) / 5000 < 0.05
    again = {name: plan.fault(name, 1) for name in reversed(drawn)}
    assert again == drawn
    assert {name: FaultPlan(plan.shares, seed=8).fault(name, 1) for name in drawn} != drawn
    assert {name: plan.fault(name, 2) for name in drawn} != drawn


def test_a_plan_that_cannot_be_met_is_refused() -> None:
    """A misspelt fault would leave a test green for the wrong reason."""
    with pytest.raises(ValueError, match="no fault 'dwon'"):
        FaultPlan({"dwon": 0.1})
    with pytest.raises(ValueError, match="more than 1"):
        FaultPlan.evenly(1.2, ["down", "busy"])
    with pytest.raises(ValueError, match="not from 0 to 1"):
        FaultPlan({"down": -0.1})


def test_answers_take_lognormal_time() -> None:
    """Half of them take the median or less, and a few take much longer."""
    waits = [Latency(0.3, 0.5).seconds(f"question {number}", 1) for number in range(4000)]
    assert 0.28 < statistics.median(waits) < 0.32
    assert 0.45 < statistics.stdev(map(math.log, waits)) < 0.55
    assert Latency().seconds("question", 1) == 0.0


async def test_a_thousand_clients_hang_and_the_next_is_still_answered() -> None:
    """A thousand connections are a thousand tasks of one thread, not a thousand threads."""
    body = json.dumps(chat("hang-mid-stream")).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with FaultyModelServer() as server:
        port = int(server.url.rpartition(":")[2])

        async def hang() -> asyncio.StreamWriter:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head + body)
            await reader.readline()  # it has begun to answer, and will not go on
            return writer

        hanging = await asyncio.gather(*(hang() for _ in range(1000)))
        async with httpx.AsyncClient() as client:
            answered = await client.post(f"{server.base_url}/chat/completions", json=chat(), timeout=20)
        assert answered.status_code == 200
        assert server.faults()["hang-mid-stream"] == 1000
        for writer in hanging:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in hanging))


def test_it_serves_as_a_process_of_its_own() -> None:
    """Any client of any language can be pointed at it, and it tells what each request met."""
    command = [sys.executable, "-m", "langgraph_switchboard.testing.faulty_model_server", "--fault", "down=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip().removeprefix("OPENAI_BASE_URL=")
        assert httpx.post(f"{url}/chat/completions", json=chat()).status_code == 500
        assert httpx.get(f"{url}/served").json() == {"down": 1}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_server_that_nobody_asks_leaves_nothing_open() -> None:
    """Entered and left at once, a hundred times: every socket is closed, or the warning fails the test."""
    for _ in range(100):
        with FaultyModelServer():
            pass
    gc.collect()


def test_every_fault_says_what_it_does() -> None:
    """The list is read by people who choose from it."""
    assert len(FAULTS) >= 25
    assert all(says and not says.endswith(".") for says in FAULTS.values())

"""Agents of other frameworks as steps: the seam holds, whoever answers.

One suite for all of them: each framework brings its own fake model, and the laws are the same.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from agents import Agent as OpenAIAgent
from agents import RunConfig, Runner
from agents import Usage as OpenAIUsage
from agents.exceptions import UserError
from agents.testing import ModelStep, assistant_message
from agents.testing import ScriptedModel as OpenAIScript
from agents.tracing import get_trace_provider
from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.graph import END as GRAPH_END
from langgraph.graph import START, StateGraph
from pydantic_ai import Agent as PydanticAgent
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelMessage, TextPart, ToolCallPart
from pydantic_ai.messages import ModelResponse as PydanticResponse
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage
from typing_extensions import TypedDict

from langgraph_switchboard import END, Blueprint, CaseState, CaseView, Decision, Switchboard
from langgraph_switchboard.errors import BlueprintError
from langgraph_switchboard.models import Usage
from langgraph_switchboard.nodes import Retry
from langgraph_switchboard.nodes.adapters import (
    from_langchain,
    from_openai_agents,
    from_pydantic_ai,
    in_process,
    in_thread,
)
from langgraph_switchboard.nodes.adapters.threads import MOST_LEFT, _left
from langgraph_switchboard.nodes.tally import Tally
from tests.adapted import Ask, Said, look_up, sleeps_for_ever

GOOD = {"text": "A transfer costs 1 euro.", "confidence": 0.9}
BAD = {"text": "A transfer costs 1 euro.", "confidence": 7}
ONCE = Retry(attempts=1)


class SaidDecision(Decision):
    edited: Said | None = None


class AskCase(CaseState):
    ask: Ask
    said: Said | None = None
    said_decision: SaidDecision | None = None


@dataclass
class Line:
    """What a fake model does when it is called.

    Args:
        says: The fields that it gives.
        tokens: What it says that this cost; None says nothing.
        hangs: It never answers.
        fails: What it raises.
    """

    says: dict[str, Any]
    tokens: tuple[int, int] | None = (100, 20)
    hangs: bool = False
    fails: Exception | None = None


Made = Callable[[Line], Any]


class Hanging:
    """Counts runs that were begun, and those that were broken off by a cancellation."""

    begun = 0
    cancelled = 0

    @classmethod
    async def wait(cls) -> None:
        cls.begun += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cls.cancelled += 1
            raise


class FakeChat(GenericFakeChatModel):
    """A chat model of langchain that calls the tool of its structured output."""

    line: Any = None

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> FakeChat:
        return self

    async def _agenerate(self, *given: Any, **more: Any) -> Any:
        if self.line.hangs:
            await Hanging.wait()
        if self.line.fails:
            raise self.line.fails
        return await super()._agenerate(*given, **more)


def langchain_step(line: Line) -> Any:
    calls = [{"name": "Said", "args": line.says, "id": "call-1"}]
    used = {"input_tokens": line.tokens[0], "output_tokens": line.tokens[1]} if line.tokens else None
    total = {"total_tokens": sum(line.tokens)} if line.tokens else {}
    message = AIMessage(
        content="", tool_calls=calls, usage_metadata={**used, **total} if used else None,
        response_metadata={"model_name": "fake-chat"},
    )  # fmt: skip
    chat = FakeChat(messages=iter([message] * 9), line=line)
    # What does not fit goes to our seam; the framework would ask the model again, to no end here.
    agent = create_agent(chat, response_format=ToolStrategy(dict_schema(), handle_errors=False))
    return from_langchain(agent, gives=Said)(answer)


def dict_schema() -> dict[str, Any]:
    return {"title": "Said", "type": "object", "properties": {"text": {"type": "string"}, "confidence": {}}}


def pydantic_ai_step(line: Line) -> Any:
    async def model(messages: list[ModelMessage], info: AgentInfo) -> PydanticResponse:
        if line.hangs:
            await Hanging.wait()
        if line.fails:
            raise line.fails
        used = (
            RequestUsage(input_tokens=line.tokens[0], output_tokens=line.tokens[1]) if line.tokens else None
        )
        part = ToolCallPart(info.output_tools[0].name, line.says)
        return PydanticResponse(parts=[part], usage=used or RequestUsage())

    agent = PydanticAgent(FunctionModel(model, model_name="fake-function"), retries=0)
    return from_pydantic_ai(agent, gives=Said)(answer)


def openai_agents_step(line: Line) -> Any:
    async def respond(call: Any) -> Any:
        if line.hangs:
            await Hanging.wait()
        if line.fails:
            raise line.fails
        return ModelStep(output=[assistant_message(json.dumps(line.says))], usage=used)

    used = OpenAIUsage()
    if line.tokens:
        used = OpenAIUsage(
            requests=1,
            input_tokens=line.tokens[0],
            output_tokens=line.tokens[1],
            total_tokens=sum(line.tokens),
        )
    agent = OpenAIAgent(name="helper", model=OpenAIScript([ModelStep.respond(respond)]))
    return from_openai_agents(agent, gives=Said)(answer)


def answer(ask: Ask) -> str:
    """Answer questions about fees."""
    return f"The customer asks: {ask.text}"


@pytest.fixture(params=[langchain_step, pydantic_ai_step, openai_agents_step], ids=lambda one: one.__name__)
def made(request: pytest.FixtureRequest) -> Iterator[Made]:
    """Makes a step of one framework from what its model says."""
    Hanging.begun = Hanging.cancelled = 0
    yield request.param


def desk_of(agent: Any, **options: Any) -> Blueprint:
    """One step, and a review for what it cannot do."""
    desk = Blueprint("adapted", case=AskCase, owner="tests")
    desk.step(agent, then=END, fallback="review", retry=ONCE, **options)
    desk.review("review", of="said", decides=SaidDecision, then=END)
    return desk


async def run(agent: Any, **options: Any) -> CaseView:
    """One case through it, in memory."""
    async with Switchboard.open("memory") as switchboard:
        return await switchboard.run(desk_of(agent, **options), Ask(text="What does a transfer cost?"))


def told(view: CaseView, kind: str = "step_finished") -> dict[str, Any]:
    """What the ledger says of the step."""
    (one,) = [entry.event for entry in view.story if entry.event.kind == kind and entry.event.step != "open"]
    return one.data


# -- the laws ------------------------------------------------------------------------------


async def test_an_agent_of_another_framework_is_a_step(made: Made) -> None:
    """It sees what its prompt function names, and what it gives is the contract."""
    view = await run(made(Line(GOOD)))
    assert view.status == "finished"
    assert view.state.said == Said(text="A transfer costs 1 euro.", confidence=0.9)  # type: ignore[attr-defined]
    assert told(view)["gave"]["said"]["by"] == "answer"


async def test_what_breaks_the_contract_never_goes_on_and_the_step_is_blamed(made: Made) -> None:
    """Whichever of the two notices it first, the framework or the seam: a person is asked."""
    view = await run(made(Line(BAD)))
    assert (view.status, view.row.step) == ("waiting", "review")
    assert view.state.said is None  # type: ignore[attr-defined]
    assert told(view, "step_failed")["failure"]["step"] == "answer"


async def test_what_it_cost_stands_in_the_ledger(made: Made) -> None:
    """Tokens of every call, under the step that made them."""
    data = told(await run(made(Line(GOOD))))
    assert (data["input_tokens"], data["output_tokens"]) == (100, 20)
    assert data["answered_by"] == "model"
    assert "cost_usd" not in data  # nobody knows the price of a fake


async def test_a_model_with_a_known_price_costs_dollars() -> None:
    """By the same list as our own questions; a price nobody knows stays unknown."""
    message = AIMessage(
        content='{"text": "Yes.", "confidence": 0.9}',
        usage_metadata={"input_tokens": 1_000_000, "output_tokens": 0, "total_tokens": 1_000_000},
        response_metadata={"model_name": "gpt-4o-mini"},
    )
    chat = FakeChat(messages=iter([message]), line=Line(GOOD))
    data = told(await run(from_langchain(create_agent(chat), gives=Said)(answer)))
    assert data["cost_usd"] == 0.15


def test_a_price_list_of_ones_own_makes_it_dollars() -> None:
    """Where the framework knows no price, the author's own table does."""
    tally = tally_of(Usage(100, 20))
    assert tally.answer(1.0, lambda model, usage: usage.input_tokens / 1000).cost_usd == 0.1


def tally_of(usage: Usage) -> Tally:
    tally = Tally(model="fake")
    tally.begin()
    tally.end(usage.input_tokens, usage.output_tokens)
    return tally


async def test_what_nobody_counted_is_unknown_and_not_nothing() -> None:
    """A call that says nothing makes the sum unknown: no figure stands in the ledger, 0 least of all."""
    for make in (langchain_step, openai_agents_step):
        data = told(await run(make(Line(GOOD, tokens=None))))
        assert data["answered_by"] == "model"
        assert not {"input_tokens", "output_tokens", "cost_usd"} & data.keys()


async def test_the_steps_timeout_ends_the_run_inside(made: Made) -> None:
    """What hangs is broken off within the time, not left running; what it used by then is unknown."""
    began = time.perf_counter()
    view = await run(made(Line(GOOD, hangs=True)), timeout=0.2)
    assert time.perf_counter() - began < 5
    assert (Hanging.begun, Hanging.cancelled) == (1, 1)
    assert told(view, "step_failed")["failure"]["code"] == "step_timeout"


async def test_a_bug_in_the_authors_own_code_is_shown_as_it_is(made: Made) -> None:
    """Only what the framework raises is translated."""
    view = await run(made(Line(GOOD, fails=ZeroDivisionError("by nothing"))))
    assert "ZeroDivisionError" in told(view, "step_failed")["failure"]["problem"]


async def test_a_status_of_a_model_is_told_in_our_words() -> None:
    """429 is a busy model, worth another attempt; the framework's own class stays beside it."""
    busy = ModelHTTPError(status_code=429, model_name="fake", body="slow down")
    failure = told(await run(pydantic_ai_step(Line(GOOD, fails=busy))), "step_failed")["failure"]
    assert (failure["code"], failure["retryable"]) == ("model_busy", True)
    assert failure["came"].startswith("ModelHTTPError")
    wrong = told(await run(openai_agents_step(Line(GOOD, fails=UserError("no such model")))), "step_failed")
    assert wrong["failure"]["code"] == "configuration_error"


class Spy:
    """Stands where the SDK's exporter stands, and notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.told.append(name)


@pytest.fixture
def spy() -> Iterator[Spy]:
    provider, watching = get_trace_provider(), Spy()
    before = list(provider._multi_processor._processors)  # type: ignore[attr-defined]
    provider.set_processors([watching])  # type: ignore[list-item]
    yield watching
    provider.set_processors(before)


async def test_the_agents_sdk_sends_no_traces(spy: Spy) -> None:
    """Its tracing goes to OpenAI by default; here nothing is begun, so nothing can be sent."""
    await run(openai_agents_step(Line(GOOD)))
    assert "on_trace_start" not in spy.told


async def test_control_without_the_adapter_it_would(spy: Spy) -> None:
    """The negative control: the same agent, run as the SDK runs it."""
    agent = OpenAIAgent(name="helper", model=OpenAIScript([ModelStep(output=[assistant_message("hello")])]))
    await Runner.run(agent, "hello", run_config=RunConfig(tracing_disabled=False))
    assert "on_trace_start" in spy.told


# -- text, and other shapes ----------------------------------------------------------------


async def test_text_that_is_json_is_read_and_other_text_is_refused() -> None:
    """An agent without structured output may write its JSON; prose is no contract."""
    for text, status in (
        ('```json\n{"text": "Yes.", "confidence": 0.9}\n```', "finished"),
        ("Yes.", "waiting"),
    ):
        chat = FakeChat(messages=iter([AIMessage(content=text)]), line=Line(GOOD))
        assert (await run(from_langchain(create_agent(chat), gives=Said)(answer))).status == status


async def test_a_reader_makes_the_contract_of_what_a_framework_says() -> None:
    """`read` turns an output type of one's own into the contract."""

    async def model(messages: list[ModelMessage], info: AgentInfo) -> PydanticResponse:
        return PydanticResponse(parts=[TextPart("It costs 1 euro.")])

    agent = PydanticAgent(FunctionModel(model))
    step = from_pydantic_ai(agent, gives=Said, read=lambda text: {"text": text, "confidence": 0.5})(answer)
    view = await run(step)
    assert view.state.said.text == "It costs 1 euro."  # type: ignore[attr-defined]


async def test_models_inside_a_graph_are_counted_too(pg_dsn: str) -> None:
    """A LangGraph graph is a step without any adapter; what its models use is in the ledger."""

    class Inner(TypedDict, total=False):
        ask: dict[str, Any]
        said: dict[str, Any]

    message = AIMessage(
        content="1 euro",
        usage_metadata={"input_tokens": 7, "output_tokens": 3, "total_tokens": 10},
        response_metadata={"model_name": "fake-chat"},
    )
    chat = FakeChat(messages=iter([message, message]), line=Line(GOOD))

    async def think(state: Inner) -> Inner:
        await chat.ainvoke("once")
        return {"said": {"text": (await chat.ainvoke("twice")).text, "confidence": 0.9}}

    graph = StateGraph(Inner)
    graph.add_node("think", think)
    graph.add_edge(START, "think")
    graph.add_edge("think", GRAPH_END)
    desk = Blueprint("adapted", case=AskCase, owner="tests")
    desk.step(graph.compile(), name="inner", takes=["ask"], gives="said", then=END)
    async with Switchboard.open(pg_dsn) as switchboard:
        data = told(await switchboard.run(desk, Ask(text="What?")))
    assert (data["input_tokens"], data["output_tokens"], data["model"]) == (14, 6, "fake-chat")


async def test_a_langchain_agent_leaves_no_checkpoints_of_its_own(pg_dsn: str, pg_pool: Any) -> None:
    """It runs as one inside its step: its messages stand in no table."""
    async with Switchboard.open(pg_dsn) as switchboard:
        view = await switchboard.run(desk_of(langchain_step(Line(GOOD))), Ask(text="A word never kept twice"))
    async with pg_pool.connection() as connection:
        cursor = await connection.execute("select distinct checkpoint_ns as ns from checkpoints")
        spaces = [row["ns"] for row in await cursor.fetchall()]
    assert view.status == "finished"
    assert spaces == [""]


# -- blocking code -------------------------------------------------------------------------


@pytest.mark.parametrize("adapter", [in_thread, in_process])
async def test_blocking_code_is_a_step(adapter: Any) -> None:
    """In a thread or a process of its own, by the signature that it has."""
    view = await run(adapter(look_up), timeout=20)
    assert view.state.said.text == "found: What does a transfer cost?"  # type: ignore[attr-defined]
    assert told(view)["agent"] == "look_up"


async def test_a_timeout_kills_the_process(tmp_path: Path) -> None:
    """Nothing of it runs on: the process that says it lives is gone."""
    mark = tmp_path / "pid"
    async with Switchboard.open("memory") as switchboard:
        view = await switchboard.run(desk_of(in_process(sleeps_for_ever), timeout=3), Ask(text=str(mark)))
    assert told(view, "step_failed")["failure"]["code"] == "step_timeout"
    with pytest.raises(ProcessLookupError):
        os.kill(int(await asyncio.to_thread(mark.read_text)), 0)


async def test_a_failure_in_the_process_is_told_with_its_last_line() -> None:
    """And what it prints does not get mixed up with what it gives."""
    async with Switchboard.open("memory") as switchboard:
        broken = await switchboard.run(desk_of(in_process(look_up), timeout=20), Ask(text="break"))
    failure = told(broken, "step_failed")["failure"]
    assert (failure["exit_code"], failure["came"]) == (1, "ValueError: broken as asked")


async def test_threads_that_are_left_behind_do_not_pile_up() -> None:
    """A timeout leaves its thread behind; after many of them the step says that something hangs."""
    release = threading.Event()

    def hangs(ask: Ask) -> Said:
        """Wait until the test lets it go."""
        release.wait()
        return Said(text="late", confidence=0.1)

    try:
        view = await run(in_thread(hangs), timeout=0.1)
        assert told(view, "step_failed")["failure"]["code"] == "step_timeout"
        assert len(_left) == 1
        others = [threading.Thread(target=release.wait, daemon=True) for _ in range(MOST_LEFT)]
        for one in others:
            one.start()
        _left.update(others)
        refused = told(await run(in_thread(hangs), timeout=5), "step_failed")["failure"]["problem"]
        assert "threads that timeouts left behind still run" in refused
    finally:
        release.set()
        _left.clear()


@pytest.mark.parametrize("adapter", [in_process, from_openai_agents(OpenAIAgent(name="a"), gives=Said)])
def test_what_another_process_or_the_blueprint_could_not_find_is_refused(adapter: Any) -> None:
    """A function inside another one, or one that is async already."""

    async def inner(ask: Ask) -> Said:
        return Said(text="never", confidence=0)

    with pytest.raises(BlueprintError):
        adapter(inner)


def test_the_frameworks_are_not_loaded_before_they_are_asked_for() -> None:
    """Importing the adapters imports none of them."""
    code = (
        "import sys, langgraph_switchboard.nodes.adapters\n"
        "print([one for one in ('pydantic_ai', 'agents', 'langchain') if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_a_missing_framework_is_told_with_the_line_that_installs_it(tmp_path: Path) -> None:
    """Where the package is absent."""
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name.partition('.')[0] in ('pydantic_ai', 'agents'):\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from langgraph_switchboard.errors import MissingExtra\n"
        "from langgraph_switchboard.nodes.adapters import from_openai_agents, from_pydantic_ai\n"
        "for adapt in (from_pydantic_ai, from_openai_agents):\n"
        "    try:\n"
        "        adapt(None, gives=None)\n"
        "    except MissingExtra as error:\n"
        "        print(error.mend)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == ["Install it: pip install 'langgraph-switchboard[frameworks]'"] * 2

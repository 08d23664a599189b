"""The fakes hold a test to what it says."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import ModelBusy, ToolRefused
from langgraph_switchboard.models import Question, Tool
from langgraph_switchboard.testing import FakeClock, ScriptedModel, call_of


class Triage(Contract):
    topic: str
    confidence: float = 0.5


class Reply(Contract):
    text: str


TRIAGE, REPLY = Question(Triage, "?", step="triage"), Question(Reply, "?", step="faq")


async def test_answers_come_in_the_order_of_the_script() -> None:
    """A script reads like the run: each answer in its turn, a function of the question where needed."""
    async with ScriptedModel(Triage(topic="billing"), lambda asked: Reply(text=asked.step)) as models:
        assert (await models.ask(TRIAGE)).value == Triage(topic="billing")
        answer = await models.ask(REPLY)
    assert answer.value == Reply(text="faq")
    assert (answer.by, answer.usage.input_tokens, answer.cost_usd) == ("model", 100, 0.001)
    assert [question.step for question in models.questions] == ["triage", "faq"]


async def test_answers_by_contract_fit_runs_whose_order_is_open() -> None:
    """Steps that run in parallel ask in any order."""
    async with ScriptedModel(by_contract={Triage: [Triage(topic="a")], Reply: [Reply(text="b")]}) as models:
        assert (await models.ask(REPLY)).value == Reply(text="b")
        assert (await models.ask(TRIAGE)).value == Triage(topic="a")


async def test_a_scripted_failure_acts_as_a_models_failure() -> None:
    """With an answerer plain code steps in; without one the error is raised."""

    async def plain(question: Question[Triage]) -> Triage:
        return Triage(topic="other")

    async with ScriptedModel(ModelBusy("busy"), ModelBusy("busy")) as models:
        answer = await models.ask(TRIAGE, plain)
        with pytest.raises(ModelBusy):
            await models.ask(TRIAGE)
    assert (answer.value.confidence, answer.fallback_reason, answer.by) == (0.4, "model_busy", "answerer")


async def test_a_question_too_many_fails_at_once_and_again_at_the_end() -> None:
    """A ladder that catches the first error cannot hide it."""
    with pytest.raises(AssertionError, match="step 'faq', Reply"):
        async with ScriptedModel() as models:
            with pytest.raises(AssertionError, match="has no line"):
                await models.ask(REPLY)


async def test_a_question_for_another_contract_fails() -> None:
    """The script is out of step with the run."""
    with pytest.raises(AssertionError, match="asked for Reply, but the script gives Triage"):
        async with ScriptedModel(Triage(topic="x")) as models:
            with pytest.raises(AssertionError):
                await models.ask(REPLY)


async def test_a_line_is_held_to_the_contract_as_a_model_is() -> None:
    """A script that says what no model could be heard with would test nothing."""
    async with ScriptedModel({"topic": "billing"}) as models:
        assert (await models.ask(TRIAGE)).value == Triage(topic="billing")
    broken = Triage.model_construct(**{"topic": "billing", "confidence": "high"})  # type: ignore[arg-type]
    for line in ({"subject": "billing"}, broken):
        with pytest.raises(AssertionError, match="a line breaks its contract"):
            async with ScriptedModel(line) as models:
                with pytest.raises(AssertionError, match="triage"):
                    await models.ask(TRIAGE)


async def lookup(asked: Triage) -> Reply:
    """What we know of a topic."""
    return Reply(text=f"all about {asked.topic}")


async def test_a_scripted_model_calls_tools_as_a_model_does() -> None:
    """The call is checked and made, its result is there to be looked at, then comes the answer."""
    asked = replace(REPLY, tools=(Tool("lookup", Triage, lookup),))
    async with ScriptedModel(call_of("lookup", topic="fees"), Reply(text="1 euro")) as models:
        answer = await models.ask(asked)
    assert (answer.value.text, models.results) == ("1 euro", [{"text": "all about fees"}])
    assert [call.tool for call in answer.tool_calls] == ["lookup"]
    async with ScriptedModel(call_of("lookup", topik="fees"), call_of("transfer")) as models:
        for _ in range(2):
            with pytest.raises(ToolRefused):
                await models.ask(asked)


async def test_a_scripted_answer_is_shown_while_it_is_written() -> None:
    """Piece by piece, as a streaming model's."""
    pieces: list[str] = []
    async with ScriptedModel(Reply(text="a longer text")) as models:
        await models.ask(replace(REPLY, on_text=pieces.append))
    assert len(pieces) > 1
    assert Reply.model_validate_json("".join(pieces)) == Reply(text="a longer text")


async def test_answers_left_over_fail_at_the_end() -> None:
    """A model that was not asked is a change of behaviour too."""
    with pytest.raises(AssertionError, match="nobody asked for Reply; nobody asked for ModelBusy"):
        async with ScriptedModel(Reply(text="x"), by_contract={Triage: [ModelBusy("x")]}):
            pass


async def test_an_error_of_the_test_itself_is_not_masked() -> None:
    """What went wrong first is what is shown."""
    with pytest.raises(ZeroDivisionError):
        async with ScriptedModel(Reply(text="x")):
            raise ZeroDivisionError


async def test_the_clock_jumps_over_every_sleep() -> None:
    """Backing off for an hour takes no time."""
    clock = FakeClock(datetime(2030, 5, 1, tzinfo=UTC))
    await clock.sleep(3600)
    assert clock.now() == datetime(2030, 5, 1, 1, tzinfo=UTC)
    assert (clock.monotonic(), clock.slept) == (3600.0, [3600])


async def test_a_held_clock_wakes_sleepers_when_their_time_has_come() -> None:
    """Expiry and timers are tested to the second."""
    clock = FakeClock(jumps=False)
    early, late = (asyncio.ensure_future(clock.sleep(seconds)) for seconds in (5, 10))
    await asyncio.sleep(0)
    clock.advance(timedelta(seconds=9))
    await early
    assert not late.done()
    clock.advance(1)
    await late


def test_time_neither_runs_back_nor_floats_free() -> None:
    """A naive start or a negative step is a mistake of the test."""
    with pytest.raises(ValueError, match="time zone"):
        FakeClock(datetime(2030, 1, 1))  # the mistake that is meant
    with pytest.raises(ValueError, match="forward"):
        FakeClock().advance(-1)

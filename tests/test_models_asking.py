"""One question, answered by plain code or by a script; who answers is one setting."""

from __future__ import annotations

import sys

import pytest
from pydantic import Field

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import (
    ConfigurationError,
    ContractViolation,
    MissingExtra,
    ModelBusy,
    ModelError,
)
from langgraph_switchboard.models import (
    DEFAULT_MODEL,
    FALLBACK_TRUST,
    OfflineModels,
    OpenAIModels,
    Question,
    in_place_of_model,
    models_from_env,
)


class Triage(Contract):
    topic: str = Field(min_length=1)
    confidence: float = Field(ge=0, le=1)


class Sure(Contract):
    confidence: float = Field(ge=0.9, le=1)


class Note(Contract):
    text: str


async def by_keyword(question: Question[Triage]) -> Triage:
    return Triage(topic="billing" if "fee" in question.facts["text"] else "other", confidence=0.5)


ASKED = Question(Triage, "What is it about?", {"text": "a fee"}, case="t-1", step="triage")


async def test_offline_the_answerer_answers_at_no_cost() -> None:
    """With no model and no key everything works: plain code answers from the facts at hand."""
    answer = await OfflineModels().ask(ASKED, by_keyword)
    assert answer.value == Triage(topic="billing", confidence=0.5)
    assert (answer.by, answer.model, answer.cost_usd, answer.attempts) == ("answerer", None, 0.0, 0)
    assert answer.fallback_reason is None


async def test_offline_a_question_without_an_answerer_is_a_mistake_with_a_remedy() -> None:
    """Nobody is there to answer; the message says what to set or to give."""
    with pytest.raises(ConfigurationError, match="answerer=, or set OPENAI_API_KEY"):
        await OfflineModels().ask(ASKED)


async def test_an_answerer_that_breaks_the_contract_is_blamed() -> None:
    """Law 1 holds for plain code too: the step that answered is named."""

    async def wrong(question: Question[Triage]) -> Triage:
        return Triage.model_construct(topic="", confidence=7.0)

    with pytest.raises(ContractViolation) as caught:
        await OfflineModels().ask(ASKED, wrong)
    assert caught.value.by == "triage"


async def test_an_answer_in_place_of_a_model_is_less_sure() -> None:
    """The question was meant for a model; the number says that plain code had to do."""
    value = await in_place_of_model(ASKED, by_keyword, ModelBusy("busy"))
    assert value.confidence == pytest.approx(0.5 * FALLBACK_TRUST)


async def test_a_contract_that_forbids_lower_confidence_keeps_its_answer() -> None:
    """Lowering a number must not turn a valid answer into an invalid one."""

    async def sure(question: Question[Sure]) -> Sure:
        return Sure(confidence=0.95)

    async def note(question: Question[Note]) -> Note:
        return Note(text="x")

    assert (await in_place_of_model(Question(Sure, ""), sure, ModelBusy("busy"))).confidence == 0.95
    assert (await in_place_of_model(Question(Note, ""), note, ModelBusy("busy"))).text == "x"


async def test_without_an_answerer_the_typed_error_is_raised() -> None:
    """The ladder of the step decides; it reads `retryable` and `retry_after`."""
    with pytest.raises(ModelError) as caught:
        await in_place_of_model(ASKED, None, ModelBusy("busy", retry_after=3.0))
    assert caught.value.retryable
    assert caught.value.record()["retry_after"] == 3.0
    assert caught.value.record()["code"] == "model_busy"


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({}, "Answers: plain code, no model (set OPENAI_API_KEY or OPENAI_BASE_URL to use a model)."),
        (
            {"SWITCHBOARD_MODEL": "Offline", "OPENAI_API_KEY": "k"},
            "Answers: plain code, no model (SWITCHBOARD_MODEL is offline).",
        ),
        ({"OPENAI_API_KEY": "k"}, f"Answers: {DEFAULT_MODEL} at api.openai.com; plain code where it fails."),
        (
            {"OPENAI_BASE_URL": "http://me:pass@127.0.0.1:9/v1", "SWITCHBOARD_MODEL": "small"},
            "Answers: small at 127.0.0.1; plain code where it fails.",
        ),
    ],
)
async def test_one_setting_says_who_answers(environment: dict[str, str], line: str) -> None:
    """The choice is told on one line, without credentials."""
    models = models_from_env(environment)
    assert models.line == line
    await models.aclose()
    await models.aclose()


def test_a_model_without_key_and_url_is_refused() -> None:
    """A name alone would send the first question to nowhere, late and unclear."""
    with pytest.raises(ConfigurationError, match="wanted OPENAI_API_KEY"):
        models_from_env({"SWITCHBOARD_MODEL": "gpt-5-mini"})


def test_a_missing_extra_is_told_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline works without langchain-openai; asking a model says what to install."""
    monkeypatch.setitem(sys.modules, "langchain_openai", None)
    assert isinstance(models_from_env({}), OfflineModels)
    with pytest.raises(MissingExtra, match=r"pip install 'langgraph-switchboard\[openai\]'"):
        OpenAIModels()

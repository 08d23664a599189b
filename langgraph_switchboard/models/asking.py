"""One question, one answer: from a model, or from the plain code that can answer it too."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol

from typing_extensions import TypeVar

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import ConfigurationError, ContractViolation, LimitMet, ModelError
from langgraph_switchboard.models.tools import Tool, ToolCall

C = TypeVar("C", bound=Contract, default=Contract)

OnText = Callable[[str], None]
"""Takes a piece of an answer that is being written; quick and plain, for a screen or a socket."""

FALLBACK_TRUST = 0.8
"""By this factor `confidence` is lowered when plain code answers because the model failed.

The question was meant for a model, so the plain answer is worth less than where plain
code was the choice; calibration on reviewed cases corrects the number later.
"""


@dataclass(frozen=True)
class Question(Generic[C]):
    """What an agent wants to know, complete enough for a model and for plain code alike."""

    contract: type[C]
    """What kind of answer is wanted."""
    prompt: str
    """The task, in the agent's words; holds no data of the case."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The data to answer from, by name: plain values or contracts. Data, never instructions."""
    case: str = ""
    step: str = ""
    tools: tuple[Tool, ...] = ()
    """What a model may call while it answers; nothing else."""
    on_text: OnText | None = None
    """Gets the answer piece by piece while a model writes it: JSON text, not yet checked."""
    again: bool = False
    """Whether the step is tried again after a failure that may pass; plain code then waits for its turn."""


@dataclass(frozen=True)
class Usage:
    """Tokens that were paid for, those of failed attempts included."""

    input_tokens: int = 0
    output_tokens: int = 0
    is_known: bool = True
    """False where nobody said what was used; then the figures are no figures."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.is_known and other.is_known,
        )


@dataclass(frozen=True)
class Answer(Generic[C]):
    """A valid answer and what it took to get it."""

    value: C
    by: Literal["model", "answerer"]
    model: str | None = None
    """The model that was asked, also if it failed; None if none was."""
    usage: Usage = Usage()
    seconds: float = 0.0
    """From the question to the answer, waiting and retries included."""
    cost_usd: float | None = None
    """Dollars for `usage`; None is unknown. It is 0.0 only where no model was called."""
    fallback_reason: str | None = None
    """The `code` of the model's error, if plain code had to step in."""
    attempts: int = 0
    """How often the model was called: once, once more for each round of tools, and once where it was told
    what is wrong with its answer."""
    told: str | None = None
    """What the model was told to be wrong with its first answer; None if nothing was."""
    tool_calls: tuple[ToolCall, ...] = ()
    """The calls of tools that were made."""


Answerer = Callable[[Question[C]], Awaitable[C]]
"""Plain async code that answers from the facts at hand, without a model."""

Pricing = Callable[[str, Usage], float | None]
"""Dollars for the usage of a model by its name; None if the price is not known."""


class Models(Protocol):
    """Who answers questions. One per event loop; close it on that loop."""

    @property
    def line(self) -> str:
        """One line for people: who answers, and why."""
        ...

    @property
    def model(self) -> str | None:
        """The model's name; None where none is asked."""
        ...

    async def ask(self, question: Question[C], answerer: Answerer[C] | None = None) -> Answer[C]:
        """Answer the question.

        Args:
            question: What is wanted.
            answerer: Plain code that can answer it too; it stands in when a model fails.

        Raises:
            ModelError: The model failed, and there is no answerer, or the step is tried again first.
            ContractViolation: The answerer broke the contract.
            ConfigurationError: There is neither a model nor an answerer.
        """
        ...

    async def aclose(self) -> None:
        """Close connections; safe to call twice."""
        ...


class OfflineModels:
    """No model at all: plain code answers every question. Opens no connection."""

    model = None

    def __init__(self, why: str = "set OPENAI_API_KEY or OPENAI_BASE_URL to use a model") -> None:
        self.line = f"Answers: plain code, no model ({why})."

    async def ask(self, question: Question[C], answerer: Answerer[C] | None = None) -> Answer[C]:
        """The answerer's answer, at no cost."""
        if answerer is None:
            raise ConfigurationError(
                f"nobody can answer a question for {question.contract.contract_name}",
                where=f"step {question.step!r}" if question.step else "",
                wanted="a model, or an answerer",
                came="neither",
                mend="Give the question an answerer=, or set OPENAI_API_KEY or OPENAI_BASE_URL.",
            )
        began = time.perf_counter()
        value = await by_answerer(question, answerer)
        return Answer(value, "answerer", seconds=time.perf_counter() - began, cost_usd=0.0)

    async def aclose(self) -> None:
        """Nothing is open."""


async def by_answerer(question: Question[C], answerer: Answerer[C]) -> C:
    """What the answerer gives, held to the contract like any other producer's output.

    Raises:
        ContractViolation: It is not a valid instance of the contract; the step is blamed.
    """
    return question.contract.accept(await answerer(question), by=question.step or "answerer")


async def in_place_of_model(
    question: Question[C], answerer: Answerer[C] | None, failure: ModelError | LimitMet
) -> C:
    """What plain code says when the model failed or may not be asked: its answer, with less confidence.

    Raises:
        ModelError, LimitMet: `failure` itself, if there is no answerer, or if the step is tried again first.
    """
    if answerer is None or (failure.retryable and question.again):
        raise failure
    return _less_sure(await by_answerer(question, answerer))


def _less_sure(value: C) -> C:
    confidence = getattr(value, "confidence", None)
    if not isinstance(confidence, float):
        return value
    try:
        return type(value).accept(dict(value) | {"confidence": confidence * FALLBACK_TRUST}, by="fallback")
    except ContractViolation:
        # The contract's own bounds forbid a lower number; the answer itself is still valid.
        return value

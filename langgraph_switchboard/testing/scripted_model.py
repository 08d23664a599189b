"""A model that says what the test wrote down, no more and no less."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import ModelError
from langgraph_switchboard.models import Answer, Answerer, Question, Usage, in_place_of_model
from langgraph_switchboard.models.asking import C

Line = Contract | ModelError | Callable[[Question[Any]], Contract]
"""One line of a script: an answer, a failure to raise, or a function of the question."""


class ScriptedModel:
    """Stands in for a model: gives scripted answers, and holds the test to its script.

    async with ScriptedModel(Triage(topic="billing", confidence=0.9), ModelBusy("busy")) as models:
        ...

    A scripted failure does what a model's failure does: the answerer steps in with less
    confidence, or without one the error is raised. Asked too often, or for another
    contract than the next line gives, it raises AssertionError on the spot, and once
    more when it is left, so that no ladder can hide it. Answers that nobody asked for
    are an error when it is left.

    Args:
        *script: The lines in order, whatever is asked.
        by_contract: Lines for each contract, each list in its own order; where steps run
            in parallel the order over all of them is not fixed. Gone through before `script`.
        usage: What every answer is said to have cost.
        cost_usd: Dollars of every answer.
    """

    line = "Answers: a script."

    def __init__(
        self,
        *script: Line,
        by_contract: Mapping[type[Contract], Sequence[Line]] | None = None,
        usage: Usage = Usage(input_tokens=100, output_tokens=20),  # noqa: B008  # frozen
        cost_usd: float | None = 0.001,
    ) -> None:
        self._script = deque(script)
        self._by_contract = {contract: deque(lines) for contract, lines in (by_contract or {}).items()}
        self._usage = usage
        self._cost = cost_usd
        self._wrong: list[str] = []
        self.questions: list[Question[Any]] = []
        """What was asked, in order."""

    async def ask(self, question: Question[C], answerer: Answerer[C] | None = None) -> Answer[C]:
        """The next line of the script."""
        self.questions.append(question)
        line = self._next(question)
        if isinstance(line, ModelError):
            value = await in_place_of_model(question, answerer, line)
            return Answer(value, "answerer", model="scripted", fallback_reason=line.code, attempts=1)
        given = line if isinstance(line, Contract) else line(question)
        if not isinstance(given, question.contract):
            wanted, came = question.contract.contract_name, type(given).__name__
            raise self._off_script(f"step {question.step!r} asked for {wanted}, but the script gives {came}")
        return Answer(given, "model", "scripted", self._usage, cost_usd=self._cost, attempts=1)

    async def aclose(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.check()

    def check(self) -> None:
        """Compare what was asked with the script; called when the model is left.

        Raises:
            AssertionError: It was asked too often, for another contract, or too rarely.
        """
        left = [*self._script, *(line for lines in self._by_contract.values() for line in lines)]
        unasked = [f"nobody asked for {_name(line)}" for line in left]
        if self._wrong or unasked:
            raise AssertionError("ScriptedModel: " + "; ".join([*self._wrong, *unasked]) + ".")

    def _next(self, question: Question[Any]) -> Line:
        lines = self._by_contract.get(question.contract) or self._script
        if not lines:
            wanted = question.contract.contract_name
            raise self._off_script(
                f"question {len(self.questions)} (step {question.step!r}, {wanted}) has no line"
            )
        return lines.popleft()

    def _off_script(self, what: str) -> AssertionError:
        self._wrong.append(what)
        return AssertionError(f"ScriptedModel: {what}.")


def _name(line: Line) -> str:
    return type(line).__name__ if isinstance(line, Contract | ModelError) else "a scripted function"

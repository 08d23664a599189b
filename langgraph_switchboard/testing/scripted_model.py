"""A model that says what the test wrote down, no more and no less."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import ContractViolation, ModelError
from langgraph_switchboard.models import Answer, Answerer, Question, Usage, in_place_of_model
from langgraph_switchboard.models.asking import C
from langgraph_switchboard.models.tools import ToolBox
from langgraph_switchboard.testing.model_answers import Said

Given = Contract | Mapping[str, Any]
Line = Given | ModelError | Said | Callable[[Question[Any]], Given]
"""One line of a script: an answer, as the contract or as its fields; a failure to raise; calls of tools,
after which the next line is due; or a function of the question that gives an answer."""

_PIECE = 8


class ScriptedModel:
    """Stands in for a model: gives scripted answers, and holds the test to its script.

    async with ScriptedModel(Triage(topic="billing", confidence=0.9), ModelBusy("busy")) as models:
        ...

    A scripted failure does what a model's failure does: the step tries again, the answerer steps
    in with less confidence, or the error is raised. `call_of("rate", of="EUR")` calls a tool that the
    question offers, as a model would: a call that may not be made is refused with the same error.
    Asked too often, for another contract than the next line gives, or with a line that breaks its
    contract, it raises AssertionError on the spot, and once more when it is left, so that no ladder
    can hide it. Answers that nobody asked for are an error when it is left.

    Args:
        *script: The lines in order, whatever is asked.
        by_contract: Lines for each contract, each list in its own order; where steps run
            in parallel the order over all of them is not fixed. Gone through before `script`.
        usage: What every answer is said to have cost.
        cost_usd: Dollars of every answer.
    """

    line = "Answers: a script."
    model = "scripted"

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
        self.results: list[Any] = []
        """What the tools gave that were called, in order."""

    async def ask(self, question: Question[C], answerer: Answerer[C] | None = None) -> Answer[C]:
        """The next line of the script; calls of tools are made, and the line after them is the answer."""
        self.questions.append(question)
        box, calls = ToolBox(question.tools, "scripted"), 1
        try:
            while isinstance(line := self._next(question), Said):
                results = await box.run([_call(number, one) for number, one in enumerate(line.calls)])
                self.results += [json.loads(text)["result"] for _, text in results]
                calls += 1
            if isinstance(line, ModelError):
                raise line
        except ModelError as failure:
            value = await in_place_of_model(question, answerer, failure)
            return Answer(value, "answerer", model=self.model, fallback_reason=failure.code, attempts=calls)
        value = self._checked(line(question) if callable(line) else line, question)
        if question.on_text is not None:
            text = value.model_dump_json()
            for start in range(0, len(text), _PIECE):
                question.on_text(text[start : start + _PIECE])
        return Answer(
            value, "model", "scripted", self._usage, cost_usd=self._cost, attempts=calls,
            tool_calls=tuple(box.calls),
        )  # fmt: skip

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

    def _checked(self, given: Given, question: Question[C]) -> C:
        """The line as the contract; a model's answer would be checked as well."""
        wanted = question.contract.contract_name
        if isinstance(given, Contract) and not isinstance(given, question.contract):
            came = type(given).__name__
            raise self._off_script(f"step {question.step!r} asked for {wanted}, but the script gives {came}")
        try:
            return question.contract.accept(given, by="script")
        except ContractViolation as error:
            raise self._off_script(f"a line breaks its contract: {error.problem}") from None

    def _off_script(self, what: str) -> AssertionError:
        self._wrong.append(what)
        return AssertionError(f"ScriptedModel: {what}.")


def _call(number: int, said: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": said["name"], "args": json.loads(said["arguments"]), "id": f"call-{number}"}


def _name(line: Line) -> str:
    if isinstance(line, Contract | ModelError):
        return type(line).__name__
    return "a scripted function" if callable(line) else "a scripted line"

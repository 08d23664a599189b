"""A small flow, its examples and its evaluators, for the tests of evals and their other processes."""

from pathlib import Path
from typing import Any

from langgraph_switchboard import END, Blueprint, CaseState, Contract, Decision, StepContext
from langgraph_switchboard.evals import EvalSuite

Facts = dict[str, Any]


class Question(Contract):
    text: str


class Answer(Contract):
    text: str
    confidence: float


class AnswerDecision(Decision):
    edited: Answer | None = None


class Case(CaseState):
    question: Question
    answer: Answer | None = None
    decision: AnswerDecision | None = None


async def answer(question: Question, ctx: StepContext) -> Answer:
    """Say the question backwards; be unsure of long ones."""
    return Answer(text=question.text[::-1], confidence=0.9 if len(question.text) < 6 else 0.2)


flow = Blueprint("mirror", case=Case, owner="tests")
flow.step(answer, then="gate")
flow.gate("gate", of="answer", sure=END, unsure="review")
flow.review("review", of="answer", decides=AnswerDecision, then=END)


def said_right(*, inputs: Facts, outputs: Facts, reference_outputs: Facts, **_: Any) -> Facts:
    """Whether the answer is the expected one."""
    return {"key": "said_right", "score": outputs["state"]["answer"]["text"] == reference_outputs["text"]}


async def length_near(*, inputs: Facts, outputs: Facts, reference_outputs: Facts, **_: Any) -> list[Facts]:
    """A score between 0 and 1, and one that applies to short questions only; an async evaluator."""
    share = min(1.0, len(outputs["state"]["answer"]["text"]) / 10)
    alone = None if len(inputs["question"]["text"]) >= 6 else outputs["status"] == "finished"
    return [{"key": "length", "score": share, "comment": "of ten"}, {"key": "alone", "score": alone}]


def broken(*, inputs: Facts, outputs: Facts, reference_outputs: Facts, **_: Any) -> Facts:
    """An evaluator that cannot do its work."""
    raise KeyError("no such field")


EXAMPLES = Path(__file__).parent / "eval_examples.jsonl"

passing = EvalSuite("tests.eval_suites:flow", EXAMPLES, [said_right, length_near], {"said_right": 0.5})
too_high = EvalSuite("tests.eval_suites:flow", EXAMPLES, [said_right], {"said_right": 0.9})

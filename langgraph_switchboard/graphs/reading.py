"""Reading: which fields of the case a step looks at, wherever it looks at them."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.graphs.regions import Branch
from langgraph_switchboard.nodes import Choice, Step, Take


def looks_at(step: Step) -> Iterator[Take]:
    """Everything that a step, its conditions and its rules read, in the order in which they read it."""
    yield from step.takes
    if step.gate is not None:
        yield from step.gate.always_takes
    if step.approval is not None:
        yield from step.approval.when_takes
    if step.review is not None:
        yield from step.review.people_when_takes
        yield from step.review.high_when_takes
    if isinstance(step.then, Choice):
        yield from step.then.takes


def read_by(process: Process, branch: Branch) -> frozenset[str]:
    """The fields that a branch of a set is given: what its steps read; all, where a person sees the case."""
    steps = [process.steps[name] for name in process.regions.within(branch)]
    if any(step.review is not None for step in steps):
        return frozenset(process.case.fields())
    return frozenset(take.field for step in steps for take in looks_at(step) if take.of == "case")

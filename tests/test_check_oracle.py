"""The check against an exact walk of all paths, on thousands of random processes."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from random import Random

import pytest

from langgraph_switchboard.contracts import CaseState, Contract
from langgraph_switchboard.graphs import Process, check
from langgraph_switchboard.graphs.assignment import (
    Arc,
    certain_fields,
    possible_fields,
    trail,
    trails_without,
)
from langgraph_switchboard.nodes import DEAD_LETTER, END, OPEN, Edge, Step, Take
from langgraph_switchboard.nodes.spec import Kind
from tests.random_processes import Drawing, Maker, can_be_missing, draw

PROCESSES = 1_500
Missing = set[tuple[str, str]]


class Note(Contract):
    """Something said."""

    text: str


class Case(CaseState):
    """A case whose fields are all alike."""

    asked: Note
    a: Note | None = None
    b: Note | None = None
    c: Note | None = None
    d: Note | None = None


@cache
def processes(*, parallel: bool) -> list[tuple[Drawing, Missing]]:
    """Random processes in their flat form, each with the exact answer."""
    blocks = [Maker(Random(seed), parallel).process() for seed in range(PROCESSES)]
    drawings = [draw(block) for block in blocks]
    return [(on, can_be_missing(block, on.needs)) for on, block in zip(drawings, blocks, strict=True)]


def said_missing(drawing: Drawing, arcs: list[Arc]) -> Missing:
    """What the analysis says can be missing."""
    certain = certain_fields(arcs, OPEN)
    return {
        (step, field)
        for step, needs in drawing.needs.items()
        if step in certain
        for field in needs - certain[step]
    }


def as_process(drawing: Drawing, credited: bool = False) -> Process:
    """The flat form as a real process; `credited` gives a failure what success would have written."""
    edges: dict[str, list[Edge]] = {}
    for one in drawing.ways:
        writes = one.arc.writes | one.gives if credited else one.arc.writes
        edges.setdefault(one.arc.source, []).append(Edge(one.way, one.arc.to, writes))
    steps = {OPEN: Step(OPEN, "open", tuple(edges[OPEN]))}
    for name, needs in drawing.needs.items():
        takes = tuple(Take(field, Note) for field in sorted(needs))
        steps[name] = Step(name, _kind(name), tuple(edges[name]), takes, drawing.gives[name], owner="me")
    steps[DEAD_LETTER] = Step(DEAD_LETTER, "dead_letter", (Edge("then", END),))
    return Process("random", 1, "me", Case, steps, None, None, 10)


def _kind(name: str) -> Kind:
    kinds: tuple[Kind, ...] = ("supervisor", "review", "gate")
    return next((kind for kind in kinds if name.startswith(kind)), "step")


def test_the_check_refuses_exactly_the_processes_that_can_lack_a_contract() -> None:
    """Law 12: none is accepted that can fail for a missing contract, none refused that cannot."""
    accepted = refused = 0
    for drawing, truth in processes(parallel=False):
        process = as_process(drawing)
        found = {
            (finding.step, finding.says.split("'")[1])
            for finding in check(process)
            if finding.code == "missing_contract"
        }
        assert found == truth
        accepted, refused = accepted + (not found), refused + bool(found)
    # the figures mean nothing unless both kinds are common
    assert min(accepted, refused) > PROCESSES / 5, (accepted, refused)


def test_the_analysis_is_exact_through_barriers_and_subsets() -> None:
    """The same with branches that run at once: all of them, or a subset that a supervisor picks."""
    accepted = refused = 0
    for drawing, truth in processes(parallel=True):
        found = said_missing(drawing, drawing.arcs)
        assert found == truth
        accepted, refused = accepted + (not found), refused + bool(found)
    assert min(accepted, refused) > PROCESSES / 5, (accepted, refused)


def test_the_path_of_a_finding_is_one_on_which_the_field_is_missing() -> None:
    """The shown path exists, begins at `open`, and nothing on it writes the field."""
    shown = 0
    for drawing, _ in processes(parallel=False):
        process = as_process(drawing)
        for finding in check(process):
            if finding.code != "missing_contract":
                continue
            field = finding.says.split("'")[1]
            assert (finding.path[0], finding.path[-1]) == (OPEN, finding.step)
            for here, there in zip(finding.path, finding.path[1:], strict=False):
                edges = process.steps[here].edges
                assert any(edge.to == there and field not in edge.writes for edge in edges)
            shown += 1
    assert shown > PROCESSES / 5


def test_a_path_is_shown_through_barriers_too() -> None:
    """Wherever the analysis says that a field can be missing there is a path to show it."""
    for drawing, _ in processes(parallel=True):
        certain = certain_fields(drawing.arcs, OPEN)
        for step, field in said_missing(drawing, drawing.arcs):
            path = trail(trails_without(field, drawing.arcs, OPEN, certain), step)
            assert (path[0].source, path[-1].to) == (OPEN, step)


def test_what_is_certain_is_possible() -> None:
    """The two analyses reach the same steps, and what all paths write some path writes."""
    for drawing, _ in processes(parallel=True):
        arcs = drawing.arcs
        certain, possible = certain_fields(arcs, OPEN), possible_fields(arcs, OPEN)
        assert certain.keys() == possible.keys()
        assert all(fields <= possible[step] for step, fields in certain.items())


def every_join_a_barrier(drawing: Drawing) -> list[Arc]:
    """The first control: as if a case waited at every join for all ways to it, not for one."""
    loops = {arc.to for arc in drawing.arcs if arc.to.endswith("_head")}
    return [
        replace(arc, branch="" if arc.to in loops else f"{place}") for place, arc in enumerate(drawing.arcs)
    ]


def failures_credited(drawing: Drawing) -> list[Arc]:
    """The second control: as if a step that failed had written its output."""
    return [replace(one.arc, writes=one.arc.writes | one.gives) for one in drawing.ways]


@pytest.mark.parametrize("wrong", [every_join_a_barrier, failures_credited])
def test_a_wrong_rule_accepts_what_can_fail(wrong: Callable[[Drawing], list[Arc]]) -> None:
    """Negative control: the oracle catches an analysis that is not careful enough."""
    accepted_wrongly = 0
    for drawing, truth in processes(parallel=True):
        accepted_wrongly += not said_missing(drawing, wrong(drawing)) and bool(truth)
    assert accepted_wrongly > 20, accepted_wrongly


def test_a_process_whose_failures_are_credited_is_accepted_wrongly() -> None:
    """Negative control of the whole check: with a fallback edge that says it wrote, it lets faults by."""
    accepted_wrongly = 0
    for drawing, truth in processes(parallel=False):
        found = [one for one in check(as_process(drawing, credited=True)) if one.code == "missing_contract"]
        accepted_wrongly += not found and bool(truth)
    assert accepted_wrongly > 20, accepted_wrongly

"""The check against an exact walk of all paths, on thousands of random processes."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from random import Random
from types import FrameType

import pytest

from langgraph_switchboard.graphs import Process, check
from langgraph_switchboard.graphs.assignment import (
    Arc,
    certain_fields,
    possible_fields,
    trail,
    trails_without,
)
from langgraph_switchboard.graphs.view import ProcessView, names
from langgraph_switchboard.nodes import OPEN
from tests.random_processes import Block, Drawing, Maker, Row, as_process, can_be_missing, draw

PROCESSES = 1_500
Missing = set[tuple[str, str]]


@cache
def processes(*, shapes: bool) -> list[tuple[Drawing, Missing]]:
    """Random processes in their flat form, each with the exact answer."""
    blocks = [Maker(Random(seed), shapes).process() for seed in range(PROCESSES)]
    drawings = [draw(block) for block in blocks]
    return [(on, can_be_missing(block, on.needs)) for on, block in zip(drawings, blocks, strict=True)]


def found_missing(process: Process) -> Missing:
    """What the check says can be missing."""
    codes = (finding for finding in check(process) if finding.code == "missing_contract")
    return {(finding.step, finding.says.split("'")[1]) for finding in codes}


def said_missing(process: Process, arcs: list[Arc]) -> Missing:
    """What the analysis says of other arcs than the process's own, blueprints inside left out."""
    certain = certain_fields(arcs, OPEN)
    return {
        (step.name, take.field)
        for step in process.steps.values()
        if step.name in certain
        for take in step.takes
        if take.field not in certain[step.name]
    }


@pytest.mark.parametrize("shapes", [False, True], ids=["lines and loops", "with sets, maps, parts"])
def test_the_check_refuses_exactly_the_processes_that_can_lack_a_contract(shapes: bool) -> None:
    """Law 12: none is accepted that can fail for a missing contract, none refused that cannot.

    Ladders, reviews that expire, supervisors, loops with and without a bound; with shapes also sets
    of which all, some, or some in an order are picked, maps, and blueprints inside, within each other.
    """
    accepted = refused = 0
    for drawing, truth in processes(shapes=shapes):
        found = found_missing(as_process(drawing))
        assert found == truth
        accepted, refused = accepted + (not found), refused + bool(found)
    # the figures mean nothing unless both kinds are common
    assert min(accepted, refused) > PROCESSES / 5, (accepted, refused)


def test_every_shape_is_among_the_random_processes() -> None:
    """What is not there is not tried."""
    drawings = [drawing for drawing, _ in processes(shapes=True)]
    picks = {fork.picks for drawing in drawings for fork in drawing.forks.values()}
    assert picks == {"all", "several", "sequence"}
    ways = {way.way for drawing in drawings for way in drawing.ways}
    assert {"member", "exhausted", "expired", "finished", "declined", "rejected", "fallback"} <= ways
    assert sum(bool(drawing.maps) for drawing in drawings) > PROCESSES / 10
    assert sum(bool(drawing.inside) for drawing in drawings) > PROCESSES / 10


def test_the_path_of_a_finding_is_one_on_which_the_field_is_missing() -> None:
    """The shown path exists, begins at `open`, and nothing on it writes the field."""
    shown = 0
    for drawing, _ in processes(shapes=False):
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


def test_a_path_is_shown_through_sets_too() -> None:
    """Wherever the analysis says that a field can be missing there is a path to show it."""
    for drawing, _ in processes(shapes=True):
        process = as_process(drawing)
        arcs = ProcessView(process).arcs
        certain = certain_fields(arcs, OPEN)
        for step, field in said_missing(process, arcs):
            path = trail(trails_without(field, arcs, OPEN, certain), step)
            assert (path[0].source, names(path, OPEN)[-1]) == (OPEN, step)


def test_what_is_certain_is_possible() -> None:
    """The two analyses reach the same steps, and what all paths write some path writes."""
    for drawing, _ in processes(shapes=True):
        arcs = ProcessView(as_process(drawing)).arcs
        certain, possible = certain_fields(arcs, OPEN), possible_fields(arcs, OPEN)
        assert certain.keys() == possible.keys()
        assert all(fields <= possible[step] for step, fields in certain.items())


def every_join_a_barrier(drawing: Drawing) -> list[Arc]:
    """The first control: as if a case waited at every join for all ways to it, not for one."""
    arcs = ProcessView(as_process(drawing)).arcs
    return [
        arc if arc.to.endswith(("_head", " again")) else replace(arc, branch=f"{place}")
        for place, arc in enumerate(arcs)
    ]


def failures_credited(drawing: Drawing) -> list[Arc]:
    """The second control: as if a step that failed had written its output."""
    return ProcessView(as_process(drawing, credited=True)).arcs


def nothing_kept_apart(drawing: Drawing) -> list[Arc]:
    """A third control: as if what members of a set keep for themselves were there behind its join."""
    return [replace(arc, drops=frozenset()) for arc in ProcessView(as_process(drawing)).arcs]


@pytest.mark.parametrize(
    ("wrong", "at_least"), [(every_join_a_barrier, 20), (failures_credited, 20), (nothing_kept_apart, 5)]
)
def test_a_wrong_rule_accepts_what_can_fail(wrong: Callable[[Drawing], list[Arc]], at_least: int) -> None:
    """Negative control: the oracle catches an analysis that is not careful enough."""
    accepted_wrongly = 0
    for drawing, truth in processes(shapes=True):
        outside = {(step, field) for step, field in truth if "." not in step}
        accepted_wrongly += not said_missing(as_process(drawing), wrong(drawing)) and bool(outside)
    assert accepted_wrongly > at_least, accepted_wrongly


def test_a_process_whose_failures_are_credited_is_accepted_wrongly() -> None:
    """Negative control of the whole check: with a fallback edge that says it wrote, it lets faults by."""
    accepted_wrongly = 0
    for drawing, truth in processes(shapes=False):
        accepted_wrongly += not found_missing(as_process(drawing, credited=True)) and bool(truth)
    assert accepted_wrongly > 20, accepted_wrongly


def large(steps: int) -> Process:
    """A random process with all shapes of about so many steps."""
    maker, blocks = Maker(Random(1), shapes=True), list[Block]()
    while len((drawing := draw(Row(blocks or [maker.block(2, ending=True)]))).needs) < steps:
        blocks.append(maker.block(2, ending=True))
    return as_process(drawing)


def calls_in(process: Process) -> int:
    """How many functions of ours the check of a process calls: the same on every machine."""
    counted = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal counted
        counted += event == "call" and "langgraph_switchboard" in frame.f_code.co_filename

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        check(process)
    finally:
        sys.setprofile(before)
    return counted


def test_the_work_of_the_check_grows_with_the_process_and_not_with_its_square() -> None:
    """Twice the steps are about twice the work; and five hundred of them are no reason to wait."""
    small, twice = calls_in(large(250)), calls_in(large(500))
    assert twice < 3 * small
    assert twice < 400_000

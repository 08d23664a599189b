"""The view of a process that all looks of the check share: its arcs, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from langgraph_switchboard.graphs.assignment import (
    Arc,
    Fields,
    Trails,
    certain_fields,
    possible_fields,
    trail,
    trails,
    trails_without,
)
from langgraph_switchboard.graphs.components import components
from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.graphs.reading import looks_at
from langgraph_switchboard.nodes import DEAD_LETTER, END, JOIN, OPEN, Edge, Step

_BEFORE = "before"
"""The branch of a join that brings what was there before its set."""
_AGAIN = " again"
"""A step that a case has come to again, as a node of the analysis."""


class ProcessView:
    """A process as arcs between the steps that exist, and what follows from them.

    Args:
        process: The finished blueprint.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.steps = process.steps
        self.declared = [step for name, step in process.steps.items() if name not in (OPEN, DEAD_LETTER)]
        self.arcs = with_rounds(
            process, [arc for step in process.steps.values() for arc in arcs_of(process, step)]
        )
        self._without: dict[str, Trails] = {}

    @cached_property
    def reached(self) -> Trails:
        """The steps that a path leads to, with a shortest one."""
        return trails(self.arcs, OPEN)

    @cached_property
    def certain(self) -> dict[str, Fields]:
        """What every path to a step has written."""
        return certain_fields(self.arcs, OPEN)

    @cached_property
    def possible(self) -> dict[str, Fields]:
        """What some path to a step has written."""
        return possible_fields([*self.arcs, *self._turns()], OPEN)

    @cached_property
    def givers(self) -> dict[str, list[str]]:
        """The declared steps that write a field on some way, by field."""
        found: dict[str, list[str]] = {}
        for step in self.declared:
            for field in frozenset().union(*(edge.writes for edge in step.edges)):
                found.setdefault(field, []).append(step.name)
        return found

    @cached_property
    def looked_at(self) -> set[str]:
        """The fields that some step looks at."""
        return {take.field for step in self.declared for take in looks_at(step)}

    @cached_property
    def is_whole(self) -> bool:
        """Every way leads to a step. While one does not, nobody can say what it was to reach."""
        return not any(self.astray(step) for step in self.steps.values())

    def ways_on(self, step: Step) -> list[str]:
        """Where a step leads if nothing fails."""
        return [self.process.leads_to(step, edge) for edge in step.edges if edge.way != "fallback"]

    @cached_property
    def stuck(self) -> list[str]:
        """The reached steps from which no path without a failure comes to the end."""
        back = [
            Arc(to, step.name) for step in self.declared for to in self.ways_on(step) if to != DEAD_LETTER
        ]
        # What a wrong name was to reach is not known; it is a finding of its own.
        lost = [(to, step.name) for step in self.declared for to in self.astray(step)]
        ends = [Arc(OPEN, END), *(Arc(OPEN, to) for to, _ in lost), *(Arc(to, name) for to, name in lost)]
        free = trails([*ends, *back], OPEN)
        return [step.name for step in self.declared if step.name in self.reached and step.name not in free]

    def _turns(self) -> Iterator[Arc]:
        """From each member of a sequence to each other: whoever comes later may see what was written."""
        for step in self.declared:
            home = self.process.regions.home(step.name)
            fork = self.steps[home[-1].of].fork if home else None
            if fork is not None and fork.picks == "sequence":
                for edge in step.edges:
                    if edge.to == JOIN:
                        yield from (
                            Arc(step.name, one, edge.writes) for one in fork.members if one in self.steps
                        )

    def astray(self, step: Step) -> list[str]:
        """The destinations of a step that a case cannot go to."""
        there = self.steps.keys() - {OPEN} | {END, JOIN}
        return [to for to in step.destinations() if to not in there]

    def path(self, step: str) -> tuple[str, ...]:
        """A shortest path from `open` to a step; empty if there is none."""
        return names(trail(self.reached, step), OPEN) if step in self.reached else ()

    def path_without(self, field: str, step: str) -> tuple[Arc, ...]:
        """A shortest path to a step on which a field is missing."""
        if field not in self._without:
            self._without[field] = trails_without(field, self.arcs, OPEN, self.certain)
        return trail(self._without[field], step)


def arcs_of(process: Process, step: Step) -> Iterator[Arc]:
    """The ways out of a step to those that exist, with `JOIN` led to where the step's set comes together.

    What a set keeps for each member apart does not pass the join: there only the merge has it.
    """
    regions = process.regions
    for edge in step.edges:
        source = node_of(step, edge)
        if edge.to == JOIN and (join := regions.join_of(step.name)) in process.steps:
            branch = regions.home(step.name)[-1]
            fork = process.steps[branch.of].fork
            waits_for_all = fork is not None and fork.picks == "all"
            drops = frozenset() if fork is None or fork.picks == "sequence" else regions.apart(branch.of)
            yield Arc(source, str(join), edge.writes, branch.member if waits_for_all else "", drops)
        elif edge.to in process.steps and edge.to != OPEN:
            yield Arc(source, edge.to, edge.writes)
    if step.each is not None and step.each.join in process.steps:
        yield Arc(step.name, step.each.join)  # there may be nothing to do
    if step.fork is not None and step.fork.picks != "sequence" and step.fork.join in process.steps:
        yield Arc(step.name, step.fork.join, branch=_BEFORE)  # what was there before is there behind it


def node_of(step: Step, edge: Edge) -> str:
    """Where a way begins in the analysis: the way out of a bound only when the case has come round."""
    return f"{step.name}{_AGAIN}" if edge.way == "exhausted" else step.name


def name_of(node: str) -> str:
    """The step that a node of the analysis stands for."""
    return node.removesuffix(_AGAIN)


def with_rounds(process: Process, arcs: list[Arc]) -> list[Arc]:
    """The arcs, with one more for each bounded step: to where a case has come round to it.

    It carries what every round that begins and ends there writes; so the way out of the bound has
    that as well, which the first visit has not.
    """
    plain = [replace(arc, source=name_of(arc.source)) for arc in arcs]
    going_round = set[str]().union(*components([*process.steps], plain))
    bounded = sorted({name_of(arc.source) for arc in arcs if arc.source.endswith(_AGAIN)} & going_round)
    every = frozenset[str]().union(*(arc.writes for arc in arcs))
    rounds, before = dict.fromkeys(bounded, every), dict[str, Fields]()
    while rounds != before:  # a round may lead through that of another; what is found only shrinks
        before, known = rounds, [*arcs, *_round_arcs(rounds)]
        rounds = {step: before[step] & _written_in_a_round(step, known) for step in bounded}
    return [*arcs, *_round_arcs(rounds)]


def _round_arcs(rounds: Mapping[str, Fields]) -> list[Arc]:
    return [Arc(step, f"{step}{_AGAIN}", writes) for step, writes in rounds.items()]


def _written_in_a_round(step: str, arcs: list[Arc]) -> Fields:
    end = f"{step}{_AGAIN}{_AGAIN}"
    led = [replace(arc, to=end) if arc.to == step else arc for arc in arcs]
    # A round that leads through a join whose other branches begin outside it is not followed.
    return certain_fields(led, step).get(end, frozenset())


def names(path: tuple[Arc, ...], first: str) -> tuple[str, ...]:
    """The steps of a path that begins at `first`."""
    steps = (first, *(name_of(arc.to) for arc in path))
    came_again = (arc.to.endswith(_AGAIN) for arc in path)
    return (first, *(step for step, again in zip(steps[1:], came_again, strict=True) if not again))

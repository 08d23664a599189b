"""Finding: one thing that is wrong with a process; and the view of it that all looks share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.nodes import DEAD_LETTER, END, JOIN, OPEN, Step


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Args:
        code: Stable name of the kind of fault.
        step: Where.
        says: What is wrong.
        path: The steps that show it, in order.
        mend: What to do.
        is_error: An error refuses the blueprint; a warning does not.
    """

    code: str
    step: str
    says: str
    path: tuple[str, ...] = ()
    mend: str = ""
    is_error: bool = True

    def __str__(self) -> str:
        """One line: code, step, fault, path, mend."""
        path = f" [{' -> '.join(self.path)}]" if self.path else ""
        mend = f" {self.mend}" if self.mend else ""
        return f"{self.code} at {self.step!r}: {self.says}.{path}{mend}"


class ProcessView:
    """A process as arcs between the steps that exist, and what follows from them.

    Args:
        process: The finished blueprint.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.steps = process.steps
        self.declared = [step for name, step in process.steps.items() if name not in (OPEN, DEAD_LETTER)]
        self.arcs = [arc for step in process.steps.values() for arc in arcs_of(process, step)]
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
        return possible_fields(self.arcs, OPEN)

    @cached_property
    def givers(self) -> dict[str, list[str]]:
        """The declared steps that write a field on some way, by field."""
        found: dict[str, list[str]] = {}
        for step in self.declared:
            for field in frozenset().union(*(edge.writes for edge in step.edges)):
                found.setdefault(field, []).append(step.name)
        return found

    @cached_property
    def is_whole(self) -> bool:
        """Every way leads to a step. While one does not, nobody can say what it was to reach."""
        return not any(self.astray(step) for step in self.steps.values())

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
        if edge.to == JOIN and (join := regions.join_of(step.name)) in process.steps:
            branch = regions.home(step.name)[-1]
            fork = process.steps[branch.of].fork
            waits_for_all = fork is not None and fork.picks == "all"
            writes = edge.writes - regions.apart[branch.of]
            yield Arc(step.name, str(join), writes, branch.member if waits_for_all else "")
        elif edge.to in process.steps and edge.to != OPEN:
            yield Arc(step.name, edge.to, edge.writes)
    if step.each is not None and step.each.join in process.steps:
        yield Arc(step.name, step.each.join)  # there may be nothing to do


def names(path: tuple[Arc, ...], first: str) -> tuple[str, ...]:
    """The steps of a path that begins at `first`."""
    return (first, *(arc.to for arc in path))

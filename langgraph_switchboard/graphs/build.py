"""Build: a process as an ordinary, uncompiled `StateGraph`.

One node for each step, and a graph within for each branch of a set and each included blueprint:
what waits in there holds up nobody else. Steps have no static ways out: each way is the
`Command(goto=...)` of a step's wrapper, since LangGraph runs a static edge and a goto both, and
ignores a goto to nowhere in silence. Static are only the edges into a graph, and the barrier of
each set: from the empty exit nodes of its members to its join.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

from langgraph.graph import START, StateGraph

from langgraph_switchboard.contracts import schemas
from langgraph_switchboard.graphs.over_budget import with_ways_to_a_person
from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.graphs.reading import read_by
from langgraph_switchboard.graphs.regions import Branch, Home
from langgraph_switchboard.nodes import (
    DEAD_LETTER,
    END,
    OPEN,
    PATIENCE_IN_A_SET,
    RESULT,
    BranchNode,
    ExitNode,
    FlowInfo,
    Frame,
    Scope,
    Step,
    StepNode,
    exit_of,
)

Graph = StateGraph[Any, Any, Any, Any]

_PATIENCE = 5.0
"""Seconds that a wait before another attempt may hold the process in a set; a longer one is a timer, so
that the case says what it waits for, and the others of its turnstile have their turn."""


def build(process: Process) -> Graph:
    """The graph of a process; the caller brings the checkpointer."""
    shape = schemas(process.case)
    graph: Graph = StateGraph(shape.state, input_schema=shape.input, output_schema=shape.output)
    _Site(process, process.flow(), Scope(), ()).lay(graph)
    graph.add_edge(START, OPEN)
    return graph


@dataclass(frozen=True)
class _Site:
    """Where nodes are laid: a process, or one branch of a set in it.

    Args:
        process: The process that the steps are of.
        flow: What its nodes know of the blueprint that runs.
        scope: Where in it the steps stand.
        home: The branches of the process that lead here.
    """

    process: Process
    flow: FlowInfo
    scope: Scope
    home: Home

    def lay(self, graph: Graph) -> None:
        """Lay the nodes of all steps that stand here, and of what is in them."""
        steps = list(self._steps())
        for name, step in steps:
            self._node(graph, name, step)
        for step in (step for name, step in steps if name == step.name):  # its branches are laid once
            if step.fork is not None and step.fork.picks == "sequence":
                for member in step.fork.members:
                    self._in_turn(step, member).lay(graph)
            elif step.fork is not None:
                at_once = step.fork.concurrency or self.flow.max_parallel
                for member in step.fork.members:
                    self._branch(graph, step, member, exit_of(self.scope.full(member)), at_once)
                    graph.add_node(exit_of(self.scope.full(member)), cast("Any", ExitNode()))
                exits = [exit_of(self.scope.full(member)) for member in step.fork.members]
                graph.add_edge(exits, self.scope.full(step.fork.join))
            elif step.each is not None:
                each = step.each
                self._branch(graph, step, each.body, self.scope.full(each.join), each.concurrency)

    def _steps(self) -> Iterator[tuple[str, Step]]:
        """The steps that stand here, also by their former names.

        A case that was parked under a former name stands on a node of that name; a LangGraph that
        does not know the node drops its task in silence.
        """
        regions, steps = self.process.regions, self.process.steps
        for name, step in steps.items():
            if name == DEAD_LETTER:
                if self._has_dead_letter:
                    yield name, step
            elif regions.homes.get(name) == self.home and not (name == OPEN and self.scope.prefix):
                yield name, step
        for old, new in self.process.renamed.items():
            if regions.homes.get(new) == self.home:
                yield old, steps[new]

    @property
    def _has_dead_letter(self) -> bool:
        """Those in turn share the one around them, and a part is left instead."""
        is_graph = not self.home or not self.scope.frames[-1].in_turn
        return is_graph and not self.scope.is_part

    def _node(self, graph: Graph, name: str, step: Step) -> None:
        full = self.scope.full
        told = replace(step, name=full(step.name))
        if self.scope.frames or self.scope.around:
            told = replace(told, patience=min(step.patience, PATIENCE_IN_A_SET))
        if self.scope.around or self.scope.is_branch:
            told = replace(told, patience=min(step.patience, _PATIENCE))
        if step.approval is not None:
            told = replace(told, approval=replace(step.approval, review=full(step.approval.review)))
        inner = self._included(step) if step.part is not None else None
        if step.join is not None:
            renamed = {full(old): full(new) for old, new in self.process.renamed.items()}
            told = replace(told, join=replace(step.join, renamed=renamed))
        goes = dict.fromkeys(self.scope.node(full(to)) for to in step.destinations())
        graph.add_node(
            full(name),
            # LangGraph types a node with a config or with a runtime; it calls one with both all the same.
            cast("Any", StepNode(told, self.flow, self.scope, inner)),
            input_schema=self._state,
            destinations=tuple(goes),
            metadata={
                "agent": told.name, "owner": step.owner, "flow": self.flow.name, "kind": step.kind,
            },
        )  # fmt: skip

    def _branch(self, graph: Graph, step: Step, member: str, to: str, at_once: int) -> None:
        regions, full = self.process.regions, self.scope.full
        branch = Branch(step.name, member)
        is_map = step.each is not None
        apart = frozenset({RESULT}) if is_map else regions.apart(step.name)
        frame = Frame(full(step.name), full(member), apart, is_map=is_map)
        site = replace(
            self,
            scope=replace(self.scope, frames=(*self.scope.frames, frame), joins=END),
            home=(*self.home, branch),
        )
        node = BranchNode(
            site.graph(member), frame, self.scope.frames, read_by(self.process, branch),
            regions.written(branch) - apart, to, at_once,
        )  # fmt: skip
        former = [old for old, new in self.process.renamed.items() if new == member]
        for name in (member, *former):
            graph.add_node(full(name), cast("Any", node), input_schema=self._state, destinations=(to,))

    def _in_turn(self, step: Step, member: str) -> _Site:
        assert step.fork is not None
        full = self.scope.full
        frame = Frame(full(step.name), full(member), self.process.regions.apart(step.name), in_turn=True)
        frames = (*self.scope.frames, frame)
        scope = replace(self.scope, frames=frames, joins=full(step.fork.join))
        return replace(self, scope=scope, home=(*self.home, Branch(step.name, member)))

    def _included(self, step: Step) -> Any:
        process = self.process.included[step.name]
        prefix = f"{self.scope.full(step.name)}."
        scope = Scope(prefix, (*self.scope.around, *self.scope.frames))
        # Reviews, timers and cases belong to the flow that runs, whichever blueprint the step is of.
        own = process.flow()
        flow = replace(
            own, name=self.flow.name, version=self.flow.version, digest=self.flow.digest,
            breakers={f"{prefix}{name}": policy for name, policy in own.breakers.items()},
            bounds=(*self.flow.bounds, *((scope.full("")[:-1], budget) for _, budget in own.bounds)),
        )  # fmt: skip
        if self.flow.bounds:  # its steps may be bounded by those around it alone
            steps = with_ways_to_a_person(process.steps, self.flow.bounds[0][1])
            process = replace(process, steps=steps)
        return _Site(process, flow, scope, ()).graph(process.entry)

    def graph(self, entry: str) -> Any:
        """The compiled graph of what is laid here; it keeps its checkpoints with those around it."""
        graph: Graph = StateGraph(self._state)
        self.lay(graph)
        graph.add_edge(START, self.scope.full(entry))
        return graph.compile(name=self.scope.full(entry))

    @cached_property
    def _state(self) -> type:
        return schemas(self.process.case).state

"""Build: a process as an ordinary, uncompiled `StateGraph`."""

from __future__ import annotations

from typing import Any, cast

from langgraph.graph import START, StateGraph

from langgraph_switchboard.contracts import schemas
from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.nodes import OPEN, StepNode


def build(process: Process) -> StateGraph[Any, Any, Any, Any]:
    """One node per step; the only static edge leads from START to `open`.

    Every other edge is the `Command(goto=...)` of a step's wrapper: LangGraph runs a
    static edge and a goto both, and ignores a goto to nowhere in silence.
    """
    shape = schemas(process.case)
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(
        shape.state, input_schema=shape.input, output_schema=shape.output
    )
    flow = process.flow()
    # A case that was parked under a former name stands on a node of that name; a LangGraph that
    # does not know the node drops its task in silence.
    former = {old: process.steps[new] for old, new in process.renamed.items()}
    for name, step in {**process.steps, **former}.items():
        graph.add_node(
            name,
            # LangGraph types a node with a config or with a runtime; it calls one with both all the same.
            cast("Any", StepNode(step, flow)),
            input_schema=shape.state,
            destinations=step.destinations(),
            metadata={"agent": step.name, "owner": step.owner, "flow": process.name, "kind": step.kind},
        )
    graph.add_edge(START, OPEN)
    return graph

"""A flow in which one step waits for a moment, built from the library's own parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph

from langgraph_switchboard import END, Blueprint, Switchboard
from langgraph_switchboard.contracts import schemas
from langgraph_switchboard.nodes import OPEN, StepContext, StepNode
from langgraph_switchboard.nodes.timers import wait_until
from langgraph_switchboard.nodes.turn import Turn
from langgraph_switchboard.switchboard.flows import Flow
from tests.seam import GOOD, PaymentCase, gives, pay

WAITS = (60.0, 30.0)
"""Seconds that the step waits, one after the other."""


@dataclass(frozen=True, slots=True)
class WaitingNode(StepNode):
    """A step that waits twice before its turn."""

    async def _turn(self, state: Mapping[str, Any], ctx: StepContext, config: RunnableConfig) -> Turn:
        for seconds in WAITS:
            wait_until(ctx.now() + timedelta(seconds=seconds), ctx, kind="wait", payload={"s": seconds})
        return await StepNode._turn(self, state, ctx, config)


def waiting_flow() -> Blueprint:
    """Propose -> rest, which waits -> pay."""
    flow = Blueprint("waiting", case=PaymentCase, owner="accounts")
    flow.step(gives(GOOD), name="propose", then="rest")
    flow.step(gives(GOOD), name="rest", then="pay")
    flow.effect(pay, then=END)
    return flow


def with_waiting_step(switchboard: Switchboard) -> Blueprint:
    """The flow, compiled with a step `rest` that waits, and known to the switchboard."""
    blueprint = waiting_flow()
    process = blueprint.process()
    shape, info = schemas(process.case), process.flow()
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(
        shape.state, input_schema=shape.input, output_schema=shape.output
    )
    for name, step in process.steps.items():
        node = WaitingNode(step, info) if name == "rest" else StepNode(step, info)
        graph.add_node(name, cast("Any", node), input_schema=shape.state, destinations=step.destinations())
    graph.add_edge(START, OPEN)
    house = switchboard._house
    compiled = graph.compile(checkpointer=house.saver, name=process.name)
    switchboard._flows[process.name] = Flow(process, compiled, process.digest)
    return blueprint

"""Agents of langchain (`create_agent`) as steps; any graph that speaks in `messages` is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.errors import GraphBubbleUp

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.models import Pricing
from langgraph_switchboard.nodes.adapters.faults import typed
from langgraph_switchboard.nodes.adapters.prompted import Prompt, Read, StepAgent, prompted
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.foreign import NO_CHECKPOINTS, apart
from langgraph_switchboard.nodes.tally import Tally, UsageCounter


def from_langchain(
    agent: Runnable[Any, Any],
    *,
    gives: type[Contract],
    max_turns: int = 25,
    read: Read | None = None,
    pricing: Pricing | None = None,
) -> Callable[[Prompt], StepAgent]:
    """A langchain agent as a step.

    It runs as one: what it saves of itself while it works is not kept, and a crash in the middle
    starts it anew. A graph that has to be taken up in the middle is a step by itself, without an
    adapter: `desk.step(graph, name=..., takes=..., gives=...)`.

    Args:
        agent: What `create_agent` gives. With `response_format=` of the contract its structured
            response is the output; else the text of its last message, read as JSON.
        gives: The contract that the step gives.
        max_turns: How many steps its graph may take.
        read: Turns its final state into the contract or its fields, instead.
        pricing: Dollars for tokens by model name; the price list of the services unless given.
    """
    alone = apart(agent)

    async def run(text: str, ctx: StepContext, tally: Tally) -> object:
        config: RunnableConfig = {
            "callbacks": [UsageCounter(tally)],
            "recursion_limit": max_turns,
            "configurable": NO_CHECKPOINTS,
            "run_name": ctx.step,
        }
        try:
            state = await alone.ainvoke({"messages": [("user", text)]}, config)
        except GraphBubbleUp:
            raise
        except Exception as error:
            fault = typed(error, ctx.step)
            if fault is None:
                raise
            raise fault from error
        return state if read else _answer(state)

    return prompted(run, gives, read=read, pricing=pricing)


def _answer(state: object) -> object:
    if not isinstance(state, Mapping):
        return state.text if isinstance(state, BaseMessage) else state
    if state.get("structured_response") is not None:
        return state["structured_response"]
    messages = state.get("messages") or ()
    last = messages[-1] if messages else None
    return last.text if isinstance(last, BaseMessage) else state

"""A compiled LangGraph graph, or any Runnable, as a step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.nodes.context import StepContext

_DURABILITY = "__pregel_durability"


def as_agent(runnable: Runnable[Any, Any], gives: str) -> Callable[..., Awaitable[object]]:
    """Call a Runnable with the payloads of what the step takes, and return what it says.

    It receives `{field: payload}` as plain dictionaries. Its answer is the contract (an
    instance or its fields), or a mapping that holds it under the name of the field that
    the step gives, as the state of a graph does. Only this answer is sealed: what a
    subgraph does inside itself is its own affair.
    """

    async def call(*, ctx: StepContext, **values: Contract | None) -> object:
        plain = {name: value.model_dump(mode="json") if value else None for name, value in values.items()}
        answer = await runnable.ainvoke(plain, _synchronous(ctx.config))
        if isinstance(answer, Mapping) and gives in answer:
            return answer[gives]
        return answer

    return call


def _synchronous(config: RunnableConfig) -> RunnableConfig:
    """The config with `sync` for the graphs inside, whatever the run around them uses.

    Under `async` LangGraph serialises a checkpoint only when the one before it is stored. By then
    the next superstep may have changed the set of branches that a join has seen, and the
    checkpoint holds it: resumed from there, the join never runs and the graph ends without
    its result. Our own steps wait for their checkpoint; the nodes of a foreign graph do not.
    """
    return {**config, "configurable": {**config.get("configurable", {}), _DURABILITY: "sync"}}

"""A compiled LangGraph graph, or any Runnable, as a step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langchain_core.runnables import Runnable

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.nodes.context import StepContext


def as_agent(runnable: Runnable[Any, Any], gives: str) -> Callable[..., Awaitable[object]]:
    """Call a Runnable with the payloads of what the step takes, and return what it says.

    It receives `{field: payload}` as plain dictionaries. Its answer is the contract (an
    instance or its fields), or a mapping that holds it under the name of the field that
    the step gives, as the state of a graph does. Only this answer is sealed: what a
    subgraph does inside itself is its own affair.
    """

    async def call(*, ctx: StepContext, **values: Contract | None) -> object:
        plain = {name: value.model_dump(mode="json") if value else None for name, value in values.items()}
        answer = await runnable.ainvoke(plain, ctx.config)
        if isinstance(answer, Mapping) and gives in answer:
            return answer[gives]
        return answer

    return call

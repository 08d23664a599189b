"""A compiled LangGraph graph, or any Runnable, as a step."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.pregel import Pregel

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.models import priced_by
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.questions import spending
from langgraph_switchboard.nodes.tally import Tally, UsageCounter

_DURABILITY = "__pregel_durability"
NO_CHECKPOINTS = {_DURABILITY: "async"}
"""For a graph without a checkpointer inside one of ours: under our own `sync` it would wait for
a checkpoint that nobody writes."""


def as_agent(runnable: Runnable[Any, Any], gives: str) -> Callable[..., Awaitable[object]]:
    """Call a Runnable with the payloads of what the step takes, and return what it says.

    It receives `{field: payload}` as plain dictionaries. Its answer is the contract (an
    instance or its fields), or a mapping that holds it under the name of the field that
    the step gives, as the state of a graph does. Only this answer is sealed: what a
    subgraph does inside itself is its own affair. What the models in it cost is counted.
    """

    async def call(*, ctx: StepContext, **values: Contract | None) -> object:
        plain = {name: value.model_dump(mode="json") if value else None for name, value in values.items()}
        tally, began = Tally(), time.perf_counter()
        async with spending(ctx, ctx.answers):
            try:
                answer = await runnable.ainvoke(
                    plain, _counted(_synchronous(ctx.config), UsageCounter(tally))
                )
            finally:
                if tally.begun:  # models were asked inside
                    ctx.answers.append(
                        tally.answer(time.perf_counter() - began, priced_by(ctx.services.prices))
                    )
        if isinstance(answer, Mapping) and gives in answer:
            return answer[gives]
        return answer

    return call


def apart(runnable: Runnable[Any, Any]) -> Runnable[Any, Any]:
    """A graph that keeps nothing of the case it works for: it runs as one, and leaves no checkpoints."""
    return runnable.copy({"checkpointer": False}) if isinstance(runnable, Pregel) else runnable


def _counted(config: RunnableConfig, counter: UsageCounter) -> RunnableConfig:
    """The config with one handler more; `merge_configs` would take the surrounding run's in again."""
    callbacks = config.get("callbacks")
    if isinstance(callbacks, BaseCallbackManager):
        callbacks = callbacks.copy()
        callbacks.add_handler(counter, inherit=True)
        return {**config, "callbacks": callbacks}
    return {**config, "callbacks": [*(callbacks or ()), counter]}


def _synchronous(config: RunnableConfig) -> RunnableConfig:
    """The config with `sync` for the graphs inside, whatever the run around them uses.

    Under `async` LangGraph serialises a checkpoint only when the one before it is stored. By then
    the next superstep may have changed the set of branches that a join has seen, and the
    checkpoint holds it: resumed from there, the join never runs and the graph ends without
    its result. Our own steps wait for their checkpoint; the nodes of a foreign graph do not.
    """
    return {**config, "configurable": {**config.get("configurable", {}), _DURABILITY: "sync"}}

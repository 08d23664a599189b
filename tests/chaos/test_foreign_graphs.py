"""A foreign graph used as a step, driven as a LangGraph server does it."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.state import CompiledStateGraph

from langgraph_switchboard.nodes import memory_services, using
from tests.chaos.flows import parallel
from tests.chaos.orders import Order
from tests.chaos.stock import GRAPHS

JOIN = "join:first+second_on:join"
TURNS = 200


class SlowSaver(InMemorySaver):
    """Takes many turns of the loop before it serialises, as one that waits for a database does."""

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        for _ in range(TURNS):
            await asyncio.sleep(0)
        return await super().aput(config, checkpoint, metadata, new_versions)


async def torn(graph: CompiledStateGraph[Any, Any, Any, Any], saver: SlowSaver, given: object) -> list[Any]:
    """Checkpoints in which the join has seen a branch whose step has not run yet."""
    config = RunnableConfig(configurable={"thread_id": "t"})
    with using(memory_services()):
        await graph.ainvoke(given, config, durability="async")
    found = []
    for namespace in saver.storage["t"]:
        place = RunnableConfig(configurable={"thread_id": "t", "checkpoint_ns": namespace})
        async for one in saver.alist(place):
            seen = one.checkpoint["channel_values"].get(JOIN, set())
            if "second_on" in seen and "second_on" not in one.checkpoint["versions_seen"]:
                found.append(one)
    return found


async def test_a_joins_checkpoint_holds_what_its_step_had_seen_and_no_more() -> None:
    """Law 2: inside a foreign graph each checkpoint is stored before the next superstep changes it."""
    saver = SlowSaver()
    graph = parallel().build().compile(checkpointer=saver)
    assert await torn(graph, saver, {"order": Order(text="a lamp").model_dump()}) == []


async def test_stock_langgraph_stores_a_joins_future_in_its_past() -> None:
    """The control: under `async` the checkpoint before the second branch's last step holds its arrival,
    so that a run resumed from it never joins.
    """
    saver = SlowSaver()
    graph = GRAPHS["parallel"]().compile(checkpointer=saver)
    assert await torn(graph, saver, {"done": []}) != []

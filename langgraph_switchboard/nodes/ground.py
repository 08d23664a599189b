"""Solid ground: nothing begins on a state that a crash could still take back."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from langgraph_switchboard.nodes.services import Services


async def on_solid_ground(services: Services, runtime: Runtime[Any]) -> None:
    """Return once the checkpoint that a node runs on is committed; at once where nobody keeps one.

    Args:
        services: The running step's services.
        runtime: LangGraph's runtime of the node.
    """
    info, barrier = runtime.execution_info, services.barrier
    if barrier is not None and info is not None and info.thread_id is not None:
        await barrier(info.thread_id, graph_of(info.checkpoint_ns), info.checkpoint_id)


def graph_of(namespace: str) -> str:
    """The namespace of the graph that a node runs in; the node's own ends with its task."""
    return namespace.rpartition("|")[0]

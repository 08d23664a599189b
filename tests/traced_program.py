"""A program of its own, for the tracing tests: a tiny plain graph with a pause and a failure.

Run with `configure` it installs our client; with `stock` it leaves LangSmith as it is.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import pairwise
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tracers.langchain import wait_for_all_tracers
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from langgraph_switchboard.ledger.tracing import annotate, configure_tracing, flush_tracing

TEXT = "I am jane@mail.example, my card is 4111 1111 1111 1111"


class State(TypedDict, total=False):
    text: str
    route: str


async def triage(state: State) -> State:
    annotate(agent="triage", owner="support", route="billing", confidence=0.87, case="t-1", cost_usd=None)
    await asyncio.gather(look_up("a@mail.example"))
    return {"route": "billing"}


async def look_up(who: str) -> str:
    annotate(contact=who)
    return who


async def ask(state: State) -> State:
    interrupt({"question": "Refund this?", "ticket": state["text"]})
    return {}


async def fail(state: State) -> State:
    raise ValueError(f"cannot read: {state['text']} password=hunter2")


def graph(*nodes: Any) -> Any:
    built = StateGraph(State)
    names = [START, *(node.__name__ for node in nodes), END]
    for node in nodes:
        built.add_node(node.__name__, node)
    for name, then in pairwise(names):
        built.add_edge(name, then)
    return built.compile(checkpointer=InMemorySaver())


async def main(mode: str) -> None:
    if mode == "configure":
        configure_tracing()
        configure_tracing()
    config: RunnableConfig = {"configurable": {"thread_id": "t-1"}, "run_name": "desk"}
    await graph(triage, ask).ainvoke({"text": TEXT}, config)
    try:
        await graph(fail).ainvoke({"text": TEXT}, {**config, "run_name": "failing"})
    except ValueError:
        await flush_tracing()
    if mode == "stock":
        wait_for_all_tracers()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

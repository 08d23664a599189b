"""The same six graphs in stock LangGraph: plain nodes, naive effects, `AsyncPostgresSaver`.

Each node that does something tells the world, as a node that calls an API does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from operator import add
from typing import Annotated, Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Send, interrupt
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from typing_extensions import TypedDict

from langgraph_switchboard.postgres import ConnectionClass
from langgraph_switchboard.testing.chaos import Bench, Facts, happened
from tests.chaos.flows import ITEMS

Graph = StateGraph[Any, Any, Any, Any]
Name = Literal["linear", "parallel", "fan_out", "review", "ladder", "subgraph"]
Mode = Literal["sync", "async"]


class Walk(TypedDict, total=False):
    """What was done, and by whom it was allowed."""

    done: Annotated[list[str], add]
    item: int
    said: str


def _does(name: str) -> Any:
    async def node(state: Walk) -> dict[str, Any]:
        key = f"{name} {state['item']}" if "item" in state else name
        happened(key)
        return {"done": [key]}

    return node


async def _ask(state: Walk) -> dict[str, Any]:
    return {"said": interrupt("May we?")}


async def _breaks(state: Walk) -> Command[str]:
    return Command(goto="fallback")


async def _breaks_too(state: Walk) -> Command[str]:
    return Command(goto="ask")


def _chain(**nodes: Any) -> Graph:
    graph: Graph = StateGraph(Walk)
    names = list(nodes)
    for name, node in nodes.items():
        graph.add_node(name, node)
    for one, other in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(one, other)
    return graph


def _parallel() -> Graph:
    graph: Graph = StateGraph(Walk)
    for name in ("first", "second", "second_on", "join"):
        graph.add_node(name, _does(name))
    graph.add_edge(START, "first")
    graph.add_edge(START, "second")
    graph.add_edge("second", "second_on")
    graph.add_edge(["first", "second_on"], "join")
    graph.add_edge("join", END)
    return graph


def _fan_out() -> Graph:
    graph: Graph = StateGraph(Walk)
    graph.add_node("one_of_many", _does("one"))
    graph.add_node("join", _does("join"))
    graph.add_conditional_edges(
        START, lambda state: [Send("one_of_many", {"item": item}) for item in range(ITEMS)], ["one_of_many"]
    )
    graph.add_edge("one_of_many", "join")
    graph.add_edge("join", END)
    return graph


def _ladder() -> Graph:
    graph: Graph = StateGraph(Walk)
    graph.add_node("breaks", _breaks, destinations=("fallback",))
    graph.add_node("fallback", _breaks_too, destinations=("ask",))
    graph.add_node("ask", _ask)
    graph.add_node("ship", _does("ship"))
    graph.add_edge(START, "breaks")
    graph.add_edge("ask", "ship")
    graph.add_edge("ship", END)
    return graph


GRAPHS: dict[str, Callable[[], Graph]] = {
    "linear": lambda: _chain(check=_does("check"), price=_does("price"), ship=_does("ship")),
    "parallel": _parallel,
    "fan_out": _fan_out,
    "review": lambda: _chain(check=_does("check"), ask=_ask, ship=_does("ship")),
    "ladder": _ladder,
    "subgraph": lambda: _chain(
        inner=_chain(first=_does("first"), second=_does("second")).compile(), ship=_does("ship")
    ),
}


@dataclass(frozen=True)
class StockSubject:
    """One of the six graphs.

    Args:
        graph: The graph.
        mode: LangGraph's durability.
    """

    graph: Graph
    mode: Mode
    ledger: bool = False

    @asynccontextmanager
    async def open(self, dsn: str, connection_class: ConnectionClass) -> AsyncIterator[Bench]:
        """Open the stock saver on a pool."""
        kwargs = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
        pool = AsyncConnectionPool(
            dsn, connection_class=connection_class, kwargs=kwargs, open=False, min_size=2
        )
        async with pool:
            saver = AsyncPostgresSaver(pool)
            await saver.setup()
            yield _StockBench(self.graph.compile(checkpointer=saver), self.mode)


class _StockBench:
    """Drives cases as LangGraph's documentation has it: what is left to do is asked of the state."""

    def __init__(self, graph: CompiledStateGraph[Any, Any, Any, Any], mode: Mode) -> None:
        self.waited = 0.0
        self._graph = graph
        self._mode = mode

    async def drive(self, case_id: str) -> None:
        config = RunnableConfig(configurable={"thread_id": case_id})
        for _ in range(5):
            snapshot = await self._graph.aget_state(config)
            given: Any = None
            if snapshot.created_at is None:
                given = {"done": []}
            elif snapshot.interrupts:
                given = Command(resume="yes")
            elif not snapshot.tasks:
                return
            await self._graph.ainvoke(given, config, durability=self._mode)

    async def facts(self, case_id: str) -> Facts:
        snapshot = await self._graph.aget_state({"configurable": {"thread_id": case_id}})
        done = snapshot.values.get("done", [])
        ended = not snapshot.tasks and done[-1:] in (["ship"], ["join"])
        status = "finished" if ended else "running"
        return Facts(status, status if ended else None, {"done": sorted(done)})


def subject(name: Name, mode: Mode) -> StockSubject:
    """One of the six, in one of LangGraph's two modes that save as they go."""
    return StockSubject(GRAPHS[name](), mode)

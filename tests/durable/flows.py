"""Small graphs for the tests of the saver, and the ledger that rides along."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from operator import add
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import get_runtime
from langgraph.types import interrupt
from typing_extensions import TypedDict

from langgraph_switchboard.checkpoints import TaskKey
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.postgres.packed import TEXT
from langgraph_switchboard.postgres.parts import Column, Part, PartRows

EVENTS = Part("events", (Column("task_id", TEXT), Column("thread_id", TEXT), Column("step", TEXT)), keys=1)

EVENTS_SCHEMA = """
CREATE TABLE events (
    task_id text PRIMARY KEY, thread_id text NOT NULL, step text NOT NULL CHECK (step <> 'refused')
)
"""


class Walk(TypedDict):
    """Which steps were done."""

    done: Annotated[list[str], add]


AtEntry = Callable[[str, str, str], Awaitable[None]]
"""Called by each body first, with thread, namespace and id of the checkpoint it stands on."""


def diamond(at_entry: AtEntry) -> StateGraph[Walk, None, Walk, Walk]:
    """A -> b and c -> d; each step says that it was done."""

    def step(name: str) -> Any:
        async def body(state: Walk) -> dict[str, Any]:
            info = get_runtime().execution_info
            assert info is not None
            assert info.thread_id is not None
            # The namespace of the task ends in the task's own part; the checkpoint's is what is before it.
            namespace = "|".join(info.checkpoint_ns.split("|")[:-1])
            await at_entry(info.thread_id, namespace, info.checkpoint_id)
            return {"done": [name]}

        return body

    graph = StateGraph(Walk)
    for name in "abcd":
        graph.add_node(name, step(name))
    graph.add_edge(START, "a")
    graph.add_edge("a", "b")
    graph.add_edge("a", "c")
    graph.add_edge(["b", "c"], "d")
    graph.add_edge("d", END)
    return graph


def note_event(task: TaskKey, writes: Sequence[tuple[str, Any]]) -> list[PartRows]:
    """A ledger in miniature: one event for each task that says it did a step."""
    steps = [name for channel, value in writes if channel == "done" for name in value]
    return [PartRows(EVENTS, [EVENTS.row(task.task_id, task.thread_id, step) for step in steps])]


async def make_events(pool: Pool) -> None:
    async with pool.connection() as conn:
        await conn.execute(EVENTS_SCHEMA)


class Question(TypedDict):
    """A process that stops to ask."""

    asked: str
    answer: str
    notes: dict[str, Any]


def asking() -> StateGraph[Question, None, Question, Question]:
    """Prepare -> ask a person -> close."""

    async def prepare(state: Question) -> dict[str, Any]:
        return {"asked": "May we?", "notes": {"amounts": [1, 2.5], "by": "prepare"}}

    async def ask(state: Question) -> dict[str, Any]:
        return {"answer": interrupt({"question": state["asked"]})}

    async def close(state: Question) -> dict[str, Any]:
        return {"notes": {**state["notes"], "closed": state["answer"]}}

    graph = StateGraph(Question)
    for step in (prepare, ask, close):
        graph.add_node(step.__name__, step)
    graph.add_edge(START, "prepare")
    graph.add_edge("prepare", "ask")
    graph.add_edge("ask", "close")
    graph.add_edge("close", END)
    return graph

"""What rides along with a run's writes, and how a run is known."""

from __future__ import annotations

import asyncio
import operator
import threading
from collections.abc import Sequence
from typing import Annotated, Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import RunControl, get_runtime
from langgraph.types import Send
from psycopg import errors
from typing_extensions import TypedDict

from langgraph_switchboard.checkpoints import GroupCommitSaver, TaskKey
from langgraph_switchboard.checkpoints.saver import run_of
from langgraph_switchboard.errors import StoreUnavailable, Superseded
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.postgres.parts import Held, PartRows
from langgraph_switchboard.postgres.writer import GroupCommitWriter
from tests.durable.flows import Walk, make_events, note_event
from tests.durable.notes import OWNERS, count, make_tables, rows

pytestmark = pytest.mark.pg


def walk(*steps: str) -> StateGraph[Walk, None, Walk, Walk]:
    """Steps one after the other; each says that it was done."""
    graph = StateGraph(Walk)

    def body(name: str) -> Any:
        async def step(state: Walk) -> dict[str, Any]:
            return {"done": [name]}

        return step

    for before, name in zip((START, *steps), steps, strict=False):
        graph.add_node(name, body(name))
        graph.add_edge(before, name)
    graph.add_edge(steps[-1], END)
    return graph


async def test_riders_and_the_tasks_writes_are_in_one_transaction(pg_pool: Pool) -> None:
    """Each event has the transaction id of the writes of its own task."""
    await make_events(pg_pool)
    saver = GroupCommitSaver(pg_pool, riders=note_event)
    await saver.setup()
    await walk("a", "b").compile(checkpointer=saver).ainvoke({"done": []}, _config("thread"))

    together = """
        SELECT e.step, count(DISTINCT w.xmin::text), bool_and(w.xmin = e.xmin)
        FROM events e JOIN checkpoint_writes w USING (task_id) GROUP BY 1 ORDER BY 1
    """
    assert await rows(pg_pool, together) == [("a", 1, True), ("b", 1, True)]


async def test_riders_are_asked_at_the_call_and_on_the_loop(pg_pool: Pool) -> None:
    """Also when the writes are large and their rows are made in a thread."""
    asked: list[int] = []

    def riders(task: TaskKey, writes: Sequence[tuple[str, Any]]) -> list[PartRows]:
        asked.append(threading.get_ident())
        return note_event(task, writes)

    await make_events(pg_pool)
    saver = GroupCommitSaver(pg_pool, riders=riders)
    await saver.setup()
    config: Any = {"configurable": {"thread_id": "thread", "checkpoint_ns": "", "checkpoint_id": "id"}}
    large = asyncio.ensure_future(
        saver.aput_writes(config, [("text", "x" * 100_000), ("done", ["a"])], "task")
    )
    await asyncio.sleep(0)

    assert asked == [threading.get_ident()]
    await large
    assert await rows(pg_pool, "SELECT step FROM events") == [("a",)]


async def test_riders_that_raise_stop_the_run(pg_pool: Pool) -> None:
    """A rider that cannot be made is a write that failed: nothing of the task is saved without it."""

    def riders(task: TaskKey, writes: Sequence[tuple[str, Any]]) -> list[PartRows]:
        if ("done", ["b"]) in writes:
            raise LookupError("no such event")
        return []

    saver = GroupCommitSaver(pg_pool, riders=riders)
    await saver.setup()
    with pytest.raises(LookupError):
        await _run(walk("a", "b", "c").compile(checkpointer=saver))

    last = await saver.aget_tuple(_config("thread"))
    assert last is not None
    assert last.checkpoint["channel_values"]["done"] == ["a"]


async def test_a_refused_rider_fails_the_writes_and_stops_the_run(pg_pool: Pool) -> None:
    """The event breaks a check of its table: neither it, nor the task's writes, nor what follows stands."""
    await make_events(pg_pool)
    saver = GroupCommitSaver(pg_pool, riders=note_event)
    await saver.setup()
    with pytest.raises(errors.CheckViolation):
        await _run(walk("a", "refused", "c").compile(checkpointer=saver))

    assert await rows(pg_pool, "SELECT step FROM events") == [("a",)]
    last = await saver.aget_tuple(_config("thread"))
    assert last is not None
    assert last.checkpoint["channel_values"]["done"] == ["a"]
    assert not last.pending_writes


async def test_without_stickiness_the_state_goes_on_without_the_refused_rider(pg_pool: Pool) -> None:
    """The control: the run still fails at its end, but the state says done what the ledger lacks."""
    await make_events(pg_pool)
    writer = GroupCommitWriter(pg_pool, sticky=False)
    saver = GroupCommitSaver(pg_pool, writer=writer, riders=note_event)
    await saver.setup()
    with pytest.raises(errors.CheckViolation):
        await _run(walk("a", "refused", "c").compile(checkpointer=saver))

    last = await saver.aget_tuple(_config("thread"))
    assert last is not None
    assert last.checkpoint["channel_values"]["done"] == ["a", "refused", "c"]
    assert await rows(pg_pool, "SELECT step FROM events ORDER BY 1") == [("a",), ("c",)]


async def test_a_superseded_owners_run_writes_nothing_more(pg_pool: Pool) -> None:
    """Another owner takes the case over between two steps: neither state nor ledger of the old one follow."""
    await make_events(pg_pool)
    await make_tables(pg_pool)
    writer = GroupCommitWriter(pg_pool, guard=OWNERS)

    def claim(config: RunnableConfig) -> Held:
        return Held(str(config["configurable"]["thread_id"]), 1)

    saver = GroupCommitSaver(pg_pool, writer=writer, riders=note_event, claim=claim)
    await saver.setup()
    async with pg_pool.connection() as conn:
        await conn.execute("INSERT INTO owners VALUES ('thread', 1)")
    graph = walk("a", "b")

    async def taken_over(state: Walk) -> dict[str, Any]:
        async with pg_pool.connection() as conn:
            await conn.execute("UPDATE owners SET epoch = 2 WHERE key = 'thread'")
        return {"done": ["taken over"]}

    graph.add_node("taken_over", taken_over)
    graph.add_edge("a", "taken_over")
    with pytest.raises(Superseded):
        await graph.compile(checkpointer=saver).ainvoke({"done": []}, _config("thread"), durability="sync")

    assert await rows(pg_pool, "SELECT step FROM events") == [("a",)]
    last = await saver.aget_tuple(_config("thread"))
    assert last is not None
    assert last.checkpoint["channel_values"]["done"] == ["a"]


async def test_a_failed_run_does_not_blemish_the_next_attempt(pg_pool: Pool) -> None:
    """The same thread, invoked again: a new run, which resumes where the failed one stood."""
    await make_events(pg_pool)
    saver = GroupCommitSaver(pg_pool, riders=note_event)
    await saver.setup()
    app = walk("a", "refused", "c").compile(checkpointer=saver)
    with pytest.raises(errors.CheckViolation):
        await _run(app)
    async with pg_pool.connection() as conn:
        await conn.execute("ALTER TABLE events DROP CONSTRAINT events_step_check")

    result = await app.ainvoke(None, _config("thread"), durability="sync")

    assert result == {"done": ["a", "refused", "c"]}
    assert await count(pg_pool, "SELECT count(*) FROM events") == 3


class _RunsSeen(InMemorySaver):
    """Notes which run each write belongs to."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Any] = []

    async def aput(self, config: RunnableConfig, *args: Any) -> RunnableConfig:
        self.runs.append(run_of(config))
        return await super().aput(config, *args)

    async def aput_writes(self, config: RunnableConfig, *args: Any) -> None:
        self.runs.append(run_of(config))
        await super().aput_writes(config, *args)


async def test_a_run_has_one_identity_with_its_subgraphs_and_none_with_the_next_run() -> None:
    """The identity is LangGraph's `RunControl` of the invocation; if its place moves, this fails."""
    saver = _RunsSeen()
    graph = walk("a", "b")
    graph.add_node("inner", walk("x").compile())
    graph.add_edge("a", "inner")
    app = graph.compile(checkpointer=saver)

    await app.ainvoke({"done": []}, _config("thread"))
    first, saver.runs = saver.runs, []
    await app.ainvoke({"done": []}, _config("thread"))
    second, saver.runs = saver.runs, []
    await app.aupdate_state(_config("thread"), {"done": ["by hand"]}, as_node="b")

    assert len(set(map(id, first))) == len(set(map(id, second))) == 1
    assert isinstance(first[0], RunControl)
    assert first[0] is not second[0]
    assert set(saver.runs) == {None}


class Items(TypedDict):
    """A list worked on in parallel, with a subgraph in each branch."""

    items: list[int]
    done: Annotated[list[str], operator.add]


async def test_the_barrier_lets_bodies_pass_in_subgraphs_fan_outs_resumes_and_forks(pg_pool: Pool) -> None:
    """It waits for the very checkpoint that the body stands on: it neither hangs nor lets through early."""
    saver = GroupCommitSaver(pg_pool, timeout=10)
    await saver.setup()
    entered: list[str] = []

    async def enter(name: str) -> None:
        info = get_runtime().execution_info
        assert info is not None
        namespace = "|".join(info.checkpoint_ns.split("|")[:-1])
        await saver.barrier("thread", namespace, info.checkpoint_id)
        durable = "SELECT count(*) FROM checkpoints WHERE checkpoint_ns = %s AND checkpoint_id = %s"
        assert await count(pg_pool, durable, [namespace, info.checkpoint_id]) == 1
        entered.append(name)

    async def inner(state: Items) -> dict[str, Any]:
        await enter("inner")
        return {"done": ["inner"]}

    async def split(state: Items) -> dict[str, Any]:
        await enter("split")
        return {"items": [1, 2, 3]}

    async def work(state: Items) -> dict[str, Any]:
        await enter("work")
        return {"done": ["work"]}

    async def close(state: Items) -> dict[str, Any]:
        await enter("close")
        return {}

    branch = StateGraph(Items)
    branch.add_node("inner", inner)
    branch.add_edge(START, "inner")
    graph = StateGraph(Items)
    for step in (split, work, close):
        graph.add_node(step.__name__, step)
    graph.add_node("branch", branch.compile())
    graph.add_edge(START, "split")
    graph.add_conditional_edges("split", lambda state: [Send("work", {"done": []})] * 3, ["work"])
    graph.add_edge("split", "branch")
    graph.add_edge(["work", "branch"], "close")
    app = graph.compile(checkpointer=saver, interrupt_before=["close"])

    await app.ainvoke({"items": [], "done": []}, _config("thread"), durability="async")
    await app.ainvoke(None, _config("thread"), durability="async")
    assert sorted(entered) == ["close", "inner", "split", "work", "work", "work"]
    fork = [one async for one in app.aget_state_history(_config("thread"))][-2]
    await app.ainvoke(None, fork.config, durability="async")
    assert len(entered) == 11


async def test_the_barrier_knows_checkpoints_that_another_saver_wrote(pg_pool: Pool) -> None:
    """What stands in the database is committed, whoever wrote it; what does not come ends in time."""
    await GroupCommitSaver(pg_pool).setup()
    first = GroupCommitSaver(pg_pool)
    await walk("a").compile(checkpointer=first).ainvoke({"done": []}, _config("thread"))
    last = await first.aget_tuple(_config("thread"))
    assert last is not None

    other = GroupCommitSaver(pg_pool, timeout=0.5)
    await other.barrier("thread", "", last.checkpoint["id"])
    with pytest.raises(StoreUnavailable):
        await other.barrier("thread", "", "never")


async def _run(app: Any) -> Any:
    return await app.ainvoke({"done": []}, _config("thread"), durability="sync")


def _config(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}

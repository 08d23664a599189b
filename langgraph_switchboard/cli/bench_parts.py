"""What the bench runs, and the ladder from bare saving to everything on, one part after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph

from langgraph_switchboard.cases import MemoryEffects, Owners, PostgresOwners, PostgresStore
from langgraph_switchboard.checkpoints import CaseSaver, GroupCommitSaver, RidingJournal
from langgraph_switchboard.cli.workload import TICKET
from langgraph_switchboard.cli.workload_flow import QUESTION, bench_blueprint, bench_line
from langgraph_switchboard.ledger import Entry, TaskKey
from langgraph_switchboard.models import OfflineModels
from langgraph_switchboard.nodes import MemoryResources, Services, using
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.switchboard import House, NewCase, Switchboard

Drive = Callable[[Sequence[str], int], Awaitable[list[float]]]
"""Runs cases by their ids, so many at a time; gives the seconds of each."""

LINE = "line"
EVERYTHING = "everything on"
LADDER = (LINE, "+ seams", "+ barrier", "+ ledger", "+ chain", EVERYTHING)
"""`line` is plain LangGraph with our saver. Each further row has one part more: contracts opened
and sealed by step wrappers; the entry barrier; ledger and case rows in the commit; the hash chain
over the ledger; cases accepted, claimed, fenced and released by a switchboard."""


class _Nowhere:
    """A journal that keeps nothing, for the rows before the ledger."""

    def attach(self, task: TaskKey, entries: Sequence[Entry]) -> None:
        """Nothing."""

    async def settle(self, task: TaskKey) -> None:
        """Nothing."""


class _Timed:
    """Owners that note how long each case was owned, from the wish to the release."""

    def __init__(self, owners: Owners) -> None:
        self.seconds: list[float] = []
        self._owners = owners

    @asynccontextmanager
    async def owning(self, case_id: str) -> AsyncIterator[int | None]:
        """See `Owners`."""
        began = time.perf_counter()
        async with self._owners.owning(case_id) as epoch:
            yield epoch
        self.seconds.append(time.perf_counter() - began)

    async def count_crash(self, case_id: str, epoch: int | None, stands: str) -> int:
        """As the owners count it."""
        return await self._owners.count_crash(case_id, epoch, stands)


@asynccontextmanager
async def opened(row: str, pool: Pool) -> AsyncIterator[Drive]:
    """One row of the ladder, ready to run on empty tables.

    Args:
        row: One of `LADDER`.
        pool: The database.
    """
    await _chain(pool, on=row in LADDER[LADDER.index("+ chain") :])
    store = PostgresStore(pool)
    journal = RidingJournal(store)
    rides = row in LADDER[LADDER.index("+ ledger") :]
    saver = CaseSaver(pool, journal) if rides else GroupCommitSaver(pool)
    services = Services(
        store,
        journal if rides else _Nowhere(),
        MemoryEffects(),
        OfflineModels(),
        MemoryResources(),
        durable=True,
    )
    if isinstance(saver, CaseSaver):
        services.aside, services.was_there = saver.aside, saver.was_there
    if row in LADDER[LADDER.index("+ barrier") :]:
        services.barrier = saver.barrier
    try:
        if row == LINE:
            yield plain(bench_line().compile(checkpointer=saver), "sync")
        elif row == EVERYTHING:
            async with PostgresOwners.open(pool) as owners:
                yield _switchboard(services, saver, owners)
            counts = await store.counts()
            if counts["finished"] == 0 or counts["finished"] != sum(counts.values()):
                raise RuntimeError(f"not every case was finished: {counts}")
        else:
            yield _steps(bench_blueprint().build().compile(checkpointer=saver), services)
    finally:
        await saver.aclose()


async def _chain(pool: Pool, *, on: bool) -> None:
    async with pool.connection() as conn:
        await conn.execute(
            "ALTER TABLE switchboard.ledger ENABLE TRIGGER ledger_chained"
            if on
            else "ALTER TABLE switchboard.ledger DISABLE TRIGGER ledger_chained"
        )


def plain(app: CompiledStateGraph[Any, Any, Any, Any], durability: Any, *, threads: bool = True) -> Drive:
    """Plain LangGraph.

    Args:
        app: One of the graphs whose state is a `BenchTicket`.
        durability: LangGraph's argument.
        threads: Whether there is a checkpointer, which wants a thread.
    """

    async def one(case_id: str) -> None:
        config: Any = {"configurable": {"thread_id": case_id}} if threads else {}
        out = await app.ainvoke({"ticket": TICKET}, config, durability=durability)
        _right(out["reply"]["to"])

    return lambda ids, concurrency: _at_a_time(one, ids, concurrency)


def _steps(app: CompiledStateGraph[Any, Any, Any, Any], services: Services) -> Drive:
    payload = QUESTION.model_dump(mode="json")

    async def one(case_id: str) -> None:
        config: Any = {"configurable": {"thread_id": case_id}}
        with using(services):
            out = await app.ainvoke({"ticket": payload}, config, durability="sync")
        _right(out["said"]["payload"]["to"])

    return lambda ids, concurrency: _at_a_time(one, ids, concurrency)


def _switchboard(services: Services, saver: BaseCheckpointSaver[Any], owners: Owners) -> Drive:
    timed = _Timed(owners)
    switchboard = Switchboard(House(services, saver, timed))
    flow = bench_blueprint()
    switchboard.flow(flow)

    async def run(ids: Sequence[str], concurrency: int) -> list[float]:
        cases = [NewCase(QUESTION, case_id, {}) for case_id in ids]
        broken = await switchboard.run_many(flow, cases, concurrency=concurrency)
        for error in broken.values():
            raise error
        return timed.seconds

    return run


async def _at_a_time(
    one: Callable[[str], Awaitable[None]], ids: Sequence[str], concurrency: int
) -> list[float]:
    left, seconds = iter(ids), []

    async def worker() -> None:
        for case_id in left:
            began = time.perf_counter()
            await one(case_id)
            seconds.append(time.perf_counter() - began)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(worker())
    return seconds


def _right(to: str) -> None:
    if to != "A-1":
        raise RuntimeError("the workload gave a wrong answer")

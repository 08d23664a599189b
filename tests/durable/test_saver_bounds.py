"""Every call of the saver ends in time when Postgres swallows every byte, and all is well once it heals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.base import empty_checkpoint

from langgraph_switchboard.checkpoints import GroupCommitSaver
from langgraph_switchboard.errors import StoreUnavailable
from langgraph_switchboard.postgres import Pool, open_pool
from langgraph_switchboard.testing.proxy import faulty_network
from tests.durable.flows import asking
from tests.durable.notes import count

pytestmark = pytest.mark.pg


def _config(thread: str, checkpoint_id: str = "none") -> Any:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", "checkpoint_id": checkpoint_id}}


async def test_every_call_ends_in_time_in_a_black_hole(pg_pool: Pool, pg_dsn: str) -> None:
    """Put, writes, get, list, delete, copy, prune, barrier: all told within the bound, none hangs."""
    await GroupCommitSaver(pg_pool).setup()
    async with faulty_network(pg_dsn) as network, open_pool(network.dsn) as pool:
        saver = GroupCommitSaver(pool, timeout=2.0)
        network.swallow()

        async def listed() -> list[Any]:
            return [one async for one in saver.alist(_config("list"))]

        began = time.monotonic()
        ends = await asyncio.gather(
            saver.aput(_config("put"), empty_checkpoint(), {}, {}),
            saver.aput_writes(_config("writes"), [("a", 1)], "task"),
            saver.aget_tuple(_config("get")),
            listed(),
            saver.adelete_thread("delete"),
            saver.acopy_thread("from", "to"),
            saver.aprune(["prune"]),
            saver.adelete_for_runs(["run"]),
            saver.barrier("barrier", "", "id"),
            return_exceptions=True,
        )

        assert [type(end) for end in ends] == [StoreUnavailable] * 9
        assert time.monotonic() - began < 3.5
        network.heal()
        await saver.aput(_config("healed"), empty_checkpoint(), {}, {})
        await saver.aclose()


async def test_a_run_in_a_black_hole_ends_in_time_and_is_resumed(pg_pool: Pool, pg_dsn: str) -> None:
    """The network dies between two steps: the run is told, and the next attempt goes on from there."""
    await GroupCommitSaver(pg_pool).setup()
    async with faulty_network(pg_dsn) as network, open_pool(network.dsn) as pool:
        saver = GroupCommitSaver(pool, timeout=2.0)
        app = asking().compile(checkpointer=saver)
        config: Any = {"configurable": {"thread_id": "thread"}}
        question: Any = {"asked": ""}
        network.swallow()
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await app.ainvoke(question, config, durability="sync")
        assert time.monotonic() - began < 3.5

        network.heal()
        stopped = await app.ainvoke(question, config, durability="sync")
        assert stopped["__interrupt__"]
        await saver.aclose()
    assert await count(pg_pool, "SELECT count(*) FROM checkpoints") >= 3


@pytest.mark.parametrize("fault", ["pool empty", "read only", "table locked"])
async def test_trouble_of_the_server_ends_in_time_and_passes(pg_pool: Pool, pg_dsn: str, fault: str) -> None:
    """No free connection, no write allowed, a lock that stays: told in time, and afterwards all is well.

    What was told unavailable may yet have been written: its outcome is unknown.
    """
    await GroupCommitSaver(pg_pool).setup()
    async with open_pool(pg_dsn, max_size=1, timeout=0.5, lock_timeout=0.3) as pool:
        saver = GroupCommitSaver(pool, timeout=2.0)
        async with _trouble(fault, pool, pg_pool):
            began = time.monotonic()
            with pytest.raises(StoreUnavailable) as told:
                await saver.aput(_config("thread"), empty_checkpoint(), {}, {})
            assert isinstance(told.value.__cause__, psycopg.Error)
            assert time.monotonic() - began < 3.0
            assert saver.writer.counts.bisections == 0
        checkpoint = empty_checkpoint()
        await saver.aput(_config("thread"), checkpoint, {}, {})
        await saver.aclose()

    sql = "SELECT count(*) FROM checkpoints WHERE checkpoint_id = %s"
    assert await count(pg_pool, sql, [checkpoint["id"]]) == 1


@asynccontextmanager
async def _trouble(fault: str, pool: Pool, other: Pool) -> AsyncIterator[None]:
    if fault == "pool empty":
        async with pool.connection():
            yield
    elif fault == "table locked":
        async with other.connection() as conn, conn.transaction():
            await conn.execute("LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE")
            yield
    else:
        async with pool.connection() as conn:
            await conn.execute("SET default_transaction_read_only = on")
        yield
        async with pool.connection() as conn:
            await conn.execute("SET default_transaction_read_only = off")

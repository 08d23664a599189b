"""Pruning: old checkpoints of finished cases go, the ledger stays, and nothing else is touched."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from langgraph_switchboard.cases import CaseStatus
from langgraph_switchboard.cases.audit import verify
from langgraph_switchboard.cases.retention import Pruned, prune
from langgraph_switchboard.errors import InputRefused
from langgraph_switchboard.postgres import Pool
from tests.record.entries import rows
from tests.record.states import Desk, thread

pytestmark = pytest.mark.pg

MONTH = timedelta(days=30)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLD = NOW - 2 * MONTH
YOUNG = NOW - timedelta(days=3)


@pytest.fixture
async def desk(pg_pool: Pool) -> Desk:
    await AsyncPostgresSaver(pg_pool).setup()
    return Desk(pg_pool)


async def test_a_finished_case_keeps_its_last_checkpoint(desk: Desk) -> None:
    """LangGraph still reads how it ended; the ledger and its chain are as before."""
    await desk.case("c1", "finished", OLD)
    await desk.case("c2", "declined", OLD)
    before = [await desk.kept("c1"), await desk.kept("c2")]
    ledger = await rows(desk.pool, "select * from switchboard.ledger order by place")
    pruned = await prune(desk.pool, MONTH, now=NOW)
    assert (pruned.seen, pruned.cases, pruned.deltas) == (2, 2, 0)
    after = [await desk.kept("c1"), await desk.kept("c2")]
    assert [checkpoints for checkpoints, _, _ in after] == [1, 1]
    assert await desk.said("c1") == await desk.said("c2") == "Hello!!!"
    gone = [
        sum(was) - sum(left)
        for was, left in zip(zip(*before, strict=True), zip(*after, strict=True), strict=True)
    ]
    assert [pruned.checkpoints, pruned.writes, pruned.blobs] == gone and min(gone) > 0
    assert pruned.bytes > 0
    assert await rows(desk.pool, "select parent_checkpoint_id from checkpoints") == [(None,), (None,)]
    assert await rows(desk.pool, "select * from switchboard.ledger order by place") == ledger
    assert (await verify(desk.pool)).holds


async def test_a_second_pruning_finds_nothing(desk: Desk) -> None:
    """It sees the same cases, and removes no row more."""
    await desk.case("c1", "finished", OLD)
    await prune(desk.pool, MONTH, now=NOW)
    assert await prune(desk.pool, MONTH, now=NOW) == Pruned(seen=1)


async def test_everything_takes_the_last_checkpoint_too(desk: Desk) -> None:
    """When asked for; the case's row and its story stay."""
    await desk.case("c1", "finished", OLD)
    await prune(desk.pool, MONTH, everything=True, now=NOW)
    assert await desk.kept("c1") == (0, 0, 0)
    assert len(await desk.store.story("c1")) == 2
    assert (await verify(desk.pool)).holds


@pytest.mark.parametrize("status", ["accepted", "running", "waiting", "dead_lettered"])
async def test_what_can_still_be_driven_keeps_its_checkpoints(desk: Desk, status: CaseStatus) -> None:
    """However old it is; the control is the finished case beside it."""
    await desk.case("c1", status, OLD)
    await desk.case("control", "finished", OLD)
    before = await desk.kept("c1")
    assert (await prune(desk.pool, MONTH, everything=True, now=NOW)).cases == 1
    assert await desk.kept("c1") == before
    assert await desk.kept("control") == (0, 0, 0)


async def test_young_cases_and_other_threads_are_not_touched(desk: Desk) -> None:
    """A case that ended three days ago, and a thread that is no case of ours."""
    await desk.case("c1", "finished", YOUNG)
    await desk.app.ainvoke({"said": "mine", "pages": []}, thread("foreign"))
    before = await desk.kept("c1"), await desk.kept("foreign")
    assert await prune(desk.pool, MONTH, everything=True, now=NOW) == Pruned()
    assert (await desk.kept("c1"), await desk.kept("foreign")) == before


async def test_a_dry_run_counts_the_same_and_removes_nothing(desk: Desk) -> None:
    """In small batches as in a large one."""
    for number in range(7):
        await desk.case(f"c{number}", "finished", OLD + timedelta(minutes=number // 2))
    before = await desk.kept("c3")
    told = await prune(desk.pool, MONTH, dry_run=True, now=NOW, batch=2)
    assert await desk.kept("c3") == before
    assert told == await prune(desk.pool, MONTH, now=NOW, batch=3)
    assert told.seen == told.cases == 7


async def test_checkpoints_that_build_on_each_other_are_left_alone(desk: Desk) -> None:
    """The last of a chain of deltas means nothing without the others; all of them may go together."""
    await desk.case("c1", "finished", OLD)
    await rows(
        desk.pool, "update checkpoints set metadata = metadata || '{\"delta_writes_versioned\": true}'"
    )
    before = await desk.kept("c1")
    assert await prune(desk.pool, MONTH, now=NOW) == Pruned(seen=1, deltas=1)
    assert await desk.kept("c1") == before
    assert (await prune(desk.pool, MONTH, everything=True, now=NOW)).cases == 1


async def test_two_that_prune_at_once_take_turns(desk: Desk) -> None:
    """Together they remove what one would have removed."""
    for number in range(6):
        await desk.case(f"c{number}", "finished", OLD)
    wanted = await prune(desk.pool, MONTH, dry_run=True, now=NOW)
    both = await asyncio.gather(*(prune(desk.pool, MONTH, now=NOW, batch=2) for _ in range(2)))
    assert sum(one.checkpoints for one in both) == wanted.checkpoints
    assert sum(one.blobs for one in both) == wanted.blobs


async def test_without_langgraphs_tables_there_is_nothing_to_prune(pg_pool: Pool) -> None:
    """A database that no saver has set up yet."""
    assert await prune(pg_pool, MONTH) == Pruned()


async def test_a_negative_age_is_refused(pg_pool: Pool) -> None:
    """It would reach cases that end tomorrow."""
    with pytest.raises(InputRefused, match="negative"):
        await prune(pg_pool, -MONTH)

"""Two processes that write the same rows, and a server that is killed under load."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from psycopg_pool import AsyncConnectionPool

from langgraph_switchboard.postgres import Pool, running_server
from langgraph_switchboard.postgres.writer import GroupCommitWriter
from tests.conftest import REPOSITORY
from tests.durable.notes import make_tables, note, rows, until
from tests.durable.two_writers import ROWS

pytestmark = pytest.mark.pg


async def _race(pool: Pool, dsn: str, order: str) -> int:
    """How many statements had to be sent again by two processes that write the same rows."""
    await make_tables(pool)
    async with pool.connection() as conn:
        await conn.execute(
            "INSERT INTO notes SELECT 'shared', n, '', '0' FROM generate_series(0, %s) n", [ROWS]
        )
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.durable.two_writers", dsn, direction, order,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY,
        )
        for direction in ("up", "down")
    ]  # fmt: skip
    retries = 0
    try:
        for child in children:
            assert child.stdout is not None
            assert await child.stdout.readline() == b"ready\n"
        for child in children:
            assert child.stdin is not None
            child.stdin.write(b"\n")
        for child in children:
            async with asyncio.timeout(60):
                said, _ = await child.communicate()
            assert child.returncode == 0
            retries += int(said)
    finally:
        for child in children:
            if child.returncode is None:
                child.kill()
                await child.wait()
    return retries


async def test_two_processes_that_write_the_same_rows_never_deadlock(pg_pool: Pool, pg_dsn: str) -> None:
    """Each sorts its batch by key, so they wait for each other in one direction only."""
    assert await _race(pg_pool, pg_dsn, "sorted") == 0


async def test_unsorted_batches_of_two_processes_deadlock(pg_pool: Pool, pg_dsn: str) -> None:
    """The control: in the order of the calls they deadlock; the victim sends its batch again."""
    assert await _race(pg_pool, pg_dsn, "unsorted") > 0


async def test_no_acknowledged_write_is_lost_when_the_server_is_killed(open_folder: Path) -> None:
    """Stopped at once in mid-load and started again: what was acknowledged is there, and nobody fails."""
    home = open_folder / "killed"
    acknowledged: set[tuple[str, int]] = set()
    with ExitStack() as servers:
        server = await asyncio.to_thread(servers.enter_context, running_server(home))
        plain = AsyncConnectionPool(server.dsn, kwargs={"autocommit": True}, open=False)
        async with plain as pool:  # does not check its connections: after the kill they are all dead
            await make_tables(pool)
            writer = GroupCommitWriter(pool, lanes=2, timeout=60)
            go_on = True

            async def write(case: str) -> None:
                n = 0
                while go_on:
                    await writer.write(case, note(case, n), run=case)
                    acknowledged.add((case, n))
                    n += 1

            callers = [asyncio.ensure_future(write(f"case-{n}")) for n in range(50)]
            await until(lambda: len(acknowledged) > 2_000)
            os.kill(_postmaster(home), signal.SIGQUIT)
            before = set(acknowledged)
            await asyncio.to_thread(servers.enter_context, running_server(home))
            enough = len(before) + 1_000
            await until(lambda: len(acknowledged) > enough)
            go_on = False
            await asyncio.gather(*callers)
            await writer.aclose()

            found = {(key, n) for key, n in await rows(pool, "SELECT key, n FROM notes")}
            assert before <= found
            assert acknowledged == found
            assert writer.counts.retries > 0


def _postmaster(home: Path) -> int:
    return int((home / "data" / "postmaster.pid").read_text().split()[0])

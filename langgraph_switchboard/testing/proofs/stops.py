"""Stops: the server is stopped at once under load, again and again; what was acknowledged is there.

The server dies, the machine lives: what is proved is that nothing is acknowledged before its
commit, and that the write-ahead log brings it back. That a disk keeps what it was told to keep is
the disk's own promise.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.base.id import uuid6

from langgraph_switchboard.checkpoints import GroupCommitSaver
from langgraph_switchboard.postgres import Pool, open_pool, running_server
from langgraph_switchboard.postgres.writer import GroupCommitWriter
from langgraph_switchboard.testing.proofs.report import ProofReport, proof

_CALLERS = 60


async def stops(home: Path, *, writes: int, stops: int, early: bool = False, seed: int = 0) -> ProofReport:
    """Write checkpoints under load while the server is stopped at once, so many times.

    Args:
        home: A folder for the server; made if it is not there.
        writes: How many acknowledged writes at least, over all rounds.
        stops: How often the server is stopped.
        early: The control: acknowledge a write when it is handed in, not when it is committed.
        seed: Of the moments of the stops.
    """
    acknowledged, draw = set[str](), random.Random(seed)
    async with proof("immediate stops") as report:
        with ExitStack() as servers:
            server = await asyncio.to_thread(servers.enter_context, running_server(home))
            async with open_pool(server.dsn) as pool:
                await GroupCommitSaver(pool).setup()
            for round_ in range(1, stops + 1):
                async with open_pool(server.dsn) as pool:
                    # Several statements under way at once, so that the stop meets some of them.
                    saver = GroupCommitSaver(pool, writer=GroupCommitWriter(pool, lanes=4, timeout=60))
                    load = _Load(saver, f"round-{round_}", acknowledged, early=early)
                    await load.until(writes * round_ // stops)
                    await asyncio.sleep(draw.uniform(0, 0.02))
                    os.kill(_postmaster(home), signal.SIGQUIT)
                    told = set(acknowledged)  # what callers went by when the server died
                    if early:
                        load.abandon()
                    await asyncio.to_thread(_start, home)
                    if not early:
                        await load.until(len(told) + _CALLERS)  # the same callers go on
                    await load.end()
                    missing = told - await _found(pool)
                    report.trials += 1
                    report.counts["sent again"] += saver.writer.counts.retries
                    if missing:
                        report.broken.append(f"stop {round_}: {len(missing)} acknowledged writes are lost")
            async with open_pool(server.dsn) as pool:
                if missing := acknowledged - await _found(pool):
                    report.broken.append(f"at the end {len(missing)} acknowledged writes are lost")
        report.counts["acknowledged"] = len(acknowledged)
    return report


class _Load:
    """Callers who write one checkpoint after the other, each to a thread of its own."""

    def __init__(self, saver: GroupCommitSaver, name: str, acknowledged: set[str], *, early: bool) -> None:
        self._saver = saver
        self._acknowledged = acknowledged
        self._going = True
        write: Callable[[str], Any] = self._write_early if early else self._write
        self._callers = [asyncio.ensure_future(write(f"{name}-{n}")) for n in range(_CALLERS)]
        self._loose: list[asyncio.Future[Any]] = []

    async def until(self, enough: int) -> None:
        """Return once so many writes are acknowledged."""
        async with asyncio.timeout(600):
            while len(self._acknowledged) < enough:  # noqa: ASYNC110 - what is awaited is a number
                await asyncio.sleep(0.002)

    def abandon(self) -> None:
        """Forget what is under way, as a process does that ends with its server."""
        for task in (*self._callers, *self._loose):
            task.cancel()

    async def end(self) -> None:
        """Let every caller finish its last write."""
        self._going = False
        await asyncio.gather(*self._callers, *self._loose, return_exceptions=True)
        await self._saver.aclose()

    async def _write(self, thread: str) -> None:
        while self._going:
            checkpoint_id = await self._put(thread, str(uuid6()))
            self._acknowledged.add(checkpoint_id)

    async def _write_early(self, thread: str) -> None:
        while self._going:
            checkpoint_id = str(uuid6())
            self._loose.append(asyncio.ensure_future(self._put(thread, checkpoint_id)))
            self._acknowledged.add(checkpoint_id)
            await asyncio.sleep(0.001)

    async def _put(self, thread: str, checkpoint_id: str) -> str:
        config: Any = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
        await self._saver.aput(config, empty_checkpoint() | {"id": checkpoint_id}, {}, {})
        return checkpoint_id


async def _found(pool: Pool) -> set[str]:
    async with pool.connection() as connection:
        rows: Sequence[dict[str, Any]] = await (
            await connection.execute("select checkpoint_id from checkpoints")
        ).fetchall()
    return {row["checkpoint_id"] for row in rows}


def _postmaster(home: Path) -> int:
    return int((home / "data" / "postmaster.pid").read_text().split()[0])


def _start(home: Path) -> None:
    with running_server(home):
        pass  # the outer block still uses it, so it stays

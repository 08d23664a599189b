"""Outages: Postgres restarts, vanishes, freezes, locks, refuses, while cases are under way.

Every call ends within its bound, whatever the server does; afterwards every case is taken up
again and finished, and nothing is paid twice. The server is the proof's own.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from langgraph_switchboard.checkpoints import CaseSaver
from langgraph_switchboard.errors import StoreError, SwitchboardError
from langgraph_switchboard.postgres import EmbeddedServer, Pool, open_pool, running_server
from langgraph_switchboard.switchboard.core import Switchboard
from langgraph_switchboard.switchboard.opening import House, open_house
from langgraph_switchboard.testing.proofs.payments import FLOW, make_table, paid
from langgraph_switchboard.testing.proofs.report import ProofReport, proof
from langgraph_switchboard.testing.proofs.stock import plain_payments
from langgraph_switchboard.testing.proxy import FaultyNetwork, faulty_network

KINDS = (
    "restart", "down", "reset", "black hole", "freeze",
    "locked table", "backend terminated", "pool empty", "read-only",
)  # fmt: skip

BOUND = 2.0
"""Seconds within which a call to Postgres returns in this proof, unless told otherwise."""
CALLS = 2
"""Calls that a run may still make in a row: the one that fails, and LangGraph's save of the failure."""
GIVING_BACK = 1.0
"""Seconds that a run which broke off may take to give its case back."""
TOLERANCE = 1.0
_CASES = 4
_PAUSE = 0.03
_RECOVERY = 30.0


@dataclass
class Stage:
    """What the faults happen to.

    Args:
        home: The home of the server.
        server: The server.
        network: What the cases reach it through.
        house: The real things of the cases.
        pool: Connections of our own, past the network.
        bound: Seconds within which a call to Postgres returns.
        down: Seconds that the server is away in the fault `down`.
    """

    home: Path
    server: EmbeddedServer
    network: FaultyNetwork
    house: House
    pool: Pool
    bound: float
    down: float

    @property
    def postmaster(self) -> int:
        """The process id of the server."""
        return int((self.home / "data" / "postmaster.pid").read_text().split()[0])


async def outages(
    home: Path,
    *,
    each: int,
    kinds: tuple[str, ...] = KINDS,
    bound: float = BOUND,
    down: float = 10.0,
    seed: int = 0,
) -> list[ProofReport]:
    """Let each kind of fault happen so many times to cases that are under way.

    Args:
        home: A folder for the server; made if it is not there.
        each: How often each kind.
        kinds: Which.
        bound: Seconds within which a call to Postgres returns.
        down: Seconds that the server is away in the fault `down`.
        seed: Of the moments at which the faults begin.
    """
    draw, reports = random.Random(seed), []
    with ExitStack() as stack:
        server = await asyncio.to_thread(stack.enter_context, running_server(home))
        async with faulty_network(server.dsn) as network, open_pool(server.dsn) as pool:
            await make_table(pool)
            async with open_house(network.dsn, timeout=bound, lease=bound, traced=False) as house:
                stage = Stage(home, server, network, house, pool, bound, down)
                for kind in kinds:
                    async with proof(kind) as report:
                        for number in range(each):
                            await _one(report, stage, kind, f"{kind}-{seed}-{number}", draw.uniform(0.0, 0.2))
                    reports.append(report)
    return reports


async def stock_in_a_black_hole(dsn: str, *, limit: float) -> bool:
    """The control: whether a plain graph on the stock saver still hangs after so many seconds.

    Args:
        dsn: A database.
        limit: Seconds; what our own saver is bound to.
    """
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with faulty_network(dsn) as network:
        pool: Pool = AsyncConnectionPool(network.dsn, kwargs=options, open=False, max_size=4)
        async with pool:
            await AsyncPostgresSaver(pool).setup()
            network.swallow()
            run = asyncio.ensure_future(
                plain_payments(pool).ainvoke({"amount": 1}, {"configurable": {"thread_id": "hole"}})
            )
            await asyncio.wait({run}, timeout=limit)
            hangs = not run.done()
            network.heal()
            with suppress(Exception):
                await run
    return hangs


async def _one(report: ProofReport, stage: Stage, kind: str, name: str, after: float) -> None:
    switchboard = Switchboard(stage.house)
    cases = [f"{name}-{n}" for n in range(_CASES)]
    order = {"order": {"cents": 4, "asks": False, "pause": _PAUSE}}
    for case_id in cases:
        await _until_it_works(lambda case_id=case_id: switchboard.start(FLOW, order, case_id=case_id))  # type: ignore[misc]
    runs = [asyncio.ensure_future(switchboard.resume(case_id)) for case_id in cases]
    await asyncio.sleep(after)
    began = time.monotonic()
    limit = CALLS * stage.bound + GIVING_BACK + TOLERANCE
    async with FAULTS[kind](stage):
        _, late = await asyncio.wait(runs, timeout=limit)
        slowest = time.monotonic() - began
    report.trials += 1
    report.counts[f"ended within {_half_seconds(slowest)} s"] += 1
    ends = await asyncio.gather(*runs, return_exceptions=True)
    for end in ends:
        report.counts[type(end).__name__ if isinstance(end, BaseException) else end.status] += 1
        if isinstance(end, BaseException) and not isinstance(end, StoreError):
            report.broken.append(f"{name}: {end!r}")
    if late:
        report.broken.append(f"{name}: {len(late)} calls did not return within {limit} s")
    for case_id in cases:
        row = await _until_it_works(lambda case_id=case_id: switchboard.resume(case_id))  # type: ignore[misc]
        if row.status != "finished":
            report.broken.append(f"{case_id}: {row.status}, {row.reason}")
    for case_id, amounts in (await paid(stage.pool, cases)).items():
        if amounts != [4, 4]:
            report.broken.append(f"{case_id}: paid {amounts}")


async def _until_it_works(act: Callable[[], Any]) -> Any:
    """The server needs a moment to be there again, and a broken run's case its lease."""
    async with asyncio.timeout(_RECOVERY):
        while True:
            try:
                return await act()
            except SwitchboardError:
                await asyncio.sleep(0.05)


def _half_seconds(seconds: float) -> float:
    return (int(seconds * 2) + 1) / 2


# -- the faults: each lasts as long as the block -----------------------------------------------


@asynccontextmanager
async def _restart(stage: Stage) -> AsyncIterator[None]:
    await asyncio.to_thread(_stop, stage, signal.SIGINT)
    await asyncio.to_thread(_start, stage)
    yield


@asynccontextmanager
async def _down(stage: Stage) -> AsyncIterator[None]:
    began = time.monotonic()
    await asyncio.to_thread(_stop, stage, signal.SIGINT)
    try:
        yield
        await asyncio.sleep(max(0.0, stage.down - (time.monotonic() - began)))
    finally:
        await asyncio.to_thread(_start, stage)


@asynccontextmanager
async def _reset(stage: Stage) -> AsyncIterator[None]:
    stage.network.reset()
    yield


@asynccontextmanager
async def _black_hole(stage: Stage) -> AsyncIterator[None]:
    stage.network.swallow()
    try:
        yield
    finally:
        stage.network.heal()


@asynccontextmanager
async def _freeze(stage: Stage) -> AsyncIterator[None]:
    processes = [stage.postmaster, *_children(stage.postmaster)]
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def _locked_table(stage: Stage) -> AsyncIterator[None]:
    async with await AsyncConnection.connect(stage.server.dsn) as connection:
        await connection.execute("lock table checkpoints in access exclusive mode")
        yield


@asynccontextmanager
async def _terminated(stage: Stage) -> AsyncIterator[None]:
    async with stage.pool.connection() as connection:
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where backend_type = 'client backend' and pid <> pg_backend_pid()"
        )
    yield


@asynccontextmanager
async def _pool_empty(stage: Stage) -> AsyncIterator[None]:
    assert isinstance(stage.house.saver, CaseSaver)
    pools = {id(pool): pool for pool in (stage.house.saver._pool, stage.house.owners._pool)}  # type: ignore[attr-defined]
    taken = []
    for pool in pools.values():
        with suppress(psycopg.Error):
            while True:
                taken.append((pool, await pool.getconn(timeout=0.2)))
    try:
        yield
    finally:
        for pool, connection in taken:
            await pool.putconn(connection)


@asynccontextmanager
async def _read_only(stage: Stage) -> AsyncIterator[None]:
    async def set_to(value: str) -> None:
        async with await AsyncConnection.connect(stage.server.dsn, autocommit=True) as connection:
            await connection.execute(f"alter system set default_transaction_read_only = {value}".encode())
            await connection.execute("select pg_reload_conf()")

    await set_to("on")
    try:
        yield
    finally:
        await set_to("off")


FAULTS: dict[str, Callable[[Stage], AbstractAsyncContextManager[None]]] = dict(
    zip(
        KINDS,
        (
            _restart, _down, _reset, _black_hole, _freeze,
            _locked_table, _terminated, _pool_empty, _read_only,
        ),
        strict=True,
    )
)  # fmt: skip


def _stop(stage: Stage, how: signal.Signals) -> None:
    pid = stage.postmaster
    os.kill(pid, how)
    while (stage.home / "data" / "postmaster.pid").exists():
        time.sleep(0.02)


def _start(stage: Stage) -> None:
    with running_server(stage.home):
        pass  # the outer block still uses it, so it stays


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

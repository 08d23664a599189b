"""`switchboard bench saver`: what saving costs, side by side in one process.

No saver, the saver in memory, the stock Postgres saver with a pool of ten, and
ours take turns on the same workload, so that a slow minute of the machine hits
all of them; then a ladder of rows says what each further part costs, up to
everything on. Read the ratios; the absolute numbers are this machine's.
"""

from __future__ import annotations

import asyncio
import json as jsonlib
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import uuid4

import typer
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection, AsyncCursor
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row, tuple_row
from psycopg_pool import AsyncConnectionPool
from rich.console import Console

from langgraph_switchboard.checkpoints import GroupCommitSaver
from langgraph_switchboard.checkpoints.collector import THRESHOLDS, calm_collector
from langgraph_switchboard.cli.bench_figures import Results, Run, parts_of, ratios, table_of
from langgraph_switchboard.cli.bench_parts import LADDER, Drive, opened, plain
from langgraph_switchboard.cli.cpu import postgres_cpu
from langgraph_switchboard.cli.workload import bench_graph
from langgraph_switchboard.postgres import database, migrate

BenchPool = AsyncConnectionPool[AsyncConnection[DictRow]]

MAKERS: dict[str, Callable[[BenchPool], BaseCheckpointSaver[Any] | None]] = {
    "none": lambda pool: None,
    "memory": lambda pool: InMemorySaver(),
    "stock": AsyncPostgresSaver,
    "ours": GroupCommitSaver,
}
"""Each repetition of each saver has one of its own."""
DURABILITY: dict[str, Any] = {"none": None, "memory": "async", "stock": "async"}
"""LangGraph's default for the others; whoever is not named runs at `sync`."""
CASES = {1: 60, 100: 400, 1000: 1000}
"""How many cases are run at each concurrency."""
LADDER_AT = 100
"""The concurrency at which the ladder is climbed."""
KEPT = ("switchboard.ledger", "switchboard.ledger_chain")
TABLES = (
    "checkpoints",
    "checkpoint_blobs",
    "checkpoint_writes",
    "switchboard.cases",
    "switchboard.case_owner",
    *KEPT,
)


class _CountingCursor(AsyncCursor[Any]):
    """Counts the statements that are sent; `executemany` sends one per row."""

    sent = 0

    async def execute(self, *args: Any, **kwargs: Any) -> _CountingCursor:
        _CountingCursor.sent += 1
        return await super().execute(*args, **kwargs)

    async def executemany(self, query: Any, params_seq: Any, **kwargs: Any) -> None:
        rows = list(params_seq)
        _CountingCursor.sent += len(rows)
        await super().executemany(query, rows, **kwargs)


class Bench:
    """The workload on a database of its own.

    Args:
        pool: Ten connections to that database, for the stock saver and for ours alike.
    """

    def __init__(self, pool: BenchPool) -> None:
        self._pool = pool
        self._graph = bench_graph()

    async def run(self, saver: str, concurrency: int, cases: int) -> Run:
        """Run that many cases, so many at a time, on empty tables.

        Args:
            saver: One of `MAKERS` or of `LADDER`.
            concurrency: Cases in flight.
            cases: Cases in all.
        """
        await self._empty()
        ids = [uuid4().hex for _ in range(cases)]
        async with self._opened(saver) as drive:
            before = await self._marks()
            began, cpu = time.perf_counter(), time.process_time()
            seconds = sorted(await drive(ids, concurrency))
            wall, cpu = time.perf_counter() - began, time.process_time() - cpu
            after = await self._marks()
        return Run(
            rate=cases / wall,
            p50=seconds[len(seconds) // 2],
            p99=seconds[int(len(seconds) * 0.99)],
            python_ms=cpu * 1000 / cases,
            postgres_ms=(after.cpu - before.cpu) * 1000 / cases,
            commits=(after.xact - before.xact - 1) / cases,
            statements=(after.sent - before.sent) / cases,
        )

    @asynccontextmanager
    async def _opened(self, saver: str) -> AsyncIterator[Drive]:
        if saver in LADDER:
            async with opened(saver, self._pool) as drive:
                yield drive
            return
        checkpointer = MAKERS[saver](self._pool)
        app = self._graph.compile(checkpointer=checkpointer)
        yield plain(app, DURABILITY.get(saver, "sync"), threads=checkpointer is not None)
        if isinstance(checkpointer, GroupCommitSaver):
            await checkpointer.aclose()

    async def _empty(self) -> None:
        async with self._pool.connection() as conn:
            await conn.execute(f"TRUNCATE {', '.join(TABLES)}")
            await conn.execute("CHECKPOINT")  # so that no repetition pays for an earlier one's pages

    async def _marks(self) -> _Marks:
        async with self._pool.connection() as conn, AsyncCursor(conn, row_factory=tuple_row) as cursor:
            await cursor.execute("SELECT pg_current_xact_id()::text::bigint")
            ((xact,),) = await cursor.fetchall()
        return _Marks(xact, _CountingCursor.sent, await postgres_cpu(self._pool))


@dataclass(frozen=True)
class _Marks:
    xact: int
    sent: int
    cpu: float


@asynccontextmanager
async def bench_database(dsn: str | None = None) -> AsyncIterator[BenchPool]:
    """A pool of ten on a fresh database of the given (or embedded) server, dropped at the end."""
    async with database(dsn) as server:
        name = f"switchboard_bench_{uuid4().hex[:8]}"
        async with await AsyncConnection.connect(server.dsn, autocommit=True) as admin:
            await admin.execute(f"CREATE DATABASE {name}")
            try:
                kwargs = {
                    "autocommit": True,
                    "prepare_threshold": 0,
                    "row_factory": dict_row,
                    "cursor_factory": _CountingCursor,
                }
                conninfo = make_conninfo(server.dsn, dbname=name)
                async with AsyncConnectionPool(
                    conninfo,
                    connection_class=AsyncConnection[DictRow],
                    kwargs=kwargs,
                    min_size=10,
                    max_size=10,
                    open=False,
                ) as pool:
                    await GroupCommitSaver(pool).setup()
                    await migrate(pool)
                    async with pool.connection() as conn:  # each run begins with empty tables
                        for table in KEPT:
                            await conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only_as_a_whole")
                    yield pool
            finally:
                await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def bench_saver(
    dsn: str | None = None,
    *,
    repetitions: int = 3,
    cases: dict[int, int] | None = None,
    savers: Sequence[str] = (*MAKERS, *LADDER),
    calm: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Results:
    """Measure the savers in turn, `repetitions` times.

    Args:
        dsn: The server; None as for `database`.
        repetitions: How often each saver has its turn.
        cases: For each concurrency the number of cases; `CASES` by default.
        savers: Which of `MAKERS` and `LADDER`; the ladder only at a hundred at a time.
        calm: Whether the garbage collector is kept calm, for all savers alike.
        say: Told what goes on.

    Returns:
        The runs of each saver and concurrency.
    """
    results: Results = {}
    async with bench_database(dsn) as pool:
        bench = Bench(pool)
        for saver in savers:
            await bench.run(saver, 20, 60)  # warm: prepared statements, imports, file cache
        with ExitStack() as stack:
            if calm:
                stack.enter_context(calm_collector())
            for repetition in range(repetitions):
                for concurrency, count in (cases or CASES).items():
                    for saver in savers:
                        if saver in LADDER and concurrency != LADDER_AT:
                            continue
                        run = await bench.run(saver, concurrency, count)
                        results.setdefault((saver, concurrency), []).append(run)
                        say(f"{repetition + 1}/{repetitions} c={concurrency} {saver}: {run.rate:.0f}/s")
    return results


app = typer.Typer(no_args_is_help=True, help="Measure what the library costs on this machine.")


@app.callback()
def _bench() -> None:
    """Measure what the library costs on this machine."""


@app.command()
def saver(
    json: Annotated[bool, typer.Option(help="End with one line of JSON.")] = False,
    repetitions: Annotated[int, typer.Option(help="How often each saver has its turn.")] = 3,
    calm: Annotated[bool, typer.Option(help="Keep the garbage collector calm, for all alike.")] = True,
    only: Annotated[int, typer.Option(help="Only this many cases at a time: 1, 100 or 1000.")] = 0,
) -> None:
    """Compare no saver, the one in memory, the stock Postgres saver and ours on the same tickets."""
    console = Console(stderr=json, width=110)
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    thresholds = THRESHOLDS if calm else "Python's own"
    console.print(f"load average {load}; {os.cpu_count()} CPUs; collector thresholds {thresholds}")
    console.print("stock and memory at durability 'async' (the default), ours at 'sync'")
    cases = {only: CASES[only]} if only else None
    results = asyncio.run(bench_saver(repetitions=repetitions, cases=cases, calm=calm, say=console.print))
    console.print(table_of(results))
    if only in (0, LADDER_AT):
        console.print(parts_of(results))
    console.print(f"load average at the end {', '.join(f'{one:.2f}' for one in os.getloadavg())}")
    if json:
        typer.echo(jsonlib.dumps(ratios(results)))


if __name__ == "__main__":
    app()

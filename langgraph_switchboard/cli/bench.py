"""`switchboard bench saver`: what saving costs, side by side in one process.

No saver, the saver in memory, the stock Postgres saver with a pool of ten, and
ours take turns on the same workload, so that a slow minute of the machine hits
all of them. Read the ratios; the absolute numbers are this machine's.
"""

from __future__ import annotations

import asyncio
import json as jsonlib
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median
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
from rich.table import Table

from langgraph_switchboard.checkpoints import GroupCommitSaver
from langgraph_switchboard.checkpoints.collector import THRESHOLDS, calm_collector
from langgraph_switchboard.cli.cpu import postgres_cpu
from langgraph_switchboard.cli.workload import TICKET, bench_graph
from langgraph_switchboard.postgres.pool import database

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


@dataclass(frozen=True)
class Run:
    """One saver, one concurrency, one repetition.

    Args:
        rate: Cases per second.
        p50: Median seconds of a case.
        p99: Seconds that 99 % of the cases stay under.
        python_ms: CPU of this process, milliseconds per case.
        postgres_ms: CPU of the server, milliseconds per case; 0 where it cannot be read.
        commits: Transactions with writes, per case.
        statements: SQL statements sent, per case.
    """

    rate: float
    p50: float
    p99: float
    python_ms: float
    postgres_ms: float
    commits: float
    statements: float

    @property
    def cpu_ms(self) -> float:
        """CPU of both, milliseconds per case."""
        return self.python_ms + self.postgres_ms


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
            saver: One of `MAKERS`.
            concurrency: Cases in flight.
            cases: Cases in all.
        """
        checkpointer = await self._fresh(saver)
        app: Any = self._graph.compile(checkpointer=checkpointer)
        durability = DURABILITY.get(saver, "sync")
        left = iter(range(cases))
        seconds: list[float] = []

        async def worker() -> None:
            for _ in left:
                began = time.perf_counter()
                config: Any = {"configurable": {"thread_id": uuid4().hex}} if checkpointer else {}
                out = await app.ainvoke({"ticket": TICKET}, config, durability=durability)
                seconds.append(time.perf_counter() - began)
                if out["reply"]["to"] != "A-1":
                    raise RuntimeError("the workload gave a wrong answer")

        before = await self._marks()
        began, cpu = time.perf_counter(), time.process_time()
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(worker())
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        after = await self._marks()
        if isinstance(checkpointer, GroupCommitSaver):
            await checkpointer.aclose()
        seconds.sort()
        return Run(
            rate=cases / wall,
            p50=seconds[len(seconds) // 2],
            p99=seconds[int(len(seconds) * 0.99)],
            python_ms=cpu * 1000 / cases,
            postgres_ms=(after.cpu - before.cpu) * 1000 / cases,
            commits=(after.xact - before.xact - 1) / cases,
            statements=(after.sent - before.sent) / cases,
        )

    async def _fresh(self, saver: str) -> BaseCheckpointSaver[Any] | None:
        async with self._pool.connection() as conn:
            await conn.execute("TRUNCATE checkpoints, checkpoint_blobs, checkpoint_writes")
            await conn.execute("CHECKPOINT")  # so that no repetition pays for an earlier one's pages
        return MAKERS[saver](self._pool)

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
                    yield pool
            finally:
                await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


Results = dict[tuple[str, int], list[Run]]


async def bench_saver(
    dsn: str | None = None,
    *,
    repetitions: int = 3,
    cases: dict[int, int] | None = None,
    savers: Sequence[str] = tuple(MAKERS),
    calm: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Results:
    """Measure the savers in turn, `repetitions` times.

    Args:
        dsn: The server; None as for `database`.
        repetitions: How often each saver has its turn.
        cases: For each concurrency the number of cases; `CASES` by default.
        savers: Which of `MAKERS`.
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
                        run = await bench.run(saver, concurrency, count)
                        results.setdefault((saver, concurrency), []).append(run)
                        say(f"{repetition + 1}/{repetitions} c={concurrency} {saver}: {run.rate:.0f}/s")
    return results


def ratios(results: Results) -> dict[str, float]:
    """The figures that the goals are stated in: medians of ours against medians of stock.

    A figure whose concurrency was not run is left out.
    """

    def mid(saver: str, concurrency: int, what: str) -> float:
        return float(median(getattr(run, what) for run in results[saver, concurrency]))

    def against(other: str, concurrency: int, what: str) -> float:
        return round(mid("ours", concurrency, what) / mid(other, concurrency, what), 3)

    found: dict[str, float] = {}
    if ("ours", 100) in results:
        found = {
            "throughput_ratio_c100": against("stock", 100, "rate"),
            "cpu_ratio": against("stock", 100, "cpu_ms"),
            "p99_ratio": against("stock", 100, "p99"),
            "commits_per_case": round(mid("ours", 100, "commits"), 3),
            "statements_per_case": round(mid("ours", 100, "statements"), 3),
            "inmemory_ratio": against("memory", 100, "rate"),
        }
    if ("ours", 1000) in results:
        found["throughput_ratio_c1000"] = against("stock", 1000, "rate")
        found["cpu_ratio_c1000"] = against("stock", 1000, "cpu_ms")
    if ("ours", 1) in results:
        found["p50_ratio_c1"] = against("stock", 1, "p50")
    return found


_COLUMNS = (
    ("cases/s", "rate", 1.0, 0),
    ("p50 ms", "p50", 1000.0, 0),
    ("p99 ms", "p99", 1000.0, 0),
    ("CPU ms", "cpu_ms", 1.0, 2),
    ("of it Python", "python_ms", 1.0, 2),
    ("commits", "commits", 1.0, 2),
    ("statements", "statements", 1.0, 2),
)


def table_of(results: Results) -> Table:
    """The medians over the repetitions; for the rate the least and the greatest too."""
    table = Table(title="What saving costs: medians per case", box=None, pad_edge=False)
    table.add_column("at a time", justify="right")
    table.add_column("saver")
    for head, *_ in _COLUMNS:
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("min to max /s", justify="right", no_wrap=True)
    for (saver, concurrency), runs in sorted(results.items(), key=lambda item: item[0][1]):
        cells = [
            f"{median(getattr(run, what) for run in runs) * scale:.{digits}f}"
            for _, what, scale, digits in _COLUMNS
        ]
        rates = [run.rate for run in runs]
        table.add_row(str(concurrency), saver, *cells, f"{min(rates):.0f} to {max(rates):.0f}")
    return table


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
    console.print(f"load average at the end {', '.join(f'{one:.2f}' for one in os.getloadavg())}")
    if json:
        typer.echo(jsonlib.dumps(ratios(results)))


if __name__ == "__main__":
    app()

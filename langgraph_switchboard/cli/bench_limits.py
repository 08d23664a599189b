"""`switchboard bench limits`: what it costs to ask before a call, side by side in one process.

A thousand callers at a time reserve from one budget: by the library's limits, which answer all that
wait in one statement; the same with every call settled; and by a transaction of its own for each
call, as it is usually written. They take turns, so that a slow minute of the machine hits all of
them. Read the ratios; the absolute numbers are this machine's.
"""

from __future__ import annotations

import asyncio
import itertools
import json as jsonlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from langgraph_switchboard.cases import PostgresOwners
from langgraph_switchboard.cli.bench import BenchPool, bench_database
from langgraph_switchboard.cli.cpu import postgres_cpu
from langgraph_switchboard.errors import BudgetExceeded
from langgraph_switchboard.limits import Call, Line, PostgresLimits, Spent

CONCURRENCY = 1_000
CALLS = {"ours": 20_000, "ours, settled": 10_000, "a transaction each": 3_000}
"""How many calls each makes in a repetition."""
_OVER = 500
"""Calls beyond the limit, which must all be refused."""
_NAIVE = """
update switchboard.budgets set held_tokens = held_tokens + 1, updated_at = clock_timestamp()
where key = %s and spent_tokens + held_tokens + 1 <= limit_tokens returning 1
"""

Reserve = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Run:
    """One way of asking, one repetition.

    Args:
        rate: Calls that were let through, per second.
        p50: Median seconds that a caller waited.
        p99: Seconds that 99 % of them stayed under.
        commits: Transactions with writes, per call that was let through.
        python_us: CPU of this process, microseconds per call.
        postgres_us: CPU of the server, microseconds per call; 0 where it cannot be read.
        is_exact: Whether exactly as many were let through as the limit says.
    """

    rate: float
    p50: float
    p99: float
    commits: float
    python_us: float
    postgres_us: float
    is_exact: bool

    @property
    def cpu_us(self) -> float:
        """CPU of both, microseconds per call."""
        return self.python_us + self.postgres_us


async def bench_limits(
    dsn: str | None = None,
    *,
    repetitions: int = 5,
    calls: dict[str, int] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, list[Run]]:
    """Measure the ways in turn.

    Args:
        dsn: The server; None as for `database`.
        repetitions: How often each has its turn.
        calls: How many calls each makes; `CALLS` unless given.
        say: Told what goes on.
    """
    results: dict[str, list[Run]] = {}
    numbers = itertools.count(1)
    async with bench_database(dsn) as pool, _limits(pool) as limits:
        await _measure(pool, _ours(limits, Line("flow", "warm", tokens=10**9)), 2_000, 10**9)
        for repetition in range(repetitions):
            for name, count in (calls or CALLS).items():
                line = Line("flow", f"bench-{next(numbers)}", tokens=count)
                ways: dict[str, Callable[[], Reserve]] = {
                    "ours": lambda line=line: _ours(limits, line),  # type: ignore[misc]
                    "ours, settled": lambda line=line: _ours(limits, line, settled=True),  # type: ignore[misc]
                    "a transaction each": lambda line=line: _naive(pool, line),  # type: ignore[misc]
                }
                await _make(pool, line)
                run = await _measure(pool, ways[name](), count + _OVER, count)
                results.setdefault(name, []).append(run)
                say(f"{repetition + 1}/{repetitions} {name}: {run.rate:,.0f}/s, exact: {run.is_exact}")
    return results


@asynccontextmanager
async def _limits(pool: BenchPool) -> AsyncIterator[PostgresLimits]:
    async with PostgresOwners.open(pool) as owners:
        limits = PostgresLimits(str(pool.conninfo), process=owners.process)
        try:
            yield limits
        finally:
            await limits.aclose()


def _ours(limits: PostgresLimits, line: Line, *, settled: bool = False) -> Reserve:
    numbers = itertools.count()

    async def reserve() -> bool:
        try:
            grant = await limits.admit(Call(f"c{next(numbers)}", "bench", 1, (line,), Spent(tokens=1)))
        except BudgetExceeded:
            return False
        if settled:
            await limits.settle(grant, Spent(tokens=1))
        return True

    return reserve


def _naive(pool: BenchPool, line: Line) -> Reserve:
    async def reserve() -> bool:
        async with pool.connection(timeout=60) as connection:
            cursor = await connection.execute(_NAIVE, [line.key])
            return await cursor.fetchone() is not None

    return reserve


async def _make(pool: BenchPool, line: Line) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            "insert into switchboard.budgets (key, scope, subject, limit_tokens) values (%s, %s, %s, %s)",
            [line.key, line.scope, line.subject, line.tokens],
        )
        await connection.execute("CHECKPOINT")


async def _measure(pool: BenchPool, reserve: Reserve, calls: int, limit: int) -> Run:
    """Let a thousand callers at a time ask until so many calls were made."""
    left: Iterator[int] = iter(range(calls))
    waits: list[float] = []
    granted = 0

    async def caller() -> None:
        nonlocal granted
        for _ in left:
            began = time.perf_counter()
            let_through = await reserve()
            granted += let_through
            waits.append(time.perf_counter() - began)

    before, server = await _xid(pool), await postgres_cpu(pool)
    began, own = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(CONCURRENCY)))
    wall, own = time.perf_counter() - began, time.process_time() - own
    after, server = await _xid(pool), await postgres_cpu(pool) - server
    waits.sort()
    return Run(
        granted / wall,
        waits[len(waits) // 2],
        waits[int(len(waits) * 0.99)],
        (after - before - 1) / granted,
        1e6 * own / calls,
        1e6 * server / calls,
        granted == min(limit, calls),
    )


async def _xid(pool: BenchPool) -> int:
    async with pool.connection() as connection:
        row: Any = await (
            await connection.execute("select pg_current_xact_id()::text::bigint as xid")
        ).fetchone()
        return int(row["xid"])


def figures(results: dict[str, list[Run]]) -> dict[str, Any]:
    """The figures that the goal is stated in, medians, with the least and the greatest."""
    ours, naive = results["ours"], results["a transaction each"]
    pairs = list(zip(ours, naive, strict=True))
    rates = [run.rate for run in ours]
    return {
        "concurrency": CONCURRENCY,
        "reservations_per_second": round(median(rates)),
        "reservations_per_second_min": round(min(rates)),
        "reservations_per_second_max": round(max(rates)),
        "settled_per_second": round(median(run.rate for run in results["ours, settled"])),
        "commits_per_reservation": round(median(run.commits for run in ours), 5),
        "p99_ms": round(1000 * median(run.p99 for run in ours), 1),
        "cpu_us_per_reservation": round(median(run.cpu_us for run in ours), 1),
        "limit_exact": all(run.is_exact for runs in results.values() for run in runs),
        "ratio_to_a_transaction_each": round(median(one.rate / other.rate for one, other in pairs), 2),
        "p99_ratio": round(median(one.p99 / other.p99 for one, other in pairs), 4),
        "cpu_ratio": round(median(one.cpu_us / other.cpu_us for one, other in pairs), 4),
    }


def table_of(results: dict[str, list[Run]]) -> Table:
    """The medians over the repetitions, with the least and the greatest rate."""
    table = Table(
        title=f"Reservations, {CONCURRENCY:,} callers at a time, one budget", box=None, pad_edge=False
    )
    for head in (
        "way",
        "calls/s",
        "min to max",
        "p50 ms",
        "p99 ms",
        "CPU us",
        "of it Postgres",
        "commits",
        "exact",
    ):
        table.add_column(head, justify="left" if head == "way" else "right", no_wrap=True)
    for name, runs in results.items():
        rates = [run.rate for run in runs]
        table.add_row(
            name,
            f"{median(rates):,.0f}",
            f"{min(rates):,.0f} to {max(rates):,.0f}",
            f"{1000 * median(run.p50 for run in runs):.1f}",
            f"{1000 * median(run.p99 for run in runs):.1f}",
            f"{median(run.cpu_us for run in runs):.0f}",
            f"{median(run.postgres_us for run in runs):.0f}",
            f"{median(run.commits for run in runs):.4f}",
            "yes" if all(run.is_exact for run in runs) else "NO",
        )
    return table


def limits(
    json: Annotated[bool, typer.Option(help="End with one line of JSON.")] = False,
    repetitions: Annotated[int, typer.Option(help="How often each has its turn.")] = 5,
) -> None:
    """Compare asking for all that wait in one statement with one transaction for each call."""
    console = Console(stderr=json, width=110)
    console.print(f"load average {', '.join(f'{one:.2f}' for one in os.getloadavg())}; {os.cpu_count()} CPUs")
    results = asyncio.run(bench_limits(repetitions=repetitions, say=console.print))
    console.print(table_of(results))
    if json:
        typer.echo(jsonlib.dumps(figures(results)))

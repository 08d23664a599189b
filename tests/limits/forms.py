"""The two forms of the limits, with a way to let time pass that needs no waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from typing import Any

from langgraph_switchboard.limits import (
    Breaker,
    BreakerPolicy,
    BreakerRow,
    Bucket,
    BudgetRow,
    Call,
    Limits,
    Line,
    MemoryLimits,
    PostgresLimits,
    Rate,
    Spent,
)
from langgraph_switchboard.postgres import Pool, open_pool
from langgraph_switchboard.testing import FakeClock

DAY = date(2030, 1, 1)

_PASS = """
update switchboard.buckets set full_at = full_at - %(s)s;
update switchboard.breaker_states set open_until = open_until - make_interval(secs => %(s)s),
    probe_until = probe_until - make_interval(secs => %(s)s);
"""


@dataclass
class Form:
    """One form of the limits.

    Args:
        limits: The limits.
        passes: Lets seconds pass.
        slept: Seconds that calls waited for their turn, in order.
        alive: Inside it the process of these limits is taken for alive.
    """

    limits: Limits
    passes: Callable[[float], Awaitable[None]]
    slept: list[float]
    alive: Callable[[], AbstractAsyncContextManager[object]]

    async def budget(self, key: str) -> BudgetRow:
        """How one budget stands."""
        rows = {f"{row.scope}:{row.subject}": row for row in await self.limits.budgets()}
        return rows[key]

    async def breaker(self, name: str = "desk/billing") -> BreakerRow:
        """How one breaker stands."""
        (row,) = [row for row in await self.limits.breakers() if row.name == name]
        return row


def in_memory() -> Form:
    """The memory form, on a clock that is moved by hand."""
    clock = FakeClock()

    async def passes(seconds: float) -> None:
        clock.advance(seconds)

    limits = MemoryLimits(monotonic=clock.monotonic, sleep=clock.sleep)
    return Form(limits, passes, clock.slept, nullcontext)


def in_postgres(dsn: str, pool: Pool, process: int) -> Form:
    """The Postgres form; its rows are moved into the past in place of the server's clock."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def passes(seconds: float) -> None:
        async with pool.connection() as connection:
            for statement in _PASS.split(";")[:2]:
                await connection.execute(statement.encode(), {"s": seconds})

    @asynccontextmanager
    async def alive() -> AsyncIterator[None]:
        async with pool.connection() as connection:
            await connection.execute("select pg_advisory_lock(%s)", [process])
            yield
            await connection.execute("select pg_advisory_unlock(%s)", [process])

    return Form(PostgresLimits(dsn, process=process, sleep=sleep), passes, slept, alive)


async def sql(dsn: str, statement: str, *values: Any) -> list[dict[str, Any]]:
    """Run one statement on a connection of its own."""
    async with open_pool(dsn, max_size=1) as pool, pool.connection() as connection:
        cursor = await connection.execute(statement.encode(), list(values))
        return await cursor.fetchall() if cursor.description else []


def a_line(scope: Any = "case", subject: str = "c1", **bounds: Any) -> Line:
    """A budget; ten tokens unless it is told."""
    return Line(scope, subject, **(bounds or {"tokens": 10}))


def a_call(*lines: Line, tokens: int = 1, micros: int = 0, case_id: str = "c1", **more: Any) -> Call:
    """A call of billing that wants one token."""
    return Call(case_id, "billing", lines=lines, wants=Spent(micros, tokens), **more)


def a_bucket(per_second: float = 1.0, burst: float = 1.0, patience: float = 10.0) -> Bucket:
    """The bucket of billing."""
    return Bucket("agent", "desk/billing", Rate(per_second, burst, patience))


def a_breaker(**policy: Any) -> Breaker:
    """The breaker of billing, which opens on half of four calls unless it is told."""
    return Breaker("agent", "desk/billing", BreakerPolicy(**{"window": 4, "least": 2, **policy}))

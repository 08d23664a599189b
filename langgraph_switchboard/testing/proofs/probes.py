"""Probes: a breaker is half open, and callers of several processes come at the same instant."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from langgraph_switchboard.cases import LEASE
from langgraph_switchboard.errors import BreakerOpen
from langgraph_switchboard.limits import Breaker, BreakerPolicy, Call, Grant, Limits, refusals
from langgraph_switchboard.postgres import Pool, migrate, open_pool
from langgraph_switchboard.switchboard.core import Switchboard
from langgraph_switchboard.switchboard.opening import House
from langgraph_switchboard.testing.proofs.budgets import PROCESSES, limits_only
from langgraph_switchboard.testing.proofs.hands import Job, Nursery, deed
from langgraph_switchboard.testing.proofs.payments import FLOW
from langgraph_switchboard.testing.proofs.report import ProofReport, proof

CALLERS = 8
"""Callers of each process."""
_HALF_OPEN = """
insert into switchboard.breaker_states (key, open_until, opened_at, opened, why)
values (%s, clock_timestamp() - interval '1 second', clock_timestamp() - interval '1 minute', 1, 'a proof')
"""


async def probes(nursery: Nursery, dsn: str, *, tries: int, rig: str = "") -> ProofReport:
    """Let callers of four processes meet breakers that are half open; one call may go through each.

    Args:
        nursery: Where the processes come from.
        dsn: A database to do it in.
        tries: How many breakers.
        rig: `"module:name"` of what opens the processes' limits; for the control.
    """
    job = Job(dsn, FLOW, LEASE, rig or deed(limits_only))
    async with proof("breaker probes") as report, open_pool(dsn, max_size=2) as pool:
        await migrate(pool)
        async with nursery.hands(*[job] * PROCESSES) as hands:
            for number in range(tries):
                name = f"probe-{number}"
                async with pool.connection() as connection:
                    await connection.execute(_HALF_OPEN, [f"agent:{name}"])
                at = time.monotonic() + 0.03
                let = await asyncio.gather(*(hand.do(deed(knock), at=at, name=name) for hand in hands))
                report.trials += 1
                report.counts[f"{sum(let)} let through"] += 1
                if sum(let) != 1:
                    report.broken.append(f"{name}: {sum(let)} calls were let through as probes")
    return report


async def knock(switchboard: Switchboard, name: str) -> int:
    """What a process does: its callers ask at once; how many are let through."""
    breaker = Breaker("agent", name, BreakerPolicy(cool=60.0))

    async def caller(number: int) -> bool:
        try:
            await switchboard.services.limits.admit(Call(f"c{number}", "proof", breaker=breaker))
        except BreakerOpen:
            return False
        return True

    return sum(await asyncio.gather(*map(caller, range(CALLERS))))


@dataclass
class _Looking:
    """Limits that look whether a breaker is due for a probe, and then say that one is under way."""

    limits: Limits
    pool: Pool

    async def admit(self, call: Call) -> Grant:
        """Let a call through that saw no probe under way."""
        assert call.breaker is not None
        async with self.pool.connection() as connection:
            sql = "select probe_until from switchboard.breaker_states where key = %s"
            row: Any = await (await connection.execute(sql, [call.breaker.key])).fetchone()
            if row["probe_until"] is not None:
                raise refusals.left_alone(call, call.breaker, 1.0)
            await connection.execute(
                "update switchboard.breaker_states set probe_until = clock_timestamp() + interval '1 minute' "
                "where key = %s",
                [call.breaker.key],
            )
        return Grant(call, 0, is_probe=True)

    async def aclose(self) -> None:
        """Close what is open."""
        await self.limits.aclose()


@asynccontextmanager
async def looking(dsn: str, **options: Any) -> AsyncIterator[House]:
    """The control: a house whose limits read the breaker without locking it."""
    async with limits_only(dsn, **options) as house, open_pool(dsn, max_size=4) as pool:
        house.services.limits = _Looking(house.services.limits, pool)  # type: ignore[assignment]
        yield house

"""Budgets: parallel agents in several processes spend from one budget, and processes are killed.

Who answers the calls keeps a bill of its own: a row for each call, committed when the call begins.
Whatever happens, the bill is over the budget by no more than what was in flight when a process died;
and what a dead process held is given back, so that the budget is spent to its end.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

from langgraph_switchboard.cases import LEASE, PostgresOwners
from langgraph_switchboard.errors import BudgetExceeded, CaseBusy, StepFailed
from langgraph_switchboard.limits import Call, Change, Grant, Limits, Line, PostgresLimits, Sample, Spent
from langgraph_switchboard.nodes import memory_services
from langgraph_switchboard.postgres import Pool, migrate, open_pool
from langgraph_switchboard.switchboard.core import Switchboard
from langgraph_switchboard.switchboard.opening import House
from langgraph_switchboard.testing.proofs.hands import Hand, Job, Nursery, deed
from langgraph_switchboard.testing.proofs.payments import FLOW
from langgraph_switchboard.testing.proofs.report import ProofReport, proof

PROCESSES = 4
AGENTS = 8
"""Parallel agents of each process."""
WANTS = 10
"""Tokens that a call may cost; it costs 1 to so many."""
_PAUSE = 0.04
"""Seconds that a call takes on average."""
_PATIENCE = 120.0

_TABLE = """
create table if not exists public.proof_bill (
    run text, call text primary key, tokens bigint, settled boolean not null default false)
"""
_STANDING = """
select coalesce(sum(tokens), 0)::bigint as billed,
       coalesce(sum(tokens) filter (where not settled), 0)::bigint as in_flight,
       count(*) filter (where not settled) as lost, count(*) as calls,
       (select spent_tokens from switchboard.budgets where key = %(key)s) as spent,
       (select held_tokens from switchboard.budgets where key = %(key)s) as held
from public.proof_bill where run = %(run)s
"""


async def budgets(
    nursery: Nursery, dsn: str, *, runs: int, crashes: int, limit: int = 4_000, seed: int = 0, rig: str = ""
) -> ProofReport:
    """Spend budgets to their ends while processes are killed.

    Args:
        nursery: Where the processes come from.
        dsn: A database to do it in.
        runs: How many budgets.
        crashes: How many processes are killed in each run.
        limit: Tokens of each budget.
        seed: Of the moments and of the costs.
        rig: `"module:name"` of what opens the processes' limits; for the control.
    """
    draw = random.Random(seed)
    async with proof("budgets") as report, open_pool(dsn, max_size=2) as pool:
        await migrate(pool)
        async with pool.connection() as connection:
            await connection.execute(_TABLE)
        job = Job(dsn, FLOW, LEASE, rig or deed(limits_only))
        for number in range(runs):
            run = f"run-{seed}-{number}"
            await _one(nursery, job, run, limit, [draw.uniform(0.05, 0.25) for _ in range(crashes)], report)
            await _judge(pool, run, limit, report)
    return report


async def _one(
    nursery: Nursery, job: Job, run: str, limit: int, moments: Sequence[float], report: ProofReport
) -> None:
    """One budget, spent by all processes; after each moment one of them is killed and replaced."""
    async with asyncio.timeout(_PATIENCE), asyncio.TaskGroup() as group:
        workers = [_Worker(nursery, job, run, limit, number) for number in range(PROCESSES)]
        tasks = [group.create_task(worker.work()) for worker in workers]
        for number, moment in enumerate(moments):
            report.counts["kills"] += await workers[number % PROCESSES].die(moment)
        await asyncio.gather(*tasks)


class _Worker:
    """One of the processes, and its successors."""

    def __init__(self, nursery: Nursery, job: Job, run: str, limit: int, number: int) -> None:
        self._nursery, self._job = nursery, job
        self._args: dict[str, Any] = {"dsn": job.dsn, "run": run, "limit": limit, "process": number}
        self._hand: Hand | None = None
        self._moves = asyncio.Event()  # set while it is at work, and for good when it is done

    async def work(self) -> None:
        """Spend until there is no room; whenever the process is killed, another goes on."""
        while True:
            async with self._nursery.hands(self._job) as [hand]:
                self._hand = hand
                self._moves.set()
                try:
                    await hand.do(deed(spend), **self._args)
                    self._hand = None
                    return
                except (StepFailed, ConnectionError):  # it was killed
                    self._hand = None
                    self._moves.clear()

    async def die(self, after: float) -> bool:
        """Kill the process so many seconds after it is at work; whether it still was."""
        await self._moves.wait()
        await asyncio.sleep(after)
        if self._hand is None:
            return False
        os.kill(self._hand.pid, signal.SIGKILL)
        return True


async def _judge(pool: Pool, run: str, limit: int, report: ProofReport) -> None:
    async with pool.connection() as connection:
        asked = {"run": run, "key": Line("flow", run).key}
        row = await (await connection.execute(_STANDING, asked)).fetchone()
    assert row is not None
    overrun = row["billed"] - limit
    report.trials += 1
    report.counts["calls"] += row["calls"]
    report.counts["calls lost in flight"] += row["lost"]
    report.counts["tokens over"] += max(0, overrun)
    if overrun > row["in_flight"]:
        report.broken.append(
            f"{run}: {overrun} over, and {row['in_flight']} were in flight when processes died"
        )
    if row["spent"] > limit:
        report.broken.append(f"{run}: {row['spent']} of {limit} were counted as spent")
    if limit - row["spent"] >= WANTS:
        report.broken.append(
            f"{run}: {limit - row['spent']} of {limit} were never spent; {row['held']} are held"
        )


async def spend(switchboard: Switchboard, dsn: str, run: str, limit: int, process: int) -> int:
    """What a process does: its agents call in parallel until the budget has no room.

    Args:
        switchboard: Its switchboard.
        dsn: Where the bill is kept.
        run: The budget.
        limit: Tokens of it.
        process: Which of the processes it is, or goes on from.
    """
    line = Line("flow", run, tokens=limit)
    async with open_pool(dsn, max_size=4) as bill:
        agents = [_agent(switchboard, bill, f"{run}/{process}/{number}", line) for number in range(AGENTS)]
        return sum(await asyncio.gather(*agents))


async def _agent(switchboard: Switchboard, bill: Pool, case: str, line: Line) -> int:
    """One agent: it owns its case, asks before each call, pays, and settles."""
    limits, owners = switchboard.services.limits, switchboard._house.owners
    made = 0
    while True:
        try:
            async with owners.owning(case) as epoch:
                while True:
                    call = Call(case, "agent", epoch, (line,), Spent(tokens=WANTS))
                    try:
                        grant = await limits.admit(call)
                    except BudgetExceeded:
                        if await _is_spent(limits, line):
                            return made
                        await asyncio.sleep(_PAUSE)  # others hold what is left, and may give some back
                        continue
                    await _call(limits, bill, grant, line)
                    made += 1
        except CaseBusy:
            await asyncio.sleep(0.01)  # the process before is not yet known to be gone


async def _is_spent(limits: Limits, line: Line) -> bool:
    (row,) = [one for one in await limits.budgets(1_000) if one.subject == line.subject]
    return (line.tokens or 0) - row.spent.tokens < WANTS


async def _call(limits: Limits, bill: Pool, grant: Grant, line: Line) -> None:
    tokens, key = random.randint(1, WANTS), f"{line.subject}/{os.getpid()}/{grant.number}"
    async with bill.connection() as connection:
        await connection.execute(
            "insert into public.proof_bill values (%s, %s, %s)", [line.subject, key, tokens]
        )
    await asyncio.sleep(random.uniform(0, 2 * _PAUSE))
    await limits.settle(grant, Spent(tokens=tokens))
    async with bill.connection() as connection:
        await connection.execute("update public.proof_bill set settled = true where call = %s", [key])


@asynccontextmanager
async def limits_only(dsn: str, **options: Any) -> AsyncIterator[House]:
    """A house with owners and limits on Postgres, and nothing else; it is there within moments."""
    async with (
        open_pool(dsn, max_size=3) as pool,
        PostgresOwners.open(pool, lease=options["lease"]) as owners,
    ):
        services = memory_services()
        services.limits = PostgresLimits(dsn, process=owners.process)
        try:
            yield House(services, InMemorySaver(), owners)
        finally:
            await services.limits.aclose()


@dataclass
class _Afterwards:
    """Limits that hold nothing before a call, and count what it cost after it."""

    limits: Limits

    async def admit(self, call: Call) -> Grant:
        """Let a call go while the budget is not overspent."""
        return await self.limits.admit(replace(call, wants=Spent()))

    async def settle(self, grant: Grant, spent: Spent, sample: Sample = Sample()) -> list[Change]:  # noqa: B008
        """Count what it cost."""
        return await self.limits.settle(grant, spent, sample)

    async def budgets(self, limit: int = 100) -> Any:
        """Budgets as they stand."""
        return await self.limits.budgets(limit)

    async def aclose(self) -> None:
        """Close what is open."""
        await self.limits.aclose()


@asynccontextmanager
async def counted_afterwards(dsn: str, **options: Any) -> AsyncIterator[House]:
    """The control: a house whose limits look at what was spent, and reserve nothing."""
    async with limits_only(dsn, **options) as house:
        house.services.limits = _Afterwards(house.services.limits)  # type: ignore[assignment]
        yield house

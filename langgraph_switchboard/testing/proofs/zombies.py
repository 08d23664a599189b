"""Zombies: a process is frozen while it drives a case, another takes over, then the first wakes up."""

from __future__ import annotations

import asyncio
import random

from psycopg.conninfo import make_conninfo

from langgraph_switchboard.postgres import Pool, open_pool
from langgraph_switchboard.testing.proofs import deeds
from langgraph_switchboard.testing.proofs.hands import Hand, Job, Nursery, Refusal, deed
from langgraph_switchboard.testing.proofs.payments import FLOW, make_table, paid
from langgraph_switchboard.testing.proofs.report import ProofReport, proof

LEASE = 0.4
"""Seconds; so short that a frozen owner is soon given up."""
_PAUSE = 0.012
"""Seconds that each step of a case takes, so that there is something to freeze."""
_LIFE = 0.2
"""Seconds after which an undisturbed case would be over, about."""

_TABLES = {
    "checkpoints": "thread_id",
    "checkpoint_writes": "thread_id",
    "checkpoint_blobs": "thread_id",
    "switchboard.ledger": "case_id",
    "switchboard.outbox": "case_id",
    "switchboard.effects": "case_id",
    "public.proof_paid": "case_id",
}


async def zombies(nursery: Nursery, dsn: str, *, owners: int, seed: int = 0, rig: str = "") -> ProofReport:
    """Freeze owners at random moments, let others finish their cases, and wake them up.

    After it was superseded an owner writes no checkpoint, no row of the ledger, no effect.

    Args:
        nursery: Where the processes come from.
        dsn: A database to do it in.
        owners: How many are frozen. Those that had finished before do not count as trials.
        seed: Of the moments.
        rig: `"module:name"` of what opens the frozen ones' houses; for the control.
    """
    draw = random.Random(seed)
    # A transaction that its owner was frozen in is ended by the server within the lease.
    mortal = make_conninfo(dsn, options=f"-c idle_in_transaction_session_timeout={int(LEASE * 500)}")
    frozen_job, heir_job = Job(mortal, FLOW, LEASE, rig), Job(dsn, FLOW, LEASE)
    async with proof("zombies") as report, open_pool(dsn) as pool:
        await make_table(pool)
        async with nursery.hands(heir_job) as [heir]:
            number = 0
            while report.trials < owners and number < 3 * owners:
                number += 1
                async with nursery.hands(frozen_job) as [owner]:
                    await _one(report, pool, owner, heir, f"zombie-{seed}-{number}", draw.uniform(0, _LIFE))
    return report


async def _one(report: ProofReport, pool: Pool, owner: Hand, heir: Hand, case_id: str, after: float) -> None:
    order = {"order": {"cents": 3, "asks": False, "pause": _PAUSE}}
    run = asyncio.create_task(owner.do(deed(deeds.run), flow=FLOW, inputs=order, case=case_id))
    await _has_begun(pool, case_id)
    await asyncio.sleep(after)
    owner.freeze()
    try:
        was_over = await _is_over(pool, case_id)
        status = await _inherit(heir, case_id)
        before = await _rows(pool, case_id)
    finally:
        owner.thaw()
    try:
        end = await run
    except Refusal as refusal:
        end = refusal.kind
    if was_over:
        return  # there was nothing left to supersede
    after_all = await _rows(pool, case_id)
    report.trials += 1
    report.counts[f"told {end}"] += 1
    if status != "finished":
        report.broken.append(f"{case_id}: the heir left it {status}")
    if grown := [name for name in before if before[name] != after_all[name]]:
        report.broken.append(f"{case_id}: the zombie wrote to {', '.join(grown)}")
        report.counts["wrote after supersession"] += 1
    if (amounts := (await paid(pool, [case_id]))[case_id]) != [3, 3]:
        report.broken.append(f"{case_id}: paid {amounts}")
        report.counts["paid twice"] += 1


async def _has_begun(pool: Pool, case_id: str) -> None:
    """Return once somebody owns the case."""
    async with asyncio.timeout(30), pool.connection() as connection:
        sql = "select from switchboard.case_owner where case_id = %s"
        while True:
            if (await connection.execute(sql, [case_id])).rowcount:
                return
            await asyncio.sleep(0.002)


async def _is_over(pool: Pool, case_id: str) -> bool:
    async with pool.connection() as connection:
        sql = "select from switchboard.cases where case_id = %s and ended_at is not null"
        return bool((await connection.execute(sql, [case_id])).rowcount)


async def _inherit(heir: Hand, case_id: str) -> str:
    """Drive the case as soon as its owner is given up."""
    async with asyncio.timeout(30):
        while True:
            try:
                return str(await heir.do(deed(deeds.resume), case=case_id))
            except Refusal as refusal:
                if refusal.kind != "CaseBusy":
                    raise
            await asyncio.sleep(0.02)


async def _rows(pool: Pool, case_id: str) -> dict[str, list[str]]:
    """Every row of the case in every table, as text."""
    found: dict[str, list[str]] = {}
    async with pool.connection() as connection:
        for table, key in _TABLES.items():
            sql = f"select t::text as line from {table} t where {key} = %s order by 1"
            rows = await (await connection.execute(sql.encode(), [case_id])).fetchall()
            found[table] = [row["line"] for row in rows]
    return found

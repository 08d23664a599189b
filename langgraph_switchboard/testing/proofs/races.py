"""Races: several reviewers decide one review, several processes start one case, at one instant."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from langgraph_switchboard.errors import (
    CaseError,
    CaseUnknown,
    DecisionMalformed,
    ReviewDecided,
    ReviewStale,
    ReviewUnknown,
    SwitchboardError,
)
from langgraph_switchboard.postgres import Pool, open_pool
from langgraph_switchboard.switchboard import NewCase
from langgraph_switchboard.switchboard.core import Switchboard
from langgraph_switchboard.testing.proofs import deeds, stock
from langgraph_switchboard.testing.proofs.hands import Hand, Job, Nursery, Refusal, deed
from langgraph_switchboard.testing.proofs.payments import FLOW, make_table, paid
from langgraph_switchboard.testing.proofs.report import ProofReport, proof

MOST = 8
"""Reviewers at once."""
_LEAD = 0.012
"""Seconds from the word to the instant at which all begin."""


async def reviewers_race(
    nursery: Nursery, dsn: str, *, races: int, seed: int = 0, rig: str = ""
) -> ProofReport:
    """Let 2 to 8 reviewers in processes of their own decide the same review at the same instant.

    One decision stands, each loser is told whose, and what stands is paid, once.

    Args:
        nursery: Where the reviewers come from.
        dsn: A database to do it in.
        races: How many reviews.
        seed: Of the numbers of reviewers.
        rig: `"module:name"` of what opens the reviewers' houses; for the control.
    """
    draw = random.Random(seed)
    job = Job(dsn, FLOW, rig=rig)
    async with proof("reviewers race") as report, open_pool(dsn) as pool:
        await make_table(pool)
        reviews = await _park(dsn, races, f"race-{seed}")
        async with nursery.hands(*[job] * MOST) as hands:
            for case_id, review in reviews.items():
                some = draw.sample(hands, draw.randint(2, MOST))
                ends = await _all_at_once(
                    some,
                    deed(deeds.decide),
                    [
                        {"review": review, "answer": _edit(10 + n), "by": f"reviewer-{n}"}
                        for n in range(len(some))
                    ],
                )
                report.trials += 1
                report.counts[f"of {len(some)}"] += 1
                report.broken += _faults_of_race(ends, case_id)
            winners = await _winners(pool, list(reviews))
            for case_id, amounts in (await paid(pool, list(reviews))).items():
                if amounts != [winners[case_id]] * 2:
                    report.broken.append(f"{case_id}: paid {amounts}, decided {winners[case_id]}")
    return report


async def stock_reviewers_race(nursery: Nursery, dsn: str, *, races: int) -> ProofReport:
    """The contrast: two answers to one question of a plain graph; both are told that all is well."""
    async with proof("two answers on stock LangGraph") as report, open_pool(dsn) as pool:
        await make_table(pool)
        cases = [f"stock-{number}" for number in range(races)]
        async with nursery.hands(*[Job(dsn, FLOW)] * 2) as hands:
            for case_id in cases:
                await hands[0].do(deed(stock.start), dsn=dsn, case=case_id)
                ends = await _all_at_once(
                    hands, deed(stock.resume), [{"dsn": dsn, "case": case_id, "answer": n} for n in (7, 8)]
                )
                report.trials += 1
                if ends == ["ok", "ok"]:
                    report.broken.append(f"{case_id}: both are told that all is well")
        twice = [case_id for case_id, amounts in (await paid(pool, cases)).items() if len(amounts) > 1]
        report.counts["paid twice"] = len(twice)
    return report


async def double_starts(nursery: Nursery, dsn: str, *, starts: int, seed: int = 0) -> ProofReport:
    """Let two processes run the same case at the same instant: one case, one effect.

    The second is told that somebody drives it, or is given the same case.

    Args:
        nursery: Where the processes come from.
        dsn: A database to do it in.
        starts: How many cases.
        seed: Names the cases.
    """
    async with proof("double starts") as report, open_pool(dsn) as pool:
        await make_table(pool)
        cases = [f"twice-{seed}-{number}" for number in range(starts)]
        async with nursery.hands(*[Job(dsn, FLOW)] * 2) as hands:
            for number, case_id in enumerate(cases):
                wish = {
                    "flow": FLOW,
                    "inputs": {"order": {"cents": number + 1, "asks": False}},
                    "case": case_id,
                }
                ends = await _all_at_once(hands, deed(deeds.run), [wish, wish])
                told = sorted(end.kind if isinstance(end, Refusal) else end for end in ends)
                report.trials += 1
                report.counts[" and ".join(told)] += 1
                if told[-1] != "finished" or told[0] not in ("CaseBusy", "finished", "running", "accepted"):
                    report.broken.append(f"{case_id}: {told}")
        for number, (case_id, amounts) in enumerate((await paid(pool, cases)).items()):
            if amounts != [number + 1] * 2:
                report.broken.append(f"{case_id}: paid {amounts}")
        report.broken += await _more_than_one(pool, cases)
    return report


async def _all_at_once(hands: Sequence[Hand], deed: str, args: Sequence[dict[str, Any]]) -> list[Any]:
    at = time.monotonic() + _LEAD
    return await asyncio.gather(
        *(hand.do(deed, at=at, **one) for hand, one in zip(hands, args, strict=True)), return_exceptions=True
    )


async def _park(dsn: str, count: int, name: str) -> dict[str, str]:
    """Cases that wait at their reviews: the review of each case."""
    async with Switchboard.open(dsn) as switchboard:
        cases = [NewCase({"order": {"cents": 1}}, f"{name}-{number:04}", {}) for number in range(count)]
        await switchboard.run_many(FLOW, cases)
        reviews = await switchboard.reviews(limit=None)
        return {row.case_id: row.review_id for row in reviews if row.case_id.startswith(name)}


def _edit(amount: int) -> dict[str, Any]:
    return {"type": "edit", "edited": {"amount": amount}}


def _faults_of_race(ends: Sequence[Any], case_id: str) -> list[str]:
    winners = [n for n, end in enumerate(ends) if end == "finished"]
    losers = [end for end in ends if end != "finished"]
    told = {end.record.get("by") if isinstance(end, Refusal) else str(end) for end in losers}
    if len(winners) == 1 and told == {f"reviewer-{winners[0]}"}:
        return []
    kinds = [end.kind if isinstance(end, Refusal) else str(end) for end in losers]
    return [f"{case_id}: {len(winners)} winners; the others were told {kinds} of {told}"]


async def _winners(pool: Pool, case_ids: list[str]) -> dict[str, int]:
    sql = """
        select case_id, (decision -> 'edited' ->> 'amount')::bigint as amount from switchboard.reviews
        where case_id = any(%s)
    """
    async with pool.connection() as connection:
        rows = await (await connection.execute(sql, [case_ids])).fetchall()
    return {row["case_id"]: row["amount"] for row in rows}


async def _more_than_one(pool: Pool, case_ids: list[str]) -> list[str]:
    """Steps that the ledger tells of more than once in a case: a step ran twice, and both count."""
    sql = """
        select case_id, step from switchboard.ledger where case_id = any(%s) and kind = 'step_finished'
        group by case_id, step having count(*) > 1
    """
    async with pool.connection() as connection:
        rows = await (await connection.execute(sql, [case_ids])).fetchall()
    return [f"{row['case_id']}: the step {row['step']} stands twice in the ledger" for row in rows]


async def wrong_ids(dsn: str, *, tries: int) -> ProofReport:
    """Name what is unknown, stale or over: each is refused by its own error, and nothing is paid.

    Args:
        dsn: A database to do it in.
        tries: How often each is tried.
    """
    order = {"order": {"cents": 5}}
    async with proof("wrong ids") as report, open_pool(dsn) as pool:
        await make_table(pool)
        async with Switchboard.open(dsn, flows=[FLOW]) as switchboard:
            waiting, over = await _park(dsn, 1, "waiting"), await _park(dsn, 1, "over")
            (open_review,), (closed,) = waiting.values(), over.values()
            await switchboard.decide(closed, _edit(5), by="ann")
            wrong: dict[type[SwitchboardError], Callable[[], Awaitable[object]]] = {
                ReviewUnknown: lambda: switchboard.decide("rv-unknown", _edit(6), by="bob"),
                ReviewDecided: lambda: switchboard.decide(closed, _edit(6), by="bob"),
                ReviewStale: lambda: switchboard.decide(open_review, _edit(6), by="bob", digest="old"),
                DecisionMalformed: lambda: switchboard.decide(open_review, {"type": "dance"}, by="bob"),
                CaseUnknown: lambda: switchboard.resume("unknown"),
            }
            for expected, act in wrong.items():
                for _ in range(tries):
                    report.trials += 1
                    report.broken += await _refused_by(expected, act)
            for case_id in (*over, *waiting):
                for _ in range(tries):  # again under its own id: the same case, as it stands
                    report.trials += 1
                    await switchboard.run(FLOW, order | {"order": {"cents": 1}}, case_id=case_id)
                    report.broken += await _refused_by(
                        CaseError, partial(switchboard.run, FLOW, order, case_id=case_id)
                    )
        for case_id, amounts in (await paid(pool, [*over, *waiting])).items():
            if amounts != ([5, 5] if case_id in over else []):
                report.broken.append(f"{case_id}: paid {amounts}")
    return report


async def _refused_by(expected: type[SwitchboardError], act: Callable[[], Awaitable[object]]) -> list[str]:
    try:
        came = await act()
    except Exception as error:
        return [] if type(error) is expected else [f"wanted {expected.__name__}, came {error!r}"]
    return [f"wanted {expected.__name__}, came {came!r}"]

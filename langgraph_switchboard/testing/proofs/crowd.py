"""A crowd of reviewers on a pile of reviews at once: one winner each, and every loser hears whose it was."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from langgraph_switchboard.cases.access import Actor
from langgraph_switchboard.cases.audit import verify
from langgraph_switchboard.errors import ReviewDecided, SwitchboardError
from langgraph_switchboard.switchboard import House, Switchboard, load_blueprint, open_house
from langgraph_switchboard.switchboard.views import NewCase
from langgraph_switchboard.testing.proofs.payments import FLOW, Order, make_table
from langgraph_switchboard.testing.proofs.report import ProofReport, proof

Opens = Callable[[str], AbstractAsyncContextManager[House]]


async def crowd(
    dsn: str, *, reviewers: int = 50, reviews: int = 500, opens: Opens = open_house
) -> ProofReport:
    """Let every reviewer try to decide every review, all in the same order and at the same time.

    Args:
        dsn: A fresh database.
        reviewers: How many people.
        reviews: How many questions.
        opens: Opens the house; a control brings one without its guard.

    Returns:
        Broken where a review has not exactly one winner, a loser was told of somebody else, an attempt is
        not in the ledger, or a decision did not have its effect once.
    """
    async with proof(f"{reviewers} reviewers on {reviews} reviews") as report, opens(dsn) as house:
        assert house.base is not None, "a crowd needs Postgres"
        await make_table(house.base.pool)
        switchboard = Switchboard(house)
        flow = load_blueprint(FLOW)
        cases = [NewCase(Order(cents=number + 1), f"pile-{number}", {}) for number in range(reviews)]
        await switchboard.run_many(flow, cases)
        waiting = [row.review_id for row in await switchboard.reviews(limit=None)]
        assert len(waiting) == reviews
        wins: dict[str, list[str]] = defaultdict(list)
        told: dict[str, list[tuple[str, str]]] = defaultdict(list)

        async def decide(name: str) -> None:
            actor = Actor(name, frozenset({"reviewer"}))
            for review in waiting:
                try:
                    await switchboard.decide(review, {"type": "approve"}, by=actor, drive=False)
                    wins[review].append(name)
                except ReviewDecided as lost:
                    told[review].append((name, lost.by))
                except SwitchboardError as error:
                    report.broken.append(f"{name} on {review}: {error}")

        await asyncio.gather(*(decide(f"reviewer {number}") for number in range(reviewers)))
        await switchboard.resume_many([case.case_id for case in cases])
        await _judge(report, switchboard, reviewers, wins, told)
        record = await verify(house.base.pool)
        report.broken += [f"the ledger: {one.says}" for one in record.findings]
    return report


async def _judge(
    report: ProofReport,
    switchboard: Switchboard,
    reviewers: int,
    wins: dict[str, list[str]],
    told: dict[str, list[tuple[str, str]]],
) -> None:
    store = switchboard.services.store
    for row in await store.reviews(status="decided", limit=None):
        report.trials += 1
        won, lost = wins[row.review_id], told[row.review_id]
        report.counts["won"] += len(won)
        report.counts["told who was first"] += len(lost)
        if won != [row.decided_by]:
            report.broken.append(f"{row.review_id}: {len(won)} winners, {row.decided_by} stands")
        wrong = [name for name, first in lost if first != row.decided_by]
        if wrong or len(won) + len(lost) != reviewers:
            report.broken.append(f"{row.review_id}: {len(wrong)} losers were told of somebody else")
        story = await store.story(row.case_id)
        refused = sum(entry.event.kind == "review_refused" for entry in story)
        report.counts["attempts on the ledger"] += refused
        if refused != len(lost):
            report.broken.append(f"{row.review_id}: {len(lost)} lost, {refused} on the ledger")
        sent = len(await store.outbox(row.case_id))
        report.counts["paid"] += sent
        if sent != 1:
            report.broken.append(f"{row.case_id}: paid {sent} times")

"""The claims desk killed at statements and effects: every claim comes to its end, and is paid once."""

from __future__ import annotations

import pytest

from langgraph_switchboard.testing.chaos import Plan, Sweeper

pytestmark = [pytest.mark.pg, pytest.mark.chaos]

SWEPT = "tests.claims.swept:swept"


def test_a_claim_killed_around_its_payment_is_paid_once(chaos: Sweeper) -> None:
    """Law 3: before, during and after the statement that books it; the books hold one payment."""
    plan = Plan("payment", SWEPT, {"number": "L-0001", "mode": "sync"}, at="larkcover.payments", doubles=1)
    report = chaos.sweep(plan)

    assert report.points >= 3
    assert report.is_clean, "\n".join(report.lines())


def test_a_claim_killed_anywhere_is_finished_by_the_next_process(chaos: Sweeper) -> None:
    """Law 2: with a person in between, and driven as a LangGraph server drives it."""
    plan = Plan("anywhere", SWEPT, {"number": "L-0010", "mode": "async"}, most=5, doubles=1, seed=7)
    report = chaos.sweep(plan)

    assert report.points >= 5
    assert report.is_clean, "\n".join(report.lines())

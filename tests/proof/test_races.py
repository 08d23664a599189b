"""Several people decide one review, several processes start one case, at the same instant."""

from __future__ import annotations

import pytest

from langgraph_switchboard.testing.proofs import Job, Nursery, rigs
from langgraph_switchboard.testing.proofs.crowd import crowd
from langgraph_switchboard.testing.proofs.hands import deed
from langgraph_switchboard.testing.proofs.payments import FLOW
from langgraph_switchboard.testing.proofs.races import (
    double_starts,
    reviewers_race,
    stock_reviewers_race,
    wrong_ids,
)

pytestmark = pytest.mark.pg


async def test_of_many_reviewers_one_decides_and_the_others_are_told(nursery: Nursery, pg_dsn: str) -> None:
    """Law 4: one decision stands, every loser hears whose, and it is paid once."""
    report = await reviewers_race(nursery, pg_dsn, races=15)
    assert report.is_clean, report.line()


async def test_without_the_compare_and_set_two_reviewers_win(nursery: Nursery, pg_dsn: str) -> None:
    """The control: a store that reads and then writes tells several that they decided."""
    report = await reviewers_race(nursery, pg_dsn, races=8, rig=deed(rigs.without_compare_and_set))
    assert any("2 winners" in one or "3 winners" in one for one in report.broken), report.line()


async def test_a_crowd_of_reviewers_has_one_winner_for_each_review(pg_dsn: str) -> None:
    """Law 4: eight people, twenty reviews at once; every attempt is on the ledger, and each is paid once."""
    report = await crowd(pg_dsn, reviewers=8, reviews=20)
    assert report.is_clean, report.line()
    assert report.counts["told who was first"] == report.counts["attempts on the ledger"] == 7 * 20


async def test_without_the_compare_and_set_several_of_a_crowd_win(pg_dsn: str) -> None:
    """The control: a store that reads and then writes tells several that they decided."""
    report = await crowd(pg_dsn, reviewers=8, reviews=20, opens=rigs.without_compare_and_set)
    assert any("winners" in one for one in report.broken), report.line()


async def test_stock_langgraph_pays_twice(nursery: Nursery, pg_dsn: str) -> None:
    """The contrast: two answers to one question, both told that all is well, and two payments."""
    report = await stock_reviewers_race(nursery, pg_dsn, races=5)
    assert report.broken and report.counts["paid twice"] > 0, report.line()


async def test_a_case_started_twice_is_one_case(nursery: Nursery, pg_dsn: str) -> None:
    """Laws 2 and 3: the second process is told that it is busy, or is given the same case."""
    report = await double_starts(nursery, pg_dsn, starts=20)
    assert report.is_clean, report.line()


async def test_processes_that_open_a_fresh_database_at_once_all_succeed(
    nursery: Nursery, pg_dsn: str
) -> None:
    """The first start of a deployment: eight workers make the tables at the same moment."""
    async with nursery.hands(*[Job(pg_dsn, FLOW)] * 8) as hands:
        assert len({hand.pid for hand in hands}) == 8


async def test_what_is_unknown_stale_or_over_is_refused_and_pays_nothing(pg_dsn: str) -> None:
    """Every wrong id has an error of its own, and a case that is over stays over."""
    report = await wrong_ids(pg_dsn, tries=5)
    assert report.is_clean, report.line()

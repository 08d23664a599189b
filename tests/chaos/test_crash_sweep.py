"""The crash sweep, shortened and seeded; `make chaos` runs all of it."""

from __future__ import annotations

import json

import pytest

from langgraph_switchboard.testing.chaos import Plan, Sweeper
from tests.chaos.flows import ALL
from tests.chaos.full import FLOW, Control, controls, laws, stock

pytestmark = [pytest.mark.pg, pytest.mark.chaos]

POINTS = 8
DOUBLES = 3


@pytest.mark.parametrize("number, name", list(enumerate(ALL)))
def test_a_killed_case_is_finished_by_the_next_process_as_if_nothing_had_been(
    chaos: Sweeper, number: int, name: str
) -> None:
    """Laws 2, 3 and 6: killed at any statement or effect, and again in the recovery: nothing is lost,
    doubled or wrong, and ledger and state agree.
    """
    mode = ("sync", "async")[number % 2]
    report = chaos.sweep(
        Plan(name, FLOW, {"name": name, "mode": mode}, most=POINTS, doubles=DOUBLES, seed=number)
    )

    assert report.points + report.unreached == POINTS + DOUBLES
    assert report.points >= POINTS
    assert report.outcomes == dict.fromkeys(report.outcomes, 0), "\n".join(report.lines())
    # A dead owner's case is free at once: its advisory lock ended with its connection.
    assert max(report.waited) < 2.0


def test_four_cases_that_share_their_commits_survive_together(chaos: Sweeper) -> None:
    """A batch holds rows of several cases; whoever is killed with it in hand, all four come to their end."""
    report = chaos.sweep(
        Plan("four at once", FLOW, {"name": "linear", "mode": "async"}, at="WITH held", most=6, cases=4)
    )

    assert report.points == 6
    assert report.is_clean, "\n".join(report.lines())


def test_a_refused_statement_stops_its_run_and_the_next_one_goes_on(chaos: Sweeper) -> None:
    """What the database does not take fails every later write of the run, so that no hole is left."""
    report = chaos.sweep(
        Plan("refused", FLOW, {"name": "linear", "mode": "async"}, whens=("refused",), at="WITH held")
    )

    assert report.points >= 4
    assert report.is_clean, "\n".join(report.lines())


@pytest.mark.parametrize("control", list(controls(short=True)), ids=lambda one: one.plan.name)
def test_a_sweep_without_a_guard_finds_what_the_guard_prevents(chaos: Sweeper, control: Control) -> None:
    """The controls: no effect key, a ledger written apart, no barrier, no stickiness."""
    report = chaos.sweep(control.plan)

    assert report.points > 0
    assert report.outcomes[control.law] > 0, "\n".join(report.lines())


@pytest.mark.parametrize(
    "control", [one for one in stock(short=True) if "linear" in one.plan.name], ids=lambda one: one.plan.name
)
def test_stock_langgraph_does_an_effect_twice(chaos: Sweeper, control: Control) -> None:
    """The contrast, in both modes: a node that was killed after its effect does it again."""
    report = chaos.sweep(control.plan)

    assert report.outcomes["doubled"] == report.points > 0


def test_the_report_says_what_was_tried(chaos: Sweeper) -> None:
    """Points by kind, statements, outcomes, seconds: as a line and as JSON."""
    report = chaos.sweep(Plan("told", FLOW, {"name": "linear"}, at="COMMIT"))
    told = json.loads(json.dumps(report.as_json()))

    assert (told["points"], told["kinds"]) == (3, {"before": 1, "during": 1, "after": 1})
    assert told["lost"] == told["doubled"] == told["wrong"] == told["disagree"] == 0
    assert "told: 3 points" in report.line()


def test_the_full_sweep_is_large_enough() -> None:
    """All flows, two ways of driving, and at least 500 trials that are killed a second time."""
    plans = list(laws())

    assert {plan.args["name"] for plan in plans} == set(ALL)
    assert sum(plan.doubles for plan in plans) >= 500

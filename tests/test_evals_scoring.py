"""Scores become figures with intervals, and figures pass their gates or do not."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from langgraph_switchboard.evals import Metric, mean_interval
from langgraph_switchboard.evals.scoring import metrics_of
from langgraph_switchboard.routing.scores import wilson


def test_a_share_has_wilsons_interval_and_a_mean_that_of_the_bootstrap() -> None:
    """Nine of ten is not the same knowledge as ninety of a hundred; the interval says so."""
    share, mean = metrics_of({"right": [1.0] * 9 + [0.0], "length": [0.25, 0.5, 0.5, 0.75]}, {})
    assert (share.n, share.value, share.interval) == (10, 0.9, wilson(9, 10))
    assert mean.value == 0.5
    assert mean.interval == mean_interval([0.25, 0.5, 0.5, 0.75])
    assert mean.interval is not None
    assert 0.25 <= mean.interval.low < 0.5 < mean.interval.high <= 0.75


def test_the_bootstrap_covers_the_true_mean_as_often_as_it_says() -> None:
    """Of 60 samples, about nineteen in twenty intervals hold the true mean."""
    draw = random.Random(7)
    held = 0
    for _ in range(60):
        low, high = mean_interval([draw.random() for _ in range(40)])
        held += low <= 0.5 <= high
    assert held >= 52


def test_the_same_scores_have_the_same_interval() -> None:
    """A figure that changes although nothing has changed would be read as a change."""
    draw = random.Random(3)
    values = [draw.random() for _ in range(30)]
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval(values) != mean_interval(values, seed=1)
    assert fmean(values) == pytest.approx(sum(mean_interval(values)) / 2, abs=0.02)


@pytest.mark.parametrize(("value", "passed"), [(0.81, True), (0.8, True), (0.79, False), (None, False)])
def test_a_gate_is_a_least_value_and_an_unmeasured_one_is_not_met(value: float | None, passed: bool) -> None:
    """A metric that nobody measured must not open its gate."""
    assert Metric("right", 10, value, None, gate=0.8).passed is passed


def test_a_gate_on_a_metric_that_nobody_scores_stands_in_the_report_and_fails() -> None:
    """A renamed evaluator must not make its gate vanish."""
    right, ghost = metrics_of({"right": [1.0]}, {"rihgt": 0.5})
    assert right.passed
    assert (ghost.key, ghost.n, ghost.value, ghost.passed) == ("rihgt", 0, None, False)

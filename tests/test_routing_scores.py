"""The scores, against figures that can be worked out by hand or are published."""

import pytest

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.routing import scores


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    """Ten answers marked 0.9: nine right is no error; five right is 0.4."""
    marked = [0.9] * 10

    assert scores.expected_calibration_error(marked, [True] * 9 + [False]) == pytest.approx(0.0)
    assert scores.expected_calibration_error(marked, [True] * 5 + [False] * 5) == pytest.approx(0.4)


def test_gaps_of_different_bins_do_not_cancel() -> None:
    """Too sure here and too modest there is not calibrated."""
    confidences = [0.9] * 10 + [0.5] * 10
    right = [True] * 8 + [False] * 2 + [True] * 6 + [False] * 4

    assert scores.expected_calibration_error(confidences, right) == pytest.approx(0.1)
    assert scores.expected_calibration_error(confidences, right, bins=1) == pytest.approx(0.0)


def test_brier_is_zero_for_the_certain_truth_and_two_for_the_certain_error() -> None:
    """The sum runs over all classes, also over one that was never thought of."""
    assert scores.brier([{"a": 1.0, "b": 0.0}], ["a"]) == pytest.approx(0.0)
    assert scores.brier([{"a": 1.0, "b": 0.0}], ["b"]) == pytest.approx(2.0)
    assert scores.brier([{"a": 0.5, "b": 0.5}], ["c"]) == pytest.approx(1.5)


def test_coverage_counts_what_stands_at_or_above_the_threshold() -> None:
    """The share automated and the accuracy among it belong together."""
    got = scores.coverage([0.9, 0.7, 0.6, 0.2], [True, False, True, True], 0.7)

    assert got == (0.5, 0.5, 2)
    assert scores.coverage([0.1], [False], 0.7) == (0.0, 1.0, 0)


def test_intervals_agree_with_published_figures() -> None:
    """Wilson and Clopper-Pearson of 15 in 148, as Newcombe (Statistics in Medicine, 1998) prints them."""
    assert scores.wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert scores.clopper_pearson(15, 148) == pytest.approx((0.0578, 0.1617), abs=5e-5)


def test_intervals_behave_at_the_ends() -> None:
    """No errors in 45 is what certifies 5 % at 90 % confidence; nothing seen says nothing."""
    assert (
        scores.clopper_pearson_upper(0, 45, delta=0.1) < 0.05 < scores.clopper_pearson_upper(0, 44, delta=0.1)
    )
    assert scores.clopper_pearson(0, 0) == scores.wilson(0, 0) == (0.0, 1.0)
    assert scores.clopper_pearson(5, 5).high == 1.0
    assert scores.clopper_pearson(0, 5).low == 0.0


def test_figures_of_nothing_are_refused() -> None:
    """A score of no cases, or of lists that do not match, is an error and not a number."""
    with pytest.raises(ConfigurationError, match="nothing to score"):
        scores.accuracy([])
    with pytest.raises(ConfigurationError, match="do not belong together"):
        scores.coverage([0.5], [True, False], 0.7)
    with pytest.raises(ConfigurationError, match="no share"):
        scores.wilson(6, 5)

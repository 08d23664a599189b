"""How good and how honest a router is: plain functions over plain lists.

Accuracy says how often it is right; calibration says whether it knows. Print both, each
with its interval, and never a share automated without the error among what is automated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

from langgraph_switchboard.errors import ConfigurationError, MissingExtra


class Interval(NamedTuple):
    """The two ends of a confidence interval of a share, both from 0 to 1."""

    low: float
    high: float


class Coverage(NamedTuple):
    """What happens at a threshold."""

    share: float
    """Share of all cases at or above the threshold: what would be automated."""
    accuracy: float
    """Share of those that are right; 1.0 if there are none."""
    cases: int
    """How many cases are at or above the threshold."""


def accuracy(right: Sequence[bool]) -> float:
    """Share of cases that are right.

    Args:
        right: One entry per case; must not be empty.
    """
    return sum(right) / _size(right)


def expected_calibration_error(
    confidences: Sequence[float], right: Sequence[bool], *, bins: int = 15
) -> float:
    """How far confidence and accuracy lie apart, on average over cases; 0 is best.

    Equal-width bins over (0, 1]; Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated
    Probabilities Using Bayesian Binning", AAAI 2015; 15 bins as in Guo et al., "On
    Calibration of Modern Neural Networks", ICML 2017.

    Args:
        confidences: Confidence in the given answer, 0 to 1, one per case.
        right: Whether that answer was right, one per case.
        bins: Number of bins.
    """
    _same_length(confidences, right)
    gaps = [0.0] * bins
    for confidence, was_right in zip(confidences, right, strict=True):
        gaps[min(int(confidence * bins), bins - 1)] += confidence - was_right
    return sum(abs(gap) for gap in gaps) / len(right)


def brier(probabilities: Sequence[Mapping[str, float]], truth: Sequence[str]) -> float:
    """Mean squared distance between the probabilities and the truth; 0 is best, 2 is worst.

    The sum runs over all classes: Brier, "Verification of Forecasts Expressed in Terms of
    Probability", Monthly Weather Review, 1950.

    Args:
        probabilities: For each case, the probability of every class.
        truth: The right class of each case; a class without probability counts as 0.
    """
    _same_length(probabilities, truth)
    total = 0.0
    for given, label in zip(probabilities, truth, strict=True):
        total += sum(p * p for p in given.values()) + 1 - 2 * given.get(label, 0.0)
    return total / len(truth)


def coverage(confidences: Sequence[float], right: Sequence[bool], threshold: float) -> Coverage:
    """Share of cases at or above a threshold, and how many of those are right."""
    _same_length(confidences, right)
    kept = [ok for confidence, ok in zip(confidences, right, strict=True) if confidence >= threshold]
    return Coverage(len(kept) / len(right), sum(kept) / len(kept) if kept else 1.0, len(kept))


def wilson(hits: int, count: int, *, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a share: short, and right on average.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    JASA, 1927. Use it to show a figure; use Clopper-Pearson where a promise hangs on it.

    Args:
        hits: How many of `count` cases had the property.
        count: How many cases there were; 0 gives (0, 1).
        confidence: Probability with which the interval covers the true share.
    """
    _counts(hits, count)
    if count == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = hits / count, z * z / count
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * sqrt(share * (1 - share) / count + weight / (4 * count))
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def clopper_pearson(hits: int, count: int, *, confidence: float = 0.95) -> Interval:
    """Exact interval of a share: covers at least as often as it says, never less.

    Clopper and Pearson, "The Use of Confidence or Fiducial Limits Illustrated in the Case
    of the Binomial", Biometrika, 1934. Arguments as for `wilson`.

    Raises:
        MissingExtra: If scipy is not installed.
    """
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else 1 - clopper_pearson_upper(count - hits, count, delta=tail)
    return Interval(low, clopper_pearson_upper(hits, count, delta=tail))


def clopper_pearson_upper(hits: int, count: int, *, delta: float) -> float:
    """Upper end, exceeded by the true share with probability `delta` at most (one-sided).

    Args:
        hits: How many of `count` cases had the property, such as being wrong.
        count: How many cases there were; 0 gives 1.0.
        delta: Probability of the true share lying above, 0 to 1.

    Raises:
        MissingExtra: If scipy is not installed.
    """
    _counts(hits, count)
    if hits == count:
        return 1.0
    try:
        from scipy.stats import beta
    except ImportError as error:
        raise MissingExtra("scipy", "evals", why="The Clopper-Pearson interval") from error
    return float(beta.ppf(1 - delta, hits + 1, count - hits))


def _size(values: Sequence[object]) -> int:
    if not values:
        raise ConfigurationError("there is nothing to score", wanted="at least one case", came="none")
    return len(values)


def _same_length(left: Sequence[object], right: Sequence[object]) -> None:
    if _size(left) != len(right):
        raise ConfigurationError(
            "the two lists do not belong together",
            wanted="one entry per case in both",
            came=f"{len(left)} and {len(right)}",
        )


def _counts(hits: int, count: int) -> None:
    if not 0 <= hits <= count:
        raise ConfigurationError(
            "these counts make no share", wanted="0 <= hits <= count", came=f"{hits} of {count}"
        )

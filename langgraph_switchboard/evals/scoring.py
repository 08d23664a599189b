"""Metrics: many scores made into one figure with its interval, and held against its gate."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from langgraph_switchboard.routing.scores import Interval, wilson

_RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a run.

    Args:
        key: Its name.
        n: How many examples it was measured on.
        value: The mean of their scores; None if it was measured on none.
        interval: Where the true mean lies with probability 0.95; None without a value.
        gate: The least value that passes; None if nothing depends on it.
    """

    key: str
    n: int
    value: float | None
    interval: Interval | None
    gate: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the gate is met; a gate that nothing was measured for is not."""
        return self.gate is None or (self.value is not None and self.value >= self.gate)


def metrics_of(scores: Mapping[str, Sequence[float]], gates: Mapping[str, float]) -> list[Metric]:
    """One metric for each key that was scored or gated, in the order of the scores.

    Args:
        scores: The scores by metric; a share is scored by 0 and 1.
        gates: The least value by metric.
    """
    keys = [*scores, *(key for key in gates if key not in scores)]
    return [_metric(key, scores.get(key, ()), gates.get(key)) for key in keys]


def mean_interval(values: Sequence[float], *, confidence: float = 0.95, seed: int = 0) -> Interval:
    """The percentile bootstrap interval of a mean; the same for the same values.

    Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics, 1979.
    It is too narrow for few values: with under 20 do not build on it.

    Args:
        values: One score per example, at least one.
        confidence: Probability with which the interval covers the true mean.
        seed: Of the random resampling.
    """
    draw = random.Random(seed)  # noqa: S311 - statistics, not secrets
    means = sorted(fmean(draw.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    tail = round((1 - confidence) / 2 * (_RESAMPLES - 1))
    return Interval(means[tail], means[-1 - tail])


def _metric(key: str, values: Sequence[float], gate: float | None) -> Metric:
    if not values:
        return Metric(key, 0, None, None, gate)
    is_share = all(value in (0, 1) for value in values)
    interval = wilson(round(sum(values)), len(values)) if is_share else mean_interval(values)
    return Metric(key, len(values), fmean(values), interval, gate)

"""Traffic: what a server has answered so far, counted for its metrics."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram of times, in seconds."""


class Traffic:
    """Requests by method, route and status, and how long each route took."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.seconds: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(BOUNDS) + 1))
        self.total: defaultdict[str, float] = defaultdict(float)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request.

        Args:
            method: Its method.
            route: The path of its route, not of the request: that would be as many as there are cases.
            status: How it was answered.
            seconds: How long that took.
        """
        self.requests[method, route, status] += 1
        self.seconds[route][bisect_left(BOUNDS, seconds)] += 1
        self.total[route] += seconds

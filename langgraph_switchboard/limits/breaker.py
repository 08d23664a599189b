"""A breaker in memory: the last calls, what opens it, and the one probe that may close it."""

from __future__ import annotations

import statistics
from collections import deque
from datetime import UTC, datetime

from langgraph_switchboard.limits.calls import Breaker, BreakerRow, BreakerState, Change, Sample
from langgraph_switchboard.limits.policy import BreakerPolicy

PROBE_LEASE = 60.0
"""Seconds after which another call may try, if nobody hears of a probe again; `cool` if that is longer."""


class MemoryBreaker:
    """One breaker of this process; the migration 0007 says the same in SQL.

    Args:
        breaker: Whose it is.
    """

    def __init__(self, breaker: Breaker) -> None:
        self._of = breaker
        self._open_until: float | None = None
        self._probe_until = 0.0
        self._probe = 0
        self._opened_at: datetime | None = None
        self._opened = 0
        self._why = ""
        self._forget()

    @property
    def is_open(self) -> bool:
        """Whether it was opened and not closed again; a probe may be due."""
        return self._open_until is not None

    def wait(self, now: float) -> float:
        """Seconds until a call may go; 0 or less where one may."""
        return 0.0 if self._open_until is None else max(self._open_until, self._probe_until) - now

    def probed_by(self, number: int, policy: BreakerPolicy, now: float) -> None:
        """Let this call try; nobody else until it is heard of, or the lease is over."""
        self._probe = number
        self._probe_until = now + max(policy.cool, PROBE_LEASE)

    def tell(self, policy: BreakerPolicy, sample: Sample, number: int, now: float) -> Change | None:
        """Learn how a call went.

        Args:
            policy: What opens it.
            sample: How it went.
            number: The call's number; 0 for what is told long after.
            now: The present moment.

        Returns:
            What it is now, if that changed.
        """
        if self.is_open:
            # Calls from before it opened say nothing about how it is now.
            return self._end_probe(policy, sample, now) if number and number == self._probe else None
        for window, value in (
            (self._failed, sample.failed),
            (self._seconds, sample.seconds),
            (self._confidence, sample.confidence),
            (self._rejected, sample.rejected),
        ):
            if value is not None:
                window.append(value)
                while len(window) > policy.window:
                    window.popleft()
        why = self._trouble(policy)
        return self._open(policy, why, now) if why else None

    def row(self, now: float) -> BreakerRow:
        """How it stands."""
        state: BreakerState = "closed"
        if self._open_until is not None:
            state = "open" if self._open_until > now else "half_open"
        return BreakerRow(
            self._of.kind,
            self._of.name,
            state,
            self._why,
            self._opened_at,
            self._opened,
            len(self._failed),
            _mean(self._failed),
            statistics.median(self._seconds) if self._seconds else None,
            _mean(self._confidence),
            len(self._rejected),
            _mean(self._rejected),
        )

    def _end_probe(self, policy: BreakerPolicy, sample: Sample, now: float) -> Change | None:
        self._probe, self._probe_until = 0, 0.0
        if sample.failed is None:
            return None
        if sample.failed:
            return self._open(policy, "the probe failed", now)
        self._open_until, self._why = None, ""
        self._forget()
        return Change(self._of.key, "closed")

    def _open(self, policy: BreakerPolicy, why: str, now: float) -> Change:
        self._open_until = now + policy.cool
        self._opened_at, self._opened, self._why = datetime.now(UTC), self._opened + 1, why
        return Change(self._of.key, "open", why)

    def _forget(self) -> None:
        self._failed: deque[float] = deque()
        self._seconds: deque[float] = deque()
        self._confidence: deque[float] = deque()
        self._rejected: deque[float] = deque()

    def _trouble(self, policy: BreakerPolicy) -> str:
        """What opens it, in words; empty where nothing does."""
        checks = (
            (self._failed, policy.errors, _too_many_failed),
            (self._seconds, policy.slower, _too_slow),
            (self._confidence, policy.confidence, _too_unsure),
            (self._rejected, policy.rejections, _too_often_rejected),
        )
        for window, bound, check in checks:
            if bound is not None and len(window) >= policy.least and (why := check(window, bound)):
                return why
        return ""


def _too_many_failed(failed: deque[float], bound: float) -> str:
    share = sum(failed) / len(failed)
    return f"{round(share * 100)} % of the last {len(failed)} calls failed" if share >= bound else ""


def _too_slow(seconds: deque[float], bound: float) -> str:
    median = statistics.median(seconds)
    return f"the median of the last {len(seconds)} calls is {median:.2f} s" if median >= bound else ""


def _too_unsure(confidence: deque[float], bound: float) -> str:
    mean = sum(confidence) / len(confidence)
    return f"the mean confidence of the last {len(confidence)} calls is {mean:.2f}" if mean < bound else ""


def _too_often_rejected(rejected: deque[float], bound: float) -> str:
    share = sum(rejected) / len(rejected)
    return (
        f"{round(share * 100)} % of the last {len(rejected)} decisions rejected it" if share >= bound else ""
    )


def _mean(window: deque[float]) -> float | None:
    return sum(window) / len(window) if window else None

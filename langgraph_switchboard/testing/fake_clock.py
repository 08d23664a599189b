"""A clock that moves only when it is told to."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class FakeClock:
    """Time for tests: `now`, `monotonic` and `sleep` without waiting.

    Args:
        start: The first moment; must be aware of its time zone.
        jumps: With True a sleep moves the clock at once, so that code that backs off
            runs through. With False a sleeper waits until `advance` has passed its time.
    """

    def __init__(self, start: datetime = datetime(2030, 1, 1, tzinfo=UTC), *, jumps: bool = True) -> None:
        if start.tzinfo is None:
            raise ValueError(
                "FakeClock: start must be aware of its time zone, such as datetime(..., tzinfo=UTC)."
            )
        self._start = start
        self._passed = 0.0
        self._jumps = jumps
        self._sleepers: list[tuple[float, asyncio.Event]] = []
        self.slept: list[float] = []
        """Seconds of every sleep, in the order in which they began."""

    def now(self) -> datetime:
        """The present moment, aware of its time zone."""
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self._passed

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass, in the way that the clock was made for."""
        self.slept.append(seconds)
        if self._jumps:
            self.advance(max(0.0, seconds))
            await asyncio.sleep(0)
            return
        until = asyncio.Event()
        self._sleepers.append((self._passed + seconds, until))
        await until.wait()

    def advance(self, seconds: float | timedelta) -> None:
        """Move the clock on, and wake whoever has slept long enough."""
        step = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
        if step < 0:
            raise ValueError(f"FakeClock: time runs forward only; {step} seconds were asked for.")
        self._passed += step
        for due, until in self._sleepers:
            if due <= self._passed:
                until.set()
        self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[1].is_set()]

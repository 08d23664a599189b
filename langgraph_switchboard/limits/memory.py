"""The memory form: limits within one process, by the same rules as in Postgres."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from langgraph_switchboard.limits import refusals
from langgraph_switchboard.limits.breaker import MemoryBreaker
from langgraph_switchboard.limits.calls import (
    Breaker,
    BreakerRow,
    BudgetRow,
    Call,
    Change,
    Grant,
    Line,
    Sample,
    Spent,
)


@dataclass(slots=True)
class _Budget:
    line: Line
    spent: Spent = Spent()  # noqa: RUF009  # frozen
    held: Spent = Spent()  # noqa: RUF009  # frozen

    def has_room(self, wants: Spent) -> bool:
        taken = self.taken()
        micros, tokens = self.line.micros, self.line.tokens
        fits = micros is None or wants.micros <= micros - taken.micros
        return fits and (tokens is None or wants.tokens <= tokens - taken.tokens)

    def taken(self) -> Spent:
        return _plus(self.spent, self.held)


class MemoryLimits:
    """`Limits` that hold for this process only, and are gone with it.

    Args:
        monotonic: Gives seconds; a fake clock in tests.
        sleep: Waits for a call's turn.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._number = 0
        self._budgets: dict[str, _Budget] = {}
        self._full_at: dict[str, float] = {}
        self._breakers: dict[str, MemoryBreaker] = {}
        self._held: dict[int, Call] = {}

    async def admit(self, call: Call) -> Grant:
        """Let a call go; see `Limits`."""
        self._release_before(call)
        now = self._monotonic()
        self._must_be_closed(call, now)
        for line in call.lines:
            standing = self._budgets.setdefault(line.key, _Budget(line))
            standing.line = line
            if not standing.has_room(call.wants):
                raise refusals.no_room(call, line, standing.taken())
        waits = self._take_turn(call, now)
        self._number += 1
        grant = Grant(call, self._number, waits, self._probes(call, now))
        for line in call.lines:
            standing = self._budgets[line.key]
            standing.held = _plus(standing.held, call.wants)
        if call.lines:
            self._held[grant.number] = call
        if waits:
            try:
                await self._sleep(waits)
            except BaseException:
                await self.settle(grant, Spent())
                raise
        return grant

    async def settle(self, grant: Grant, spent: Spent, sample: Sample = Sample()) -> list[Change]:  # noqa: B008
        """Give back what is held, and count what it cost; see `Limits`."""
        call = self._held.pop(grant.number, None)
        for line in call.lines if call else ():
            standing = self._budgets[line.key]
            standing.held = _minus(standing.held, grant.call.wants)
            standing.spent = _plus(standing.spent, spent)
        breaker = grant.call.breaker
        if breaker is None or (sample.says_nothing and not grant.is_probe):
            return []
        return self._tell(breaker, sample, grant.number)

    async def report(self, breaker: Breaker, sample: Sample) -> list[Change]:
        """Tell a breaker what a person decided; see `Limits`."""
        return self._tell(breaker, sample, 0)

    async def budgets(self, limit: int = 100) -> Sequence[BudgetRow]:
        """Budgets as they stand; see `Limits`."""
        rows = [
            BudgetRow(
                b.line.scope,
                b.line.subject,
                b.line.day,
                (b.line.micros, b.line.tokens),
                b.spent,
                b.held,
            )
            for b in self._budgets.values()
        ]
        return sorted(rows, key=lambda row: (row.day is None, row.scope, row.subject))[:limit]

    async def breakers(self) -> Sequence[BreakerRow]:
        """Every breaker that has ever been told anything; see `Limits`."""
        now = self._monotonic()
        return [one.row(now) for _, one in sorted(self._breakers.items())]

    async def aclose(self) -> None:
        """Nothing is open."""

    def _release_before(self, call: Call) -> None:
        """Give back what earlier owners of the case hold."""
        if call.epoch is None:
            return
        for number, held in list(self._held.items()):
            if held.case_id == call.case_id and held.epoch is not None and held.epoch < call.epoch:
                del self._held[number]
                for line in held.lines:
                    standing = self._budgets[line.key]
                    standing.held = _minus(standing.held, held.wants)

    def _must_be_closed(self, call: Call, now: float) -> None:
        standing = self._breakers.get(call.breaker.key) if call.breaker else None
        if call.breaker and standing and (wait := standing.wait(now)) > 0:
            raise refusals.left_alone(call, call.breaker, wait)

    def _take_turn(self, call: Call, now: float) -> float:
        if call.bucket is None:
            return 0.0
        rate = call.bucket.rate
        full_at = max(self._full_at.get(call.bucket.key, 0.0), now)
        wait = max(0.0, full_at - now - (rate.burst - 1) / rate.per_second)
        if wait > rate.patience:
            raise refusals.too_long(call, call.bucket, wait)
        self._full_at[call.bucket.key] = full_at + 1 / rate.per_second
        return wait

    def _probes(self, call: Call, now: float) -> bool:
        standing = self._breakers.get(call.breaker.key) if call.breaker else None
        if call.breaker is None or standing is None or not standing.is_open:
            return False
        standing.probed_by(self._number, call.breaker.policy, now)
        return True

    def _tell(self, breaker: Breaker, sample: Sample, number: int) -> list[Change]:
        standing = self._breakers.setdefault(breaker.key, MemoryBreaker(breaker))
        change = standing.tell(breaker.policy, sample, number, self._monotonic())
        return [change] if change else []


def _plus(one: Spent, other: Spent) -> Spent:
    return Spent(one.micros + other.micros, one.tokens + other.tokens)


def _minus(one: Spent, other: Spent) -> Spent:
    return Spent(one.micros - other.micros, one.tokens - other.tokens)

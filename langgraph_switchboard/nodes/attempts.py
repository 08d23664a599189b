"""Attempts: a step is tried again where that can help.

    attempt -> fails, and may pass -> one ledger event, committed -> wait -> attempt ...

The event is durable before the wait begins, so that a crash does not start the counting anew; a
step that succeeds at once says nothing and costs nothing. A long wait holds no process: it is a
timer, which wakes the case.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from langgraph_switchboard.ledger import Event, TaskKey
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.failure import failure_of
from langgraph_switchboard.nodes.spec import Retry, Step
from langgraph_switchboard.nodes.timers import wait_until
from langgraph_switchboard.nodes.transient import asks_to_wait, may_pass
from langgraph_switchboard.nodes.turn import Turn

Attempt = Callable[[], Awaitable[Turn]]


async def tried(attempt: Attempt, step: Step, ctx: StepContext, *, lets_go: bool = True) -> Turn:
    """Attempt a step until it succeeds, fails for good, or has no attempt left.

    Args:
        attempt: One attempt, under its own timeout.
        step: The step; its `retry` says how often and how long.
        ctx: Its context, which tells the agent which attempt it is.
        lets_go: Whether a long wait may become a timer; else the process waits.

    Raises:
        Exception: What the last attempt raised.
        GraphInterrupt: A timer is set, and the case goes on later.
    """
    run = _Run(attempt, step, ctx, lets_go and _is_kept(ctx))
    await run.take_up()
    try:
        return await attempt()
    except Exception as error:
        if not run.goes_on(error):
            raise
        first = error
    return await run.again(first)


def pause(policy: Retry, failed: int, asked: float | None) -> float:
    """Seconds until the next attempt.

    Args:
        policy: How often, and how long.
        failed: How many attempts have failed, at least 1.
        asked: What the other side asked for, if it did.
    """
    if asked is not None:
        return min(asked, policy.longest)
    try:
        grown = min(policy.base * policy.factor ** (failed - 1), policy.longest)
    except OverflowError:
        grown = policy.longest
    return grown * random.uniform(0.5, 1.0) if policy.jitter else grown  # noqa: S311  # jitter is no secret


@dataclass
class _Run:
    """One run of a step through its attempts."""

    attempt: Attempt
    step: Step
    ctx: StepContext
    lets_go: bool
    mark: int = field(init=False, default=0)
    """Entries in front of this belong to no attempt: what was said of timers."""

    async def take_up(self) -> None:
        """Go on where an earlier run of the same step stopped: in a crash, or for a timer."""
        ctx, policy = self.ctx, self.step.retry
        before = await ctx.services.store.attempts(ctx.task) if ctx.again else []
        ctx.attempts = max(policy.attempts, len(before) + 1)
        ctx.attempt = len(before) + 1
        ctx.failed = before[-1].data.get("failure") if before else None
        if self.lets_go:  # else this run has been through its timers already
            for event in before:
                if event.data.get("by") == "timer":
                    self._set_timer(float(event.data["wait"]), int(event.data["attempt"]))
        if before and before[-1].data.get("by") == "sleep":
            passed = (ctx.now() - before[-1].at).total_seconds()
            if (left := float(before[-1].data["wait"]) - passed) > 0:
                await ctx.services.sleep(left)
        self.mark = len(ctx.entries)

    def goes_on(self, error: BaseException) -> bool:
        """Whether another attempt follows."""
        return not self.ctx.is_last_attempt and isinstance(error, Exception) and may_pass(error)

    async def again(self, first: Exception) -> Turn:
        """The attempts after the first failure."""
        retrying = AsyncRetrying(
            sleep=self._wait,
            stop=lambda _: self.ctx.is_last_attempt,
            wait=self._pause,
            retry=retry_if_exception(self.goes_on),
            before_sleep=self._tell,
            reraise=True,
        )
        failed: list[Exception] = [first]

        async def next_attempt() -> Turn:
            if failed:
                raise failed.pop()
            return await self.attempt()

        turn: Turn = await retrying(next_attempt)
        return turn

    def _pause(self, state: RetryCallState) -> float:
        error = _raised(state)
        return pause(self.step.retry, self.ctx.attempt, asks_to_wait(error, self.ctx.now()))

    async def _tell(self, state: RetryCallState) -> None:
        """One event, committed before the wait; what the attempt had put aside does not leave."""
        ctx, wait = self.ctx, state.upcoming_sleep
        error = _raised(state)
        ctx.failed = failure_of(error, self.step.name)
        data: dict[str, Any] = {
            "agent": self.step.name,
            "owner": self.step.owner,
            "attempt": ctx.attempt,
            "of": ctx.attempts,
            "failure": ctx.failed,
            "wait": round(wait, 3),
            "by": "timer" if self._is_long(wait) else "sleep",
            **({"hooks": list(ctx.hooks)} if ctx.hooks else {}),
            **ctx.spent(),
        }
        event = Event("attempt_failed", self.step.name, ctx.now(), data)
        place = TaskKey(ctx.task.case_id, ctx.task.namespace, f"{ctx.task.task_id}#{ctx.attempt}")
        await ctx.services.write(ctx.config, place, [event])
        del ctx.entries[self.mark :]
        ctx.answers.clear()
        ctx.unanswered.clear()
        ctx.breach = None
        ctx.notes.clear()
        ctx.hooks.clear()

    async def _wait(self, seconds: float) -> None:
        failed = self.ctx.attempt
        if self._is_long(seconds):
            self._set_timer(seconds, failed)
        else:
            await self.ctx.services.sleep(seconds)
        self.ctx.attempt = failed + 1

    def _set_timer(self, seconds: float, failed: int) -> None:
        due = self.ctx.now() + timedelta(seconds=seconds)
        wait_until(due, self.ctx, kind="backoff", payload={"attempt": failed})
        self.mark = len(self.ctx.entries)

    def _is_long(self, seconds: float) -> bool:
        return self.lets_go and seconds > self.step.patience


def _is_kept(ctx: StepContext) -> bool:
    """Whether the case is kept at all: without a checkpointer there is nothing that a timer could wake."""
    return ctx.config.get("configurable", {}).get("thread_id") is not None


def _raised(state: RetryCallState) -> Exception:
    error = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(error, Exception), "only an exception leads to another attempt"
    return error

"""The ticker: wakes cases whose timers are due, and does the chores that nobody else does.

One pass is `tick()`. `run()` passes again and again, in one process of all that share a
database: whoever holds the lease. `ticking()` runs it beside something else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from langgraph_switchboard.errors import StepFailed, SwitchboardError
from langgraph_switchboard.switchboard.chores import go_on_decided, watch_reviews
from langgraph_switchboard.switchboard.core import Switchboard

_log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two passes."""
_MOST = 500
"""Timers that one pass takes up; the next pass follows at once where there are more."""

Chore = Callable[[Switchboard, datetime], Awaitable[int]]
"""Something that is to be done again and again: gets the present moment, gives how much it did."""

CHORES: Mapping[str, Chore] = {"reviews": watch_reviews, "decisions": go_on_decided}
"""The chores of every ticker, by name, in order; `Ticker` takes others besides."""


@dataclass(frozen=True)
class Ticked:
    """What one pass did.

    Args:
        woken: Cases whose timers were due and that were driven on.
        cancelled: Timers that were due, and that no case waited for any more.
        chores: What each chore did, by its name.
        failed: What broke off, by case or chore; it is tried again at the next pass.
    """

    woken: int = 0
    cancelled: int = 0
    chores: dict[str, int] = field(default_factory=dict)
    failed: dict[str, SwitchboardError] = field(default_factory=dict)


class Ticker:
    """Passes over what is due.

    Every case is driven by its owner alone, and a chore must bear being done twice: two
    tickers at once do no harm, they only do double work.

    Args:
        switchboard: Whose cases are woken; a case of a flow that it does not know is left alone.
        chores: Chores besides `CHORES`, by name.
        every: Seconds between two passes.
        sleep: Lets seconds pass between them; a test brings that of its clock.
    """

    def __init__(
        self,
        switchboard: Switchboard,
        *,
        chores: Mapping[str, Chore] | None = None,
        every: float = EVERY,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._switchboard = switchboard
        self._chores = {**CHORES, **(chores or {})}
        self._every = every
        self._sleep = sleep

    async def tick(self) -> Ticked:
        """One pass: due timers wake their cases, then each chore has its turn.

        Nothing that fails stops the rest; it is in `failed`, and due again at the next pass.

        Raises:
            StoreError: The database cannot say what is due.
        """
        now = self._switchboard.services.clock()
        woken, cancelled, failed = await self._wake(now)
        done: dict[str, int] = {}
        for name, chore in self._chores.items():
            try:
                done[name] = await chore(self._switchboard, now)
            except SwitchboardError as error:
                failed[name] = error
            except Exception as error:
                # A bug in one chore must not keep the others from their turn.
                _log.exception("the chore %r broke off", name)
                failed[name] = StepFailed(
                    "the chore broke off", where=name, came=type(error).__name__, mend="The log says more."
                )
        return Ticked(woken, cancelled, done, failed)

    async def run(self) -> None:
        """Pass again and again while the lease is ours; ends only when it is cancelled."""
        lease = self._switchboard.ticking
        try:
            while True:
                more = False
                try:
                    if await lease.is_ours():
                        ticked = await self.tick()
                        more = ticked.woken >= _MOST
                        for what, error in ticked.failed.items():
                            _log.warning("%s: %s", what, error)
                except Exception:
                    # Whatever it was, tomorrow's timers are still due tomorrow.
                    _log.exception("a pass of the ticker broke off")
                if not more:
                    await self._sleep(self._every)
        finally:
            await lease.give_back()

    async def _wake(self, now: datetime) -> tuple[int, int, dict[str, SwitchboardError]]:
        store = self._switchboard.services.store
        due = await store.timers(due=now, limit=_MOST)
        cases = list(dict.fromkeys(row.case_id for row in due))
        if not cases:
            return 0, 0, {}
        broken = await self._switchboard.resume_many(cases)
        # What is still set although its case was driven is waited for by nobody: the case went on
        # without it, or has ended.
        went = {row.timer_id for row in due if row.case_id not in broken}
        still = [row.timer_id for row in await store.timers(due=now, limit=None) if row.timer_id in went]
        cancelled = await store.cancel_timers(still) if still else 0
        return len(cases) - len(broken), cancelled, broken


@asynccontextmanager
async def ticking(
    switchboard: Switchboard, *, chores: Mapping[str, Chore] | None = None, every: float = EVERY
) -> AsyncIterator[Ticker]:
    """Run a ticker beside what the block does.

    Args:
        switchboard: Whose cases are woken.
        chores: Chores besides `CHORES`, by name.
        every: Seconds between two passes.
    """
    ticker = Ticker(switchboard, chores=chores, every=every)
    running = asyncio.create_task(ticker.run())
    try:
        yield ticker
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

"""The worker: drives cases beside the server, so many at a time, and stops without breaking one off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from langgraph_switchboard.cases import OPEN, PARKED
from langgraph_switchboard.errors import CaseBusy, SwitchboardError
from langgraph_switchboard.switchboard import Switchboard

_log = logging.getLogger(__name__)

CONCURRENCY = 32
"""Cases that are driven at a time unless the server is told otherwise."""
GRACE = 25.0
"""Seconds in which cases under way may come to rest when the server stops."""
_STRAY = timedelta(seconds=30)
"""For so long nothing was heard of a case before it counts as broken off."""
_SWEPT = 1_000


class Worker:
    """Drives the cases that are handed to it.

    A case is driven once at a time here, and by its owner alone over all processes; one that is
    handed over while it is being driven has another turn. What breaks off stands where it stood,
    and `take_up_strays` finds it again.

    Args:
        switchboard: Whose cases they are.
        concurrency: How many are driven at a time.
        grace: Seconds in which cases under way may come to rest when the worker stops.
    """

    def __init__(
        self, switchboard: Switchboard, *, concurrency: int = CONCURRENCY, grace: float = GRACE
    ) -> None:
        self._switchboard = switchboard
        self._concurrency = concurrency
        self._grace = grace
        self._waiting: dict[str, None] = {}
        self._driven: set[str] = set()
        self._work = asyncio.Condition()
        self._stopping = False
        self._has_looked = False

    @property
    def in_flight(self) -> int:
        """How many cases are being driven."""
        return len(self._driven)

    @property
    def queued(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    async def take(self, *case_ids: str) -> None:
        """Take cases over; they are driven soon, in the order in which they came."""
        async with self._work:
            self._waiting |= dict.fromkeys(case_ids)
            self._work.notify_all()

    async def idle(self) -> None:
        """Return when nothing is left to drive; at the start, when what was left has been taken up, too."""
        async with self._work:
            await self._work.wait_for(lambda: self._has_looked and not self._waiting and not self._driven)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Drive cases for as long as the block runs: first of all those that an earlier server left."""
        hands = [asyncio.create_task(self._drive_on()) for _ in range(self._concurrency)]
        found = asyncio.create_task(self._take_up_all())
        try:
            yield
        finally:
            found.cancel()
            await self._stop(hands)
            await asyncio.gather(found, return_exceptions=True)

    async def take_up_strays(self, switchboard: Switchboard, now: datetime) -> int:
        """Take up cases of which nothing was heard for a while: a chore of the ticker."""
        rows = await switchboard.services.store.cases(status=OPEN, limit=_SWEPT)
        stray = [row.case_id for row in rows if self._is_ours(row.flow) and now - row.updated_at > _STRAY]
        await self.take(*stray)
        return len(stray)

    async def _take_up_all(self) -> None:
        try:
            rows = await self._switchboard.services.store.cases(status=(*OPEN, *PARKED), limit=None)
        except SwitchboardError:
            _log.warning("the cases of an earlier server could not be listed", exc_info=True)
            rows = []
        async with self._work:
            self._has_looked = True
            self._waiting |= {row.case_id: None for row in reversed(rows) if self._is_ours(row.flow)}
            self._work.notify_all()

    def _is_ours(self, flow: str) -> bool:
        return flow in self._switchboard.flows

    async def _drive_on(self) -> None:
        while True:
            async with self._work:
                await self._work.wait_for(lambda: self._stopping or self._next() is not None)
                case_id = self._next()
                if self._stopping or case_id is None:
                    return
                del self._waiting[case_id]
                self._driven.add(case_id)
            try:
                await self._drive(case_id)
            finally:
                async with self._work:
                    self._driven.discard(case_id)
                    self._work.notify_all()

    def _next(self) -> str | None:
        return next((case_id for case_id in self._waiting if case_id not in self._driven), None)

    async def _drive(self, case_id: str) -> None:
        try:
            await self._switchboard.resume(case_id)
        except CaseBusy:
            _log.debug("case %s is driven elsewhere", case_id)
        except SwitchboardError as error:
            _log.warning("case %s broke off: %s", case_id, error)
        except Exception:
            # LangGraph's own, or a saver's: the case stands where it stood, and others go on.
            _log.exception("case %s broke off", case_id)

    async def _stop(self, hands: list[asyncio.Task[None]]) -> None:
        async with self._work:
            self._stopping = True
            self._work.notify_all()
        _, late = await asyncio.wait(hands, timeout=self._grace)
        for hand in late:
            hand.cancel()
        await asyncio.gather(*hands, return_exceptions=True)
        if late:
            _log.warning("%d cases were broken off; they go on at the next start", len(late))

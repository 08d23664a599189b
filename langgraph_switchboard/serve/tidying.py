"""Tidying: what a server keeps for itself goes when nobody can want it any more; a chore of the ticker."""

from __future__ import annotations

from datetime import datetime, timedelta

from langgraph_switchboard.switchboard import Switchboard

EVERY = timedelta(hours=1)
KEPT = timedelta(days=30)
"""For so long sessions that are over and deliveries at their end can still be looked at."""


class Tidying:
    """Forgets old sessions and deliveries, once an hour; ledger and cases are none of its business."""

    def __init__(self) -> None:
        self._last: datetime | None = None

    async def tidy(self, switchboard: Switchboard, now: datetime) -> int:
        """One pass, if an hour has gone by since the last; how many were forgotten."""
        if self._last is not None and now - self._last < EVERY:
            return 0
        self._last, before = now, now - KEPT
        gone = await switchboard.house.access.tidy(before)
        return gone + await switchboard.house.webhooks.tidy(before)

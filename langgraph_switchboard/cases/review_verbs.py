"""The verbs on reviews that both forms of the store share: read the row, apply the rule, compare and set."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

from langgraph_switchboard.cases import refusals, reviewing
from langgraph_switchboard.cases.reviewing import Amended, Said
from langgraph_switchboard.cases.rows import ReviewRow
from langgraph_switchboard.ledger.events import Event


class Amends(Protocol):
    """What a form of the store has to bring along."""

    async def review(self, review_id: str) -> ReviewRow | None:
        """One review, or None."""

    async def amend(self, before: ReviewRow, after: ReviewRow, event: Event | None) -> ReviewRow | None:
        """Change a row and tell of it, in one commit, if nobody has changed it meanwhile.

        Returns:
            The row as it stands, or None where somebody was faster and nothing was done.
        """


class ReviewVerbs(Amends):
    """What people and time do with a review. Whoever is slower sees what the faster one left."""

    async def decide(
        self,
        review_id: str,
        *,
        version: int,
        digest: str,
        decision: dict[str, Any],
        by: str,
        at: datetime,
        people: int = 1,
        undo: timedelta = timedelta(),
        source: str = "",
    ) -> ReviewRow:
        """Set the decision if the review is open and shows what `digest` names; see `CaseStore`."""
        said = Said(decision, by, at, version, digest, people, undo, source)
        return await self._change(review_id, lambda row: reviewing.decide(row, said))

    async def undo(self, review_id: str, *, by: str, at: datetime) -> ReviewRow:
        """Take a decision back while it is held; see `CaseStore`."""
        return await self._change(review_id, lambda row: reviewing.undo(row, by=by, at=at))

    async def claim(self, review_id: str, *, by: str, at: datetime) -> ReviewRow:
        """Say who is looking at it; see `CaseStore`."""
        return await self._change(review_id, lambda row: reviewing.claim(row, by=by, at=at))

    async def release(self, review_id: str, *, by: str, at: datetime) -> ReviewRow:
        """Say that one is no longer looking at it; see `CaseStore`."""
        return await self._change(review_id, lambda row: reviewing.release(row, by=by, at=at))

    async def escalate(
        self, review_id: str, *, by: str, at: datetime, to: str | None = None, message: str = ""
    ) -> ReviewRow:
        """Hand it to another group; see `CaseStore`."""
        return await self._change(
            review_id, lambda row: reviewing.escalate(row, by=by, at=at, to=to, message=message)
        )

    async def in_time(self, review_id: str, *, at: datetime) -> ReviewRow:
        """Let time do what it does to a review; see `CaseStore`."""
        return await self._change(review_id, lambda row: reviewing.in_time(row, at=at))

    async def _change(self, review_id: str, rule: Callable[[ReviewRow], Amended]) -> ReviewRow:
        while True:
            row = await self.review(review_id)
            if row is None:
                raise refusals.review_missing(review_id)
            amended = rule(row)
            if amended.row == row:
                return row
            # Each turn round means that somebody else got on, so it comes to an end.
            stands = await self.amend(row, amended.row, amended.event)
            if stands is not None:
                return stands

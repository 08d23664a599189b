"""CaseStore: the verbs on cases and reviews that are not part of a step's commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from langgraph_switchboard.cases.rows import CaseRow, OutboxRow, ReviewRow, TimerRow, TimerStatus
from langgraph_switchboard.ledger.events import Event, LedgerEntry


class CaseStore(Protocol):
    """Accept cases, decide reviews, and read both. Two forms: memory and Postgres."""

    async def accept(self, rows: Sequence[CaseRow]) -> set[str]:
        """Take cases in; a case that is there already stays as it is.

        Returns:
            The ids that are new.

        Raises:
            InputRefused: A row holds what cannot be stored: a NUL, NaN, a time without a
                zone. Nothing of this call was taken.
            StoreError: Nothing was taken; after `StoreUnavailable` it may have been, and
                can be handed in again.
        """

    async def case(self, case_id: str) -> CaseRow | None:
        """One case, or None."""

    async def cases(
        self,
        *,
        flow: str | None = None,
        status: Sequence[str] = (),
        labels: Mapping[str, Any] | None = None,
        case_ids: Sequence[str] | None = None,
        limit: int | None = 100,
    ) -> list[CaseRow]:
        """Cases, newest first: those of these ids, in these statuses, with all of these labels."""

    async def counts(
        self, *, flow: str | None = None, labels: Mapping[str, Any] | None = None
    ) -> dict[str, int]:
        """How many cases stand in each status; every status is there, also with none."""

    async def story(self, case_id: str) -> list[LedgerEntry]:
        """Everything that happened to a case, in order."""

    async def note(self, case_id: str, events: Sequence[Event]) -> None:
        """Add facts that belong to no step: what somebody tried, or what an operator did.

        Raises:
            InputRefused: An event holds what cannot be stored.
            StoreError: Nothing was written.
        """

    async def stories(self, case_ids: Sequence[str]) -> list[LedgerEntry]:
        """The entries of several cases, each case's in order."""

    async def review(self, review_id: str) -> ReviewRow | None:
        """One review, or None."""

    async def reviews(
        self,
        *,
        flow: str | None = None,
        status: str | None = "open",
        case_id: str | None = None,
        limit: int | None = 100,
    ) -> list[ReviewRow]:
        """Reviews, oldest first: who has waited longest comes first."""

    async def decide(
        self, review_id: str, *, version: int, digest: str, decision: dict[str, Any], by: str, at: datetime
    ) -> ReviewRow:
        """Set the decision if the review is open and shows what `digest` names.

        Compare-and-set: of several callers one wins. The row is returned as it stands
        afterwards, so a caller sees from `decided_by` and `decision` whether it won.

        Raises:
            ReviewStale: Something else is shown by now; the review stays open.
            ReviewError: There is no such review.
            InputRefused: The decision holds what cannot be stored.
        """

    async def timers(
        self,
        *,
        due: datetime | None = None,
        case_id: str | None = None,
        status: TimerStatus | None = "set",
        limit: int | None = 100,
    ) -> list[TimerRow]:
        """Timers, those due first in front: all that are due at a moment, or those of one case."""

    async def cancel_timers(self, timer_ids: Sequence[str]) -> int:
        """Cancel timers that are set and that nobody waits for any more; how many there were."""

    async def outbox(self, case_id: str | None = None, *, limit: int | None = 100) -> list[OutboxRow]:
        """What steps have put into the outbox, oldest first."""

"""CaseStore: the verbs on cases and reviews that are not part of a step's commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from langgraph_switchboard.cases.branches import Standing
from langgraph_switchboard.cases.conversations import Conversation
from langgraph_switchboard.cases.inbox import CaseQuery, Figures, InboxCount, InboxQuery
from langgraph_switchboard.cases.letters import Letters
from langgraph_switchboard.cases.rows import CaseRow, OutboxRow, ReviewRow, TimerRow, TimerStatus
from langgraph_switchboard.ledger.events import Event, LedgerEntry
from langgraph_switchboard.ledger.journal import Entry, TaskKey


class CaseStore(Letters, Protocol):
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

    async def standing(self, flow: str) -> list[Standing]:
        """On which steps the cases of a flow stand that have begun and not ended, and how many on each."""

    async def story(self, case_id: str) -> list[LedgerEntry]:
        """Everything that happened to a case, in order."""

    async def note(self, case_id: str, events: Sequence[Entry]) -> None:
        """Add facts that belong to no step: what somebody tried, or what an operator did.

        A `Row` of `cases` among them changes the row of the case in the same commit.

        Raises:
            InputRefused: An event holds what cannot be stored.
            StoreError: Nothing was written.
        """

    async def stories(self, case_ids: Sequence[str]) -> list[LedgerEntry]:
        """The entries of several cases, each case's in order."""

    async def attempts(self, task: TaskKey) -> list[Event]:
        """The failed attempts of one run of a step, in order; empty where none failed before another."""

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
        """Set the decision if the review is open and shows what `digest` names.

        Compare-and-set: of several callers one wins. The row is returned as it stands
        afterwards, so a caller sees from `decided_by` and `decision` whether it won. Where
        several people are needed an approval is counted and the review stays open until the last;
        an edit or an answer takes the place of what was approved before it.

        Args:
            review_id: The review.
            version: The version that the person was shown.
            digest: The row's `token` as the person was shown it.
            decision: The decision, as a payload.
            by: Who decides.
            at: When.
            people: How many people it needs by what is decided, where that is more than the row says.
            undo: How long the decision is held and can be taken back.
            source: Names this answer where it may be heard twice.

        Raises:
            ReviewStale: Something else is shown by now; the review stays open.
            ReviewNotYours: This person has approved it already.
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

    async def undo(self, review_id: str, *, by: str, at: datetime) -> ReviewRow:
        """Take a decision back while it is held: the review is open again.

        Raises:
            ReviewClosed: It is too late, or nothing is decided.
            ReviewNotYours: Somebody else decided.
        """

    async def claim(self, review_id: str, *, by: str, at: datetime) -> ReviewRow:
        """Say who is looking at it, taking it over from whoever was.

        Raises:
            ReviewDecided: It is decided.
        """

    async def release(self, review_id: str, *, by: str, at: datetime) -> ReviewRow:
        """Say that this person is no longer looking at it."""

    async def escalate(
        self, review_id: str, *, by: str, at: datetime, to: str | None = None, message: str = ""
    ) -> ReviewRow:
        """Hand it to another group with the same time as the first had; it stays open.

        Raises:
            ReviewDecided: It is decided.
        """

    async def in_time(self, review_id: str, *, at: datetime) -> ReviewRow:
        """Let time do what it does: take effect, remind, escalate or decline; never approve."""

    async def due_reviews(self, now: datetime, *, limit: int = 500) -> list[ReviewRow]:
        """The reviews with which time has something to do by now."""

    async def not_gone_on(self, *, after: datetime, before: datetime, limit: int = 500) -> list[ReviewRow]:
        """Decisions made in that time whose cases nobody has seen to go on."""

    async def went_on(self, now: datetime, *, before: datetime, review_ids: Sequence[str] = ()) -> None:
        """Mark decisions made before that moment whose case has gone on, and those of these ids."""

    async def inbox(self, query: InboxQuery) -> list[ReviewRow]:
        """The reviews that are not decided, the longest waiting first, page by page."""

    async def inbox_counts(self, now: datetime) -> list[InboxCount]:
        """How many wait of each flow, kind, risk and group."""

    async def figures(self, since: datetime, *, flow: str | None = None) -> list[Figures]:
        """What was decided since then: in all, by agent and by kind."""

    async def cases_page(self, query: CaseQuery) -> list[CaseRow]:
        """Cases, newest first, page by page."""

    async def conversation(self, case_id: str, *, last: int | None = None) -> Conversation:
        """What was said in a case, oldest first.

        Args:
            case_id: The case.
            last: With a number, the last so many messages and those that no summary covers yet,
                with the latest summary; None gives every message.
        """

    async def outbox(self, case_id: str | None = None, *, limit: int | None = 100) -> list[OutboxRow]:
        """What steps have put into the outbox, oldest first."""


async def waits(store: CaseStore, case_id: str) -> bool:
    """Whether a case waits for a timer or a person; a decision that can still be taken back is none."""
    rows = await store.reviews(case_id=case_id, status=None, limit=None)
    return any(row.status != "decided" for row in rows) or bool(await store.timers(case_id=case_id, limit=1))

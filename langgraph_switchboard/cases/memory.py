"""The memory form: cases and journal over plain dicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import uuid4

from langgraph_switchboard.cases import refusals
from langgraph_switchboard.cases.branches import PARTED, Standing, branched, shape_of, standing_of
from langgraph_switchboard.cases.conversations import Conversation, conversation_of
from langgraph_switchboard.cases.letters import (
    Letter,
    LetterStatus,
    RungCount,
    letters_of,
    rungs_of,
    settling,
)
from langgraph_switchboard.cases.packing import CHANGING, Packed, check_status, moments, pack, record, unpack
from langgraph_switchboard.cases.review_memory import MemoryReviews
from langgraph_switchboard.cases.rows import (
    STATUSES,
    CaseRow,
    MessageRow,
    OutboxRow,
    ReviewRow,
    TimerRow,
    TimerStatus,
    as_values,
)
from langgraph_switchboard.ledger.events import Event, EventKind, LedgerEntry
from langgraph_switchboard.ledger.journal import Entry, TaskKey

T = TypeVar("T")


class MemoryStore(MemoryReviews):
    """`CaseStore` and `Journal` over plain dicts: nothing durable; for notebooks and tests.

    What goes in is copied, as if it had been sent to a database: nobody can change
    a row through a dict that he still holds.
    """

    def __init__(self) -> None:
        self._attached: dict[TaskKey, tuple[Entry, ...]] = {}
        self._cases: dict[str, CaseRow] = {}
        self._reviews: dict[str, ReviewRow] = {}
        self._outbox: dict[tuple[str, str], OutboxRow] = {}
        self._timers: dict[str, TimerRow] = {}
        self._messages: dict[str, dict[str, MessageRow]] = {}
        self._ledger: dict[tuple[TaskKey, int], LedgerEntry] = {}

    def attach(self, task: TaskKey, entries: Sequence[Entry]) -> None:
        """Keep the entries of this task until it settles; see `Journal`."""
        self._attached[task] = tuple(entries)

    async def settle(self, task: TaskKey) -> None:
        """Let this task's entries leave, all or none; see `Journal`."""
        if entries := self._attached.get(task):
            self._write(pack(task, entries))
        self._attached.pop(task, None)

    def _write(self, packed: Packed) -> None:
        """Everything that can be refused comes before the first change."""
        task = packed.task
        outbox = [OutboxRow(**unpack(text)) for text in packed.outbox]
        for row in outbox:
            if self._outbox.get((task.case_id, row.key), row).digest != row.digest:
                raise refusals.effect_conflict(task.case_id, row.key)
        told = {(task, ordinal): _entry(task, ordinal, text) for ordinal, text in enumerate(packed.ledger)}
        moves: dict[str, Any] = {}
        for place, text in zip(told, packed.ledger, strict=True):
            if place not in self._ledger:
                moves |= unpack(text)["moves"] or {}
        if moves:
            self._cases[task.case_id] = self._moved(task.case_id, moments(moves))
        for place, entry in told.items():
            self._ledger.setdefault(place, entry)
        for text in packed.reviews:
            review = ReviewRow(**unpack(text))
            self._reviews.setdefault(review.review_id, review)
        for row in outbox:
            self._outbox.setdefault((task.case_id, row.key), row)
        for text in packed.timers:
            timer = TimerRow(**unpack(text))
            known = self._timers.setdefault(timer.timer_id, timer)
            self._timers[timer.timer_id] = replace(known, status=timer.status, fired_at=timer.fired_at)
        for text in packed.messages:
            message = MessageRow(**unpack(text))
            self._messages.setdefault(task.case_id, {}).setdefault(message.key, message)

    def _moved(self, case_id: str, moves: dict[str, Any]) -> CaseRow:
        if known := self._cases.get(case_id):
            branches = branched(known.branches, moves)
            has_ended = moves.get("ended_at") is not None
            said = {**moves, **({} if has_ended else standing_of(branches)), "branches": branches}
            return replace(known, **{name: said[name] for name in CHANGING if name in said})
        try:
            return CaseRow(**moves)
        except TypeError:
            raise refusals.case_missing(case_id) from None

    async def accept(self, rows: Sequence[CaseRow]) -> set[str]:
        """Take cases in; see `CaseStore`."""
        taken: dict[str, CaseRow] = {}
        for row in rows:
            check_status("cases", {"status": row.status})
            taken.setdefault(row.case_id, CaseRow(**unpack(record(as_values(row), f"case {row.case_id}"))))
        new = taken.keys() - self._cases.keys()
        self._cases |= {case_id: row for case_id, row in taken.items() if case_id in new}
        return new

    async def case(self, case_id: str) -> CaseRow | None:
        """One case, or None."""
        return self._cases.get(case_id)

    async def cases(
        self,
        *,
        flow: str | None = None,
        status: Sequence[str] = (),
        labels: Mapping[str, Any] | None = None,
        case_ids: Sequence[str] | None = None,
        limit: int | None = 100,
    ) -> list[CaseRow]:
        """Cases, newest first; see `CaseStore`."""
        found = [
            row
            for row in self._selected(flow, labels)
            if (not status or row.status in status) and (case_ids is None or row.case_id in case_ids)
        ]
        found.sort(key=lambda row: row.case_id)
        return sorted(found, key=lambda row: row.created_at, reverse=True)[:limit]

    async def counts(
        self, *, flow: str | None = None, labels: Mapping[str, Any] | None = None
    ) -> dict[str, int]:
        """How many cases stand in each status; every status is there."""
        counted = Counter(row.status for row in self._selected(flow, labels))
        return {status: counted[status] for status in STATUSES}  # type: ignore[index]

    async def standing(self, flow: str) -> list[Standing]:
        """On which steps the open cases of a flow stand; see `CaseStore`."""
        found = Counter[tuple[str, str, int]]()
        for row in self._cases.values():
            if row.flow == flow and row.status != "accepted" and row.ended_at is None:
                alive = {path: one["step"] for path, one in row.branches.items() if one["status"] != PARTED}
                places = {(step, shape_of(path)) for path, step in (alive or {"": row.step}).items()}
                found.update((*place, row.blueprint_version) for place in places)
        return [Standing(*where, cases) for where, cases in sorted(found.items())]

    async def story(self, case_id: str) -> list[LedgerEntry]:
        """Everything that happened to a case, in order."""
        return await self.stories([case_id])

    async def note(self, case_id: str, events: Sequence[Entry]) -> None:
        """Add facts that belong to no step; see `CaseStore`."""
        self._write(pack(TaskKey(case_id, "", f"note {uuid4().hex}"), events))

    def ledger_entries(self) -> list[LedgerEntry]:
        """Everything that happened, in the order in which it was written."""
        return list(self._ledger.values())

    async def stories(self, case_ids: Sequence[str]) -> list[LedgerEntry]:
        """The entries of several cases, each case's in order."""
        wanted = set(case_ids)
        return [entry for entry in self._ledger.values() if entry.case_id in wanted]

    async def letters(
        self,
        *,
        letter_id: str | None = None,
        case_id: str | None = None,
        flow: str | None = None,
        status: LetterStatus | None = "open",
        limit: int | None = 100,
    ) -> list[Letter]:
        """Dead letters, the oldest first; see `Letters`."""
        flows = {row.case_id: row.flow for row in self._cases.values()}
        found = (
            one
            for one in letters_of(flows, self.ledger_entries())
            if letter_id in (None, one.letter_id)
            and case_id in (None, one.case_id)
            and flow in (None, one.flow)
            and status in (None, one.status)
        )
        return list(islice(found, limit))

    async def settle_letter(
        self,
        letter: Letter,
        kind: EventKind,
        *,
        by: str,
        at: datetime,
        why: str = "",
        moves: Mapping[str, Any] | None = None,
    ) -> Letter:
        """Say in the ledger that an operator settled a letter; see `Letters`."""
        self._write(pack(*settling(letter, kind, by, at, why, moves)))
        [stands] = await self.letters(letter_id=letter.letter_id, status=None)
        return stands

    async def rungs(self) -> list[RungCount]:
        """How failures ended; see `Letters`."""
        return rungs_of(self.ledger_entries())

    async def attempts(self, task: TaskKey) -> list[Event]:
        """The failed attempts of one run of a step, in order; see `CaseStore`."""
        found: list[Event] = []
        while entry := self._ledger.get((replace(task, task_id=f"{task.task_id}#{len(found) + 1}"), 0)):
            found.append(entry.event)
        return found

    async def review(self, review_id: str) -> ReviewRow | None:
        """One review, or None."""
        return self._reviews.get(review_id)

    async def reviews(
        self,
        *,
        flow: str | None = None,
        status: str | None = "open",
        case_id: str | None = None,
        limit: int | None = 100,
    ) -> list[ReviewRow]:
        """Reviews, oldest first; see `CaseStore`."""
        found = (
            row
            for row in self._reviews.values()
            if flow in (None, row.flow) and status in (None, row.status) and case_id in (None, row.case_id)
        )
        return _first(sorted(found, key=lambda row: (row.opened_at, row.review_id)), limit)

    async def timers(
        self,
        *,
        due: datetime | None = None,
        case_id: str | None = None,
        status: TimerStatus | None = "set",
        limit: int | None = 100,
    ) -> list[TimerRow]:
        """Timers, those due first in front; see `CaseStore`."""
        found = (
            row
            for row in self._timers.values()
            if (due is None or row.due_at <= due)
            and case_id in (None, row.case_id)
            and status in (None, row.status)
        )
        return _first(sorted(found, key=lambda row: (row.due_at, row.timer_id)), limit)

    async def cancel_timers(self, timer_ids: Sequence[str]) -> int:
        """Cancel timers that are set; see `CaseStore`."""
        found = [one for one in timer_ids if one in self._timers and self._timers[one].status == "set"]
        self._timers |= {one: replace(self._timers[one], status="cancelled") for one in found}
        return len(found)

    async def conversation(self, case_id: str, *, last: int | None = None) -> Conversation:
        """What was said in a case; see `CaseStore`."""
        return conversation_of(self._messages.get(case_id, {}).values(), last=last)

    async def outbox(self, case_id: str | None = None, *, limit: int | None = 100) -> list[OutboxRow]:
        """What steps have put into the outbox, oldest first."""
        found = (row for row in self._outbox.values() if case_id in (None, row.case_id))
        return _first(sorted(found, key=lambda row: (row.created_at, row.case_id, row.key)), limit)

    def _selected(self, flow: str | None, labels: Mapping[str, Any] | None) -> Iterable[CaseRow]:
        for row in self._cases.values():
            if flow in (None, row.flow) and _contains(row.labels, dict(labels or {})):
                yield row


def _first(rows: Sequence[T], limit: int | None) -> list[T]:
    return list(islice(rows, limit))


def _entry(task: TaskKey, ordinal: int, text: str) -> LedgerEntry:
    values = unpack(text)
    event = Event(values["kind"], values["step"], values["at"], values["data"], values["seconds"])
    return LedgerEntry(**asdict(task), ordinal=ordinal, event=event)


def _contains(whole: Any, part: Any) -> bool:
    """Whether a JSON value contains another as jsonb's `@>` has it below the top level."""
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(
            key in whole and _contains(whole[key], value) for key, value in part.items()
        )
    if isinstance(part, list | tuple):
        return isinstance(whole, list) and all(any(_contains(one, value) for one in whole) for value in part)
    # To Python true is 1; to JSON it is not.
    return isinstance(whole, bool) == isinstance(part, bool) and bool(whole == part)

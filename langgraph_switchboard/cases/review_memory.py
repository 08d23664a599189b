"""The memory form of what people and time do with reviews."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from typing import Any

from langgraph_switchboard.cases.inbox import CaseQuery, Figures, InboxCount, InboxQuery
from langgraph_switchboard.cases.packing import record, unpack
from langgraph_switchboard.cases.review_verbs import ReviewVerbs
from langgraph_switchboard.cases.reviewing import change_of
from langgraph_switchboard.cases.rows import CaseRow, ReviewRow, as_values
from langgraph_switchboard.ledger.events import Event, LedgerEntry
from langgraph_switchboard.ledger.journal import TaskKey


class MemoryReviews(ReviewVerbs):
    """Reviews over plain dicts; a part of `MemoryStore`."""

    _cases: dict[str, CaseRow]
    _reviews: dict[str, ReviewRow]
    _ledger: dict[tuple[TaskKey, int], LedgerEntry]

    async def amend(self, before: ReviewRow, after: ReviewRow, event: Event | None) -> ReviewRow | None:
        """Change a row and tell of it if nobody has changed it meanwhile; see `Amends`."""
        after = replace(after, revision=before.revision + 1)
        stored = ReviewRow(**unpack(record(as_values(after), f"review {after.review_id}")))
        standing = self._reviews.get(before.review_id)
        if standing is None or standing.revision != before.revision:
            return None
        self._reviews[after.review_id] = stored
        if event is not None:
            task = TaskKey(after.case_id, "", change_of(after))
            self._ledger[(task, 0)] = LedgerEntry(task.case_id, "", task.task_id, 0, event)
        return stored

    async def inbox(self, query: InboxQuery) -> list[ReviewRow]:
        """The reviews that are not decided, the longest waiting first; see `CaseStore`."""
        wanted = {"flow": query.flow, "kind": query.kind, "risk": query.risk, "owner": query.owner}
        wanted["assigned_to"] = query.assigned_to
        found = [
            row
            for row in self._undecided()
            if all(value in (None, getattr(row, name)) for name, value in wanted.items())
            and (query.overdue_at is None or (row.due_at is not None and row.due_at < query.overdue_at))
            and (query.after is None or (row.opened_at, row.review_id) > query.after)
            and _has_words(row, query.words)
        ]
        return found[: query.limit]

    async def inbox_counts(self, now: datetime) -> list[InboxCount]:
        """How many wait of each flow, kind, risk and group; see `CaseStore`."""
        groups: dict[tuple[str, str, str, str], list[ReviewRow]] = defaultdict(list)
        for row in self._undecided():
            groups[(row.flow, row.kind, row.risk, row.owner)].append(row)
        return [
            InboxCount(
                *key,
                waiting=len(rows),
                overdue=sum(row.due_at is not None and row.due_at < now for row in rows),
                oldest=min(row.opened_at for row in rows),
            )
            for key, rows in sorted(groups.items())
        ]

    async def figures(self, since: datetime, *, flow: str | None = None) -> list[Figures]:
        """What was decided since then, in all, by agent and by kind; see `CaseStore`."""
        rows = [
            row
            for row in self._reviews.values()
            if row.status == "decided" and row.decided_at and row.decided_at >= since
            and flow in (None, row.flow) and (row.decision or {}).get("type") != "cancelled"
        ]  # fmt: skip
        groups: dict[tuple[str, str], list[ReviewRow]] = defaultdict(list)
        for row in rows:
            for key in (("agent", row.agent), ("all", ""), ("kind", row.kind)):
                groups[key].append(row)
        figures = [_figures(by, name, some) for (by, name), some in groups.items()]
        return sorted(figures, key=lambda one: (one.by, -one.decided, one.name))

    async def due_reviews(self, now: datetime, *, limit: int = 500) -> list[ReviewRow]:
        """The reviews with which time has something to do; see `CaseStore`."""
        return [row for row in self._undecided() if _is_due(row, now)][:limit]

    async def not_gone_on(self, *, after: datetime, before: datetime, limit: int = 500) -> list[ReviewRow]:
        """The decisions of that time whose case still waits; see `CaseStore`."""
        found = [row for row in self._decided(before) if row.decided_at and row.decided_at >= after]
        return sorted(found, key=lambda row: row.decided_at or after)[:limit]

    async def went_on(self, now: datetime, *, before: datetime, review_ids: Sequence[str] = ()) -> None:
        """Mark decisions whose case has gone on; see `CaseStore`."""
        for row in self._decided(before):
            case = self._cases.get(row.case_id)
            later = any(
                one.case_id == row.case_id and row.decided_at and one.opened_at > row.decided_at
                for one in self._reviews.values()
            )
            if case and (row.review_id in review_ids or case.status != "waiting" or later):
                self._reviews[row.review_id] = replace(row, went_on_at=now)

    def _decided(self, before: datetime) -> list[ReviewRow]:
        rows = self._reviews.values()
        return [
            row
            for row in rows
            if row.status == "decided"
            and row.went_on_at is None
            and row.decided_at is not None
            and row.decided_at < before
        ]

    async def cases_page(self, query: CaseQuery) -> list[CaseRow]:
        """Cases, newest first, page by page; see `CaseStore`."""
        found = [
            row
            for row in self._cases.values()
            if query.flow in (None, row.flow) and query.status in (None, row.status)
            and row.case_id.startswith(query.prefix)
            and all(row.labels.get(name) == value for name, value in query.labels.items())
            and (query.before is None or (row.created_at, row.case_id) < query.before)
        ]  # fmt: skip
        found.sort(key=lambda row: (row.created_at, row.case_id), reverse=True)
        return found[: query.limit]

    def _undecided(self) -> Sequence[ReviewRow]:
        rows = (row for row in self._reviews.values() if row.status != "decided")
        return sorted(rows, key=lambda row: (row.opened_at, row.review_id))


def _is_due(row: ReviewRow, now: datetime) -> bool:
    if row.status == "held":
        times: Iterable[datetime | None] = (row.effective_at,)
    else:
        times = (None if row.reminded_at else row.remind_at, row.expires_at)
    return any(time is not None and time <= now for time in times)


def _has_words(row: ReviewRow, words: str) -> bool:
    text = set(_words(" ".join([row.review_id, row.case_id, row.reason, *_texts(row.shown)])))
    return all(word in text for word in _words(words))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


def _figures(by: str, name: str, rows: Sequence[ReviewRow]) -> Figures:
    types = Counter(str((row.decision or {}).get("type")) for row in rows)
    none = datetime.min.replace(tzinfo=UTC)
    return Figures(
        by, name, len(rows), {verb: types[verb] for verb in ("approve", "edit", "respond", "reject")},
        sum(row.due_at is not None and (row.decided_at or none) > row.due_at for row in rows),
        median(((row.decided_at or none) - row.opened_at).total_seconds() for row in rows),
    )  # fmt: skip

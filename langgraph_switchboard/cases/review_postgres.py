"""The Postgres form of what people and time do with reviews."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from langgraph_switchboard.cases.inbox import CaseQuery, Figures, InboxCount, InboxQuery
from langgraph_switchboard.cases.packing import array, record
from langgraph_switchboard.cases.review_verbs import ReviewVerbs
from langgraph_switchboard.cases.reviewing import change_of
from langgraph_switchboard.cases.rows import CaseRow, ReviewRow, as_values
from langgraph_switchboard.ledger.events import Event
from langgraph_switchboard.postgres import load_queries

REVIEW_STATEMENTS = load_queries("langgraph_switchboard.cases", "reviews.sql")
_REVIEW = tuple(one.name for one in fields(ReviewRow))
_CASE = tuple(one.name for one in fields(CaseRow))


class PostgresReviews(ReviewVerbs):
    """Reviews in their table; a part of `PostgresStore`."""

    @abstractmethod
    async def _run(self, name: str, values: Mapping[str, Any], *, case: str = "") -> list[dict[str, Any]]:
        """Run a named statement as one transaction; the store has it."""

    async def amend(self, before: ReviewRow, after: ReviewRow, event: Event | None) -> ReviewRow | None:
        """Change a row and tell of it in one commit if nobody has changed it meanwhile; see `Amends`."""
        after = replace(after, revision=before.revision + 1)
        told = [_told(after, event)] if event is not None else []
        values = {
            "review_id": before.review_id,
            "revision": before.revision,
            "after": record(as_values(after), f"review {after.review_id}"),
            "events": array(told),
        }
        rows = await self._run("amend", values)
        return _review(rows[0]) if rows else None

    async def inbox(self, query: InboxQuery) -> list[ReviewRow]:
        """The reviews that are not decided, the longest waiting first; see `CaseStore`."""
        return [_review(row) for row in await self._run(*inbox_statement(query))]

    async def inbox_counts(self, now: datetime) -> list[InboxCount]:
        """How many wait of each flow, kind, risk and group; see `CaseStore`."""
        return [InboxCount(**row) for row in await self._run("inbox_counts", {"now": now})]

    async def figures(self, since: datetime, *, flow: str | None = None) -> list[Figures]:
        """What was decided since then, in all, by agent and by kind; see `CaseStore`."""
        return [Figures(**row) for row in await self._run("figures", {"since": since, "flow": flow})]

    async def due_reviews(self, now: datetime, *, limit: int = 500) -> list[ReviewRow]:
        """The reviews with which time has something to do; see `CaseStore`."""
        return [_review(row) for row in await self._run("due", {"now": now, "limit": limit})]

    async def not_gone_on(self, *, after: datetime, before: datetime, limit: int = 500) -> list[ReviewRow]:
        """The decisions of that time whose case still waits; see `CaseStore`."""
        wanted = {"after": after, "before": before, "limit": limit}
        return [_review(row) for row in await self._run("not_gone_on", wanted)]

    async def went_on(self, now: datetime, *, before: datetime, review_ids: Sequence[str] = ()) -> None:
        """Mark decisions whose case has gone on; see `CaseStore`."""
        await self._run("went_on", {"now": now, "before": before, "review_ids": list(review_ids)})

    async def cases_page(self, query: CaseQuery) -> list[CaseRow]:
        """Cases, newest first, page by page; see `CaseStore`."""
        rows = await self._run(*cases_statement(query))
        return [CaseRow(**{name: row[name] for name in _CASE}) for row in rows]


def inbox_statement(query: InboxQuery) -> tuple[str, dict[str, Any]]:
    """The statement of `REVIEW_STATEMENTS` that answers a query, and its values."""
    opened_at, review_id = query.after or ("-infinity", "")
    values = {
        "flow": query.flow, "kind": query.kind, "risk": query.risk, "owner": query.owner,
        "assigned_to": query.assigned_to, "overdue_at": query.overdue_at, "words": query.words,
        "opened_at": opened_at, "review_id": review_id, "limit": query.limit,
    }  # fmt: skip
    return "inbox_search" if query.words.strip() else "inbox", values


def cases_statement(query: CaseQuery) -> tuple[str, dict[str, Any]]:
    """The statement of `REVIEW_STATEMENTS` that answers a query, and its values."""
    created_at, case_id = query.before or ("infinity", "")
    begins = query.prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    values = {
        "flow": query.flow, "status": query.status, "prefix": begins if query.prefix else None,
        "labels": json.dumps(query.labels) if query.labels else None,
        "created_at": created_at, "case_id": case_id, "limit": query.limit,
    }  # fmt: skip
    return "cases_page", values


def _told(row: ReviewRow, event: Event) -> str:
    values = {
        "case_id": row.case_id, "task_id": change_of(row), "kind": event.kind, "step": event.step,
        "at": event.at, "data": event.data,
    }  # fmt: skip
    return record(values, "ledger")


def _review(values: Mapping[str, Any]) -> ReviewRow:
    return ReviewRow(**{name: values[name] for name in _REVIEW})

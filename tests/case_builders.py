"""Rows, events and entries for the tests of the case store: one of each, changed where a test says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from langgraph_switchboard.cases import CaseRow, CaseStore, OutboxRow, ReviewRow, as_values
from langgraph_switchboard.contracts import digest_of
from langgraph_switchboard.ledger.events import Event, EventKind
from langgraph_switchboard.ledger.journal import Entry, Journal, Row, TaskKey

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Store(CaseStore, Journal, Protocol):
    """Both ports in one object, as both forms are."""


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def a_case(case_id: str = "c1", **changed: Any) -> CaseRow:
    case = CaseRow(
        case_id=case_id,
        flow="desk",
        blueprint_version=1,
        blueprint_digest="b" * 64,
        status="accepted",
        step="intake",
        input={"ticket": {"text": "Where is my card? 💳", "amount": 12.5}},
        labels={},
        reason=None,
        created_at=NOON,
        updated_at=NOON,
    )
    return replace(case, **changed)


def a_review(review_id: str = "r1", case_id: str = "c1", **changed: Any) -> ReviewRow:
    shown = {"reply": {"text": "It is on its way."}}
    review = ReviewRow(
        review_id=review_id,
        case_id=case_id,
        flow="desk",
        step="review",
        version=1,
        subject="reply",
        shown=shown,
        digest=digest_of(shown),
        reason="below the promise",
        status="open",
        opened_at=NOON,
        due_at=minutes(240),
    )
    return replace(review, **changed)


def an_outbox_row(
    key: str = "reply", case_id: str = "c1", text: str = "Hello.", at: datetime = NOON
) -> OutboxRow:
    row = {"to": "C-1", "text": text}
    return OutboxRow(case_id=case_id, key=key, step="send", row=row, digest=digest_of(row), created_at=at)


def an_event(kind: EventKind = "step_finished", step: str = "faq", **data: Any) -> Event:
    return Event(kind, step, NOON, data, seconds=0.25)


def task(name: str = "t1", case_id: str = "c1") -> TaskKey:
    return TaskKey(case_id, "", name)


def change(**values: Any) -> Row:
    return Row("cases", values)


def opens(review: ReviewRow) -> Row:
    return Row("reviews", as_values(review))


def puts(row: OutboxRow) -> Row:
    return Row("outbox", as_values(row))


def says(**changed: Any) -> Row:
    said = {"key": "m1", "role": "customer", "text": "Hello", "step": "intake", "said_at": NOON, "ordinal": 0}
    return Row("messages", {"covers": 0, **said, **changed})


async def settle(store: Store, key: TaskKey, *entries: Entry) -> None:
    store.attach(key, entries)
    await store.settle(key)


async def decide(store: CaseStore, review: ReviewRow, by: str = "ann", **changed: Any) -> ReviewRow:
    asked: dict[str, Any] = {"version": review.version, "digest": review.digest, **changed}
    return await store.decide(
        review.review_id, decision={"type": "approve", "by": by}, by=by, at=minutes(5), **asked
    )

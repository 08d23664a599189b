"""The rules of a review, as plain functions from a row to the row that follows; both stores obey them.

open -+-> decided                          one person, no time to take it back
+-> held ---> decided                a decision that can be taken back for a moment
|    +------> open                   taken back
+-> open (approved by one of two)    waits for a further person
+-> open (escalated)                 another group, a new promise
+-> decided (declined by time)       nobody answered; time alone never approves
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from langgraph_switchboard.cases import refusals
from langgraph_switchboard.cases.rows import ReviewRow
from langgraph_switchboard.ledger.events import Event, EventKind

TIME = "switchboard"
"""Who decides and escalates where nobody did in time."""


CANCELLED = "cancelled"
"""The decision in the row of a review whose case was put an end to: nobody's answer."""


@dataclass(frozen=True, slots=True)
class Amended:
    """What becomes of a review.

    Args:
        row: The row as it is to be; the same as before where nothing changes.
        event: What is told of it in the ledger, if anything is: a decision that stands is told by
            the review step as it goes on.
    """

    row: ReviewRow
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a person says to a review.

    Args:
        decision: The decision, as a payload.
        by: Who says it.
        at: When.
        version: The version of what the person was shown.
        digest: The token of what the person was shown.
        people: How many people it needs by what is decided, where that is more than the row says.
        undo: How long it can be taken back.
        source: Names this answer where it may be heard twice; the second time it says nothing new.
    """

    decision: dict[str, Any]
    by: str
    at: datetime
    version: int
    digest: str
    people: int = 1
    undo: timedelta = timedelta()
    source: str = ""

    @property
    def type(self) -> str:
        """The verb."""
        return str(self.decision.get("type"))


def decide(row: ReviewRow, said: Said) -> Amended:
    """Let a decision stand, or count an approval where several people are needed.

    Where it is decided already the row stays as it is: its reader sees who was first.

    Raises:
        ReviewStale: Something else is shown by now, or somebody proposed something else meanwhile.
        ReviewNotYours: This person has approved it already; another one must.
    """
    if row.status != "open" or (said.source and said.source in _sources(row)):
        return Amended(row)
    if (row.version, row.token) != (said.version, said.digest):
        raise refusals.review_stale(row, version=said.version)
    people = max(row.people, said.people)
    if said.type in ("reject", CANCELLED) or people == 1:
        return Amended(*_settled(row, said, said.decision))
    proposed, before = row.proposed or {}, row.approvals
    if said.type == "approve":
        if said.by in row.approved_by:
            raise refusals.approved_already(row, said.by)
    else:
        # What was approved before is not what is proposed now.
        proposed, before = said.decision, ()
    mine = {"by": said.by, "at": said.at.isoformat(), "source": said.source}
    row = replace(row, people=people, approvals=(*before, mine))
    if len(row.approvals) >= people:
        return Amended(*_settled(row, said, proposed or said.decision))
    told = {"by": said.by, "type": said.type, "approved": len(row.approvals), "needed": people}
    row = replace(row, proposed=proposed or None, assigned_to=None, assigned_at=None)
    return Amended(row, _event("review_approved", row, said.at, **told))


def undo(row: ReviewRow, *, by: str, at: datetime) -> Amended:
    """Take a decision back before the case has gone on with it.

    Raises:
        ReviewClosed: There is nothing to take back, or it is too late.
        ReviewNotYours: Somebody else decided.
    """
    if row.status != "held" or row.effective_at is None or row.effective_at <= at:
        raise refusals.undo_too_late(row)
    if row.decided_by != by:
        raise refusals.undo_not_yours(row, by)
    taken = str((row.decision or {}).get("type"))
    row = replace(
        row, status="open", decision=None, decided_by=None, decided_at=None, effective_at=None,
        approvals=tuple(one for one in row.approvals if one["by"] != by),
        assigned_to=by, assigned_at=at,
    )  # fmt: skip
    if not row.approvals:
        row = replace(row, proposed=None)
    return Amended(row, _event("review_undone", row, at, by=by, type=taken))


def take_effect(row: ReviewRow, *, at: datetime) -> Amended:
    """From here on the decision cannot be taken back, and the case may go on with it."""
    if row.status == "held" and row.effective_at is not None and row.effective_at <= at:
        return Amended(replace(row, status="decided"))
    return Amended(row)


def claim(row: ReviewRow, *, by: str, at: datetime) -> Amended:
    """Say that somebody is looking at it; it may be taken over from a colleague.

    Raises:
        ReviewDecided: It is decided.
    """
    _must_be_open(row)
    if row.assigned_to == by:
        return Amended(row)
    told = {"by": by, "from": row.assigned_to} if row.assigned_to else {"by": by}
    row = replace(row, assigned_to=by, assigned_at=at)
    return Amended(row, _event("review_claimed", row, at, **told))


def release(row: ReviewRow, *, by: str, at: datetime) -> Amended:
    """Say that nobody is looking at it any more; does nothing where somebody else took it over."""
    if row.status != "open" or row.assigned_to != by:
        return Amended(row)
    row = replace(row, assigned_to=None, assigned_at=None)
    return Amended(row, _event("review_released", row, at, by=by))


def escalate(row: ReviewRow, *, by: str, at: datetime, to: str | None = None, message: str = "") -> Amended:
    """Hand it to another group, with a new promise; it stays open.

    Raises:
        ReviewDecided: It is decided.
    """
    _must_be_open(row)
    group = to or row.escalates_to or row.owner
    moved = _escalated(row, group, at)
    told = {"by": by, "from": row.owner, "to": group, "message": message}
    return Amended(moved, _event("review_escalated", moved, at, **told))


def in_time(row: ReviewRow, *, at: datetime) -> Amended:
    """What time alone makes of a review: it takes effect, is reminded of, escalated or declined."""
    if row.status == "held":
        return take_effect(row, at=at)
    if row.status != "open":
        return Amended(row)
    if row.expires_at is not None and row.expires_at <= at:
        return _expire(row, at)
    if row.remind_at is not None and row.reminded_at is None and row.remind_at <= at:
        row = replace(row, reminded_at=at)
        due = row.due_at.isoformat() if row.due_at else None
        told = {"to": row.assigned_to or row.owner, "due_at": due}
        return Amended(row, _event("review_reminded", row, at, **told))
    return Amended(row)


def change_of(row: ReviewRow) -> str:
    """Where a change of a review stands in the ledger of its case: each change has a place of its own."""
    return f"review {row.review_id} {row.revision}"


def _expire(row: ReviewRow, at: datetime) -> Amended:
    if row.on_expiry == "decline":
        message = "nobody answered in time"
        said = Said({"type": "reject", "message": message}, TIME, at, row.version, row.token)
        decided, _ = _settled(replace(row, expires_at=None), said, said.decision)
        return Amended(decided, _event("review_expired", decided, at, by=TIME, becomes="declined"))
    # Once by time alone: from there on it is overdue, and people see it.
    group = row.escalates_to or row.owner
    moved = replace(_escalated(row, group, at), expires_at=None)
    told = {"by": TIME, "from": row.owner, "to": group, "message": "nobody answered in time"}
    return Amended(moved, _event("review_escalated", moved, at, **told))


def _escalated(row: ReviewRow, group: str, at: datetime) -> ReviewRow:
    later = at - (row.escalated_at or row.opened_at)  # the new group gets the same time as the first
    return replace(
        row,
        owner=group,
        escalated_at=at,
        assigned_to=None,
        assigned_at=None,
        due_at=row.due_at + later if row.due_at else None,
        remind_at=row.remind_at + later if row.remind_at else None,
        expires_at=row.expires_at + later if row.expires_at else None,
        reminded_at=None,
    )


def _settled(row: ReviewRow, said: Said, decision: dict[str, Any]) -> tuple[ReviewRow, Event | None]:
    row = replace(
        row, decision=decision, decided_by=said.by, decided_at=said.at, status="decided",
        effective_at=None, assigned_to=None, assigned_at=None,
    )  # fmt: skip
    if said.undo <= timedelta():
        return row, None
    row = replace(row, status="held", effective_at=said.at + said.undo)
    told = {"by": said.by, "type": str(decision.get("type")), "seconds": said.undo.total_seconds()}
    return row, _event("review_held", row, said.at, **told)


def _sources(row: ReviewRow) -> set[str]:
    return {str(one.get("source")) for one in row.approvals}


def _must_be_open(row: ReviewRow) -> None:
    if row.status != "open":
        raise refusals.decided_by_other(row)


def _event(kind: EventKind, row: ReviewRow, at: datetime, **data: Any) -> Event:
    return Event(kind, row.step, at, {"review_id": row.review_id, **data})

"""Refusals: what both forms of the store say when they refuse, in the same words."""

from __future__ import annotations

from langgraph_switchboard.cases.rows import ReviewRow
from langgraph_switchboard.errors import (
    CaseWaiting,
    EffectConflict,
    ReviewClosed,
    ReviewDecided,
    ReviewNotYours,
    ReviewStale,
    ReviewUnknown,
    StoreError,
)


def effect_conflict(case_id: str, key: str) -> EffectConflict:
    """A key of the case is taken by another effect."""
    return EffectConflict(
        f"the effect key {key!r} of this case is taken, with another content",
        where=f"case {case_id}",
        mend="Give each thing that is done or sent a key of its own, or do the same again.",
        case=case_id,
        key=key,
    )


def case_missing(case_id: str) -> StoreError:
    """A step changes the row of a case that nobody accepted."""
    return StoreError(
        "a step changes the row of a case that is not there",
        where=f"case {case_id}",
        mend="Accept the case first, or hand over all columns of its row.",
        case=case_id,
    )


def case_waits(case_id: str) -> CaseWaiting:
    """New input would drop what the case waits for, a person or a timer, and start the case over."""
    return CaseWaiting(
        "the case waits for a person or a timer and takes no new input",
        where=f"case {case_id}",
        mend="Decide its review (`switchboard reviews`), or hand the input in as another case.",
        case=case_id,
    )


def review_missing(review_id: str) -> ReviewUnknown:
    """Nobody asked this question."""
    return ReviewUnknown(
        f"there is no review {review_id!r}",
        mend="List the open ones with `switchboard reviews`.",
        review=review_id,
    )


def review_stale(row: ReviewRow, *, version: int) -> ReviewStale:
    """The question changed after it was shown to this person."""
    return ReviewStale(
        "what is to be decided has changed since it was shown",
        where=f"review {row.review_id}",
        wanted=f"a decision on version {row.version}",
        came=f"one on version {version}" if version != row.version else "one on another content",
        mend="Read it again, then decide.",
        review=row.review_id,
        version=row.version,
    )


def decided_by_other(row: ReviewRow) -> ReviewDecided:
    """What a loser is told: who was first, and what stands."""
    kind = str((row.decision or {}).get("type", "?"))
    return ReviewDecided(
        f"{row.decided_by} decided first: {kind}",
        where=row.review_id,
        mend="That decision stands; nothing was changed.",
        review=row.review_id,
        by=row.decided_by or "?",
        decision=kind,
    )


def approved_already(row: ReviewRow, by: str) -> ReviewNotYours:
    """Two approvals of one person are one."""
    return ReviewNotYours(
        f"{by} has approved it already; {row.people} different people must",
        where=row.review_id,
        mend="Let somebody else look at it.",
        review=row.review_id,
    )


def undo_too_late(row: ReviewRow) -> ReviewClosed:
    """The case went on, or nobody has decided."""
    waits = row.status == "open"
    return ReviewClosed(
        "nothing is decided that could be taken back"
        if waits
        else "it is too late to take the decision back",
        where=row.review_id,
        mend="" if waits else "The case goes on with it.",
        review=row.review_id,
    )


def undo_not_yours(row: ReviewRow, by: str) -> ReviewNotYours:
    """A decision is taken back by who made it."""
    return ReviewNotYours(
        f"{row.decided_by} decided, and {by} may not take that back",
        where=row.review_id,
        mend=f"Ask {row.decided_by}.",
        review=row.review_id,
    )

"""What people ask about reviews as a whole: which wait, how many, and how well it goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

Place = tuple[datetime, str]
"""Where a page ends and the next one begins: a moment, and the id of what happened then."""


@dataclass(frozen=True, slots=True)
class InboxQuery:
    """Which of the reviews that are not decided somebody wants to see, the longest waiting first.

    Args:
        flow: Of this flow.
        kind: Of this kind.
        risk: Of this risk.
        owner: Of this group.
        assigned_to: Those that this person is looking at.
        overdue_at: Those that were promised before this moment.
        words: Words that each of them has somewhere in it.
        after: The place `(opened_at, review_id)` after which the page begins.
        limit: At most so many.
    """

    flow: str | None = None
    kind: str | None = None
    risk: str | None = None
    owner: str | None = None
    assigned_to: str | None = None
    overdue_at: datetime | None = None
    words: str = ""
    after: Place | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class InboxCount:
    """How many wait, of one flow, kind, risk and group.

    Args:
        flow: The flow.
        kind: What is decided on.
        risk: How much harm a wrong decision does.
        owner: The group.
        waiting: How many wait.
        overdue: How many of them were promised before now.
        oldest: Since when the first of them waits.
    """

    flow: str
    kind: str
    risk: str
    owner: str
    waiting: int
    overdue: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Figures:
    """What people decided, in all or by one agent or kind.

    Args:
        by: What it is broken down by: `all`, `agent` or `kind`.
        name: The agent or the kind.
        decided: How many decisions.
        types: How many of each verb.
        late: How many came after the promise.
        median_seconds: The median time from question to answer.
    """

    by: str
    name: str
    decided: int
    types: dict[str, int] = field(default_factory=dict)
    late: int = 0
    median_seconds: float = 0.0

    @property
    def unchanged(self) -> float:
        """The share approved as it was shown, of what was shown."""
        return self.types.get("approve", 0) / self.decided if self.decided else 0.0


@dataclass(frozen=True, slots=True)
class CaseQuery:
    """Which cases somebody wants to see, newest first.

    Args:
        flow: Of this flow.
        status: In this status.
        prefix: Those whose id begins so.
        labels: Those with all of these labels.
        before: The place `(created_at, case_id)` after which the page begins.
        limit: At most so many.
    """

    flow: str | None = None
    status: str | None = None
    prefix: str = ""
    labels: dict[str, object] = field(default_factory=dict)
    before: Place | None = None
    limit: int = 50

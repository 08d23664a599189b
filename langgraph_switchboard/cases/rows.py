"""The rows of a case: what people and programs ask about without opening a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, get_args

from langgraph_switchboard.contracts import digest_of

CaseStatus = Literal["accepted", "running", "waiting", "delayed", "finished", "declined", "dead_lettered"]
STATUSES: tuple[str, ...] = get_args(CaseStatus)
OPEN: tuple[str, ...] = ("accepted", "running")
"""Cases that somebody must drive on: nobody waits for them but us."""
PARKED: tuple[str, ...] = ("waiting", "delayed")
"""Cases that wait: for a person, or for a moment at which a timer wakes them."""
ENDED: tuple[str, ...] = ("finished", "declined", "dead_lettered")

ReviewStatus = Literal["open", "held", "decided"]
"""`held`: decided, and can be taken back for a moment before the case goes on with it."""
TimerStatus = Literal["set", "fired", "cancelled"]
MessageRole = Literal["customer", "us", "agent", "summary"]


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case.

    Args:
        case_id: Also the LangGraph thread id.
        flow: Name of the blueprint.
        blueprint_version: The version that it was begun under.
        blueprint_digest: Digest of that blueprint.
        status: Where it stands.
        step: The step that it stands on, or stood on last.
        input: The payload of each input contract by field.
        labels: Free facts about the case that no agent sees: batch, line, expected answer.
        reason: Why a person is asked, or why it ended as it did.
        created_at: When it was accepted.
        updated_at: When its row last changed.
        ended_at: When an outcome was written.
        branches: Where each branch stands (`status` and `step`), by its path; empty while the case
            stands on one step.
    """

    case_id: str
    flow: str
    blueprint_version: int
    blueprint_digest: str
    status: CaseStatus
    step: str
    input: dict[str, Any]
    labels: dict[str, Any]
    reason: str | None
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None = None
    branches: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One question to a person.

    Args:
        review_id: Its id, the same when the step runs again after a crash.
        case_id: The case that waits.
        flow: Name of the blueprint.
        step: The review step.
        version: Raised when what is shown changes.
        subject: The field that is decided on.
        shown: What the person sees: payload by field.
        digest: Digest of what was shown; a decision names it.
        reason: Why a person is asked.
        status: `open`, `held` or `decided`.
        opened_at: Since when it waits.
        due_at: By when an answer was promised.
        decision: The decision that stands, as a payload.
        decided_by: Who decided.
        decided_at: When.
        kind: What sort of question it is: the name of its step, or `doubt`.
        risk: How much harm a wrong decision does: `low`, `medium` or `high`.
        amount: The money at stake, where there is any.
        owner: The group that answers it now.
        agent: The step that made what is decided on; empty where there is no draft.
        expires_at: When it ends by `on_expiry` if nobody has answered.
        on_expiry: `decline` or `escalate`.
        remind_at: When its owners are reminded.
        reminded_at: When they were.
        escalates_to: The group that an escalation goes to.
        escalated_at: When it was escalated last.
        people: How many different people must approve it.
        approvals: Who has approved what is proposed so far: `{"by", "at", "source"}` each.
        proposed: The edit or answer that waits for a further person's approval, as a decision.
        assigned_to: Who is looking at it.
        assigned_at: Since when.
        effective_at: Until when a held decision can be taken back.
        went_on_at: When the case was seen to have gone on after the decision.
        revision: Raised by every change.
    """

    review_id: str
    case_id: str
    flow: str
    step: str
    version: int
    subject: str
    shown: dict[str, Any]
    digest: str
    reason: str
    status: ReviewStatus
    opened_at: datetime
    due_at: datetime | None = None
    decision: dict[str, Any] | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    kind: str = ""
    risk: str = "medium"
    amount: float | None = None
    owner: str = ""
    agent: str = ""
    expires_at: datetime | None = None
    on_expiry: str = "escalate"
    remind_at: datetime | None = None
    reminded_at: datetime | None = None
    escalates_to: str | None = None
    escalated_at: datetime | None = None
    people: int = 1
    approvals: tuple[dict[str, Any], ...] = ()
    proposed: dict[str, Any] | None = None
    assigned_to: str | None = None
    assigned_at: datetime | None = None
    effective_at: datetime | None = None
    went_on_at: datetime | None = None
    revision: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "approvals", tuple(self.approvals))  # JSON gives it back as a list

    @property
    def token(self) -> str:
        """Names everything that a person sees: what is shown, and what somebody else proposed instead."""
        return digest_of([self.digest, self.proposed]) if self.proposed else self.digest

    @property
    def approved_by(self) -> tuple[str, ...]:
        """Who has approved what is proposed so far."""
        return tuple(str(one["by"]) for one in self.approvals)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """Something that is to leave the house once: written with the step, delivered by a sender.

    Args:
        case_id: The case that it belongs to.
        key: Unique within the case; the same key with another row is refused.
        step: The effect step.
        row: What is to be sent.
        digest: Digest of `row`.
        created_at: When the step wrote it.
    """

    case_id: str
    key: str
    step: str
    row: dict[str, Any]
    digest: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TimerRow:
    """A moment at which a case goes on by itself.

    Args:
        timer_id: Its id, the same when the step runs again after a crash.
        case_id: The case that waits for it.
        flow: Name of the blueprint.
        step: The step that set it.
        kind: What it is for: `backoff`, `wait`, ...
        due_at: When it is due.
        set_at: When the step set it.
        payload: Particulars of its kind, JSON-plain.
        status: `set`; `fired` once the step has gone on; `cancelled` where the case went another way.
        fired_at: When the step went on.
    """

    timer_id: str
    case_id: str
    flow: str
    step: str
    kind: str
    due_at: datetime
    set_at: datetime
    payload: dict[str, Any]
    status: TimerStatus = "set"
    fired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message of a case's conversation, or a summary of the messages before it.

    Args:
        case_id: The case.
        key: Unique within the case; said again under the same key it is the same message.
        role: Who said it: the customer, we, an agent to another, or a summary.
        text: What was said.
        step: The step that recorded it.
        said_at: When; with `ordinal` it gives the order.
        ordinal: The place among the messages that its step recorded.
        covers: Of a summary: how many messages it stands for, from the first; else 0.
    """

    case_id: str
    key: str
    role: MessageRole
    text: str
    step: str
    said_at: datetime
    ordinal: int
    covers: int = 0


AnyRow = CaseRow | ReviewRow | OutboxRow | TimerRow | MessageRow


def as_values(row: AnyRow) -> dict[str, Any]:
    """A row as column values by name."""
    return {name: getattr(row, name) for name in columns(type(row))}


def columns(kind: type[AnyRow]) -> tuple[str, ...]:
    """The column names of a kind of row, in order."""
    return _COLUMNS[kind]


_COLUMNS: dict[type, tuple[str, ...]] = {
    kind: tuple(one.name for one in fields(kind))
    for kind in (CaseRow, ReviewRow, OutboxRow, TimerRow, MessageRow)
}

"""Cases: rows and verbs of cases, reviews and the outbox; no langgraph."""

from langgraph_switchboard.cases.conversations import Conversation
from langgraph_switchboard.cases.effects import (
    EffectKey,
    Effects,
    InOurDatabase,
    MemoryEffects,
    PostgresEffects,
)
from langgraph_switchboard.cases.inbox import CaseQuery, Figures, InboxCount, InboxQuery
from langgraph_switchboard.cases.lease import Lease, MemoryLease, PostgresLease
from langgraph_switchboard.cases.memory import MemoryStore
from langgraph_switchboard.cases.owners import LEASE, MemoryOwners, Owners, PostgresOwners
from langgraph_switchboard.cases.packing import Gathered, gather, record
from langgraph_switchboard.cases.postgres import PostgresStore
from langgraph_switchboard.cases.rows import (
    ENDED,
    OPEN,
    PARKED,
    STATUSES,
    CaseRow,
    CaseStatus,
    MessageRole,
    MessageRow,
    OutboxRow,
    ReviewRow,
    ReviewStatus,
    TimerRow,
    TimerStatus,
    as_values,
)
from langgraph_switchboard.cases.store import CaseStore, waits

__all__ = [
    "ENDED",
    "LEASE",
    "OPEN",
    "PARKED",
    "STATUSES",
    "CaseQuery",
    "CaseRow",
    "CaseStatus",
    "CaseStore",
    "Conversation",
    "EffectKey",
    "Effects",
    "Figures",
    "Gathered",
    "InOurDatabase",
    "InboxCount",
    "InboxQuery",
    "Lease",
    "MemoryEffects",
    "MemoryLease",
    "MemoryOwners",
    "MemoryStore",
    "MessageRole",
    "MessageRow",
    "OutboxRow",
    "Owners",
    "PostgresEffects",
    "PostgresLease",
    "PostgresOwners",
    "PostgresStore",
    "ReviewRow",
    "ReviewStatus",
    "TimerRow",
    "TimerStatus",
    "as_values",
    "gather",
    "record",
    "waits",
]

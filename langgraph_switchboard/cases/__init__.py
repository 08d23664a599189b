"""Cases: rows and verbs of cases, reviews and the outbox; no langgraph."""

from langgraph_switchboard.cases.effects import (
    EffectKey,
    Effects,
    InOurDatabase,
    MemoryEffects,
    PostgresEffects,
)
from langgraph_switchboard.cases.memory import MemoryStore
from langgraph_switchboard.cases.owners import LEASE, MemoryOwners, Owners, PostgresOwners
from langgraph_switchboard.cases.packing import Gathered, gather, record
from langgraph_switchboard.cases.postgres import PostgresStore
from langgraph_switchboard.cases.rows import (
    ENDED,
    OPEN,
    STATUSES,
    CaseRow,
    CaseStatus,
    OutboxRow,
    ReviewRow,
    ReviewStatus,
    as_values,
)
from langgraph_switchboard.cases.store import CaseStore

__all__ = [
    "ENDED",
    "LEASE",
    "OPEN",
    "STATUSES",
    "CaseRow",
    "CaseStatus",
    "CaseStore",
    "EffectKey",
    "Effects",
    "Gathered",
    "InOurDatabase",
    "MemoryEffects",
    "MemoryOwners",
    "MemoryStore",
    "OutboxRow",
    "Owners",
    "PostgresEffects",
    "PostgresOwners",
    "PostgresStore",
    "ReviewRow",
    "ReviewStatus",
    "as_values",
    "gather",
    "record",
]

"""Contracts: what agents say to each other, sealed and checked at every seam."""

from langgraph_switchboard.contracts.case_state import (
    CONTROL,
    OUTCOMES,
    CaseField,
    CaseState,
    Schemas,
    schemas,
)
from langgraph_switchboard.contracts.contract import Contract, snake, violation_of
from langgraph_switchboard.contracts.decision import Decision, DecisionType
from langgraph_switchboard.contracts.envelope import Envelope, digest_of, is_sealed, open_envelope, seal, wrap
from langgraph_switchboard.contracts.plain import plain_problem
from langgraph_switchboard.contracts.restoring import restored

__all__ = [
    "CONTROL",
    "OUTCOMES",
    "CaseField",
    "CaseState",
    "Contract",
    "Decision",
    "DecisionType",
    "Envelope",
    "Schemas",
    "digest_of",
    "is_sealed",
    "open_envelope",
    "plain_problem",
    "restored",
    "schemas",
    "seal",
    "snake",
    "violation_of",
    "wrap",
]

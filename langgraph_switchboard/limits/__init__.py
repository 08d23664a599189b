"""Limits: may this call go now? Budgets, rates and breakers, shared in Postgres."""

from langgraph_switchboard.limits.calls import (
    Breaker,
    BreakerRow,
    Bucket,
    BudgetRow,
    Call,
    Change,
    Grant,
    Line,
    Sample,
    Spent,
    micros_of,
)
from langgraph_switchboard.limits.memory import MemoryLimits
from langgraph_switchboard.limits.policy import BreakerPolicy, Budget, ModelPolicy, Rate
from langgraph_switchboard.limits.port import Limits
from langgraph_switchboard.limits.postgres import PostgresLimits
from langgraph_switchboard.limits.settings import policies_of_project, policy_of

__all__ = [
    "Breaker",
    "BreakerPolicy",
    "BreakerRow",
    "Bucket",
    "Budget",
    "BudgetRow",
    "Call",
    "Change",
    "Grant",
    "Limits",
    "Line",
    "MemoryLimits",
    "ModelPolicy",
    "PostgresLimits",
    "Rate",
    "Sample",
    "Spent",
    "micros_of",
    "policies_of_project",
    "policy_of",
]

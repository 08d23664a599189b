"""Limits: may this call go now? Budgets, rates and breakers, shared in Postgres."""

from langgraph_switchboard.limits.policy import BreakerPolicy, Budget, Rate

__all__ = ["BreakerPolicy", "Budget", "Rate"]

"""Limits: the port through which every call goes that something bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from langgraph_switchboard.limits.calls import (
    Breaker,
    BreakerRow,
    BudgetRow,
    Call,
    Change,
    Grant,
    Sample,
    Spent,
)


class Limits(Protocol):
    """May this call go now? Two forms: memory and Postgres.

    Budgets, rates and breakers of all calls that wait in one turn of the event loop are asked
    about together: each is let through by all of its own or by none, in the order in which they
    came. What a call wants is held until it is settled; what it turned out to cost is spent.
    """

    async def admit(self, call: Call) -> Grant:
        """Let a call go, at once or when it is its turn.

        Raises:
            BudgetExceeded: A budget above it has no room for what it wants.
            RateExceeded: It would have to wait for its turn longer than it may.
            BreakerOpen: Whom it wants to call is left alone just now.
            StoreError: Nobody can say; it must not go.
        """

    async def settle(self, grant: Grant, spent: Spent, sample: Sample = Sample()) -> list[Change]:  # noqa: B008
        """Give back what is held for a call, and count what it cost.

        Good news of a call that holds nothing costs no statement: it rides with the next one.

        Args:
            grant: What `admit` gave.
            spent: What it cost; what is not known is counted as what was wanted.
            sample: How it went.

        Returns:
            Breakers that opened or closed through it.

        Raises:
            StoreError: It could not be counted; it will be with the next turn, unless it was.
        """

    async def report(self, breaker: Breaker, sample: Sample) -> list[Change]:
        """Tell a breaker what became of a call long after it: what a person decided."""

    async def budgets(self, limit: int = 100) -> Sequence[BudgetRow]:
        """Budgets as they stand: those of flows, agents and models today, and the fullest of cases."""

    async def breakers(self) -> Sequence[BreakerRow]:
        """Every breaker that has ever been told anything."""

    async def aclose(self) -> None:
        """Let what still rides leave, and close what is open; safe to call twice."""

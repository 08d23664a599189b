"""Costs: what models have cost, from the ledger, by agent, route, day or case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, get_args

from langgraph_switchboard.cases.sessions import connected, fetch
from langgraph_switchboard.postgres import Pool, load_queries

_SQL = load_queries("langgraph_switchboard.cases", "costs.sql")

By = Literal["agent", "route", "day", "case"]
WAYS: tuple[str, ...] = get_args(By)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one agent, route, day or case has cost.

    Args:
        name: Which.
        cases: Cases that it is about.
        steps: Steps that were taken.
        asked: Steps in which a model was asked.
        unknown: Of these: steps of which nobody knows what they cost.
        input_tokens: Tokens read.
        output_tokens: Tokens written.
        cost_usd: Dollars, as far as they are known.
    """

    name: str
    cases: int
    steps: int
    asked: int
    unknown: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal

    @property
    def unknown_share(self) -> float:
        """Share of the steps with a model whose cost is unknown."""
        return self.unknown / self.asked if self.asked else 0.0


async def costs(pool: Pool, by: By, *, since: date = date.min, flow: str | None = None) -> list[Cost]:
    """What was spent, the dearest first (days in their order).

    Args:
        pool: The database.
        by: How to look at it.
        since: The first day (UTC) that counts.
        flow: Only cases of this flow.

    Raises:
        StoreError: The database refused or cannot be reached.
    """
    async with connected(pool, "costs") as connection:
        rows = await fetch(connection, _SQL[by], {"since": since, "flow": flow})
    return [Cost(**row) for row in rows]

"""Rigs without a guard, for the controls: the same proof with one of them must fail."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from langgraph_switchboard.cases import PostgresStore, ReviewRow
from langgraph_switchboard.checkpoints import CaseSaver
from langgraph_switchboard.postgres import open_pool
from langgraph_switchboard.switchboard.opening import House, open_house

_DECIDE = """
update switchboard.reviews set status = 'decided', decision = %s, decided_by = %s, decided_at = %s
where review_id = %s
"""


class ReadThenWrite(PostgresStore):
    """A store that looks whether a review is open, and then writes: no compare-and-set."""

    async def decide(
        self,
        review_id: str,
        *,
        version: int,
        digest: str,
        decision: dict[str, Any],
        by: str,
        at: datetime,
        **_: Any,
    ) -> ReviewRow:
        """Set the decision of a review that was open a moment ago."""
        row = await self.review(review_id)
        assert row is not None
        if row.status != "open":
            return row
        async with self._pool.connection() as connection:
            await connection.execute(_DECIDE, [Jsonb(decision), by, at, review_id])
        return dataclasses.replace(row, status="decided", decision=decision, decided_by=by, decided_at=at)


@asynccontextmanager
async def without_compare_and_set(dsn: str, **options: Any) -> AsyncIterator[House]:
    """A house whose store reads a review and then writes it."""
    async with open_house(dsn, **options) as house, open_pool(dsn) as pool:
        house.services.store = ReadThenWrite(pool)
        yield house


class _OfAnybody:
    """Effects that are done without asking who owns the case."""

    def __init__(self, effects: Any) -> None:
        self._effects = effects

    def __getattr__(self, name: str) -> Any:
        act = getattr(self._effects, name)

        async def done(effect: Any, *args: Any, **options: Any) -> Any:
            return await act(dataclasses.replace(effect, epoch=None), *args, **options)

        return done


@asynccontextmanager
async def without_fence(dsn: str, **options: Any) -> AsyncIterator[House]:
    """A house whose saver and effects do not ask who owns a case."""
    async with open_house(dsn, **options) as house:
        assert isinstance(house.saver, CaseSaver)
        house.saver._claim = None
        house.services.effects = _OfAnybody(house.services.effects)
        yield house

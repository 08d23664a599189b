"""Effects: what a step does to the world, done once under one key or held in doubt."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from langgraph_switchboard.cases import refusals
from langgraph_switchboard.cases.faults import store_fault
from langgraph_switchboard.errors import ConfigurationError, Superseded
from langgraph_switchboard.postgres import Pool, load_queries
from langgraph_switchboard.postgres.bounded import BoundedCalls

TIMEOUT = 15.0
"""Seconds within which the database has to answer: less than a step has, so that a silent database
is not taken for the step's own failure."""

_SQL = load_queries("langgraph_switchboard.cases", "effects.sql")

InOurDatabase = Callable[[AsyncConnection[DictRow]], Awaitable[Any]]
"""An effect in our own Postgres: it gets the connection of the transaction that records it."""


@dataclass(frozen=True, slots=True)
class EffectKey:
    """One effect of one case.

    Args:
        case_id: The case.
        key: The author's business key, unique within the case.
        step: The step that does it.
        digest: Digest of its arguments; the same key with others is refused.
        epoch: The epoch under which the case is owned; None where nobody owns it.
    """

    case_id: str
    key: str
    step: str
    digest: str
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How an effect stands.

    Args:
        is_new: We took the key just now.
        is_done: It happened; else somebody set out to do it, and nobody knows.
        result: What it gave, JSON-plain.
    """

    is_new: bool
    is_done: bool
    result: Any = None


class Effects(Protocol):
    """The record of effects. Two forms: memory and Postgres."""

    async def once(self, effect: EffectKey, do: InOurDatabase) -> Any:
        """Do it in our own database and record it, in one transaction; done already, give its result.

        Raises:
            EffectConflict: The key stands with other arguments.
            Superseded: Somebody else owns the case by now; nothing was done.
        """

    async def begin(self, effect: EffectKey) -> Standing:
        """Record that we set out to do something in the outside world.

        Raises:
            EffectConflict: The key stands with other arguments.
            Superseded: Somebody else owns the case by now.
        """

    async def finish(self, effect: EffectKey, result: Any, *, by: str = "") -> None:
        """Record that it happened; `by` names the person who said so, where one did."""

    async def forget(self, effect: EffectKey) -> None:
        """Record that it did not happen, so that it may be tried again."""


class MemoryEffects:
    """Effects within one process."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[str, Standing]] = {}

    async def once(self, effect: EffectKey, do: InOurDatabase) -> Any:
        """Refused: there is no database here to do it in."""
        raise ConfigurationError(
            "an effect in our database needs Postgres, but the services in memory were opened",
            where=effect.step,
            mend="Open the switchboard on Postgres, or use ctx.outbox or ctx.external.",
        )

    async def begin(self, effect: EffectKey) -> Standing:
        """Record that we set out to do it."""
        digest, standing = self._known.setdefault(
            (effect.case_id, effect.key), (effect.digest, Standing(is_new=True, is_done=False))
        )
        if digest != effect.digest:
            raise refusals.effect_conflict(effect.case_id, effect.key)
        self._known[effect.case_id, effect.key] = (digest, replace(standing, is_new=False))
        return standing

    async def finish(self, effect: EffectKey, result: Any, *, by: str = "") -> None:
        """Record that it happened."""
        done = Standing(is_new=False, is_done=True, result=result)
        self._known[effect.case_id, effect.key] = (effect.digest, done)

    async def forget(self, effect: EffectKey) -> None:
        """Record that it did not happen."""
        self._known.pop((effect.case_id, effect.key), None)


class PostgresEffects:
    """Effects in the table `switchboard.effects`.

    Args:
        pool: The database, migrated.
        timeout: Seconds within which the database has to answer; an effect in our own database has
            as long for all that it does.
    """

    def __init__(self, pool: Pool, *, timeout: float = TIMEOUT) -> None:
        self._pool = pool
        self._calls = BoundedCalls(timeout)

    async def once(self, effect: EffectKey, do: InOurDatabase) -> Any:
        """Do it and record it in one transaction; see `Effects`."""

        async def act(connection: AsyncConnection[DictRow]) -> Any:
            standing = await _take(connection, effect)
            if standing.is_done:
                return standing.result
            result = await do(connection)
            await connection.execute(_SQL["finish"], _finished(effect, result, ""))
            await _still_owner(connection, effect)
            return result

        return await self._bounded(effect, act)

    async def begin(self, effect: EffectKey) -> Standing:
        """Record that we set out to do it, in a commit of its own; see `Effects`."""

        async def act(connection: AsyncConnection[DictRow]) -> Standing:
            standing = await _take(connection, effect)
            await _still_owner(connection, effect)
            return standing

        standing: Standing = await self._bounded(effect, act)
        return standing

    async def finish(self, effect: EffectKey, result: Any, *, by: str = "") -> None:
        """Record that it happened; also by an owner who was superseded meanwhile, for it is the truth."""
        await self._run("finish", _finished(effect, result, by), effect)

    async def forget(self, effect: EffectKey) -> None:
        """Record that it did not happen."""
        await self._run("forget", {"case_id": effect.case_id, "key": effect.key}, effect)

    async def _run(self, name: str, values: dict[str, Any], effect: EffectKey) -> None:
        async def act(connection: AsyncConnection[DictRow]) -> None:
            await connection.execute(_SQL[name], values)

        await self._bounded(effect, act)

    async def _bounded(self, effect: EffectKey, act: InOurDatabase) -> Any:
        """Do it in one transaction; a server that is silent holds nobody up for longer than the bound."""

        async def transaction() -> Any:
            async with self._pool.connection() as connection, connection.transaction():
                return await act(connection)

        try:
            return await self._calls.run(transaction(), effect.step)
        except psycopg.Error as error:
            raise store_fault(error, effect.step, effect.case_id) from error


async def _take(connection: AsyncConnection[DictRow], effect: EffectKey) -> Standing:
    values = {"case_id": effect.case_id, "key": effect.key, "step": effect.step, "digest": effect.digest}
    cursor = await connection.execute(_SQL["take"], values)
    if await cursor.fetchone() is not None:
        return Standing(is_new=True, is_done=False)
    row = await (await connection.execute(_SQL["read"], values)).fetchone()
    assert row is not None, "a key that cannot be taken is there"
    if row["digest"] != effect.digest:
        raise refusals.effect_conflict(effect.case_id, effect.key)
    return Standing(is_new=False, is_done=row["status"] == "done", result=row["result"])


async def _still_owner(connection: AsyncConnection[DictRow], effect: EffectKey) -> None:
    if effect.epoch is None:
        return
    asked = {"case_id": effect.case_id, "epoch": effect.epoch}
    if await (await connection.execute(_SQL["still_owner"], asked)).fetchone() is None:
        raise Superseded(
            "somebody else owns the case by now; nothing was done",
            where=f"effect {effect.key!r} of case {effect.case_id}",
        )


def _finished(effect: EffectKey, result: Any, by: str) -> dict[str, Any]:
    plain = json.dumps(result, allow_nan=False)
    return {"case_id": effect.case_id, "key": effect.key, "result": plain, "by": by or None}

"""The Postgres form: limits shared by all processes, one statement for all calls that wait."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection

from langgraph_switchboard.cases.faults import store_fault
from langgraph_switchboard.cases.lane import Lane
from langgraph_switchboard.errors import BudgetExceeded, LimitMet, StoreError
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
from langgraph_switchboard.limits.turn import Turn
from langgraph_switchboard.postgres import ConnectionClass, Pool, load_queries, open_pool
from langgraph_switchboard.postgres.bounded import BoundedCalls

_SQL = load_queries("langgraph_switchboard.limits")
_log = logging.getLogger(__name__)

TIMEOUT = 15.0
"""Seconds within which the database has to answer; then the call must not go."""
_MOST = 2_000
"""Calls of one turn."""
_OLDEST = 1.0
"""Seconds that good news of calls waits for a turn to ride with."""
_HEAVIEST = 64
"""Good news that does not wait any longer."""
_SWEEP = 1.0
"""Seconds between two looks for what nobody will settle, while budgets have no room."""
_DOUBT = 60.0
"""Seconds for which a turn that was not answered may still come through to the server."""
_KEPT = 100_000


@dataclass(slots=True)
class _Wish:
    """What a caller waits for: leave to go, or that the end of a call is counted."""

    key: str
    size: int = 1
    number: int = 0
    call: Call | None = None
    over: Grant | None = None
    spent: Spent = Spent()  # noqa: RUF009  # frozen
    told: tuple[Breaker, Sample] | None = None
    granted: Grant | None = None
    refused: LimitMet | None = None
    changes: Sequence[Change] = ()
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class _Unsettled:
    """A call that is to be settled with the next turns, until a moment: it may not be there yet."""

    grant: Grant
    spent: Spent
    until: float


class PostgresLimits:
    """`Limits` in Postgres; they belong to the event loop that first asks them.

    They have a lane and a connection of their own, opened when something is first asked: never
    does a hot row stay locked until somebody's checkpoint is committed, and a process in which
    nothing is bounded opens nothing. Nothing is sent twice: what was under way when a
    connection broke is given back with the next turn.

    Args:
        dsn: The database, migrated.
        process: The number of this process, whose advisory lock says that it lives (see
            `PostgresOwners`); what it holds is given back when it is gone.
        timeout: Seconds within which the database has to answer.
        sleep: Waits for a call's turn.
        connection_class: What connections are made of.
    """

    def __init__(
        self,
        dsn: str,
        *,
        process: int,
        timeout: float = TIMEOUT,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        connection_class: ConnectionClass = AsyncConnection,
    ) -> None:
        self._dsn = dsn
        self._process = process
        self._sleep = sleep
        self._connection_class = connection_class
        self._calls = BoundedCalls(timeout)
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._pool: Pool | None = None
        self._lane: Lane[_Wish] = Lane(self._turn, most=_MOST)
        self._number = secrets.randbits(40)
        self._epochs: OrderedDict[str, int] = OrderedDict()
        self._unsettled: dict[int, _Unsettled] = {}
        self._news: list[tuple[Breaker, int, Sample]] = []
        self._news_since = 0.0
        self._swept = 0.0

    async def admit(self, call: Call) -> Grant:
        """Let a call go; see `Limits`."""
        wish = await self._ask(call)
        if isinstance(wish.refused, BudgetExceeded) and await self._released():
            wish = await self._ask(call)
        if wish.refused:
            wish.refused.changes = [*wish.refused.changes, *wish.changes]
            raise wish.refused
        grant = wish.granted
        assert grant is not None, "a call is granted or refused"
        grant.changes.extend(wish.changes)
        if grant.waited:
            try:
                await self._sleep(grant.waited)
            except BaseException:
                self._give_back(grant)
                raise
        return grant

    async def settle(self, grant: Grant, spent: Spent, sample: Sample = Sample()) -> list[Change]:  # noqa: B008
        """Give back what is held, and count what it cost; see `Limits`."""
        breaker = grant.call.breaker
        told = None if breaker is None or (sample.says_nothing and not grant.is_probe) else (breaker, sample)
        if not grant.call.lines and told and not (sample.failed or grant.is_probe):
            self._remember(told[0], grant.number, sample)
            told = None
        if not grant.call.lines and not told:
            return []
        return await self._say(_Wish(self._key(), number=grant.number, over=grant, spent=spent, told=told))

    async def report(self, breaker: Breaker, sample: Sample) -> list[Change]:
        """Tell a breaker what a person decided; see `Limits`."""
        if not sample.rejected:
            self._remember(breaker, 0, sample)
            return []
        return await self._say(_Wish(self._key(), told=(breaker, sample)))

    async def budgets(self, limit: int = 100) -> Sequence[BudgetRow]:
        """Budgets as they stand; see `Limits`."""
        return [
            BudgetRow(
                row["scope"],
                row["subject"],
                row["day"],
                (row["limit_micros"], row["limit_tokens"]),
                Spent(row["spent_micros"], row["spent_tokens"]),
                Spent(row["held_micros"], row["held_tokens"]),
            )
            for row in await self._run("budgets", {"limit": limit})
        ]

    async def breakers(self) -> Sequence[BreakerRow]:
        """Every breaker that has ever been told anything; see `Limits`."""
        return [BreakerRow(**row) for row in await self._run("breakers", {})]

    async def aclose(self) -> None:
        """Let what still rides leave, and close the connection; safe to call twice."""
        if self._news or self._unsettled:
            self._news_since = 0.0
            try:
                await self._lane.put(_Wish(self._key()))
            except StoreError as error:
                _log.warning("the last news of calls could not be told: %s", error.code)
        await self._calls.aclose()
        await self._stack.aclose()
        self._pool = None

    async def _ask(self, call: Call) -> _Wish:
        self._number += 1
        wish = _Wish(str(self._number), number=self._number, call=call)
        try:
            await self._lane.put(wish)
        except BaseException:
            wish.is_gone = True  # it may be granted yet: then the turn gives it back
            raise
        return wish

    async def _say(self, wish: _Wish) -> list[Change]:
        await self._lane.put(wish)
        return list(wish.changes)

    async def _released(self) -> bool:
        """Whether budgets have more room now that what nobody will settle is given back."""
        if self._unsettled:
            return True
        now = time.monotonic()
        if now - self._swept < _SWEEP:
            return False
        self._swept = now
        (row,) = await self._run("release_stale", {})
        return bool(row["calls"])

    def _remember(self, breaker: Breaker, number: int, sample: Sample) -> None:
        if not self._news:
            self._news_since = time.monotonic()
        self._news.append((breaker, number, sample))

    def _give_back(self, grant: Grant) -> None:
        """Give back a grant that nobody uses, with the next turn."""
        self._unsettled[grant.number] = _Unsettled(grant, Spent(), 0.0)
        if grant.is_probe and grant.call.breaker:
            self._remember(grant.call.breaker, grant.number, Sample())

    async def _turn(self, wishes: Sequence[_Wish]) -> None:
        turn = Turn(self._process)
        unsettled, self._unsettled = self._unsettled, {}
        for number, one in unsettled.items():
            turn.over(number, one.grant.call, one.spent)
        news = self._take_news(wishes)
        for breaker, number, sample in news:
            turn.tell(breaker, number, sample)
        asked = [wish for wish in wishes if wish.call]
        for wish in wishes:
            if wish.over and wish.over.call.lines:
                turn.over(wish.number, wish.over.call, wish.spent)
            if wish.told:
                turn.tell(wish.told[0], wish.number, wish.told[1])
            if wish.call:
                turn.ask(wish.number, wish.call, fresh=self._is_fresh(wish.call))
        if turn.is_empty:
            return
        try:
            (row,) = await self._run("turn", turn.values())
        except BaseException:
            self._unsettled |= unsettled
            self._doubt(wishes)
            raise
        now = time.monotonic()
        self._unsettled |= {number: one for number, one in unsettled.items() if one.until > now}
        for at, wish in enumerate(asked):
            self._answer(wish, turn.refusal(at, row), row["wait"][at], row["probe"][at])
        self._hand_out(turn.changes(row), wishes)

    def _take_news(self, wishes: Sequence[_Wish]) -> list[tuple[Breaker, int, Sample]]:
        """The good news that leaves now: with bad news, when it is much, or when it is old."""
        urgent = any(wish.told for wish in wishes) or len(self._news) >= _HEAVIEST
        if not self._news or not (urgent or time.monotonic() - self._news_since > _OLDEST):
            return []
        news, self._news = self._news, []
        return news

    def _is_fresh(self, call: Call) -> bool:
        if call.epoch is None or self._epochs.get(call.case_id) == call.epoch:
            return False
        self._epochs[call.case_id] = call.epoch
        if len(self._epochs) > _KEPT:
            self._epochs.popitem(last=False)
        return call.epoch > 1  # before the first owner there was nobody

    def _answer(self, wish: _Wish, refused: LimitMet | None, wait: float, is_probe: bool) -> None:
        assert wish.call is not None
        wish.refused = refused
        if refused is None:
            wish.granted = Grant(wish.call, wish.number, wait, is_probe)
            if wish.is_gone:
                self._give_back(wish.granted)

    def _doubt(self, wishes: Sequence[_Wish]) -> None:
        """Nobody knows whether the turn is committed, or will be: what it does is settled with the next."""
        until = time.monotonic() + _DOUBT
        for wish in wishes:
            if wish.call and wish.call.lines:
                self._unsettled[wish.number] = _Unsettled(Grant(wish.call, wish.number), Spent(), until)
            elif wish.over:
                self._unsettled[wish.number] = _Unsettled(wish.over, wish.spent, until)
            if wish.call:
                self._epochs.pop(wish.call.case_id, None)

    @staticmethod
    def _hand_out(changes: Sequence[Change], wishes: Sequence[_Wish]) -> None:
        """Give each change to one caller, whose case tells of it: best to who brought it about."""
        for change in changes:
            of = [one for one in wishes if one.told and one.told[0].key == change.breaker]
            of += [one for one in wishes if one.call and not one.is_gone]
            if of:
                of[0].changes = [*of[0].changes, change]
            else:
                _log.warning("the breaker %s is %s: %s", change.breaker, change.state, change.why)

    def _key(self) -> str:
        self._number += 1
        return str(self._number)

    async def _run(self, name: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            return await self._calls.run(self._execute(name, values), f"limits, {name}")
        except psycopg.Error as error:
            raise store_fault(error, f"limits, {name}") from None

    async def _execute(self, name: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        async with (await self._opened()).connection() as connection:
            cursor = await connection.execute(_SQL[name], values)
            return await cursor.fetchall()

    async def _opened(self) -> Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await self._stack.enter_async_context(
                    open_pool(
                        self._dsn,
                        max_size=2,
                        application_name="switchboard-limits",
                        connection_class=self._connection_class,
                    )
                )
        return self._pool

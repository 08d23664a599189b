"""What only Postgres can show: several processes, dead ones, one statement for all, a server that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from langgraph_switchboard.errors import BudgetExceeded, StoreUnavailable
from langgraph_switchboard.limits import Line, PostgresLimits, Sample, Spent
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.testing.proxy import faulty_network
from tests.limits.forms import Form, a_breaker, a_bucket, a_call, a_line, in_postgres

pytestmark = pytest.mark.pg


@pytest.fixture
async def form(pg_dsn: str, pg_pool: Pool) -> AsyncIterator[Form]:
    made = in_postgres(pg_dsn, pg_pool, 11)
    async with made.alive():
        yield made
    await made.limits.aclose()


async def rows(pool: Pool, sql: str) -> list[tuple[Any, ...]]:
    async with pool.connection() as connection:
        return [tuple(row.values()) for row in await (await connection.execute(sql.encode())).fetchall()]


async def commits(pool: Pool) -> int:
    """Transactions that wrote something, so far."""
    ((xid,),) = await rows(pool, "select pg_current_xact_id()::text::bigint as xid")
    return int(xid)


async def test_two_processes_share_a_budget(form: Form, pg_dsn: str, pg_pool: Pool) -> None:
    """Law 7: each sees what the other holds."""
    other = in_postgres(pg_dsn, pg_pool, 12)
    line = a_line("flow", "desk", tokens=100)
    async with other.alive():
        asked = [one.limits.admit(a_call(line)) for one in (form, other) for _ in range(80)]
        told = await asyncio.gather(*asked, return_exceptions=True)
    await other.limits.aclose()
    assert sum(not isinstance(one, BaseException) for one in told) == 100
    assert sum(isinstance(one, BudgetExceeded) for one in told) == 60


async def test_processes_that_want_the_same_budgets_in_another_order_do_not_block_each_other(
    form: Form, pg_dsn: str, pg_pool: Pool
) -> None:
    """Everybody locks in the order of the keys, whatever the order in which calls name them."""
    other = in_postgres(pg_dsn, pg_pool, 12)
    lines = [a_line("flow", f"f{number}", tokens=10**6) for number in range(6)]
    bucket, breaker = a_bucket(per_second=1e6, burst=1e6), a_breaker()

    async def busy(one: Form, named: list[Line], number: int) -> None:
        for _ in range(20):
            call = a_call(*named[number % 6 :], *named[: number % 6], bucket=bucket, breaker=breaker)
            await one.limits.settle(await one.limits.admit(call), Spent(tokens=1), Sample(failed=number == 3))

    async with other.alive():
        await asyncio.gather(
            *(busy(form, lines, number) for number in range(8)),
            *(busy(other, lines[::-1], number) for number in range(8)),
        )
    await other.limits.aclose()
    assert {row.spent.tokens for row in await form.limits.budgets()} == {320}


async def test_what_a_dead_process_held_is_given_back_when_there_is_no_room(
    form: Form, pg_dsn: str, pg_pool: Pool
) -> None:
    """Its connection has ended, and with it its lock: nobody will settle what it held."""
    dead = in_postgres(pg_dsn, pg_pool, 13)
    line = a_line("flow", "desk", tokens=10)
    async with dead.alive():
        await dead.limits.admit(a_call(line, tokens=7))
        with pytest.raises(BudgetExceeded):
            await form.limits.admit(a_call(line, tokens=5))
    await dead.limits.aclose()
    survivor = in_postgres(pg_dsn, pg_pool, 14)
    await survivor.limits.admit(a_call(line, tokens=5))
    assert (await survivor.budget("flow:desk")).held == Spent(tokens=5)
    await survivor.limits.aclose()


async def test_what_a_superseded_owner_holds_is_given_back_when_there_is_no_room(
    form: Form, pg_pool: Pool
) -> None:
    """Also while its process still lives: frozen, or cut off from the rest."""
    line = a_line("flow", "desk", tokens=10)
    await form.limits.admit(a_call(line, tokens=7, epoch=1))
    async with pg_pool.connection() as connection:
        await connection.execute("insert into switchboard.case_owner values ('c1', 2, 'r', 99, now())")
    await form.limits.admit(a_call(line, tokens=5, case_id="c2", epoch=1))
    assert (await form.budget("flow:desk")).held == Spent(tokens=5)


async def test_a_thousand_calls_share_a_commit(form: Form, pg_pool: Pool) -> None:
    """One statement for budgets, rates and breakers of all that wait."""
    await form.limits.admit(a_call(a_line()))
    before = await commits(pg_pool)
    limits: dict[str, Any] = {"bucket": a_bucket(per_second=1e6, burst=1e6), "breaker": a_breaker()}
    asked = [form.limits.admit(a_call(a_line("flow", "desk", tokens=9_999), **limits)) for _ in range(1_000)]
    assert len(await asyncio.gather(*asked)) == 1_000
    assert await commits(pg_pool) - before <= 4


async def test_the_calls_of_a_healthy_agent_write_nothing(form: Form, pg_pool: Pool) -> None:
    """A breaker that is closed is read; good news rides with a later turn."""
    grant = await form.limits.admit(a_call(breaker=a_breaker()))
    before = await commits(pg_pool)
    for _ in range(4):
        grant = await form.limits.admit(a_call(breaker=a_breaker()))
        await form.limits.settle(grant, Spent(), Sample(failed=False, seconds=0.1))
    assert await commits(pg_pool) - before == 1
    await form.limits.aclose()
    assert (await rows(pg_pool, "select calls, errors from switchboard.breakers")) == [(4, 0.0)]


async def test_who_goes_away_while_it_waits_holds_nothing(form: Form) -> None:
    """A caller that is cancelled before it heard the answer gives back what it was granted."""
    line = a_line(tokens=10)
    asking = asyncio.ensure_future(form.limits.admit(a_call(line, tokens=4)))
    for _ in range(3):
        await asyncio.sleep(0)  # the turn is under way
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await form.limits.admit(a_call(line, tokens=10))


async def test_a_server_that_is_silent_refuses_in_time_and_what_was_under_way_is_given_back(
    pg_dsn: str, pg_pool: Pool
) -> None:
    """Nobody can say whether there is room: the call must not go; nothing of it stays held."""
    line = a_line(tokens=10)
    async with faulty_network(pg_dsn) as network:
        limits = PostgresLimits(network.dsn, process=21, timeout=0.5)
        await limits.settle(await limits.admit(a_call(line, tokens=3)), Spent(tokens=1))
        network.swallow()
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(limits.admit(a_call(line, tokens=9)), 5)
        network.heal()
        await limits.admit(a_call(line, tokens=9))
        await limits.aclose()
    assert await rows(pg_pool, "select spent_tokens, held_tokens from switchboard.budgets") == [(1, 9)]


async def test_the_views_read_in_dollars(form: Form, pg_pool: Pool) -> None:
    """How budgets and breakers stand is one query each."""
    grant = await form.limits.admit(a_call(a_line(micros=50_000), micros=20_000, tokens=30))
    await form.limits.settle(grant, Spent(micros=12_500, tokens=20))
    sql = "select scope, subject, limit_usd::float, spent_usd::float, left_usd::float, spent_tokens"
    assert await rows(pg_pool, f"{sql} from switchboard.budgets_left") == [
        ("case", "c1", 0.05, 0.0125, 0.0375, 20)
    ]
    await form.limits.report(a_breaker(rejections=0.5), Sample(rejected=True))
    await form.limits.report(a_breaker(rejections=0.5), Sample(rejected=True))
    assert await rows(
        pg_pool, "select kind, name, state, decisions, rejections from switchboard.breakers"
    ) == [("agent", "desk/billing", "open", 2, 1.0)]

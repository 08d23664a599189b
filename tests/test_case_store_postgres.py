"""What only Postgres can show of the case store: races, grouped commits, lost connections, SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from langgraph_switchboard.cases import PostgresStore, ReviewRow, as_values
from langgraph_switchboard.errors import EffectConflict, StoreError, StoreUnavailable
from langgraph_switchboard.ledger.journal import Entry, Row
from langgraph_switchboard.postgres import Pool, open_pool
from langgraph_switchboard.testing.proxy import faulty_network
from tests.case_builders import (
    NOON,
    a_case,
    a_review,
    an_event,
    an_outbox_row,
    change,
    minutes,
    opens,
    puts,
    settle,
    task,
)

pytestmark = pytest.mark.pg


@pytest.fixture
def store(pg_pool: Pool) -> PostgresStore:
    return PostgresStore(pg_pool)


async def one(pool: Pool, sql: str) -> object:
    """The only value that a query gives, or None."""
    async with pool.connection() as connection:
        row = await (await connection.execute(sql)).fetchone()
    return next(iter(row.values())) if row else None


async def commits(pool: Pool, work: Awaitable[object]) -> int:
    """How many transactions `work` has written."""
    count = "select pg_current_xact_id()::text::bigint"
    before = await one(pool, count)
    await work
    after = await one(pool, count)
    assert isinstance(before, int) and isinstance(after, int)
    return after - before - 1


async def one_that_waits_for_a_lock(pool: Pool) -> int:
    """The process id of a statement that stands before a locked table."""
    waits = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with asyncio.timeout(20):
        while not isinstance(pid := await one(pool, waits), int):
            pass
    return pid


async def test_without_the_compare_and_set_several_deciders_win(pg_pool: Pool, store: PostgresStore) -> None:
    """The control of the law: read, then write, and each of 8 deciders believes that he won."""
    await settle(store, task(), opens(a_review()))
    all_have_read = asyncio.Barrier(8)

    async def decide_carelessly(by: str) -> bool:
        row = await store.review("r1")
        await all_have_read.wait()
        if row is None or row.status != "open":
            return False
        async with pg_pool.connection() as connection:
            await connection.execute(
                "update switchboard.reviews set status = 'decided', decision = '{}', decided_by = %s,"
                " decided_at = now() where review_id = 'r1'",
                [by],
            )
        return True

    assert sum(await asyncio.gather(*(decide_carelessly(f"person {n}") for n in range(8)))) == 8


async def test_a_hundred_concurrent_settles_share_a_few_commits(pg_pool: Pool, store: PostgresStore) -> None:
    """While one batch is under way the next gathers; one after the other (the control) each commits alone."""
    rows = [a_case(f"c{number}") for number in range(100)]
    await store.accept(rows)

    async def step(number: int, name: str) -> None:
        what: list[Entry] = [
            an_event(),
            puts(an_outbox_row(name, f"c{number}")),
            change(step=name, updated_at=minutes(1)),
        ]
        await settle(store, task(name, f"c{number}"), *what)

    async def one_by_one() -> None:
        for number in range(100):
            await step(number, "alone")

    together = await commits(pg_pool, asyncio.gather(*(step(number, "together") for number in range(100))))
    assert together <= 10
    assert await commits(pg_pool, one_by_one()) >= 100
    assert len(await store.stories([row.case_id for row in rows])) == 200
    assert len(await store.outbox(limit=None)) == 200


async def test_in_a_batch_a_conflict_fails_alone(store: PostgresStore) -> None:
    """Of 100 settles in one batch two are refused; the other 98 stand."""
    await settle(store, task(case_id="c7"), puts(an_outbox_row(case_id="c7")))
    settles = []
    for number in range(100):
        case_id = f"c{number}"
        entries: list[Entry] = [an_event(), puts(an_outbox_row(case_id=case_id, text="New."))]
        if number == 42:
            entries.append(change(status="running", updated_at=NOON))  # of a case that nobody accepted
        settles.append(settle(store, task("t2", case_id), *entries))
    results = await asyncio.gather(*settles, return_exceptions=True)
    failed = {number: result for number, result in enumerate(results) if result is not None}
    assert failed.keys() == {7, 42}
    assert isinstance(failed[7], EffectConflict) and failed[7].fields == {"case": "c7", "key": "reply"}
    assert isinstance(failed[42], StoreError) and "not there" in failed[42].problem
    written = {entry.case_id for entry in await store.stories([f"c{number}" for number in range(100)])}
    assert written == {f"c{number}" for number in range(100)} - {"c7", "c42"}
    assert len(await store.outbox(limit=None)) == 99


async def race_for_a_key(pool: Pool, store: PostgresStore) -> None:
    """Settle an outbox row while another process is about to commit another under its key."""
    async with pool.connection() as other, other.transaction():
        await other.execute(
            "insert into switchboard.outbox values ('c1', 'reply', 'send', '{}', 'another digest', now())"
        )
        settling = asyncio.create_task(settle(store, task(), an_event(), puts(an_outbox_row())))
        await one_that_waits_for_a_lock(pool)
    await settling


async def test_two_processes_cannot_share_a_key(pg_pool: Pool, store: PostgresStore) -> None:
    """Also when the other commits while our statement is under way: a conflict, and nothing of ours."""
    with pytest.raises(EffectConflict):
        await race_for_a_key(pg_pool, store)
    assert await store.story("c1") == []
    assert [row.digest for row in await store.outbox()] == ["another digest"]


async def test_without_the_trigger_the_race_goes_unseen(pg_pool: Pool, store: PostgresStore) -> None:
    """The control: with the guard off the same race tells our caller that all is well."""
    async with pg_pool.connection() as connection:
        await connection.execute("drop trigger outbox_once on switchboard.outbox")
    await race_for_a_key(pg_pool, store)
    assert len(await store.story("c1")) == 1


@pytest.mark.parametrize("kills", [1, 2])
async def test_a_settle_whose_connection_is_killed_is_never_half(
    pg_pool: Pool, store: PostgresStore, kills: int
) -> None:
    """One lost connection is survived, a second is said; until then nothing shows, and a retry settles it."""
    await store.accept([a_case()])
    store.attach(
        task(), [an_event(), opens(a_review()), puts(an_outbox_row()), change(step="gate", updated_at=NOON)]
    )
    async with pg_pool.connection() as blocker, blocker.transaction():
        await blocker.execute("lock table switchboard.outbox in access exclusive mode")
        settling = asyncio.create_task(store.settle(task()))
        for _ in range(kills):
            pid = await one_that_waits_for_a_lock(pg_pool)
            await one(pg_pool, f"select pg_terminate_backend({pid}, 5000)")
        if kills == 2:
            with pytest.raises(StoreUnavailable, match="settle"):
                await settling
        assert await store.story("c1") == [] and await store.reviews() == []
        assert await store.case("c1") == a_case()
    if kills == 2:
        await store.settle(task())
    else:
        await settling
    assert len(await store.story("c1")) == len(await store.reviews()) == len(await store.outbox()) == 1
    assert await store.case("c1") == a_case(step="gate")


async def test_entries_written_one_by_one_are_half_written_when_one_is_refused(store: PostgresStore) -> None:
    """The control of all or nothing: two settles instead of one leave the event of the refused row."""
    await settle(store, task(), puts(an_outbox_row()))
    await settle(store, task("t2"), an_event())
    with pytest.raises(EffectConflict):
        await settle(store, task("t3"), puts(an_outbox_row(text="Something else.")))
    assert len(await store.story("c1")) == 1


async def test_a_store_that_does_not_answer_is_not_waited_for(pg_pool: Pool) -> None:
    """Every statement is bounded in time, and what did not end in time is not written."""
    hurried = PostgresStore(pg_pool, timeout=0.2)
    hurried.attach(task(), [an_event()])
    async with pg_pool.connection() as blocker, blocker.transaction():
        await blocker.execute("lock table switchboard.ledger in access exclusive mode")
        with pytest.raises(StoreUnavailable, match="did not answer"):
            await hurried.settle(task())
    assert await PostgresStore(pg_pool).story("c1") == []


async def test_a_network_that_swallows_everything_is_not_waited_for_either(
    pg_dsn: str, pg_pool: Pool
) -> None:
    """Left to itself psycopg would wait ten seconds more, for the server to confirm that it gives up."""
    async with faulty_network(pg_dsn) as network, open_pool(network.dsn) as pool:
        hurried = PostgresStore(pool, timeout=0.2)
        await hurried.counts()
        network.swallow()
        async with asyncio.timeout(5):
            with pytest.raises(StoreUnavailable, match="did not answer"):
                await hurried.counts()
        network.heal()


async def test_a_closed_pool_is_an_unreachable_store(pg_pool: Pool, store: PostgresStore) -> None:
    """The error is of the library, and says what to do."""
    await pg_pool.close()
    with pytest.raises(StoreUnavailable, match="Try again"):
        await store.case("c1")


async def test_a_refusal_of_postgres_repeats_no_values(store: PostgresStore) -> None:
    """What a row holds stands neither in the message nor in a chained exception."""
    secret = a_review(version=10**12, reason="the customer's name")
    with pytest.raises(StoreError) as refused:
        await settle(store, task(), Row("reviews", as_values(secret)))
    error = refused.value
    assert error.fields["sqlstate"] == "22003"
    assert "customer" not in str(error.record()) and str(10**12) not in str(error.record())
    assert error.__cause__ is None and error.__suppress_context__


async def test_the_views_answer_in_one_query(pg_pool: Pool, store: PostgresStore) -> None:
    """Who waits for a person, and what each step took and cost, read in plain SQL."""
    await store.accept([a_case()])
    said = an_event(
        agent="faq", owner="support", goto="gate", confidence=0.5, cost_usd=0.002, input_tokens=12
    )
    await settle(store, task(), said, opens(a_review(due_at=NOON)))
    async with pg_pool.connection() as connection:
        waiting = await (await connection.execute("select * from switchboard.waiting_reviews")).fetchone()
        step = await (await connection.execute("select * from switchboard.steps")).fetchone()
    assert waiting is not None and waiting["review_id"] == "r1" and waiting["overdue"]
    assert step is not None and (step["flow"], step["agent"], step["input_tokens"]) == ("desk", "faq", 12)
    assert (step["confidence"], float(step["cost_usd"])) == (0.5, 0.002)


async def test_a_later_column_disturbs_no_reader(pg_pool: Pool, store: PostgresStore) -> None:
    """A column that a migration adds for somebody else is left alone."""
    async with pg_pool.connection() as connection:
        await connection.execute("alter table switchboard.reviews add column note text")
    await settle(store, task(), opens(a_review()))
    row: ReviewRow | None = await store.review("r1")
    assert row == a_review()

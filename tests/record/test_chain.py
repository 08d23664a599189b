"""The chain, append-only, and the tail: what the database sees to, whoever inserts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from psycopg import errors
from psycopg.types.json import Jsonb

from langgraph_switchboard.cases import PostgresStore
from langgraph_switchboard.cases.audit import seal, verify
from langgraph_switchboard.checkpoints.journal import LEDGER
from langgraph_switchboard.postgres import EmbeddedServer, Pool, migrate, open_pool
from langgraph_switchboard.postgres.parts import PartRows
from langgraph_switchboard.postgres.writer import GroupCommitWriter
from tests.case_builders import a_case, an_event, change, minutes, settle, task
from tests.record.entries import behind_the_triggers, entries, insert, rows

pytestmark = pytest.mark.pg

CHAIN = "select number, place from switchboard.ledger_chain where case_id = 'c1' order by number"
WAITING = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


async def test_rows_of_one_statement_are_chained_in_the_order_of_their_places(pg_pool: Pool) -> None:
    """Numbers count each case's entries from 1, without holes, over several statements."""
    await insert(pg_pool, entries(["c2", "c1"], ["t3", "t1"]))
    await insert(pg_pool, entries(["c1"], ["t2"]))
    chained = await rows(pg_pool, CHAIN)
    assert [number for number, _ in chained] == [1, 2, 3]
    assert [place for _, place in chained] == sorted(place for _, place in chained)
    assert (await verify(pg_pool)).entries == 5


async def test_a_repeated_insert_chains_nothing(pg_pool: Pool) -> None:
    """Three rows of which two stand already: one new link."""
    assert await insert(pg_pool, entries(["c1"], ["t1", "t2"])) == 2
    assert await insert(pg_pool, entries(["c1"], ["t1", "t2", "t3"])) == 1
    assert await insert(pg_pool, entries(["c1"], ["t1", "t2", "t3"])) == 0
    assert len(await rows(pg_pool, CHAIN)) == 3


async def test_cases_do_not_wait_for_each_other(pg_pool: Pool) -> None:
    """While one transaction holds its new entries back, another chains other cases and commits."""
    async with pg_pool.connection() as slow, slow.transaction():
        await insert(slow, entries(["c1"], ["t1"]))
        async with asyncio.timeout(5):
            assert await insert(pg_pool, entries(["c2", "c3"], ["t1"])) == 2
    assert (await verify(pg_pool)).holds


async def test_of_two_writers_of_one_case_the_later_is_told_to_try_again(pg_pool: Pool) -> None:
    """It waits for the first, fails as a serialization failure with nothing written, and then chains."""
    async with pg_pool.connection() as slow, slow.transaction():
        await insert(slow, entries(["c1"], ["t1"]))
        second = asyncio.create_task(insert(pg_pool, entries(["c1", "c2"], ["t2"])))
        async with asyncio.timeout(10):
            while not await rows(pg_pool, WAITING):
                pass
    with pytest.raises(errors.SerializationFailure):
        await second
    assert await rows(pg_pool, "select count(*) from switchboard.ledger") == [(1,)]
    assert await insert(pg_pool, entries(["c1", "c2"], ["t2"])) == 2
    assert len(await rows(pg_pool, CHAIN)) == 2
    assert (await verify(pg_pool)).holds


async def test_the_store_tries_again_by_itself(pg_pool: Pool) -> None:
    """Who settles through the journal notices nothing of a second writer."""
    store = PostgresStore(pg_pool)
    await store.accept([a_case()])
    async with pg_pool.connection() as slow, slow.transaction():
        await insert(slow, entries(["c1"], ["t1"]))
        settling = asyncio.create_task(
            settle(store, task("t2"), an_event(), change(step="faq", updated_at=minutes(1)))
        )
        async with asyncio.timeout(10):
            while not await rows(pg_pool, WAITING):
                pass
    await settling
    assert len(await rows(pg_pool, CHAIN)) == 2
    assert (await verify(pg_pool)).holds


async def test_the_group_commit_writer_tries_again_by_itself(pg_pool: Pool) -> None:
    """The batch that meets a second writer of a case is sent again, and chains behind it."""
    writer = GroupCommitWriter(pg_pool)
    at = datetime(2026, 3, 2, tzinfo=UTC)

    def entry(case_id: str) -> list[PartRows]:
        row = LEDGER.row(case_id, "", "t2", 0, "gated", "gate", at, 0.5, '{"é": 1.50}', None)
        return [PartRows(LEDGER, [row])]

    async with pg_pool.connection() as slow, slow.transaction():
        await insert(slow, entries(["c1"], ["t1"]))
        writing = [writer.enter(case, partial(entry, case)) for case in ("c1", "c2")]
        async with asyncio.timeout(10):
            while not await rows(pg_pool, WAITING):
                pass
    await asyncio.gather(*writing)
    await writer.aclose()
    assert len(await rows(pg_pool, CHAIN)) == 2
    assert (await verify(pg_pool)).holds


REFUSED = [
    "update switchboard.ledger set data = '{}'",
    "update switchboard.ledger set erased_at = now(), erased_by = 'x', data = null, salt = null",
    "update switchboard.ledger set xid = '0'",
    "delete from switchboard.ledger",
    "truncate switchboard.ledger",
    "update switchboard.ledger_chain set hash = ''",
    "delete from switchboard.ledger_chain",
    "truncate switchboard.ledger_chain",
    "update switchboard.ledger_roots set hash = ''",
    "delete from switchboard.ledger_roots",
    "truncate switchboard.ledger_roots",
    "update switchboard.ledger_seals set hash = ''",
    "delete from switchboard.ledger_seals",
    "truncate switchboard.ledger_seals",
]


@pytest.mark.parametrize("statement", REFUSED)
async def test_the_owner_himself_adds_and_never_changes(pg_pool: Pool, statement: str) -> None:
    """SB002 for every verb; with the triggers off (the control) the same statement goes through."""
    await insert(pg_pool, entries(["c1"], ["t1"]))
    await seal(pg_pool)
    with pytest.raises(psycopg.Error) as caught:
        await rows(pg_pool, statement)
    assert caught.value.sqlstate == "SB002"
    assert (await verify(pg_pool)).holds
    async with behind_the_triggers(pg_pool) as connection:
        await connection.execute(statement)


TAIL = (
    "select place from switchboard.ledger_tail where (xid, place) > (%s::text::xid8, %s) order by xid, place"
)
POSITION = "select xid::text, place from switchboard.ledger where place = %s"


async def test_a_follower_by_place_loses_a_row_and_the_tail_never_does(pg_pool: Pool) -> None:
    """A slow transaction draws its place first and commits last: what lies before a place may still come."""
    seen_by_place: list[int] = []
    seen_by_tail: list[int] = []
    position = ("0", 0)

    async def look() -> None:
        nonlocal position
        last = max(seen_by_place, default=0)
        found = await rows(pg_pool, "select place from switchboard.ledger where place > %s order by 1", last)
        seen_by_place.extend(place for (place,) in found)
        tail = [place for (place,) in await rows(pg_pool, TAIL, *position)]
        seen_by_tail.extend(tail)
        if tail:
            ((xid, place),) = await rows(pg_pool, POSITION, tail[-1])
            position = (xid, place)

    await insert(pg_pool, entries(["c0"], ["t1"]))
    await look()
    async with pg_pool.connection() as slow, slow.transaction():
        await insert(slow, entries(["slow"], ["t1"]))
        await insert(pg_pool, entries(["quick"], ["t1"]))
        await look()
        assert len(seen_by_place) == 2 and len(seen_by_tail) == 1
    await insert(pg_pool, entries(["later"], ["t1"]))
    await look()
    every = [place for (place,) in await rows(pg_pool, "select place from switchboard.ledger order by 1")]
    assert seen_by_place == [place for place in every if place != every[1]]  # the control: one is lost
    assert seen_by_tail == every  # in the order of their transactions, each once


async def test_an_aborted_or_idle_transaction_holds_the_tail_up_only_while_it_lasts(pg_pool: Pool) -> None:
    """What was rolled back never shows."""
    async with pg_pool.connection() as other, other.transaction(force_rollback=True):
        await insert(other, entries(["gone"], ["t1"]))
        await insert(pg_pool, entries(["c1"], ["t1"]))
        assert await rows(pg_pool, TAIL, "0", 0) == []
    assert len(await rows(pg_pool, TAIL, "0", 0)) == 1


async def test_the_tail_is_read_by_its_index(pg_pool: Pool) -> None:
    """Following a long ledger costs what is new."""
    await insert(pg_pool, entries([f"c{number}" for number in range(500)], ["t1", "t2"]))
    await rows(pg_pool, "analyze switchboard.ledger")
    plan = await rows(pg_pool, f"explain {TAIL} limit 50", "9", 900)
    assert "ledger_in_commit_order" in "\n".join(line for (line,) in plan)


async def test_after_a_restore_the_tail_shows_everything_again(pg_pool: Pool) -> None:
    """Numbers of another cluster's transactions would hide the entries; adopting them changes no hash."""
    await insert(pg_pool, entries(["c1"], ["t1", "t2"]))
    async with behind_the_triggers(pg_pool) as connection:
        await connection.execute("update switchboard.ledger set xid = '99999999999'")
    assert await rows(pg_pool, TAIL, "0", 0) == []
    assert await rows(pg_pool, "select switchboard.adopt_ledger()") == [(2,)]
    assert len(await rows(pg_pool, TAIL, "0", 0)) == 2
    assert (await verify(pg_pool)).holds


async def test_entries_from_before_the_chain_are_chained_by_the_migration(
    pg: EmbeddedServer, pg_dsn: str, tmp_path: Path
) -> None:
    """A ledger that was begun under an older version verifies, and goes on in the same chains."""
    for file in (resources.files("langgraph_switchboard.postgres") / "sql").iterdir():
        if file.name < "0003":
            (tmp_path / file.name).write_text(file.read_text())
    async with open_pool(pg_dsn, max_size=2) as pool:
        await rows(pool, "drop schema switchboard cascade")
        await migrate(pool, tmp_path)
        await insert(pool, entries(["c1", "c2"], ["t1", "t2"]))
        assert 3 in await migrate(pool)
        await insert(pool, entries(["c1"], ["t3"]))
        result = await verify(pool)
    assert result.holds and (result.cases, result.entries) == (2, 5)


async def test_python_and_sql_spell_every_entry_alike(pg_pool: Pool) -> None:
    """Any text, number and time that Postgres keeps: the hashes computed on both sides are the same."""
    count = iter(range(1_000))
    text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
    plain = st.recursive(
        st.none()
        | st.booleans()
        | text
        | st.integers(-(10**30), 10**30)
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
        max_leaves=5,
    )
    entry = st.tuples(
        text, text, text, st.integers(0, 2**31 - 1), text, text,
        st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.just(UTC)),
        st.none() | st.floats(), st.dictionaries(text, plain, max_size=3),
        st.none() | st.dictionaries(text, plain, max_size=2),
    )  # fmt: skip
    drawn: list[tuple[Any, ...]] = []

    @seed(7)
    @settings(max_examples=300, database=None, deadline=None)
    @given(entry)
    def draw(one: tuple[Any, ...]) -> None:
        drawn.append((one[0], one[1], f"{next(count)} {one[2]}", *one[3:]))

    draw()
    async with pg_pool.connection() as connection:
        await connection.execute("alter table switchboard.ledger disable trigger ledger_moves_cases")
        for *fields, data, moves in drawn:
            await connection.execute(
                "insert into switchboard.ledger (case_id, namespace, task_id, ordinal, kind, step, at,"
                " seconds, data, moves) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [*fields, Jsonb(data), None if moves is None else Jsonb(moves)],
            )
    result = await verify(pg_pool)
    assert result.entries == len(drawn) >= 300 and result.findings == ()

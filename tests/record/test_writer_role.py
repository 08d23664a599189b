"""The insert-only login: every verb that is not its own is refused, and its own ones work."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import errors

from langgraph_switchboard.cases.audit import verify
from langgraph_switchboard.checkpoints import GroupCommitSaver
from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.postgres import Pool, open_pool
from langgraph_switchboard.postgres.writer_role import ensure_writer
from tests.record.entries import INSERT, columns, entries, insert, rows

pytestmark = pytest.mark.pg

ENTRY = (
    "insert into switchboard.ledger (case_id, namespace, task_id, ordinal, kind, step, at, data)"
    " values ('c1', '', 't9', 0, 'gated', 'gate', now(), '{}')"
)
OUTBOX = "insert into switchboard.outbox values ('c1', 'reply', 'send', '{}', 'd', now())"
REFUSED = [
    "select * from switchboard.ledger",
    "select count(*) from switchboard.ledger",
    "update switchboard.ledger set step = 'faq'",
    "delete from switchboard.ledger",
    "truncate switchboard.ledger",
    ENTRY + " returning place",
    ENTRY + " on conflict (case_id, namespace, task_id, ordinal) do nothing",
    ENTRY + " on conflict (case_id, namespace, task_id, ordinal) do update set step = 'faq'",
    ENTRY.replace("data)", "data, salt)").replace("'{}')", "'{}', '')"),
    ENTRY.replace("data)", "data, xid)").replace("'{}')", "'{}', '0')"),
    "copy switchboard.ledger to stdout",
    "select * from switchboard.ledger_tail",
    "select * from switchboard.steps",
    "insert into switchboard.ledger_chain values ('c1', 1, 1, '', '')",
    "select * from switchboard.ledger_chain",
    "update switchboard.ledger_chain set hash = ''",
    "delete from switchboard.ledger_chain",
    "insert into switchboard.ledger_roots values (1, now(), 0, 0, '')",
    "delete from switchboard.ledger_seals",
    "select switchboard.seal_ledger()",
    "select switchboard.erase_payloads('{c1}', 'eve')",
    "select switchboard.adopt_ledger()",
    "select * from switchboard.cases",
    "insert into switchboard.cases (case_id) values ('c2')",
    "update switchboard.cases set status = 'finished'",
    "delete from switchboard.cases",
    "select * from switchboard.reviews",
    "update switchboard.reviews set status = 'decided', decision = '{}', decided_by = 'me'",
    "insert into switchboard.reviews (review_id, decision) values ('r1', '{}')",
    "select row from switchboard.outbox",
    "update switchboard.outbox set row = '{}'",
    "delete from switchboard.outbox",
    "update switchboard.case_owner set epoch = 9",
    "insert into switchboard.case_owner values ('c1', 1, 'r', 1, now())",
    "delete from switchboard.case_owner",
    "alter table switchboard.ledger disable trigger all",
    "set session_replication_role = replica",
    "drop table switchboard.ledger",
    "create table switchboard.mine (n int)",
    "create table public.mine (n int)",
    "create role eve",
]


@pytest.fixture
async def owner(pg_pool: Pool) -> Pool:
    """The owner's pool: one case with an entry, LangGraph's tables, an owner row."""
    await AsyncPostgresSaver(pg_pool).setup()
    await rows(
        pg_pool,
        "insert into switchboard.cases"
        " values ('c1', 'desk', 1, 'd', 'accepted', '', '{}', '{}', null, now(), now())",
    )
    await rows(pg_pool, "insert into switchboard.case_owner values ('c1', 1, 'run', 1, now())")
    await insert(pg_pool, entries(["c1"], ["t1"]))
    return pg_pool


@pytest.fixture
async def writer(owner: Pool, pg_dsn: str) -> AsyncIterator[Pool]:
    """A pool of the insert-only login."""
    async with open_pool(await ensure_writer(owner, pg_dsn), max_size=2) as pool:
        yield pool


@pytest.mark.parametrize("statement", REFUSED)
async def test_what_is_not_its_work_is_refused(owner: Pool, writer: Pool, statement: str) -> None:
    """By the database, whatever the code does."""
    with pytest.raises(errors.InsufficientPrivilege):
        await rows(writer, statement)
    assert await rows(owner, "select count(*) from switchboard.ledger") == [(1,)]


async def test_its_entries_are_chained_and_move_the_case(owner: Pool, writer: Pool) -> None:
    """Repeated without a target it does nothing; chain and case follow with their owner's rights."""
    assert await insert(writer, entries(["c1", "c2"], ["t1", "t2"])) == 3
    assert await insert(writer, entries(["c1", "c2"], ["t1", "t2"])) == 0
    values = columns(entries(["c1"], ["t3"]))
    values["moves"] = ['{"status": "finished", "step": "send"}']
    async with writer.connection() as connection:
        await connection.execute(INSERT, values)
    assert await rows(owner, "select status, step from switchboard.cases") == [("finished", "send")]
    assert (await verify(owner)).entries == 5 and (await verify(owner)).holds


async def test_the_owner_may_what_the_writer_may_not(owner: Pool) -> None:
    """The control: the same inserts, with a target and an answer, work for the owner."""
    assert await rows(owner, ENTRY + " on conflict (case_id, namespace, task_id, ordinal) do nothing") == []
    assert len(await rows(owner, ENTRY.replace("t9", "t8") + " returning place")) == 1


async def test_it_opens_reviews_fills_the_outbox_and_locks_owners(owner: Pool, writer: Pool) -> None:
    """The rest of a step's commit, as the riding journal sends it."""
    again = OUTBOX + " on conflict (case_id, key) do update set digest = excluded.digest"
    review = (
        "insert into switchboard.reviews (review_id, case_id, flow, step, version, subject, shown, digest,"
        " reason, status, opened_at, due_at) values ('r1', 'c1', 'desk', 'review', 1, 'reply', '{}', 'd', '',"
        " 'open', now(), null) on conflict do nothing"
    )
    held = "select epoch from switchboard.case_owner where case_id = 'c1' and epoch = 1 for share"
    for _ in range(2):
        await rows(writer, again)
        await rows(writer, review)
        assert await rows(writer, held) == [(1,)]
    assert await rows(owner, "select count(*) from switchboard.outbox") == [(1,)]


async def test_the_saver_works_with_its_login(owner: Pool, writer: Pool) -> None:
    """Checkpoints are read, written and deleted; the tables themselves are the owner's to make."""
    saver = GroupCommitSaver(writer)
    config = {"configurable": {"thread_id": "c1", "checkpoint_ns": ""}}
    for number in (1, 2):
        checkpoint = {
            "v": 4,
            "id": f"1f0-{number}",
            "ts": "2026-03-02T12:00:00+00:00",
            "channel_values": {"draft": {"n": number}},
            "channel_versions": {"draft": str(number)},
            "versions_seen": {},
            "updated_channels": None,
        }
        saved = await saver.aput(config, checkpoint, {}, {"draft": str(number)})  # type: ignore[arg-type]
        await saver.aput_writes(saved, [("draft", {"n": 1})], "task")
    found = await saver.aget_tuple(config)  # type: ignore[arg-type]
    assert found is not None and found.checkpoint["channel_values"] == {"draft": {"n": 2}}
    await saver.adelete_thread("c1")
    assert await rows(owner, "select count(*) from checkpoints") == [(0,)]
    await saver.aclose()


async def test_rights_that_it_no_longer_needs_are_taken_back(owner: Pool, writer: Pool, pg_dsn: str) -> None:
    """A second call puts the rights right, and gives the same login."""
    role = (await rows(writer, "select current_user::text"))[0][0]
    await rows(owner, f"grant select, delete on switchboard.ledger to {role}")
    assert await rows(writer, "select count(*) from switchboard.ledger") == [(1,)]
    await ensure_writer(owner, pg_dsn)
    with pytest.raises(errors.InsufficientPrivilege):
        await rows(writer, "select count(*) from switchboard.ledger")


async def test_a_login_made_by_hand_is_taken(
    owner: Pool, pg_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SWITCHBOARD_WRITER_URL: nothing is made, nothing is granted."""
    monkeypatch.setenv("SWITCHBOARD_WRITER_URL", "postgresql://mine@127.0.0.1/desk")
    assert await ensure_writer(owner, pg_dsn) == "postgresql://mine@127.0.0.1/desk"


async def test_without_the_savers_tables_it_is_told_what_comes_first(pg_pool: Pool, pg_dsn: str) -> None:
    """The tables are made by their owner, before."""
    with pytest.raises(ConfigurationError, match="set up the saver"):
        await ensure_writer(pg_pool, pg_dsn)


async def test_it_sets_timers_and_says_that_they_fired_and_no_more(owner: Pool, writer: Pool) -> None:
    """What a step says of its timers rides in its commit; when they are due is set once."""
    timer = (
        "insert into switchboard.timers (timer_id, case_id, flow, step, kind, due_at, set_at, payload,"
        " status, fired_at) values ('t1', 'c1', 'desk', 'wait', 'wait', now(), now(), '{}', '{0}', null)"
        " on conflict (timer_id) do update set status = excluded.status, fired_at = excluded.fired_at"
    )
    for status in ("set", "fired"):
        await rows(writer, timer.replace("{0}", status))
    assert await rows(owner, "select status from switchboard.timers") == [("fired",)]
    for refused in ("update switchboard.timers set due_at = now()", "delete from switchboard.timers"):
        with pytest.raises(errors.InsufficientPrivilege):
            await rows(writer, refused)


async def test_it_adds_messages_and_reads_none(owner: Pool, writer: Pool) -> None:
    """A conversation is added to in the commit of a step; a stolen login learns nothing of it."""
    await rows(
        writer,
        "insert into switchboard.messages (case_id, key, role, text, step, said_at, ordinal) values"
        " ('c1', 'm1', 'customer', 'hello', 'intake', now(), 0) on conflict do nothing",
    )
    assert await rows(owner, "select text from switchboard.messages") == [("hello",)]
    for refused in ("select text from switchboard.messages", "delete from switchboard.messages"):
        with pytest.raises(errors.InsufficientPrivilege):
            await rows(writer, refused)

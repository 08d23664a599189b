"""What fails, fails alone or stops its own run; what is lost on the way is sent again."""

from __future__ import annotations

import asyncio
import hashlib
import time

import psycopg
import pytest
from psycopg import errors

from langgraph_switchboard.errors import ConfigurationError, StoreUnavailable
from langgraph_switchboard.postgres import Pool, open_pool
from langgraph_switchboard.postgres.parts import PartRows
from langgraph_switchboard.postgres.writer import GroupCommitWriter
from langgraph_switchboard.testing.proxy import faulty_network
from tests.durable.notes import (
    NOTES,
    POISON,
    blocked,
    count,
    line,
    make_tables,
    note,
    note_writer,
    rows,
    until,
)

pytestmark = pytest.mark.pg


async def test_a_poisoned_row_fails_its_own_caller_and_no_other(pg_pool: Pool) -> None:
    """One of a hundred is refused by Postgres: 99 stand, and the one gets Postgres's own error."""
    async with note_writer(pg_pool) as writer:
        bodies = [POISON if n == 37 else "{}" for n in range(100)]
        ends = await asyncio.gather(
            *(writer.write(f"case-{n}", note(f"case-{n}", 0, body)) for n, body in enumerate(bodies)),
            return_exceptions=True,
        )

        assert isinstance(ends[37], errors.UntranslatableCharacter)
        assert [end for n, end in enumerate(ends) if n != 37] == [None] * 99
        assert await count(pg_pool, "SELECT count(*) FROM notes") == 99
        assert writer.counts.statements < 20


async def test_rows_that_cannot_even_be_made_fail_their_own_caller(pg_pool: Pool) -> None:
    """A lone surrogate has no UTF-8 form: the error is the caller's, as with psycopg."""
    async with note_writer(pg_pool) as writer:
        ends = await asyncio.gather(
            writer.enter("good", lambda: note("good", 0)),
            writer.enter("bad", lambda: note("bad", 0, first="\ud800")),
            return_exceptions=True,
        )

        assert ends[0] is None
        assert isinstance(ends[1], UnicodeEncodeError)


async def test_a_row_too_large_for_its_index_is_not_taken_for_trouble_of_the_server(pg_pool: Pool) -> None:
    """Psycopg calls it operational, but sending it again never helps: it fails alone, and at once."""
    async with note_writer(pg_pool, timeout=60) as writer:
        endless = "".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(200))
        ends = await asyncio.gather(
            *(writer.write(f"case-{n}", note(endless if n == 7 else f"case-{n}", 0)) for n in range(20)),
            return_exceptions=True,
        )

        assert isinstance(ends[7], errors.ProgramLimitExceeded)
        assert isinstance(ends[7], psycopg.OperationalError)
        assert [end for n, end in enumerate(ends) if n != 7] == [None] * 19
        assert writer.counts.retries == 0


async def test_a_malformed_row_fails_its_own_caller(pg_pool: Pool) -> None:
    """One field too few is found before the row meets those of others."""
    async with note_writer(pg_pool) as writer:
        ends = await asyncio.gather(
            writer.write("good", note("good", 0)),
            writer.write("bad", [PartRows(NOTES, [NOTES.row("bad", 0, "", "{}")[:-1]])]),
            return_exceptions=True,
        )

        assert ends[0] is None
        assert isinstance(ends[1], ConfigurationError)


async def test_a_failure_stops_what_comes_later_and_not_what_came_before(pg_pool: Pool) -> None:
    """The rows of the second cannot be made, while the first of the same run still waits to be sent."""
    async with note_writer(pg_pool) as writer:
        ends = await asyncio.gather(
            writer.enter("case", lambda: note("case", 1), run="run"),
            writer.enter("case", lambda: note("case", 2, first="\ud800"), run="run"),
            writer.enter("case", lambda: note("case", 3), run="run"),
            return_exceptions=True,
        )

        assert [type(end) for end in ends] == [type(None), UnicodeEncodeError, UnicodeEncodeError]
        assert await rows(pg_pool, "SELECT n FROM notes") == [(1,)]


async def test_the_first_failure_of_a_run_fails_every_later_write_of_it(pg_pool: Pool) -> None:
    """Sticky: in the same batch, queued behind it, or entered later; other runs go on."""
    async with note_writer(pg_pool) as writer:
        together = await asyncio.gather(
            writer.write("case", note("case", 1), run="run"),
            writer.write("case", note("case", 2, POISON), run="run"),
            writer.write("case", note("case", 3), run="run"),
            writer.write("case", note("case", 4), run="another run"),
            return_exceptions=True,
        )
        with pytest.raises(errors.UntranslatableCharacter):
            await writer.write("case", note("case", 5), run="run")

        assert [type(end) for end in together] == [
            type(None),
            errors.UntranslatableCharacter,
            errors.UntranslatableCharacter,
            type(None),
        ]
        assert await rows(pg_pool, "SELECT n FROM notes ORDER BY n") == [(1,), (4,)]


async def test_without_stickiness_a_run_goes_on_past_its_lost_write(pg_pool: Pool) -> None:
    """The control: later writes are committed though an earlier one is missing."""
    async with note_writer(pg_pool, sticky=False) as writer:
        with pytest.raises(errors.UntranslatableCharacter):
            await writer.write("case", note("case", 1, POISON), run="run")
        await writer.write("case", note("case", 2), run="run")

        assert await rows(pg_pool, "SELECT n FROM notes") == [(2,)]


async def test_a_failed_run_writes_again_once_it_is_forgotten(pg_pool: Pool) -> None:
    """`forget` is the one way back for a run that keeps its identity."""
    async with note_writer(pg_pool) as writer:
        with pytest.raises(errors.UntranslatableCharacter):
            await writer.write("case", note("case", 1, POISON), run="run")
        writer.forget("run")
        await writer.write("case", note("case", 2), run="run")

        assert await rows(pg_pool, "SELECT n FROM notes") == [(2,)]


async def test_the_barrier_waits_for_a_write_and_fails_with_it(pg_pool: Pool) -> None:
    """Whoever waits for a name gets on when it is committed, also if it comes later, or is told why not."""
    async with note_writer(pg_pool) as writer:
        waits_for_good = asyncio.ensure_future(writer.committed("good", "name"))
        waits_for_bad = asyncio.ensure_future(writer.committed("bad", "name"))
        waits_in_vain = asyncio.ensure_future(writer.committed("bad", "never entered"))
        await asyncio.sleep(0)
        assert not waits_for_good.done()

        good = writer.enter("good", lambda: note("good", 1), token="name")
        bad = writer.enter("bad", lambda: note("bad", 1, POISON), token="name", run="run")
        await good
        await waits_for_good
        await writer.committed("good", "name")
        for failing in (bad, waits_for_bad, waits_in_vain):
            with pytest.raises(errors.UntranslatableCharacter):
                await failing


async def test_a_barrier_for_what_never_comes_ends_within_its_bound(pg_pool: Pool) -> None:
    """Half a second, and the waiter is told; nothing is left behind."""
    async with note_writer(pg_pool, timeout=0.5) as writer:
        with pytest.raises(StoreUnavailable, match="was not committed within"):
            await writer.committed("case", "never")


async def test_no_write_is_lost_when_every_backend_is_terminated(pg_pool: Pool) -> None:
    """Connections die under load, three times: every caller succeeds, and every row is there."""
    async with note_writer(pg_pool, lanes=2, max_pending=300) as writer:
        calls = [asyncio.ensure_future(writer.write(f"case-{n}", note(f"case-{n}", 0))) for n in range(3_000)]
        for done in (500, 1_000, 1_500):
            await until(lambda enough=done: writer.counts.operations >= enough)  # type: ignore[misc]
            kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            await rows(pg_pool, kill + " WHERE datname = current_database() AND pid <> pg_backend_pid()")
        await asyncio.gather(*calls)

        assert await count(pg_pool, "SELECT count(*) FROM notes") == 3_000


async def test_a_lost_plain_insert_is_reported_and_never_sent_twice(pg_pool: Pool, pg_dsn: str) -> None:
    """The backend dies under a plain insert: whether it was committed is unknown, so it is not repeated."""
    async with note_writer(pg_pool) as writer:
        async with await psycopg.AsyncConnection.connect(pg_dsn) as other:
            await other.execute("LOCK TABLE lines IN ACCESS EXCLUSIVE MODE")
            call = asyncio.ensure_future(writer.write("case", line("case", 1)))
            await blocked(pg_pool)
            kill = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted"
            await rows(pg_pool, kill)
            with pytest.raises(StoreUnavailable, match="not sent twice"):
                await call

        assert writer.counts.retries == 0
        await writer.write("case", line("case", 2))
        assert await rows(pg_pool, "SELECT n FROM lines") == [(2,)]


async def test_a_plain_insert_that_was_rolled_back_is_sent_again(pg_pool: Pool, pg_dsn: str) -> None:
    """A lock timeout certainly rolled back, so even a plain insert may be repeated."""
    await make_tables(pg_pool)
    async with open_pool(pg_dsn, lock_timeout=0.1) as impatient:
        writer = GroupCommitWriter(impatient)
        async with await psycopg.AsyncConnection.connect(pg_dsn) as other:
            await other.execute("LOCK TABLE lines IN ACCESS EXCLUSIVE MODE")
            call = asyncio.ensure_future(writer.write("case", line("case", 1)))
            await until(lambda: writer.counts.retries > 0)
        await call
        await writer.aclose()

    assert await rows(pg_pool, "SELECT n FROM lines") == [(1,)]


async def test_a_black_hole_returns_every_caller_within_the_bound(pg_pool: Pool, pg_dsn: str) -> None:
    """Bytes go in and nothing comes out: writers and barriers are told in time, and it heals."""
    await make_tables(pg_pool)
    async with faulty_network(pg_dsn) as network, open_pool(network.dsn) as pool:
        writer = GroupCommitWriter(pool, timeout=2.0)
        await writer.write("case", note("case", 0))
        network.swallow()
        began = time.monotonic()
        first = writer.enter("case", lambda: note("case", 1), run="run", token="name")
        await asyncio.sleep(0.3)
        second = writer.enter("case", lambda: note("case", 2), run="run")
        third = writer.enter("other", lambda: note("other", 3))
        barrier = asyncio.ensure_future(writer.committed("case", "name"))
        ends = await asyncio.gather(first, second, third, barrier, return_exceptions=True)
        took = time.monotonic() - began

        assert [type(end) for end in ends] == [StoreUnavailable] * 4
        assert took < 3.0
        network.heal()
        await writer.write("case", note("case", 4), run="next run")
        await writer.aclose()

    assert (4,) in await rows(pg_pool, "SELECT n FROM notes")


async def test_asyncio_timeout_alone_does_not_bound_a_black_holed_call(pg_dsn: str) -> None:
    """The control: psycopg waits for the server's answer to its own cancellation."""
    async with faulty_network(pg_dsn) as network, open_pool(network.dsn) as pool, pool.connection() as conn:
        network.swallow()

        async def bounded() -> None:
            async with asyncio.timeout(0.3):
                await conn.execute("SELECT 1")

        call = asyncio.ensure_future(bounded())
        await asyncio.wait({call}, timeout=1.5)
        assert not call.done()
        network.heal()
        with pytest.raises(TimeoutError):
            await call


async def test_a_broken_network_loses_no_write(pg_pool: Pool, pg_dsn: str) -> None:
    """Every connection is reset in mid-load: all callers succeed."""
    await make_tables(pg_pool)
    async with faulty_network(pg_dsn) as network, open_pool(network.dsn) as pool:
        writer = GroupCommitWriter(pool, max_pending=100)
        calls = [asyncio.ensure_future(writer.write(f"c-{n}", note(f"c-{n}", 0))) for n in range(1_000)]
        await until(lambda: writer.counts.operations >= 300)
        network.reset()
        await asyncio.gather(*calls)
        await writer.aclose()

    assert await count(pg_pool, "SELECT count(*) FROM notes") == 1_000

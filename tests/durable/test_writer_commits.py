"""Many callers, one statement, one commit; and nobody is told before it."""

from __future__ import annotations

import asyncio
import threading

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from langgraph_switchboard.errors import StoreClosed
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.postgres.writer import MAX_ROWS, GroupCommitWriter
from tests.durable.notes import NOTES, NOTES_LAST_WINS, blocked, count, note, note_writer, rows

pytestmark = pytest.mark.pg


async def test_a_hundred_callers_share_one_commit(pg_pool: Pool) -> None:
    """What enters together leaves in one statement: one transaction id for all rows."""
    async with note_writer(pg_pool) as writer:
        await asyncio.gather(*(writer.write(f"case-{n}", note(f"case-{n}", 0)) for n in range(100)))

        assert await count(pg_pool, "SELECT count(DISTINCT xmin::text) FROM notes") == 1
        assert writer.counts.statements == 1


async def test_a_caller_is_acknowledged_only_after_the_commit(pg_pool: Pool, pg_dsn: str) -> None:
    """While the statement waits for a lock, nobody is told; then all are, and the rows are there."""
    async with note_writer(pg_pool) as writer:
        async with await psycopg.AsyncConnection.connect(pg_dsn) as other:
            await other.execute("LOCK TABLE notes IN ACCESS EXCLUSIVE MODE")
            written = asyncio.ensure_future(writer.write("case", note("case", 0)))
            await blocked(pg_pool)
            assert not written.done()
            await other.rollback()
        await written
        assert await count(pg_pool, "SELECT count(*) FROM notes") == 1


async def test_rows_of_one_key_are_committed_in_the_order_of_the_calls(pg_pool: Pool) -> None:
    """A key's rows reach the table in the order of `enter`, whatever the batches."""
    async with note_writer(pg_pool, lanes=2) as writer:
        ended: list[int] = []

        async def write(n: int) -> None:
            await writer.write("case", note("case", n))
            ended.append(n)

        await asyncio.gather(*(write(n) for n in range(200)))

        assert ended == sorted(ended)


async def test_a_large_value_is_not_overtaken_while_its_rows_are_made_in_a_thread(pg_pool: Pool) -> None:
    """The place is taken at the call: the later small write of the key waits, other keys do not."""
    async with note_writer(pg_pool) as writer:
        may_go_on = threading.Event()

        def slowly() -> list[object]:
            assert may_go_on.wait(10)
            return list(note("case", 1))

        large = writer.enter("case", slowly, large=True)  # type: ignore[arg-type]
        small = writer.enter("case", lambda: note("case", 2))
        await writer.write("other", note("other", 1))

        assert not large.done()
        assert not small.done()
        may_go_on.set()
        await small
        assert large.done()
        ordered = await rows(pg_pool, "SELECT key, n FROM notes ORDER BY at")
        assert ordered == [("other", 1), ("case", 1), ("case", 2)]


async def test_the_same_key_twice_leaves_what_writing_twice_leaves(pg_pool: Pool) -> None:
    """Do nothing: the first stands. Update: the last stands, and its first value where not updated."""
    async with note_writer(pg_pool) as writer:
        await asyncio.gather(
            writer.write("a", note("a", 1, '"first"')),
            writer.write("a", note("a", 1, '"second"')),
            writer.write("b", note("b", 1, '"first"', first="one", part=NOTES_LAST_WINS)),
            writer.write("b", note("b", 1, '"second"', first="two", part=NOTES_LAST_WINS)),
        )

        stood = await rows(pg_pool, "SELECT key, first, body #>> '{}' FROM notes ORDER BY key")
        assert stood == [("a", "", "first"), ("b", "one", "second")]
        assert writer.counts.statements == 1


async def test_one_key_under_two_rules_goes_out_in_two_statements_in_order(pg_pool: Pool) -> None:
    """Insert, overwrite, insert: as one after the other, the overwriting value stands."""
    async with note_writer(pg_pool) as writer:
        await asyncio.gather(
            writer.write("a", note("a", 1, '"insert"', part=NOTES)),
            writer.write("a", note("a", 1, '"overwrite"', part=NOTES_LAST_WINS)),
            writer.write("a", note("a", 1, '"too late"', part=NOTES)),
        )

        assert await rows(pg_pool, "SELECT body #>> '{}' FROM notes") == [("overwrite",)]
        assert writer.counts.statements == 3


async def test_no_batch_is_larger_than_its_cap(pg_pool: Pool) -> None:
    """Five thousand rows take three statements; so do three values of five megabytes."""
    async with note_writer(pg_pool) as writer:
        await asyncio.gather(*(writer.write(f"case-{n}", note(f"case-{n}", 0)) for n in range(5_000)))
        assert await count(pg_pool, "SELECT count(*) FROM notes") == 5_000
        assert writer.counts.statements == 3
        largest = "SELECT max(n) FROM (SELECT count(*) AS n FROM notes GROUP BY xmin::text) AS batches"
        assert await count(pg_pool, largest) == MAX_ROWS

        value = f'"{"x" * 5_000_000}"'
        await asyncio.gather(*(writer.write("big", note("big", n, value)) for n in range(3)))
        assert writer.counts.statements == 6


async def test_no_more_operations_are_prepared_than_allowed(pg_pool: Pool) -> None:
    """With room for 200, three thousand callers are served and never more than 200 hold rows."""
    async with note_writer(pg_pool, max_pending=200) as writer:
        await asyncio.gather(*(writer.write(f"case-{n}", note(f"case-{n}", 0)) for n in range(3_000)))

        assert await count(pg_pool, "SELECT count(*) FROM notes") == 3_000
        assert writer.peak_pending == 200


async def test_a_cancelled_caller_passes_its_turn_on(pg_pool: Pool) -> None:
    """Half of 500 callers, most of them waiting for room, are cancelled: the others are all served."""
    async with note_writer(pg_pool, max_pending=20) as writer:
        calls = [asyncio.ensure_future(writer.write(f"c-{n}", note(f"c-{n}", 0))) for n in range(500)]
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        ends = await asyncio.gather(*calls, return_exceptions=True)

        assert [type(end) for end in ends[::2]] == [asyncio.CancelledError] * 250
        assert ends[1::2] == [None] * 250
        assert (
            await count(pg_pool, "SELECT count(*) FROM notes WHERE right(key, 1) IN ('1','3','5','7','9')")
            == 250
        )
        await writer.write("after", note("after", 0))


async def test_a_write_cancelled_before_it_was_sent_stops_its_run(pg_pool: Pool) -> None:
    """Dropping one write of a run and committing a later one would leave a hole in the record."""
    async with note_writer(pg_pool) as writer:
        first = writer.enter("case", lambda: note("case", 1), run="run")
        later = writer.enter("case", lambda: note("case", 2), run="run")
        first.cancel()

        with pytest.raises(Exception, match="cancelled before it was sent"):
            await later
        assert await count(pg_pool, "SELECT count(*) FROM notes") == 0


async def test_close_writes_out_what_was_entered_and_then_refuses(pg_pool: Pool) -> None:
    """A hundred and fifty queued writes are all committed; the next one is told that it is closed."""
    async with note_writer(pg_pool) as writer:
        calls = [writer.enter(f"case-{n}", lambda n=n: note(f"case-{n}", 0)) for n in range(150)]  # type: ignore[misc]
        await writer.aclose()

        assert all(call.done() and call.exception() is None for call in calls)
        assert await count(pg_pool, "SELECT count(*) FROM notes") == 150
        with pytest.raises(StoreClosed):
            await writer.write("late", note("late", 0))


async def test_an_operation_without_rows_succeeds_without_a_statement(pg_pool: Pool) -> None:
    """Nothing to write is no error."""
    async with note_writer(pg_pool) as writer:
        await writer.write("case", [])

        assert writer.counts.statements == 0


async def test_what_a_connection_opened_before_is_taught_the_packed_arrays(
    pg_dsn: str, pg_pool: Pool
) -> None:
    """A pool that is not in autocommit mode works too: acknowledged after its COMMIT."""
    async with (
        note_writer(pg_pool),
        AsyncConnectionPool(pg_dsn, min_size=1, open=False) as plain,
    ):
        writer = GroupCommitWriter(plain)
        await writer.write("case", note("case", 0))
        await writer.aclose()

        assert await count(pg_pool, "SELECT count(*) FROM notes") == 1

"""The guard: only who holds the key writes, checked and locked inside the writer's own statement."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from langgraph_switchboard.errors import Superseded
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.postgres.parts import Guard, Held
from tests.durable.notes import OWNERS, blocked, count, note, note_writer, rows

pytestmark = pytest.mark.pg

OWN_ALL = "INSERT INTO owners SELECT 'case-' || n, 1 FROM generate_series(0, 99) AS n"
STAMP = """
ALTER TABLE notes ADD seen bigint;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN SELECT epoch INTO NEW.seen FROM owners WHERE key = NEW.key; RETURN NEW; END $$;
CREATE TRIGGER stamp BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION stamp();
"""
"""Each row notes the epoch that stood when it was written."""


async def test_one_superseded_of_a_hundred_fails_alone(pg_pool: Pool) -> None:
    """In one statement 99 are written and the superseded one is not, without a retry or a bisection."""
    async with note_writer(pg_pool, guard=OWNERS) as writer:
        async with pg_pool.connection() as conn:
            await conn.execute(OWN_ALL)
            await conn.execute("UPDATE owners SET epoch = 2 WHERE key = 'case-37'")
        ends = await asyncio.gather(
            *(
                writer.write(f"case-{n}", note(f"case-{n}", 0), held=Held(f"case-{n}", 1), run=n)
                for n in range(100)
            ),
            return_exceptions=True,
        )

        assert isinstance(ends[37], Superseded)
        assert [end for n, end in enumerate(ends) if n != 37] == [None] * 99
        assert await count(pg_pool, "SELECT count(*) FROM notes WHERE key = 'case-37'") == 0
        assert await count(pg_pool, "SELECT count(*) FROM notes") == 99
        assert (writer.counts.statements, writer.counts.retries) == (1, 0)
        with pytest.raises(Superseded):
            await writer.write("case-37", note("case-37", 1), held=Held("case-37", 2), run=37)


async def test_without_the_guard_a_superseded_owner_writes(pg_pool: Pool) -> None:
    """The control: the same claims, no guard, and all hundred are written."""
    async with note_writer(pg_pool) as writer:
        async with pg_pool.connection() as conn:
            await conn.execute(OWN_ALL)
            await conn.execute("UPDATE owners SET epoch = 2 WHERE key = 'case-37'")
        await asyncio.gather(
            *(writer.write(f"case-{n}", note(f"case-{n}", 0), held=Held(f"case-{n}", 1)) for n in range(100))
        )

        assert await count(pg_pool, "SELECT count(*) FROM notes") == 100


async def test_what_claims_nothing_is_written_beside_what_does(pg_pool: Pool) -> None:
    """A guard binds only those who name what they hold."""
    async with note_writer(pg_pool, guard=OWNERS) as writer:
        ends = await asyncio.gather(
            writer.write("free", note("free", 0)),
            writer.write("unknown", note("unknown", 0), held=Held("nobody", 1)),
            return_exceptions=True,
        )

        assert ends[0] is None
        assert isinstance(ends[1], Superseded)
        assert await rows(pg_pool, "SELECT key FROM notes") == [("free",)]


async def test_a_claim_that_commits_while_the_batch_waits_supersedes_it(pg_pool: Pool, pg_dsn: str) -> None:
    """The batch waits for the claimer's lock and then sees the new epoch, not the one it began with."""
    async with note_writer(pg_pool, guard=OWNERS) as writer:
        async with pg_pool.connection() as conn:
            await conn.execute(OWN_ALL)
        async with await psycopg.AsyncConnection.connect(pg_dsn) as claimer:
            await claimer.execute("UPDATE owners SET epoch = 2 WHERE key = 'case-1'")
            old = asyncio.ensure_future(writer.write("case-1", note("case-1", 0), held=Held("case-1", 1)))
            other = asyncio.ensure_future(writer.write("case-2", note("case-2", 0), held=Held("case-2", 1)))
            await blocked(pg_pool)
            await claimer.commit()
        await other
        with pytest.raises(Superseded):
            await old

        assert await rows(pg_pool, "SELECT key FROM notes") == [("case-2",)]


async def test_a_claim_waits_for_the_batch_that_holds_its_key(pg_pool: Pool, pg_dsn: str) -> None:
    """Between the check and the commit nobody can take the key: the rows stand, then the claim does."""
    async with note_writer(pg_pool, guard=OWNERS) as writer:
        async with pg_pool.connection() as conn:
            await conn.execute(OWN_ALL)
        async with (
            await psycopg.AsyncConnection.connect(pg_dsn) as blocker,
            await psycopg.AsyncConnection.connect(pg_dsn, autocommit=True) as claimer,
        ):
            await blocker.execute("INSERT INTO notes (key, n, body) VALUES ('case-1', 0, '{}')")
            old = asyncio.ensure_future(
                writer.write("case-1", [*note("case-1", 0), *note("case-1", 1)], held=Held("case-1", 1))
            )
            await blocked(pg_pool)
            claim = asyncio.ensure_future(claimer.execute("UPDATE owners SET epoch = 2 WHERE key = 'case-1'"))
            await blocked(pg_pool, waiters=2)
            assert not claim.done()
            await blocker.rollback()
            await old
            await claim

        assert await count(pg_pool, "SELECT count(*) FROM notes") == 2


async def test_one_key_of_two_owners_is_not_merged(pg_pool: Pool) -> None:
    """The old owner and the new one write the same row: the refusal of one does not swallow the other's."""
    async with note_writer(pg_pool, guard=OWNERS) as writer:
        async with pg_pool.connection() as conn:
            await conn.execute("INSERT INTO owners VALUES ('case', 2)")
        ends = await asyncio.gather(
            writer.write("case", note("case", 0, '"old"'), held=Held("case", 1), run="old"),
            writer.write("case", note("case", 0, '"new"'), held=Held("case", 2), run="new"),
            return_exceptions=True,
        )

        assert [type(end) for end in ends] == [Superseded, type(None)]
        assert await rows(pg_pool, "SELECT body #>> '{}' FROM notes") == [("new",)]


def test_superseded_is_nothing_that_a_writer_retries() -> None:
    """It derives from no error of psycopg and from no connection error."""
    assert not issubclass(Superseded, (psycopg.Error, ConnectionError, OSError))


async def test_under_claims_all_the_time_no_row_of_a_superseded_owner_is_written(pg_pool: Pool) -> None:
    """Every row was written while its owner still was the owner; the others were refused."""
    late, refused = await _race_of_writers_and_claimers(pg_pool, OWNERS)

    assert late == 0
    assert refused > 0


async def test_without_the_guard_the_same_race_writes_rows_of_superseded_owners(pg_pool: Pool) -> None:
    """The control: the check can fail."""
    late, refused = await _race_of_writers_and_claimers(pg_pool, None)

    assert late > 0
    assert refused == 0


async def _race_of_writers_and_claimers(pool: Pool, guard: Guard | None) -> tuple[int, int]:
    """Rows whose owner was superseded when they were written, and refused writes, of 1,200."""
    async with note_writer(pool, guard=guard, lanes=2) as writer:
        async with pool.connection() as conn:
            await conn.execute(OWN_ALL)
            await conn.execute(STAMP, prepare=False)
        known = {f"case-{n}": 1 for n in range(100)}
        refused = 0

        async def write(key: str, n: int) -> None:
            nonlocal refused
            epoch = known[key]
            try:
                await writer.write(key, note(key, n, first=str(epoch)), held=Held(key, epoch))
            except Superseded:
                refused += 1

        async def claim(key: str) -> None:
            async with pool.connection() as conn:
                await conn.execute("UPDATE owners SET epoch = epoch + 1 WHERE key = %s", [key])
            known[key] += 1

        for n in range(12):
            claims = [claim(f"case-{case}") for case in range(n, 100, 12)]
            await asyncio.gather(*claims, *(write(key, n) for key in known))

        assert refused + await count(pool, "SELECT count(*) FROM notes") == 1_200
        return await count(pool, "SELECT count(*) FROM notes WHERE first::bigint < seen"), refused

"""Migrations: each file once, in order, whole or not at all, however many processes start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from langgraph_switchboard.errors import ConfigurationError, StoreError
from langgraph_switchboard.postgres import EmbeddedServer, Pool, migrate, open_pool
from langgraph_switchboard.postgres.migrations import read_migrations
from tests.postgres_processes import process

pytestmark = pytest.mark.pg

FIRST = "CREATE TABLE switchboard.one (n int);\nINSERT INTO switchboard.one VALUES (1); -- 100% ours\n"
SECOND = "ALTER TABLE switchboard.one ADD m int DEFAULT 2;"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two migrations."""
    (tmp_path / "0001_first.sql").write_text(FIRST)
    (tmp_path / "0002_second.sql").write_text(SECOND)
    return tmp_path


@pytest.fixture
def empty_dsn(pg: EmbeddedServer, pg_dsn: str) -> str:
    """A database without anything of ours."""
    with psycopg.connect(pg_dsn) as connection:
        connection.execute("DROP SCHEMA switchboard CASCADE")
    return pg_dsn


@pytest.fixture
async def pool(empty_dsn: str) -> AsyncIterator[Pool]:
    """A pool on it."""
    async with open_pool(empty_dsn) as opened:
        yield opened


async def rows(pool: Pool, query: str) -> list[tuple[object, ...]]:
    """The rows of a query, as tuples."""
    async with pool.connection() as connection:
        return [tuple(row.values()) for row in await (await connection.execute(query)).fetchall()]


async def test_each_file_is_applied_once_and_in_order(pool: Pool, folder: Path) -> None:
    """The second call finds nothing to do; a file that comes later is applied alone."""
    assert await migrate(pool, folder) == [1, 2]
    assert await migrate(pool, folder) == []
    assert await rows(pool, "SELECT n, m FROM switchboard.one") == [(1, 2)]
    (folder / "0004_later.sql").write_text("DELETE FROM switchboard.one")
    assert await migrate(pool, folder) == [4]
    recorded = "SELECT number, name FROM switchboard.migrations ORDER BY 1"
    assert await rows(pool, recorded) == [(1, "first"), (2, "second"), (4, "later")]


async def test_our_own_migrations_apply_to_an_empty_database(pool: Pool) -> None:
    """Those that ship with the library, and everything of theirs lies in our schema."""
    assert await migrate(pool) == [migration.number for migration in read_migrations()]
    outside = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    assert await rows(pool, outside) == []


async def test_a_file_changed_after_it_was_applied_is_refused(pool: Pool, folder: Path) -> None:
    """Loudly, by name; a change of line ends is no change."""
    await migrate(pool, folder)
    (folder / "0001_first.sql").write_bytes(FIRST.replace("\n", "\r\n").encode())
    assert await migrate(pool, folder) == []
    (folder / "0001_first.sql").write_text(FIRST + "-- and more\n")
    with pytest.raises(ConfigurationError, match=r"0001_first\.sql: the file has changed"):
        await migrate(pool, folder)


async def test_a_database_newer_than_the_code_is_refused(pool: Pool, folder: Path) -> None:
    """An old version of the code never works on tables that it does not know."""
    await migrate(pool, folder)
    (folder / "0002_second.sql").unlink()
    with pytest.raises(ConfigurationError, match="newer than this code") as caught:
        await migrate(pool, folder)
    assert caught.value.came == "0002_second"


async def test_a_file_that_comes_too_late_in_the_order_is_refused(pool: Pool, folder: Path) -> None:
    """Two people took numbers: the lower one must not be applied after the higher."""
    (folder / "0001_first.sql").rename(folder / "0003_first.sql")
    (folder / "0002_second.sql").unlink()
    await migrate(pool, folder)
    (folder / "0002_second.sql").write_text(SECOND)
    with pytest.raises(ConfigurationError, match="comes before 0003"):
        await migrate(pool, folder)


async def test_a_failing_file_leaves_nothing_of_itself(pool: Pool, folder: Path) -> None:
    """Those before it stand; corrected, it is applied by the next start."""
    (folder / "0003_third.sql").write_text("CREATE TABLE switchboard.three (); SELECT 1/0;")
    with pytest.raises(StoreError, match=r"0003_third\.sql") as caught:
        await migrate(pool, folder)
    assert "division by zero" in caught.value.came
    assert await rows(pool, "SELECT to_regclass('switchboard.three')::text") == [(None,)]
    (folder / "0003_third.sql").write_text("CREATE TABLE switchboard.three ();")
    assert await migrate(pool, folder) == [3]


@pytest.mark.parametrize("name", ["1_short.sql", "0003-dash.sql", "0003_Upper.sql", "0002_twin.sql"])
async def test_a_file_without_a_clear_place_is_refused(folder: Path, name: str) -> None:
    """A bad name or a number used twice, before anything runs."""
    (folder / name).write_text("SELECT 1")
    with pytest.raises(ConfigurationError, match=name):
        read_migrations(folder)


async def test_four_processes_that_start_at_once_apply_each_file_once(
    pg: EmbeddedServer, empty_dsn: str, pool: Pool, folder: Path
) -> None:
    """All succeed; each number was applied by exactly one of them."""
    for number in range(3, 9):
        (folder / f"{number:04}_more.sql").write_text("INSERT INTO switchboard.one VALUES (7)")
    program = f"""
import asyncio, sys
from pathlib import Path
from langgraph_switchboard.postgres import migrate, open_pool
async def main():
    async with open_pool({empty_dsn!r}) as pool:
        print("ready", flush=True)
        sys.stdin.readline()
        print(*await migrate(pool, Path({str(folder)!r})))
asyncio.run(main())
"""
    with (
        process(pg.home, program) as one,
        process(pg.home, program) as two,
        process(pg.home, program) as three,
        process(pg.home, program) as four,
    ):
        children = [one, two, three, four]
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        said = [asyncio.to_thread(child.communicate, "\n") for child in children]
        outputs = await asyncio.gather(*said)
    assert [child.returncode for child in children] == [0, 0, 0, 0], outputs
    assert sorted(int(word) for output, _ in outputs for word in output.split()) == list(range(1, 9))
    assert await rows(pool, "SELECT count(*) FROM switchboard.one") == [(7,)]


async def test_a_start_with_nothing_to_do_needs_no_rights(pool: Pool, empty_dsn: str, folder: Path) -> None:
    """An ordinary role may start the program; where there is something to do it is told who may."""
    role = f"plain_{empty_dsn.split('test_')[1][:12]}"
    await migrate(pool, folder)
    async with pool.connection() as connection:
        await connection.execute(f"CREATE ROLE {role} LOGIN")
        await connection.execute(f"GRANT USAGE ON SCHEMA switchboard TO {role}")
        await connection.execute(f"GRANT SELECT ON switchboard.migrations TO {role}")
    async with open_pool(empty_dsn.replace("postgres@", f"{role}@")) as plain:
        assert await migrate(plain, folder) == []
        (folder / "0003_third.sql").write_text("CREATE TABLE switchboard.three ()")
        with pytest.raises(ConfigurationError, match="may not migrate"):
            await migrate(plain, folder)

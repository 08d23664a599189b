"""The pool: bounded waits, survival of a restart, and errors that show an address but never a password."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import psycopg
import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import errors
from psycopg_pool import PoolTimeout

from langgraph_switchboard.errors import ConfigurationError, StoreUnavailable
from langgraph_switchboard.postgres import EmbeddedServer, Pool, database, open_pool

pytestmark = pytest.mark.pg


async def value(pool: Pool, query: str) -> object:
    """The single value of a query."""
    async with pool.connection() as connection:
        row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return next(iter(row.values()))


async def test_rows_come_as_dicts_on_autocommit_connections(pg_pool: Pool) -> None:
    """LangGraph's saver needs both."""
    async with pg_pool.connection() as connection:
        assert connection.autocommit
        cursor = await connection.execute("SELECT 1 AS one")
        assert await cursor.fetchone() == {"one": 1}


async def test_langgraphs_own_saver_works_on_it(pg_pool: Pool) -> None:
    """Its tables go to the schema public, ours lie in another."""
    await AsyncPostgresSaver(pg_pool).setup()
    assert await value(pg_pool, "SELECT to_regclass('public.checkpoints')::text") == "checkpoints"


async def test_a_role_named_like_our_schema_changes_nothing(pg: EmbeddedServer, pg_dsn: str) -> None:
    """By the server's default such a role would find our schema first (the control), here public is first."""
    with psycopg.connect(pg.dsn, autocommit=True) as owner:
        owner.execute("CREATE ROLE switchboard LOGIN SUPERUSER")
        try:
            theirs = pg_dsn.replace("postgres@", "switchboard@")
            with psycopg.connect(theirs) as plain:
                assert plain.execute("SELECT current_schema()").fetchone() == ("switchboard",)
            async with open_pool(theirs) as pool:
                assert await value(pool, "SELECT current_schema()") == "public"
        finally:
            owner.execute("DROP ROLE switchboard")


async def test_every_wait_on_the_server_has_an_end(pg_dsn: str) -> None:
    """Statements, locks and idle transactions are bounded; our schema is never first by accident."""
    async with open_pool(pg_dsn, statement_timeout=0.2) as pool:
        assert await value(pool, "SHOW statement_timeout") == "200ms"
        assert await value(pool, "SHOW lock_timeout") == "10s"
        assert await value(pool, "SHOW idle_in_transaction_session_timeout") == "20s"
        assert await value(pool, "SHOW search_path") == "public"
        assert await value(pool, "SHOW application_name") == "switchboard"
        with pytest.raises(errors.QueryCanceled):
            await value(pool, "SELECT pg_sleep(30)")


async def test_what_the_connection_string_says_wins(pg_dsn: str) -> None:
    """An operator's own timeouts and names are kept."""
    said = f"{pg_dsn}&application_name=desk&options=-c%20statement_timeout%3D7s"
    async with open_pool(said) as pool:
        assert await value(pool, "SHOW application_name") == "desk"
        assert await value(pool, "SHOW statement_timeout") == "7s"
        assert await value(pool, "SHOW lock_timeout") == "10s"


@pytest.mark.parametrize("pgbouncer", [False, True])
async def test_nothing_is_prepared_or_set_behind_a_pooler(
    pg_dsn: str, pgbouncer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the setting: neither statements nor settings stay on a server connection; without it both do."""
    monkeypatch.setenv("SWITCHBOARD_PGBOUNCER", "1" if pgbouncer else "0")
    async with open_pool(pg_dsn) as pool:
        prepared = await value(pool, "SELECT count(*) FROM pg_prepared_statements")
        assert await value(pool, "SHOW statement_timeout") == ("0" if pgbouncer else "30s")
    assert bool(prepared) is not pgbouncer


async def test_a_lost_connection_is_replaced_before_it_is_handed_out(pg_dsn: str) -> None:
    """The server ended all connections of the pool: the next call does not notice."""
    async with open_pool(pg_dsn, max_size=1) as pool:
        backend = await value(pool, "SELECT pg_backend_pid()")
        with psycopg.connect(pg_dsn, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        assert await value(pool, "SELECT 1") == 1


async def test_waiting_for_a_free_connection_has_an_end(pg_dsn: str) -> None:
    """All are taken: the next one waits for its time, not for ever."""
    async with open_pool(pg_dsn, max_size=1, timeout=0.2) as pool, pool.connection():
        with pytest.raises(PoolTimeout):
            await value(pool, "SELECT 1")


async def test_a_closed_port_is_named_without_the_password() -> None:
    """Host, port and database are said, and the setting to correct; the password is not."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(StoreUnavailable) as caught:
        async with open_pool(f"postgresql://ada:hunter2@127.0.0.1:{port}/desk"):
            pass
    message = str(caught.value)
    assert f"127.0.0.1:{port}, database 'desk'" in message
    assert "SWITCHBOARD_DATABASE_URL" in message
    assert "hunter2" not in message + repr(caught.value.record())
    assert caught.value.__suppress_context__


async def test_a_host_that_never_answers_is_given_up_in_time() -> None:
    """It takes the connection and says nothing: a black hole costs the timeout and no more."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begin = time.perf_counter()
        with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1"):
            async with open_pool(f"postgresql://ada@127.0.0.1:{silent.getsockname()[1]}/desk", timeout=2.0):
                pass
        assert time.perf_counter() - begin < 4.0


async def test_a_database_that_is_not_there_is_told(pg: EmbeddedServer) -> None:
    """The server's own reason stands in the message."""
    with pytest.raises(StoreUnavailable, match="does not exist"):
        async with open_pool(pg.dsn.replace("/switchboard?", "/no_such_desk?")):
            pass


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://ada:hun@ter2@host/desk",
        "postgresql://ada:hun/ter2@host/desk",
        "postgresql://ada:hunter2@host:port/desk",
        "host=x hunter2",
        "hunter2",
    ],
)
async def test_an_unreadable_connection_string_is_not_repeated(dsn: str) -> None:
    """It may hold a password, so the message shows the right form instead."""
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        async with open_pool(dsn):
            pass
    assert "hun" not in str(caught.value)
    assert "ter2" not in str(caught.value)


async def test_the_database_is_the_one_named_else_the_setting_else_the_embedded(
    pg: EmbeddedServer, pg_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An argument wins over the setting; without both the embedded server in SWITCHBOARD_HOME is used."""
    name = pg_dsn.split("/")[3].split("?")[0]
    monkeypatch.setenv("SWITCHBOARD_HOME", str(pg.home))
    monkeypatch.setenv("SWITCHBOARD_DATABASE_URL", "postgresql://ada:hunter2@127.0.0.1:1/desk")
    async with database(pg_dsn) as named:
        assert await value(named.pool, "SELECT current_database()") == name
        assert named.where == f"Postgres at {pg.sockets}:5432, database '{name}'"
    monkeypatch.setenv("SWITCHBOARD_DATABASE_URL", pg_dsn)
    async with database() as by_setting:
        assert await value(by_setting.pool, "SELECT current_database()") == name
    monkeypatch.delenv("SWITCHBOARD_DATABASE_URL")
    async with database() as embedded:
        assert await value(embedded.pool, "SELECT current_database()") == "switchboard"
        assert embedded.where == f"Postgres {pg.version} already running in {pg.home} (socket {pg.sockets})"


async def test_the_embedded_server_goes_with_the_database(
    made_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started by the block, stopped after it."""
    monkeypatch.setenv("SWITCHBOARD_HOME", str(made_home))
    monkeypatch.delenv("SWITCHBOARD_DATABASE_URL", raising=False)
    async with database() as opened:
        assert await value(opened.pool, "SELECT answer FROM kept") == 42
    assert not (made_home / "data" / "postmaster.pid").exists()

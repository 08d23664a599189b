"""The reader: a login of its own that can read what it was given, and do nothing else."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from langgraph_switchboard.errors import ConfigurationError, StoreError, StoreUnavailable
from langgraph_switchboard.postgres import (
    Pool,
    Reader,
    ensure_reader,
    open_pool,
    parse_queries,
    running_server,
)

pytestmark = pytest.mark.pg

TABLES = ["switchboard.accounts"]
QUERIES = parse_queries(
    """
-- name: balance
SELECT balance FROM switchboard.accounts WHERE owner = %(owner)s
-- name: secrets
SELECT * FROM switchboard.secrets
-- name: robbery
UPDATE switchboard.accounts SET balance = 0 RETURNING balance
-- name: forever
SELECT pg_sleep(60)
""",
    "reader.sql",
)
WRITES = [
    "INSERT INTO switchboard.accounts VALUES ('eve', 1)",
    "UPDATE switchboard.accounts SET balance = 0",
    "DELETE FROM switchboard.accounts",
    "TRUNCATE switchboard.accounts",
    "CREATE TABLE switchboard.mine (n int)",
    "CREATE TABLE public.mine (n int)",
    "ALTER TABLE switchboard.accounts ADD n int",
    "DROP TABLE switchboard.accounts",
    "CREATE INDEX ON switchboard.accounts (balance)",
    "CREATE ROLE eve",
    "COPY switchboard.accounts TO PROGRAM 'cat'",
    "SELECT * FROM switchboard.secrets FOR UPDATE",
]
WAYS_OUT = [
    "SET default_transaction_read_only = off",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "RESET ROLE; SET default_transaction_read_only = off",
    "RESET ALL; SET default_transaction_read_only = off",
    "DISCARD ALL; SET default_transaction_read_only = off",
]
"""What a session may do to itself, before it tries to write."""


@pytest.fixture
async def pool(pg_pool: Pool) -> Pool:
    """A database with a table to read and one to keep from."""
    await _fill(pg_pool)
    return pg_pool


@pytest.fixture
async def reader_dsn(pool: Pool, pg_dsn: str) -> str:
    """The reader's connection string."""
    return await ensure_reader(pool, pg_dsn, TABLES)


@pytest.fixture
async def reader(reader_dsn: str) -> AsyncIterator[Reader]:
    """A reader with our queries."""
    async with Reader.open(reader_dsn, QUERIES) as opened:
        yield opened


async def test_a_named_query_gives_rows(reader: Reader) -> None:
    """As plain dicts, by parameters."""
    assert await reader.rows("balance", owner="ada") == [{"balance": 7}]
    assert await reader.rows("balance", owner="nobody") == []


async def test_what_was_not_granted_is_refused_by_name(reader: Reader) -> None:
    """Query, reason and the server's code; the reader goes on working."""
    with pytest.raises(StoreError, match=r"query 'secrets'.*permission denied for table secrets"):
        await reader.rows("secrets")
    with pytest.raises(StoreError, match=r"query 'robbery'.*read-only transaction") as caught:
        await reader.rows("robbery")
    assert caught.value.fields["sqlstate"] == "25006"
    assert await reader.rows("balance", owner="ada") == [{"balance": 7}]


async def test_a_wrong_name_or_a_missing_parameter_is_told(reader: Reader) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match="no query is named 'balanse'"):
        await reader.rows("balanse")
    with pytest.raises(ConfigurationError, match="query 'balance': a parameter of the query is missing"):
        await reader.rows("balance")


async def test_a_read_that_takes_too_long_is_ended(reader_dsn: str) -> None:
    """The role itself carries the bound: it holds for any client."""
    with psycopg.connect(reader_dsn) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("5s",)
        connection.execute("SET statement_timeout = '50ms'")
        with pytest.raises(errors.QueryCanceled):
            connection.execute(QUERIES.forever)


@pytest.mark.parametrize("way_out", WAYS_OUT)
def test_no_way_out_leads_to_a_write(reader_dsn: str, way_out: str) -> None:
    """Whatever the session puts off, the login has no right to write; it is not a role put on."""
    with psycopg.connect(reader_dsn, autocommit=True) as connection:
        for statement in WRITES:
            with pytest.raises(errors.ReadOnlySqlTransaction if "COPY" not in statement else psycopg.Error):
                connection.execute(statement)
        for part in way_out.split(";"):
            connection.execute(part)
        for statement in WRITES:
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)


@pytest.mark.parametrize("statement", ["SET ROLE postgres", "SET SESSION AUTHORIZATION postgres"])
def test_the_reader_cannot_become_the_owner(reader_dsn: str, statement: str) -> None:
    """Neither by role nor by session."""
    with (
        psycopg.connect(reader_dsn, autocommit=True) as connection,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_the_reader_cannot_give_itself_a_right(reader_dsn: str) -> None:
    """Postgres answers such a GRANT with a mere warning, so what counts is that the right is not there."""
    with psycopg.connect(reader_dsn, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("GRANT UPDATE ON switchboard.accounts TO CURRENT_USER")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("UPDATE switchboard.accounts SET balance = 0")


def test_the_owner_can_do_what_the_reader_cannot(reader_dsn: str, pg_dsn: str) -> None:
    """The control: the same statements are sound, so it was the login that stopped them."""
    for statement in WRITES:
        with psycopg.connect(pg_dsn) as connection:
            connection.execute(statement)
            connection.rollback()


async def test_a_role_put_on_is_no_guard(reader_dsn: str, pg_dsn: str) -> None:
    """The control for the login of its own: `SET ROLE` is undone by one statement."""
    role = conninfo_to_dict(reader_dsn)["user"]
    with psycopg.connect(pg_dsn, autocommit=True) as connection:
        connection.execute(f'SET ROLE "{role}"')
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("DELETE FROM switchboard.accounts")
        connection.execute("RESET ROLE")
        assert connection.execute("DELETE FROM switchboard.accounts").rowcount == 1


async def test_what_is_no_longer_given_is_taken_back(pool: Pool, pg_dsn: str) -> None:
    """The list is the whole truth, also the second time."""
    both = await ensure_reader(pool, pg_dsn, [*TABLES, "switchboard.secrets"])
    async with Reader.open(both, QUERIES) as reader:
        assert await reader.rows("secrets") == [{"word": "sesame"}]
        assert await ensure_reader(pool, pg_dsn, TABLES) == both
        with pytest.raises(StoreError, match="permission denied"):
            await reader.rows("secrets")


@pytest.mark.parametrize("table", ["accounts", "a.b.c", "", "switchboard.nothing", "nowhere.accounts"])
async def test_a_table_that_is_not_there_is_told(pool: Pool, pg_dsn: str, table: str) -> None:
    """With its schema, and existing."""
    with pytest.raises(ConfigurationError, match="ensure_reader"):
        await ensure_reader(pool, pg_dsn, [table])


async def test_a_login_made_by_hand_is_taken(
    pool: Pool, pg_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SWITCHBOARD_READER_URL: nothing is made, nothing is granted."""
    monkeypatch.setenv("SWITCHBOARD_READER_URL", "postgresql://mine@127.0.0.1/desk")
    assert await ensure_reader(pool, pg_dsn, TABLES) == "postgresql://mine@127.0.0.1/desk"


@pytest.fixture
def password_server(made_home: Path) -> Iterator[str]:
    """A server that asks for passwords, with an owner who may make roles; his connection string."""
    with running_server(made_home) as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("CREATE ROLE ada LOGIN CREATEROLE PASSWORD 'p@ss'")
            connection.execute("CREATE DATABASE desk OWNER ada")
            connection.execute("CREATE ROLE poor LOGIN PASSWORD 'poor'")
            rules = made_home / "data" / "pg_hba.conf"
            shutil.copy(rules, made_home / "data" / "pg_hba.old")
            rules.write_text("local all postgres trust\nlocal all all scram-sha-256\n")
            connection.execute("SELECT pg_reload_conf()")
        yield server.dsn.replace("postgres@/switchboard", "ada:p%40ss@/desk")


async def test_on_a_server_with_passwords_the_reader_gets_one_that_is_kept(password_server: str) -> None:
    """Drawn once, found by the next process, asked for at login, and not to be read by the reader."""
    async with open_pool(password_server) as owner:
        await _fill(owner)
        dsn = await ensure_reader(owner, password_server, TABLES)
        assert await ensure_reader(owner, password_server, TABLES) == dsn
    password = str(conninfo_to_dict(dsn)["password"])
    assert len(password) >= 32
    with psycopg.connect(dsn) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("SELECT password FROM switchboard.reader_login")
    with pytest.raises(StoreUnavailable, match="password"):
        async with Reader.open(dsn.replace(password, "guess"), QUERIES):
            pass


async def test_an_owner_who_may_not_make_roles_is_told_what_to_run(password_server: str) -> None:
    """The statements for the administrator and the setting for the result; nothing half-made is left."""
    poor = password_server.replace("ada:p%40ss@", "poor:poor@")
    async with open_pool(password_server) as owner:
        await _fill(owner)
    async with open_pool(poor) as pool:
        with pytest.raises(ConfigurationError, match="SWITCHBOARD_READER_URL") as caught:
            await ensure_reader(pool, poor, TABLES)
    assert "GRANT SELECT ON switchboard.accounts TO switchboard_reader" in caught.value.mend


async def _fill(pool: Pool) -> None:
    async with pool.connection() as connection:
        for statement in [
            "CREATE SCHEMA IF NOT EXISTS switchboard",
            "CREATE TABLE switchboard.accounts AS SELECT 'ada' AS owner, 7 AS balance",
            "CREATE TABLE switchboard.secrets AS SELECT 'sesame' AS word",
        ]:
            await connection.execute(statement)

"""Connections: a pool with bounds on every wait, and the one place that decides which database it is."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from langgraph_switchboard.errors import ConfigurationError, StoreUnavailable
from langgraph_switchboard.postgres.embedded import embedded_server

DATABASE_SETTING = "SWITCHBOARD_DATABASE_URL"
PGBOUNCER_SETTING = "SWITCHBOARD_PGBOUNCER"

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]
"""What the library passes around: autocommit connections whose rows are dicts."""

ConnectionClass = type[AsyncConnection[DictRow]]
"""What a pool makes its connections of; tools that watch every statement bring their own."""


PATIENCE = 25.0
"""Seconds that a step's read waits for a free connection: a thousand cases ask at the same time."""


@dataclass(frozen=True)
class Database:
    """An open database.

    Args:
        pool: Connections to it.
        dsn: Its connection string; may hold a password, so it is never printed.
        where: One line for the user that says which database it is.
        connection_class: What connections to it are made of, also those of other logins.
    """

    pool: Pool
    dsn: str
    where: str
    connection_class: ConnectionClass = AsyncConnection


@asynccontextmanager
async def open_pool(
    dsn: str,
    *,
    max_size: int = 10,
    application_name: str = "switchboard",
    timeout: float = 5.0,
    statement_timeout: float = 30.0,
    lock_timeout: float = 10.0,
    idle_in_transaction_timeout: float = 20.0,
    pgbouncer: bool | None = None,
    connection_class: ConnectionClass = AsyncConnection,
) -> AsyncIterator[Pool]:
    """A pool of connections, open for as long as the block runs.

    What the connection string itself says (timeouts, options, application name) wins.

    Args:
        dsn: Connection string of the database.
        max_size: Most connections at a time.
        application_name: Shown in `pg_stat_activity`.
        timeout: Seconds for the first connection, and for waiting for a free one.
        statement_timeout: Seconds after which the server ends a statement.
        lock_timeout: Seconds after which a statement stops waiting for a lock.
        idle_in_transaction_timeout: Seconds that a transaction may stand idle. By default it is over
            before the lease of an owner who was frozen in it, so that nobody has to wait for his locks.
        pgbouncer: True behind a pooler in transaction mode: no prepared statements, and no settings
            at connection start (give the role its timeouts with `ALTER ROLE ... SET`). None asks
            the setting SWITCHBOARD_PGBOUNCER ("1" is true).
        connection_class: What the connections are made of.

    Raises:
        ConfigurationError: The connection string cannot be read.
        StoreUnavailable: Nobody answers there in time, or the login is refused.
    """
    said = _parse(dsn)
    behind = os.environ.get(PGBOUNCER_SETTING) == "1" if pgbouncer is None else pgbouncer
    settings = {
        # LangGraph's tables are found without a schema: always public, whatever the role is called.
        "search_path": "public",
        "statement_timeout": _ms(statement_timeout),
        "lock_timeout": _ms(lock_timeout),
        "idle_in_transaction_session_timeout": _ms(idle_in_transaction_timeout),
    }
    wanted: dict[str, Any] = {
        "application_name": application_name,
        "connect_timeout": max(2, round(timeout)),  # below 2 libpq takes 2
        "keepalives": 1,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }
    if not behind:
        ours = " ".join(f"-c {name}={value}" for name, value in settings.items())
        wanted["options"] = f"{ours} {said.get('options', '')}".strip()
    conninfo = make_conninfo(dsn, **{**wanted, **{k: v for k, v in said.items() if k != "options"}})
    await _knock(conninfo, timeout)
    pool = AsyncConnectionPool(
        conninfo,
        connection_class=connection_class,
        kwargs={"autocommit": True, "prepare_threshold": None if behind else 0, "row_factory": dict_row},
        min_size=min(1, max_size),
        max_size=max_size,
        timeout=timeout,
        check=AsyncConnectionPool.check_connection,
        name=application_name,
        open=False,
    )
    try:
        await pool.open(wait=True, timeout=timeout)
    except PoolTimeout as error:
        await pool.close()
        raise _unreachable(conninfo, str(error)) from None
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def database(dsn: str | None = None, **options: Any) -> AsyncIterator[Database]:
    """The database to work on, open for as long as the block runs.

    Args:
        dsn: Its connection string. None takes the setting SWITCHBOARD_DATABASE_URL, and without
            that the embedded server.
        **options: As for `open_pool`.

    Raises:
        ConfigurationError: The connection string or the home of the embedded server is wrong.
        StoreUnavailable: The database cannot be reached or started.
    """
    named = dsn or os.environ.get(DATABASE_SETTING)
    connection_class = options.get("connection_class", AsyncConnection)
    if named:
        async with open_pool(named, **options) as pool:
            yield Database(pool, named, f"Postgres at {address(named)}", connection_class)
        return
    async with embedded_server() as server, open_pool(server.dsn, **options) as pool:
        yield Database(pool, server.dsn, server.line(), connection_class)


def address(dsn: str) -> str:
    """Host, port and database of a connection string: what may be shown, never the password."""
    said = _parse(dsn)
    host = said.get("host") or said.get("hostaddr") or os.environ.get("PGHOST") or "the local socket"
    port = said.get("port") or os.environ.get("PGPORT") or 5432
    return (
        f"{host}:{port}, database {said.get('dbname') or os.environ.get('PGDATABASE') or said.get('user')!r}"
    )


def _parse(dsn: str) -> dict[str, Any]:
    unreadable = ConfigurationError(
        "the connection string cannot be read",
        where=DATABASE_SETTING,
        wanted="postgresql://user:password@host:5432/database",
        mend="Mind that signs such as @ : / in a password are written %40 %3A %2F.",
    )
    try:
        said = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        raise unreadable from None  # psycopg's own words repeat the string, password and all
    # A raw sign in the password moves a part of it into the host, the port or the database.
    host, port, name = (str(said.get(part) or "") for part in ("host", "port", "dbname"))
    if "@" in host[1:] or "@" in name or not re.fullmatch(r"[\d,]*", port):
        raise unreadable
    return said


async def _knock(conninfo: str, timeout: float) -> None:
    """Connect once by hand: a pool hides the reason behind its timeout."""
    try:
        connection = await AsyncConnection.connect(conninfo)
    except psycopg.OperationalError as error:
        raise _unreachable(conninfo, str(error)) from None
    await connection.close()


def _unreachable(conninfo: str, said: str) -> StoreUnavailable:
    password = conninfo_to_dict(conninfo).get("password")
    reason = " ".join(said.split())
    if password:
        reason = reason.replace(str(password), "***")
    return StoreUnavailable(
        f"no connection to Postgres at {address(conninfo)}",
        where=DATABASE_SETTING,
        came=reason,
        mend=f"Start that server or correct {DATABASE_SETTING}; without it the embedded server is used.",
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

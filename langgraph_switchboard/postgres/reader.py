"""Named read-only queries, by a login that cannot write.

An agent that looks something up does it through a connection of its own, as a role that
may SELECT from the tables it was given and nothing else. It is a login, not `SET ROLE`:
what a session has put on by `SET ROLE` it can take off by `RESET ROLE`.

On the embedded server every role may log in without a password, so there the reader guards
against mistakes only. On a server of your own it also guards against a hostile query.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection, errors, sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow

from langgraph_switchboard.errors import ConfigurationError, StoreError, StoreUnavailable
from langgraph_switchboard.postgres.logins import make_login, role_for
from langgraph_switchboard.postgres.migrations import LOCK
from langgraph_switchboard.postgres.pool import PATIENCE, ConnectionClass, Pool, open_pool
from langgraph_switchboard.postgres.queries import Queries

READER_SETTING = "SWITCHBOARD_READER_URL"
ROLE = "switchboard_reader"
READ_SECONDS = 5.0
"""Seconds after which the server ends a read."""

_SETTINGS = ("default_transaction_read_only = on", f"statement_timeout = {round(READ_SECONDS * 1000)}")


class Reader:
    """Runs named queries on a pool whose login may only read.

    Args:
        pool: Connections of the read-only role.
        queries: The queries that may be run.
    """

    def __init__(self, pool: Pool, queries: Queries) -> None:
        self._pool = pool
        self._queries = queries

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        dsn: str,
        queries: Queries,
        *,
        max_size: int = 4,
        connection_class: ConnectionClass = AsyncConnection,
    ) -> AsyncIterator[Reader]:
        """A reader with a pool of its own, open for as long as the block runs.

        Args:
            dsn: What `ensure_reader` gave.
            queries: The queries that may be run.
            max_size: Most connections at a time.
            connection_class: What the connections are made of.

        Raises:
            StoreUnavailable: The login is refused or nobody answers.
        """
        name = "switchboard-reader"
        async with open_pool(
            dsn,
            max_size=max_size,
            application_name=name,
            statement_timeout=READ_SECONDS,
            connection_class=connection_class,
        ) as pool:
            yield cls(pool, queries)

    async def rows(self, name: str, /, **params: Any) -> list[dict[str, Any]]:
        """The rows of a named query.

        Args:
            name: The query's name.
            **params: Its parameters.

        Raises:
            ConfigurationError: There is no such query, or a parameter of it is missing.
            StoreUnavailable: The connection is lost, or none is free in time.
            StoreError: The query failed, took too long, or tried to write.
        """
        text = self._queries[name]
        try:
            async with self._pool.connection(timeout=PATIENCE) as connection:
                cursor = await connection.execute(text, params)
                return await cursor.fetchall()
        except psycopg.ProgrammingError as error:
            if error.sqlstate is None:  # psycopg itself, before anything was sent
                raise ConfigurationError(
                    "a parameter of the query is missing", where=f"query {name!r}", came=str(error)
                ) from None
            raise _failed(name, error) from error
        except psycopg.Error as error:
            raise _failed(name, error) from error


async def ensure_reader(pool: Pool, dsn: str, tables: Sequence[str]) -> str:
    """Make the read-only login, let it read `tables` and nothing else, and give its connection string.

    With the setting SWITCHBOARD_READER_URL nothing is made: that login is taken as it is. On a
    server that asks for passwords the role gets a drawn one, kept in the owner's table
    `switchboard.reader_login`, so that all processes find the same.

    Args:
        pool: The owner's connections.
        dsn: The owner's connection string; the reader's differs from it by user and password.
        tables: Tables or views with their schema, such as `"switchboard.accounts"`.

    Raises:
        ConfigurationError: A table is not written `schema.table` or is not there, the owner may not
            make roles, or the server does not let the new login in.
    """
    setting = os.environ.get(READER_SETTING)
    if setting:
        return setting
    names = [_table(table) for table in tables]
    async with pool.connection() as connection:
        role = role_for(ROLE, connection.info.dbname)
        try:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
                password = await make_login(connection, role, keeps="reader_login", settings=_SETTINGS)
                await _grant(connection, role, names)
        except errors.InsufficientPrivilege as error:
            raise _by_hand(role, tables, str(error.diag.message_primary)) from None
        except (errors.UndefinedTable, errors.InvalidSchemaName) as error:
            raise ConfigurationError(
                "a table that the reader should read is not there",
                where="ensure_reader",
                came=str(error.diag.message_primary),
                mend="Migrate the database first, or correct the name.",
            ) from None
    reader = make_conninfo(dsn, user=role, password=password)
    await _try_login(reader, role, tables)
    return reader


async def _grant(connection: AsyncConnection[DictRow], role: str, tables: Sequence[tuple[str, str]]) -> None:
    """Leave the role with SELECT on these tables: what an earlier version gave is taken back."""
    name = sql.Identifier(role)
    for schema in sorted({"switchboard", *(schema for schema, _ in tables)}):
        place = sql.Identifier(schema)
        await connection.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM {}").format(place, name))
        await connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(place, name))
    for schema, table in tables:
        await connection.execute(
            sql.SQL("GRANT SELECT ON {} TO {}").format(sql.Identifier(schema, table), name)
        )


async def _try_login(reader: str, role: str, tables: Sequence[str]) -> None:
    try:
        async with open_pool(reader, max_size=1, application_name="switchboard-reader"):
            pass
    except StoreUnavailable as error:
        raise _by_hand(role, tables, error.came) from None


def _by_hand(role: str, tables: Sequence[str], came: str) -> ConfigurationError:
    schemas = ", ".join(sorted({table.split(".")[0] for table in tables}))
    return ConfigurationError(
        "the read-only login cannot be made by this database user",
        where="ensure_reader",
        came=came,
        mend=f"Let an administrator run: CREATE ROLE {role} LOGIN PASSWORD '...'; "
        f"ALTER ROLE {role} SET default_transaction_read_only = on; "
        f"GRANT USAGE ON SCHEMA {schemas} TO {role}; GRANT SELECT ON {', '.join(tables)} TO {role}; "
        f"and set {READER_SETTING} to the connection string of that login.",
    )


def _table(name: str) -> tuple[str, str]:
    schema, dot, table = name.partition(".")
    if not (schema and dot and table) or "." in table:
        raise ConfigurationError(
            f"the table {name!r} has no schema", where="ensure_reader", wanted="schema.table", came=name
        )
    return schema, table


def _failed(name: str, error: psycopg.Error) -> StoreError:
    lost = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
    return (StoreUnavailable if lost else StoreError)(
        "the query failed",
        where=f"query {name!r}",
        came=(error.diag.message_primary or str(error)).strip(),
        sqlstate=error.sqlstate,
    )

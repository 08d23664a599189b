"""Logins of their own for what must not be able to do more: made once, found by every process."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow


def role_for(name: str, database: str) -> str:
    """The role's name in this database: roles belong to the whole server.

    Args:
        name: What it is called in our default database.
        database: The database; each but the default has a role of its own.
    """
    return name if database == "switchboard" else f"{name}_{database}"[:63]


async def make_login(
    connection: AsyncConnection[DictRow], role: str, *, keeps: str, settings: Sequence[str] = ()
) -> str | None:
    """Make a role that may log in and nothing else, unless it is there.

    On a server that asks for passwords it gets a drawn one, kept in a table of the owner's.

    Args:
        connection: The owner's, in a transaction that keeps others from doing the same.
        role: Its name.
        keeps: Name of the table in our schema that keeps the password.
        settings: Its session's settings, such as `"statement_timeout = 5000"`. Belt and braces: a
            session can take these off again, what it may touch it cannot change.

    Returns:
        The password, or None on a server that asks for none.
    """
    name = sql.Identifier(role)
    cursor = await connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    if await cursor.fetchone() is None:
        await connection.execute(
            sql.SQL(
                "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT"
            ).format(name)
        )
        for setting in settings:
            await connection.execute(sql.SQL("ALTER ROLE {} SET " + setting).format(name))
    if not connection.info.password:
        return None
    table = sql.Identifier("switchboard", keeps)
    await connection.execute(
        sql.SQL("CREATE TABLE IF NOT EXISTS {} (role text PRIMARY KEY, password text NOT NULL)").format(table)
    )
    cursor = await connection.execute(
        sql.SQL(
            "INSERT INTO {} VALUES (%s, %s) "
            "ON CONFLICT (role) DO UPDATE SET role = EXCLUDED.role RETURNING password"
        ).format(table),
        [role, secrets.token_urlsafe(32)],
    )
    row = await cursor.fetchone()
    assert row is not None
    password = str(row["password"])
    await connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(password)))
    return password

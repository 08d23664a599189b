"""Migrations: numbered SQL files, each applied once, in order, whoever starts first.

The files are `sql/NNNN_name.sql`. Each runs in a transaction of its own together with
its line in `switchboard.migrations`, so it is applied with its record or not at all. The
transaction holds an advisory lock, so any number of processes may start at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.rows import DictRow

from langgraph_switchboard.errors import ConfigurationError, StoreError, StoreUnavailable
from langgraph_switchboard.postgres.pool import Pool

LOCK = 0x5377_6974_6368
"""Our number among the advisory locks of a database ("Switch" in ASCII)."""

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")

_PREPARE = """
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = '60s';
SELECT pg_advisory_xact_lock({lock});
CREATE SCHEMA IF NOT EXISTS switchboard;
CREATE TABLE IF NOT EXISTS switchboard.migrations (
    number     integer     PRIMARY KEY,
    name       text        NOT NULL,
    digest     text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True)
class Migration:
    """One numbered file.

    Args:
        number: Its place in the order.
        name: What it does, from the file's name.
        sql: Its statements.
        digest: SHA-256 of the text with Unix line ends.
    """

    number: int
    name: str
    sql: str
    digest: str


def read_migrations(folder: Traversable | None = None) -> list[Migration]:
    """The migrations of a folder in order; those of the library when None.

    Raises:
        ConfigurationError: A file's name is not `NNNN_name.sql`, or two have one number.
    """
    folder = folder or resources.files("langgraph_switchboard.postgres") / "sql"
    found: dict[int, Migration] = {}
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if not file.name.endswith(".sql"):
            continue
        match = _NAME.fullmatch(file.name)
        if match is None:
            raise ConfigurationError(
                "the file's name has no number", where=file.name, wanted="NNNN_name.sql", mend="Rename it."
            )
        number, name = int(match[1]), match[2]
        if number in found:
            raise ConfigurationError(
                f"two migrations have the number {number:04}",
                where=file.name,
                came=f"{found[number].name}, {name}",
                mend="Give the newer one the next free number.",
            )
        sql = file.read_text(encoding="utf-8").replace("\r\n", "\n")
        found[number] = Migration(number, name, sql, hashlib.sha256(sql.encode()).hexdigest())
    return [found[number] for number in sorted(found)]


async def migrate(pool: Pool, folder: Traversable | None = None) -> list[int]:
    """Bring the database up to this code.

    Args:
        pool: The database, by a role that may create schemas.
        folder: Where the files are; the library's own when None.

    Returns:
        The numbers applied by this call, in order; empty if there was nothing to do.

    Raises:
        ConfigurationError: An applied file has changed, was left out, or the database is newer than
            this code; or this user may not migrate it.
        StoreUnavailable: Another process is migrating and does not end.
        StoreError: A migration failed; what it did is rolled back, those before it stand.
    """
    migrations = await asyncio.to_thread(read_migrations, folder)
    applied: list[int] = []
    while (number := await _apply_next(pool, migrations)) is not None:
        applied.append(number)
    return applied


async def applied(pool: Pool) -> list[str]:
    """The migrations that this database has, in order, such as "0001_core"; changes nothing.

    Args:
        pool: The database; it need not be migrated.
    """
    async with pool.connection() as connection:
        recorded = await _recorded(connection)
    return [f"{number:04}_{recorded[number][0]}" for number in sorted(recorded)]


async def _apply_next(pool: Pool, migrations: Sequence[Migration]) -> int | None:
    """Apply the first migration that is not there yet, in one transaction; None if all are."""
    async with pool.connection() as connection:
        # Most starts find nothing to do; those need neither the lock nor the right to make a schema.
        if _pending(migrations, await _recorded(connection)) is None:
            return None
        async with connection.transaction():
            await _take_turn(connection)
            pending = _pending(migrations, await _recorded(connection))
            if pending is None:
                return None
            try:
                await connection.execute(pending.sql, prepare=False)
            except psycopg.Error as error:
                raise StoreError(
                    "the migration failed and is rolled back",
                    where=f"{pending.number:04}_{pending.name}.sql",
                    came=str(error).strip(),
                    mend="Correct the file and start again; the migrations before it stand.",
                ) from error
            await connection.execute(
                "INSERT INTO switchboard.migrations (number, name, digest) VALUES (%s, %s, %s)",
                [pending.number, pending.name, pending.digest],
            )
            return pending.number


async def _recorded(connection: AsyncConnection[DictRow]) -> dict[int, tuple[str, str]]:
    """Name and digest of each migration that is applied, by its number."""
    cursor = await connection.execute("SELECT to_regclass('switchboard.migrations') AS there")
    found = await cursor.fetchone()
    if found is None or found["there"] is None:
        return {}
    cursor = await connection.execute("SELECT number, name, digest FROM switchboard.migrations")
    return {row["number"]: (row["name"], row["digest"]) for row in await cursor.fetchall()}


async def _take_turn(connection: AsyncConnection[DictRow]) -> None:
    """Wait for the lock, and make the table of records the first time."""
    try:
        # Several statements at once cannot be prepared.
        await connection.execute(_PREPARE.format(lock=LOCK), prepare=False)
    except errors.LockNotAvailable:
        raise StoreUnavailable(
            "another process has been migrating the database for 60 s",
            where="switchboard.migrations",
            mend="Wait for it, or end it; then start again.",
        ) from None
    except errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            "this database user may not migrate the database",
            where="switchboard.migrations",
            came=str(error.diag.message_primary),
            mend="Start once as its owner, or let an administrator run: GRANT CREATE ON DATABASE ... TO ...",
        ) from None


def _pending(migrations: Sequence[Migration], recorded: dict[int, tuple[str, str]]) -> Migration | None:
    known = {migration.number: migration for migration in migrations}
    newer = sorted(recorded.keys() - known.keys())
    if newer:
        raise ConfigurationError(
            "the database is newer than this code",
            where="switchboard.migrations",
            wanted=f"migrations up to {max(known, default=0):04}",
            came=", ".join(f"{number:04}_{recorded[number][0]}" for number in newer),
            mend="Upgrade langgraph-switchboard, or use the database of this version.",
        )
    for migration in migrations:
        if migration.number in recorded and recorded[migration.number][1] != migration.digest:
            raise ConfigurationError(
                "the file has changed since it was applied",
                where=f"{migration.number:04}_{migration.name}.sql",
                wanted=f"sha256 {recorded[migration.number][1][:12]}",
                came=f"sha256 {migration.digest[:12]}",
                mend="Restore the file and put the change into a new migration.",
            )
    pending = next((one for one in migrations if one.number not in recorded), None)
    if pending is not None and recorded and pending.number < max(recorded):
        raise ConfigurationError(
            f"the migration comes before {max(recorded):04}, which is applied already",
            where=f"{pending.number:04}_{pending.name}.sql",
            mend="Give it the next free number.",
        )
    return pending

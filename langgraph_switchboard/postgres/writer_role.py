"""The insert-only login: what drives cases can add to the ledger, and never read, change or remove it.

The saver's pool can run as this role. Its rights end where its work ends: it adds entries,
opens reviews and fills the outbox; it reads and writes the checkpoints, which LangGraph
overwrites and deletes by design; and it can lock the row of a case's owner, but not make
itself the owner. The row of a case follows the ledger by a trigger that runs with its
owner's rights, and so does the chain; the columns that make an entry trustworthy (place,
salt, transaction) are not for it to give.

On the embedded server every role may log in without a password, so there this guards
against mistakes only. On a server of your own it also guards against a stolen connection
string of the workers.
"""

from __future__ import annotations

import os

from psycopg import AsyncConnection, errors, sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow

from langgraph_switchboard.errors import ConfigurationError, StoreUnavailable
from langgraph_switchboard.postgres.logins import make_login, role_for
from langgraph_switchboard.postgres.migrations import LOCK
from langgraph_switchboard.postgres.pool import Pool, open_pool

WRITER_SETTING = "SWITCHBOARD_WRITER_URL"
ROLE = "switchboard_writer"

GRANTS = (
    "INSERT (case_id, namespace, task_id, ordinal, kind, step, at, seconds, data, moves) "
    "ON switchboard.ledger",
    # What opens a review, and nothing of a decision.
    "INSERT (review_id, case_id, flow, step, version, subject, shown, digest, reason, status, opened_at, "
    "due_at, kind, risk, amount, owner, agent, expires_at, on_expiry, remind_at, escalates_to, people) "
    "ON switchboard.reviews",
    # The digest is written again to find out whether it is the same; the trigger refuses another.
    "INSERT, SELECT (case_id, key, digest), UPDATE (digest) ON switchboard.outbox",
    # A timer is set, and said to have fired; the key is looked at to find the row.
    "INSERT, SELECT (timer_id, status, fired_at), UPDATE (status, fired_at) ON switchboard.timers",
    "INSERT ON switchboard.messages",
    # A lock on a row needs the right to update one of its columns: the least of them.
    "SELECT, UPDATE (lease_until) ON switchboard.case_owner",
    "SELECT, INSERT, UPDATE, DELETE ON public.checkpoints, public.checkpoint_blobs, public.checkpoint_writes",
)


async def ensure_writer(pool: Pool, dsn: str) -> str:
    """Make the insert-only login, or put its rights right, and give its connection string.

    With the setting SWITCHBOARD_WRITER_URL nothing is made: that login is taken as it is. On a
    server that asks for passwords the role gets a drawn one, kept in the owner's table
    `switchboard.writer_login`, so that all processes find the same.

    Args:
        pool: The owner's connections; migrated, and with LangGraph's tables.
        dsn: The owner's connection string; the writer's differs from it by user and password.

    Raises:
        ConfigurationError: A table is not there, the owner may not make roles, or the server does
            not let the new login in.
    """
    setting = os.environ.get(WRITER_SETTING)
    if setting:
        return setting
    async with pool.connection() as connection:
        role = role_for(ROLE, connection.info.dbname)
        try:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
                password = await make_login(connection, role, keeps="writer_login")
                await _grant(connection, role)
        except errors.InsufficientPrivilege as error:
            raise _by_hand(role, str(error.diag.message_primary)) from None
        except (errors.UndefinedTable, errors.InvalidSchemaName) as error:
            raise ConfigurationError(
                "a table that the writer should write is not there",
                where="ensure_writer",
                came=str(error.diag.message_primary),
                mend="Migrate the database and set up the saver first.",
            ) from None
    writer = make_conninfo(dsn, user=role, password=password)
    try:
        async with open_pool(writer, max_size=1, application_name="switchboard-writer"):
            pass
    except StoreUnavailable as error:
        raise _by_hand(role, error.came) from None
    return writer


async def _grant(connection: AsyncConnection[DictRow], role: str) -> None:
    """Leave the role with these rights: what an earlier version gave is taken back."""
    name = sql.Identifier(role)
    for schema in ("switchboard", "public"):
        place = sql.Identifier(schema)
        await connection.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM {}").format(place, name))
        await connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(place, name))
    for grant in GRANTS:
        await connection.execute(sql.SQL("GRANT " + grant + " TO {}").format(name))


def _by_hand(role: str, came: str) -> ConfigurationError:
    grants = " ".join(f"GRANT {grant} TO {role};" for grant in GRANTS)
    return ConfigurationError(
        "the insert-only login cannot be made by this database user",
        where="ensure_writer",
        came=came,
        mend=f"Let an administrator run: CREATE ROLE {role} LOGIN PASSWORD '...'; "
        f"GRANT USAGE ON SCHEMA switchboard, public TO {role}; {grants} "
        f"and set {WRITER_SETTING} to the connection string of that login.",
    )

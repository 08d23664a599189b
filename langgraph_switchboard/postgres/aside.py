"""A second database on the embedded server, for what must not touch the real cases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import make_conninfo

from langgraph_switchboard.postgres.embedded import embedded_server
from langgraph_switchboard.postgres.migrations import LOCK
from langgraph_switchboard.postgres.pool import open_pool


@asynccontextmanager
async def database_aside(name: str, home: Path | None = None) -> AsyncIterator[str]:
    """A database of its own on the embedded server; made when it is not there, and kept.

    Args:
        name: What it is called.
        home: Folder of the embedded server; SWITCHBOARD_HOME or the user's own when None.

    Yields:
        Its connection string.

    Raises:
        ConfigurationError: The home cannot be used.
        StoreUnavailable: The server does not come up.
    """
    async with embedded_server(home) as server:
        async with open_pool(server.dsn, max_size=1) as pool, pool.connection() as connection:
            # CREATE DATABASE knows no IF NOT EXISTS and no transaction; the lock keeps two runs apart.
            await connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            found = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if await found.fetchone() is None:
                create = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
                await connection.execute(create)
            await connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        yield make_conninfo(server.dsn, dbname=name)

"""What a flow brings along, on Postgres: its help articles and its tables."""

from __future__ import annotations

import asyncio
import importlib.resources
import re
from contextlib import AsyncExitStack

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.knowledge import Knowledge, PostgresKnowledge, articles_of, load_collection
from langgraph_switchboard.nodes import Tables
from langgraph_switchboard.postgres import Database, Pool, Reader, ensure_reader, load_queries

_SCHEMA = re.compile(r"create schema if not exists (\w+)", re.IGNORECASE)
_LOCK = 7_325_001
"""Advisory lock under which an application's tables are made: two processes may start at once."""


class PostgresResources:
    """Opens articles and tables once, when a step first asks for them, and closes with its stack.

    Args:
        database: Where they lie.
        stack: Closes what is opened here.
    """

    def __init__(self, database: Database, stack: AsyncExitStack) -> None:
        self._database = database
        self._stack = stack
        self._opening = asyncio.Lock()
        self._knowledge: dict[str, Knowledge] = {}
        self._tables: dict[str, Tables] = {}

    async def knowledge(self, package: str) -> Knowledge:
        """The articles in `package`, loaded into Postgres when they have changed."""
        if package not in self._knowledge:
            async with self._opening:
                if package not in self._knowledge:
                    self._knowledge[package] = await self._load_articles(package)
        return self._knowledge[package]

    async def tables(self, package: str) -> Tables:
        """The tables in `package`: `schema.sql` and `seed.sql` run, `queries.sql` readable."""
        if package not in self._tables:
            async with self._opening:
                if package not in self._tables:
                    self._tables[package] = await self._open_tables(package)
        return self._tables[package]

    async def _load_articles(self, package: str) -> Knowledge:
        articles = await asyncio.to_thread(articles_of, package)
        await load_collection(self._database.pool, articles, package)
        return PostgresKnowledge(self._database.pool, package)

    async def _open_tables(self, package: str) -> Tables:
        scripts = [await asyncio.to_thread(_read, package, name) for name in ("schema.sql", "seed.sql")]
        names = await _apply(self._database.pool, scripts)
        reader = await ensure_reader(self._database.pool, self._database.dsn, names)
        queries = await asyncio.to_thread(load_queries, package)
        opened: Tables = await self._stack.enter_async_context(
            Reader.open(reader, queries, connection_class=self._database.connection_class)
        )
        return opened


async def _apply(pool: Pool, scripts: list[str]) -> list[str]:
    """Run the scripts, which change nothing the second time, and name the tables of their schemas."""
    schemas = sorted(set(_SCHEMA.findall(" ".join(scripts))))
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        for script in scripts:
            await connection.execute(script.encode(), prepare=False)
        cursor = await connection.execute(
            "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname = ANY(%s)",
            [schemas],
        )
        return [row["name"] for row in await cursor.fetchall()]


def _read(package: str, name: str) -> str:
    try:
        return importlib.resources.files(package).joinpath(name).read_text(encoding="utf-8")
    except (FileNotFoundError, ModuleNotFoundError):
        raise ConfigurationError(
            f"{package!r} has no {name}", wanted="schema.sql, seed.sql and queries.sql in that folder"
        ) from None

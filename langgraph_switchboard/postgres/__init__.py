"""Postgres: the embedded server, connections, migrations, named queries, the read-only reader."""

from langgraph_switchboard.postgres.embedded import EmbeddedServer, embedded_server, running_server
from langgraph_switchboard.postgres.migrations import migrate
from langgraph_switchboard.postgres.pool import ConnectionClass, Database, Pool, database, open_pool
from langgraph_switchboard.postgres.queries import Queries, load_queries, parse_queries
from langgraph_switchboard.postgres.reader import Reader, ensure_reader

__all__ = [
    "ConnectionClass",
    "Database",
    "EmbeddedServer",
    "Pool",
    "Queries",
    "Reader",
    "database",
    "embedded_server",
    "ensure_reader",
    "load_queries",
    "migrate",
    "open_pool",
    "parse_queries",
    "running_server",
]

"""One pair of fork servers, and one database, for all sweeps of a session."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from langgraph_switchboard.postgres import EmbeddedServer
from langgraph_switchboard.testing.chaos import Sweeper, sweeper
from tests.conftest import dsn_for


@pytest.fixture(scope="session")
def chaos(pg: EmbeddedServer, pg_template: str) -> Iterator[Sweeper]:
    """A sweeper on a database of its own."""
    name = f"chaos_{uuid4().hex[:12]}"
    with psycopg.connect(pg.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {pg_template}")
    dsn = dsn_for(pg, name)
    with sweeper(dsn) as made:
        yield made
    with psycopg.connect(pg.dsn, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

"""What the tests of the server share: a database for a whole module."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from langgraph_switchboard.postgres import EmbeddedServer
from tests.conftest import dsn_for


@pytest.fixture(scope="module")
def pg_served(pg: EmbeddedServer, pg_template: str) -> Iterator[str]:
    """The connection string of a migrated database that the tests of one module share."""
    name = f"served_{uuid4().hex[:12]}"
    with psycopg.connect(pg.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {pg_template}")
    yield dsn_for(pg, name)
    with psycopg.connect(pg.dsn, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

"""Named queries: SQL in its own files, called by name, with parameters."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.postgres import Pool, load_queries, parse_queries

FILE = """-- What the desk asks.

-- name: waiting
-- Those above 50 % of their time, e.g. %(nobody)s.
SELECT n FROM generate_series(1, 10) AS n
WHERE n %% 2 = %(rest)s AND n > %(least)s;

-- name: one
SELECT 1 AS one
"""


def test_a_query_is_had_by_attribute_and_by_key() -> None:
    """Comments are left out, as is the closing semicolon."""
    queries = parse_queries(FILE, "desk.sql")
    assert list(queries) == ["waiting", "one"]
    assert queries.one == queries["one"] == "SELECT 1 AS one"
    assert "nobody" not in queries.waiting
    assert "one" in queries
    assert "two" not in queries
    assert copy.copy(queries).one == "SELECT 1 AS one"


@pytest.mark.pg
async def test_a_query_runs_with_its_parameters(pg_pool: Pool) -> None:
    """Parameters by name; a percent sign is doubled."""
    queries = parse_queries(FILE, "desk.sql")
    async with pg_pool.connection() as connection:
        cursor = await connection.execute(queries.waiting, {"rest": 1, "least": 6})
        assert await cursor.fetchall() == [{"n": 7}, {"n": 9}]


def test_an_unknown_name_is_told_with_those_that_are_there() -> None:
    """File, wrong name and right names stand in the message."""
    queries = parse_queries(FILE, "desk.sql")
    with pytest.raises(ConfigurationError, match=r"desk\.sql: no query is named 'wating'.*waiting, one"):
        _ = queries.wating


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1\n-- name: one\nSELECT 1", "line 1: a statement stands before"),
        ("-- name: one\nSELECT 1\n-- name: one\nSELECT 2", "line 3: the name 'one' is used twice"),
        ("-- name: One\nSELECT 1", "line 1: the name 'One' is not in lower case"),
        ("-- name: one\n-- only words\n", "the query 'one' has no statement"),
    ],
)
def test_an_ill_made_file_is_refused_by_line(text: str, said: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ConfigurationError, match=said):
        parse_queries(text, "desk.sql")


def test_queries_are_read_from_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file lies beside the code that asks; a missing one is named."""
    package = tmp_path / "desk_of_a_test"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "queries.sql").write_text(FILE)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert load_queries("desk_of_a_test").one == "SELECT 1 AS one"
        with pytest.raises(ConfigurationError, match=r"desk_of_a_test/other\.sql: the file is not there"):
            load_queries("desk_of_a_test", "other.sql")
    finally:
        sys.modules.pop("desk_of_a_test", None)
    with pytest.raises(ConfigurationError, match=r"no_such_desk/queries\.sql"):
        load_queries("no_such_desk")

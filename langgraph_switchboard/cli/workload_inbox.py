"""A database full of cases and reviews, made by SQL in seconds, for measuring what people look at."""

from __future__ import annotations

from langgraph_switchboard.postgres import Pool, load_queries

_SQL = load_queries("langgraph_switchboard.cli", "workload_inbox.sql")


async def fill_inbox(pool: Pool, *, cases: int, waiting: int, decided: int) -> None:
    """Fill an empty, migrated database.

    Args:
        pool: The database.
        cases: How many cases.
        waiting: How many of them wait for a person.
        decided: How many reviews have been decided.
    """
    async with pool.connection() as connection:
        await connection.execute(_SQL.cases, {"cases": cases, "waiting": waiting})
        await connection.execute(_SQL.reviews, {"waiting": waiting, "reviews": waiting + decided})
    async with pool.connection() as connection:
        # As autovacuum does it within a minute: a planner without figures guesses.
        await connection.execute("analyze switchboard.cases")
        await connection.execute("analyze switchboard.reviews")

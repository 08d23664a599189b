"""Collections in Postgres: replaced as a whole, only when they changed, whoever loads at the same time."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from langgraph_switchboard.knowledge import Article, PostgresKnowledge, load_collection
from langgraph_switchboard.postgres import Pool, open_pool

pytestmark = pytest.mark.pg

OLD = [
    Article("old", "Old", "The fee was three pounds."),
    Article("both", "Both", "Fees are told beforehand."),
]
NEW = [Article("new", "New", "The fee is five pounds."), Article("both", "Both", "Fees are told beforehand.")]


async def rows(pool: Pool, table: str) -> list[tuple[object, ...]]:
    async with pool.connection() as connection:
        cursor = await connection.execute(f"select * from switchboard.{table} order by 1, 2, 3")
        return [tuple(row.values()) for row in await cursor.fetchall()]


async def test_a_changed_collection_replaces_the_old_one(pg_pool: Pool) -> None:
    """Nothing of the old articles can be found, and the counts are those of the new ones."""
    assert await load_collection(pg_pool, OLD)
    assert await load_collection(pg_pool, NEW)
    knowledge = PostgresKnowledge(pg_pool)
    assert [hit.article_id for hit in await knowledge.search("fee")] == ["new"]
    assert await knowledge.article("old") is None
    assert await knowledge.search("three") == []


async def test_the_same_articles_are_not_written_again(pg_pool: Pool) -> None:
    """The digest decides, and the order in which files are read does not matter."""
    assert await load_collection(pg_pool, OLD)
    before = await rows(pg_pool, "article_collections")
    assert not await load_collection(pg_pool, OLD[::-1])
    assert await rows(pg_pool, "article_collections") == before


async def test_collections_do_not_mix(pg_pool: Pool) -> None:
    """Two applications in one database: each finds, counts and replaces its own articles."""
    await load_collection(pg_pool, OLD, "one")
    (alone,) = await PostgresKnowledge(pg_pool, "one").search("three")
    await load_collection(pg_pool, NEW, "two")
    await load_collection(pg_pool, [], "two")
    assert await PostgresKnowledge(pg_pool, "one").search("three") == [alone]
    assert await PostgresKnowledge(pg_pool, "two").search("fee") == []


async def test_of_many_loaders_one_does_the_work(pg_pool: Pool) -> None:
    """Processes that start together load a collection once, and none fails."""
    did = await asyncio.gather(*(load_collection(pg_pool, OLD) for _ in range(6)))
    assert sorted(did) == [False] * 5 + [True]


async def test_loaders_of_different_articles_leave_one_whole_collection(pg_pool: Pool) -> None:
    """Whoever is last wins; index and articles belong together."""
    for _ in range(5):
        await asyncio.gather(*(load_collection(pg_pool, articles) for articles in (OLD, NEW) * 2))
        names = {row[1] for row in await rows(pg_pool, "articles")}
        assert names in ({"old", "both"}, {"new", "both"})
        assert {row[2] for row in await rows(pg_pool, "postings")} == names
        assert len(await PostgresKnowledge(pg_pool).search("fee pounds", 9)) == 1


async def test_a_search_during_a_load_sees_the_old_articles(pg_pool: Pool, pg_dsn: str) -> None:
    """A reader never waits for a loader and never finds half a collection."""
    await load_collection(pg_pool, OLD)
    async with open_pool(pg_dsn) as other, other.connection() as connection, connection.transaction():
        await connection.execute("delete from switchboard.postings")
        await connection.execute("delete from switchboard.articles")
        found = await PostgresKnowledge(pg_pool).search("three")
    assert [hit.article_id for hit in found] == ["old"]


async def test_a_load_that_fails_leaves_the_old_collection(pg_pool: Pool) -> None:
    """Everything happens in one transaction: two articles with one id change nothing."""
    await load_collection(pg_pool, OLD)
    before = [await rows(pg_pool, table) for table in ("article_collections", "articles", "postings")]
    with pytest.raises(psycopg.errors.UniqueViolation):
        await load_collection(pg_pool, [*NEW, NEW[0]])
    assert [await rows(pg_pool, table) for table in ("article_collections", "articles", "postings")] == before
    assert await load_collection(pg_pool, NEW)

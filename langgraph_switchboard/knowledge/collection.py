"""Put a collection of articles into Postgres, if it is not there already."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence

from psycopg import AsyncCursor
from psycopg.rows import DictRow

from langgraph_switchboard.knowledge.articles import Article
from langgraph_switchboard.knowledge.search import words_of
from langgraph_switchboard.knowledge.tokens import INDEX_VERSION
from langgraph_switchboard.postgres import Pool, load_queries

_queries = load_queries("langgraph_switchboard.knowledge", "queries.sql")


async def load_collection(pool: Pool, articles: Sequence[Article], collection: str = "default") -> bool:
    """Make `articles` the whole content of a collection.

    It happens in one transaction: a search at the same moment sees the old articles or the new
    ones, never a mixture. Any number of processes may load at once; one does the work.

    Args:
        pool: The database, migrated, by a login that may write.
        articles: All articles of the collection; their ids differ.
        collection: Its name, for instance that of the package the articles come from.

    Returns:
        True if the collection was replaced, False if exactly these articles were there.
    """
    words = await asyncio.to_thread(lambda: [words_of(article) for article in articles])
    claim = {
        "collection": collection,
        "digest": collection_digest(articles),
        "articles": len(articles),
        "tokens": sum(map(len, words)),
    }
    async with pool.connection() as connection:
        async with connection.transaction(), connection.cursor() as cursor:
            await cursor.execute(_queries.claim_collection, claim)
            if await cursor.fetchone() is None:
                return False
            await cursor.execute(_queries.clear_collection, {"collection": collection})
            await _copy(cursor, collection, articles, words)
            await cursor.execute(_queries.count_terms, {"collection": collection})
        await connection.execute(_queries.settle)
    return True


async def _copy(
    cursor: AsyncCursor[DictRow], collection: str, articles: Sequence[Article], words: list[list[str]]
) -> None:
    async with cursor.copy(_queries.copy_articles) as copy:
        for one in articles:
            said = (one.id, one.title, one.text, list(one.topics), one.department, one.digest)
            await copy.write_row((collection, *said))
    async with cursor.copy(_queries.copy_postings) as copy:
        for one, its_words in zip(articles, words, strict=True):
            for term, times in Counter(its_words).items():
                await copy.write_row((collection, term, one.id, times, len(its_words)))


def collection_digest(articles: Sequence[Article]) -> str:
    """SHA-256 over the articles in any order, and over how they are indexed."""
    parts = [f"index {INDEX_VERSION}", *sorted(article.digest for article in articles)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

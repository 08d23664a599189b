"""Search the articles of a help centre: the same BM25 in memory and in Postgres."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.knowledge.articles import Article
from langgraph_switchboard.knowledge.bm25 import GRAIN, K1, B, Bm25
from langgraph_switchboard.knowledge.tokens import tokenise
from langgraph_switchboard.postgres import Pool, load_queries
from langgraph_switchboard.postgres.pool import PATIENCE

TITLE_COUNTS = 3
"""How often a title's words are counted; 3 found 2 points more on BANKING77's training messages than 1."""

_queries = load_queries("langgraph_switchboard.knowledge", "queries.sql")


@dataclass(frozen=True)
class Hit:
    """An article that shares words with what was asked.

    Args:
        article_id: Its id, for citations.
        title: Its title.
        score: BM25, above 0; comparable within one search only.
        text: The whole text.
        topics: What it is about, as its author marked it.
    """

    article_id: str
    title: str
    score: float
    text: str
    topics: tuple[str, ...] = ()


class Knowledge(Protocol):
    """What a step can look up."""

    async def search(self, text: str, k: int = 5) -> list[Hit]:
        """The articles that answer `text` best.

        Args:
            text: A question or a whole message, in plain words.
            k: How many at most; at least 1.

        Returns:
            Best first; articles with one score by their ids. Empty if no word is shared.

        Raises:
            ConfigurationError: `k` is below 1.
        """

    async def article(self, article_id: str) -> Article | None:
        """One article by its id, or None."""


class MemoryKnowledge:
    """Articles in memory, for notebooks, tests and a switchboard that keeps nothing.

    Args:
        articles: What can be found; their ids differ.
    """

    def __init__(self, articles: Iterable[Article]) -> None:
        self._articles = list(articles)
        self._by_id = {article.id: article for article in self._articles}
        self._index = Bm25(words_of(article) for article in self._articles)

    async def search(self, text: str, k: int = 5) -> list[Hit]:
        """The `k` articles that answer `text` best; see `Knowledge.search`."""
        _at_least_one(k)
        scores = self._index.scores(tokenise(text))
        best = sorted(scores, key=lambda place: (-scores[place], self._articles[place].id))[:k]
        found = ((self._articles[place], scores[place]) for place in best)
        return [
            Hit(article.id, article.title, score, article.text, article.topics) for article, score in found
        ]

    async def article(self, article_id: str) -> Article | None:
        """One article by its id, or None."""
        return self._by_id.get(article_id)


class PostgresKnowledge:
    """Articles in Postgres; put there by `load_collection`.

    Args:
        pool: The database; a login that may only read is enough.
        collection: Which knowledge base; several applications may share a database.
    """

    def __init__(self, pool: Pool, collection: str = "default") -> None:
        self._pool = pool
        self._collection = collection

    async def search(self, text: str, k: int = 5) -> list[Hit]:
        """The `k` articles that answer `text` best; see `Knowledge.search`."""
        _at_least_one(k)
        terms = tokenise(text)
        if not terms:
            return []
        asked = {"collection": self._collection, "terms": terms, "k": k, "k1": K1, "b": B, "grain": GRAIN}
        async with self._pool.connection(timeout=PATIENCE) as connection:
            cursor = await connection.execute(_queries.search, asked)
            rows = await cursor.fetchall()
        return [Hit(**{**row, "topics": tuple(row["topics"])}) for row in rows]

    async def article(self, article_id: str) -> Article | None:
        """One article by its id, or None."""
        if "\0" in article_id:  # no id holds one, and Postgres would refuse the question
            return None
        asked = {"collection": self._collection, "article_id": article_id}
        async with self._pool.connection(timeout=PATIENCE) as connection:
            row = await (await connection.execute(_queries.article, asked)).fetchone()
        if row is None:
            return None
        return Article(row["article_id"], row["title"], row["text"], tuple(row["topics"]), row["department"])


def words_of(article: Article) -> list[str]:
    """The words under which an article is found: those of its title and its text."""
    return tokenise(article.title) * TITLE_COUNTS + tokenise(article.text)


def _at_least_one(k: int) -> None:
    if k < 1:
        raise ConfigurationError("a search must ask for an article", wanted="k of 1 or more", came=f"k={k}")

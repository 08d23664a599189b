"""One suite for both knowledge bases: what holds in memory holds in Postgres, to the last hit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.knowledge import (
    Article,
    Hit,
    Knowledge,
    MemoryKnowledge,
    PostgresKnowledge,
    articles_of,
    load_collection,
)
from langgraph_switchboard.knowledge.bm25 import K1, B, Bm25
from langgraph_switchboard.postgres import Pool

Shelve = Callable[[list[Article]], Awaitable[Knowledge]]

FEES = Article("fees", "Fees", "A transfer abroad costs 5 pounds.", ("transfer_fee",), "billing")
CARDS = Article("cards", "Cards", "A lost card costs 5 pounds. A card is sent by post.", (), "account")
PLANTS = Article("plants", "Plants", "Water them weekly.")


def ids(hits: list[Hit]) -> list[str]:
    return [hit.article_id for hit in hits]


class KnowledgeSuite:
    """What every knowledge base does; the two classes below bring the knowledge base."""

    async def test_the_article_that_shares_the_telling_words_comes_first(self, shelve: Shelve) -> None:
        """A word that few articles have weighs more than one that many have."""
        knowledge = await shelve([PLANTS, FEES, CARDS])
        hits = await knowledge.search("What does a transfer cost, how many pounds?")
        assert ids(hits) == ["fees", "cards"]
        assert hits[0].title == "Fees"
        assert hits[0].text == FEES.text
        assert hits[0].score > hits[1].score > 0

    async def test_an_article_is_found_by_its_title_alone(self, shelve: Shelve) -> None:
        """A title is what a customer would say, so its words count too."""
        knowledge = await shelve([PLANTS, FEES, CARDS])
        assert ids(await knowledge.search("PLANTS!")) == ["plants"]

    async def test_a_word_that_is_asked_twice_counts_twice(self, shelve: Shelve) -> None:
        """Query term frequency is part of the score."""
        knowledge = await shelve([FEES, CARDS, PLANTS])
        (once,) = await knowledge.search("abroad")
        (twice,) = await knowledge.search("abroad, abroad")
        assert twice.score == pytest.approx(2 * once.score, abs=1e-9)

    async def test_no_more_than_k_articles_are_given(self, shelve: Shelve) -> None:
        """`k` is an upper bound, and at least 1."""
        knowledge = await shelve([FEES, CARDS, PLANTS])
        assert len(await knowledge.search("pounds", 1)) == 1
        with pytest.raises(ConfigurationError, match="k=0"):
            await knowledge.search("pounds", 0)

    @pytest.mark.parametrize(
        "text", ["", "   ", "how do I", "zebra", "\0", "\ud800", "🙂", "%(terms)s '; --"]
    )
    async def test_what_shares_no_word_finds_nothing(self, shelve: Shelve, text: str) -> None:
        """Empty, stop words only, unknown words, or characters no database takes: an empty list."""
        knowledge = await shelve([FEES, CARDS, PLANTS])
        assert await knowledge.search(text) == []

    async def test_nothing_is_found_where_nothing_is(self, shelve: Shelve) -> None:
        """A collection without articles is empty, not broken."""
        knowledge = await shelve([])
        assert await knowledge.search("card") == []
        assert await knowledge.article("cards") is None

    async def test_articles_that_score_the_same_come_by_id(self, shelve: Shelve) -> None:
        """The order is the same on every machine, whatever its collation says about capitals."""
        twins = [Article(name, "Twin", "The very same sentence.") for name in ("b", "A", "a", "ä", "Z")]
        knowledge = await shelve([*twins, PLANTS])
        hits = await knowledge.search("same sentence twin")
        assert ids(hits) == ["A", "Z", "a", "b", "ä"]
        assert len({hit.score for hit in hits}) == 1

    async def test_an_article_comes_back_as_it_was(self, shelve: Shelve) -> None:
        """By id, whole, or None."""
        knowledge = await shelve([FEES, CARDS])
        assert await knowledge.article("fees") == FEES
        assert await knowledge.article("no-such") is None
        assert await knowledge.article("\0") is None

    async def test_a_word_of_any_length_can_be_stored_and_found(self, shelve: Shelve) -> None:
        """Postgres refuses index entries above 2,704 bytes; words are cut before that."""
        monster = "ß" * 5000
        knowledge = await shelve([Article("long", "Long", monster), PLANTS])
        assert ids(await knowledge.search(monster)) == ["long"]


class TestMemoryKnowledge(KnowledgeSuite):
    """The suite in memory."""

    @pytest.fixture
    def shelve(self) -> Shelve:
        async def in_memory(articles: list[Article]) -> Knowledge:
            return MemoryKnowledge(articles)

        return in_memory


@pytest.mark.pg
class TestPostgresKnowledge(KnowledgeSuite):
    """The suite in Postgres."""

    @pytest.fixture
    def shelve(self, pg_pool: Pool) -> Shelve:
        async def in_postgres(articles: list[Article]) -> Knowledge:
            await load_collection(pg_pool, articles, "suite")
            return PostgresKnowledge(pg_pool, "suite")

        return in_postgres


def test_the_score_is_that_of_the_published_formula() -> None:
    """BM25 with k1 = 1.2 and b = 0.75, worked out by hand for one word in two texts."""
    scores = Bm25([["card", "lost"], ["card", "card", "fee", "fee"]]).scores(["lost"])
    idf = 0.6931471805599453  # ln(1 + (2 - 1 + 0.5) / (1 + 0.5))
    assert (K1, B) == (1.2, 0.75)
    assert scores == {0: pytest.approx(idf * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / 3)), abs=1e-9)}


@pytest.mark.pg
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(data=st.data())
async def test_memory_and_postgres_give_the_same_hits_in_the_same_order(
    agreeing: tuple[MemoryKnowledge, PostgresKnowledge, list[str]], data: st.DataObject
) -> None:
    """Order is equal and scores agree to 1e-9, for any mixture of the articles' own words."""
    memory, postgres, words = agreeing
    text = " ".join(data.draw(st.lists(st.sampled_from(words), max_size=40)))
    await assert_agreement(memory, postgres, text)


async def assert_agreement(one: Knowledge, other: Knowledge, text: str) -> None:
    expected, found = await one.search(text, 50), await other.search(text, 50)
    assert ids(found) == ids(expected)
    assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], abs=1e-9)


@pytest.fixture
async def agreeing(pg_pool: Pool) -> tuple[MemoryKnowledge, PostgresKnowledge, list[str]]:
    articles = articles_of("nodes.knowledge")
    await load_collection(pg_pool, articles, "desk")
    words = sorted({word for article in articles for word in article.text.split()})
    return MemoryKnowledge(articles), PostgresKnowledge(pg_pool, "desk"), words


async def test_the_agreement_check_notices_another_formula() -> None:
    """Negative control: a knowledge base with one more article scores otherwise, and is found out."""
    with pytest.raises(AssertionError):
        await assert_agreement(MemoryKnowledge([FEES, CARDS]), MemoryKnowledge([FEES, CARDS, PLANTS]), "fees")

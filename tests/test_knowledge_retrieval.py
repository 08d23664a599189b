"""Retrieval on pages that nobody here wrote: 698 help pages of a bank, 48 scenarios, BM25 in SQL.

`pytest tests/test_knowledge_retrieval.py -s` prints the figures and the search time.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import pytest

from langgraph_switchboard.knowledge import (
    Article,
    Knowledge,
    MemoryKnowledge,
    PostgresKnowledge,
    load_collection,
)
from langgraph_switchboard.postgres import Pool

pytestmark = [pytest.mark.data, pytest.mark.pg]


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def pages(data_dir: Path) -> list[Article]:
    corpus = lines(data_dir / "tau2_banking_knowledge" / "corpus.jsonl")
    return [Article(str(page["id"]), str(page["title"]), str(page["text"])) for page in corpus]


def scenarios(data_dir: Path) -> list[tuple[str, set[str]]]:
    queries = lines(data_dir / "tau2_banking_knowledge" / "queries.jsonl")
    return [(str(one["scenario"]), set(json.loads(json.dumps(one["required_documents"])))) for one in queries]


async def figures(knowledge: Knowledge, asked: list[tuple[str, set[str]]]) -> tuple[float, float, float]:
    """hit@1, recall@10, and the median time of a search in milliseconds."""
    hits, recalls, times = [], [], []
    for text, wanted in asked:
        started = time.perf_counter()
        found = [hit.article_id for hit in await knowledge.search(text, 10)]
        times.append(time.perf_counter() - started)
        hits.append(found[0] in wanted)
        recalls.append(len(wanted & set(found)) / len(wanted))
    return statistics.mean(hits), statistics.mean(recalls), statistics.median(times) * 1000


async def test_scenarios_find_the_pages_they_need(data_dir: Path, pg_pool: Pool) -> None:
    """hit@1 of .40 and recall@10 of .36 at least; measured .604 and .417 (48 queries, so +-.14)."""
    started = time.perf_counter()
    assert await load_collection(pg_pool, pages(data_dir), "bank")
    loading = time.perf_counter() - started
    hit, recall, median = await figures(PostgresKnowledge(pg_pool, "bank"), scenarios(data_dir))
    print(
        f"\nBM25 in SQL, 698 pages, 48 scenarios: hit@1 {hit:.3f}, recall@10 {recall:.3f}, "
        f"p50 {median:.1f} ms; loading took {loading:.1f} s"
    )
    assert hit >= 0.40
    assert recall >= 0.36


async def test_memory_and_postgres_agree_on_every_scenario(data_dir: Path, pg_pool: Pool) -> None:
    """The same hits in the same order, scores to 1e-9, on long texts and many pages."""
    articles = pages(data_dir)
    await load_collection(pg_pool, articles, "bank")
    memory, postgres = MemoryKnowledge(articles), PostgresKnowledge(pg_pool, "bank")
    for text, _ in scenarios(data_dir):
        expected, found = await memory.search(text, 698), await postgres.search(text, 698)
        assert [hit.article_id for hit in found] == [hit.article_id for hit in expected]
        assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], abs=1e-9)

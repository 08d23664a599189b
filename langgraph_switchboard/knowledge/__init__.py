"""What an application knows: help articles, BM25 over them, and sentences to cite."""

from langgraph_switchboard.knowledge.articles import Article, articles_of, load_articles
from langgraph_switchboard.knowledge.collection import load_collection
from langgraph_switchboard.knowledge.grounding import Grounding, grounding
from langgraph_switchboard.knowledge.search import Hit, Knowledge, MemoryKnowledge, PostgresKnowledge
from langgraph_switchboard.knowledge.sentences import Sentence, best_sentences
from langgraph_switchboard.knowledge.tokens import tokenise

__all__ = [
    "Article",
    "Grounding",
    "Hit",
    "Knowledge",
    "MemoryKnowledge",
    "PostgresKnowledge",
    "Sentence",
    "articles_of",
    "best_sentences",
    "grounding",
    "load_articles",
    "load_collection",
    "tokenise",
]

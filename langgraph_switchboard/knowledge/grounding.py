"""Grounding: how much of a text do its sources hold? Counted word by word, without a model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from langgraph_switchboard.knowledge.sentences import split_sentences
from langgraph_switchboard.knowledge.tokens import tokenise

HELD_FROM = 0.6
"""The share of a sentence's words that its two best source sentences must have for them to hold it."""
LEAST_WORDS = 3
"""A sentence of fewer words that count says nothing that could be held: a greeting, a sign-off."""

_FIGURE = re.compile(r"\d")
_SEPARATORS = re.compile(r"(?<=\d)[,\u202f\u00a0](?=\d{3}\b)")


@dataclass(frozen=True)
class Grounding:
    """How far the sources hold a text.

    Args:
        score: The share of its words, from 0 to 1, that stand in sentences which the sources hold; 0
            where it says nothing at all.
        unheld: The sentences that they do not hold.
        sentences: How many sentences were judged.
    """

    score: float
    unheld: tuple[str, ...]
    sentences: int


def grounding(text: str, sources: Iterable[str]) -> Grounding:
    """Judge a text by its sources.

    A sentence is held if the sources have `HELD_FROM` of its words within two of their sentences, and
    every figure in it somewhere: one wrong amount, and none of it is held. It asks whether the words
    stand there, not whether they mean the same: what denies a source is held by it, too. It is a brake
    on what was made up, and no proof of what was not.

    Args:
        text: What is claimed.
        sources: What it is said to rest on.
    """
    known = [set(_words(sentence)) for source in sources for sentence in split_sentences(source)]
    figures = {word for words in known for word in words if _FIGURE.search(word)}
    judged = [(sentence, words) for sentence in split_sentences(text) if _says(words := _words(sentence))]
    held = [_held(words, known, figures) for _, words in judged]
    total = sum(len(words) for _, words in judged)
    kept = sum(len(words) for (_, words), one in zip(judged, held, strict=True) if one)
    unheld = tuple(sentence for (sentence, _), one in zip(judged, held, strict=True) if not one)
    return Grounding(kept / total if total else 0.0, unheld, len(judged))


def _words(sentence: str) -> list[str]:
    return tokenise(_SEPARATORS.sub("", sentence))


def _says(words: Sequence[str]) -> bool:
    return len(words) >= LEAST_WORDS or any(_FIGURE.search(word) for word in words)


def _held(words: Sequence[str], known: Sequence[set[str]], figures: set[str]) -> bool:
    wanted = set(words)
    if not {word for word in wanted if _FIGURE.search(word)} <= figures:
        return False
    first = max(known, key=lambda one: len(one & wanted), default=set())
    second = max(known, key=lambda one: len((one | first) & wanted), default=set())
    return len((first | second) & wanted) >= HELD_FROM * len(wanted)

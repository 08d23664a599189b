"""What a reply rests on: the articles and rows that it cites, with the sentences that it took from them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from langgraph_switchboard.cases import ReviewRow
from langgraph_switchboard.errors import SwitchboardError
from langgraph_switchboard.nodes import Resources
from langgraph_switchboard.switchboard import Flow

_MOST = 12
"""Citations that are shown; a reply with more says how many."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"\w+")
_ALIKE = 0.6
"""Share of a sentence's words from which it was taken from another."""


@dataclass(frozen=True)
class Piece:
    """A sentence.

    Args:
        text: Its words.
        number: The citation that it belongs to; 0 for none.
    """

    text: str
    number: int = 0


@dataclass(frozen=True)
class Source:
    """Something that a reply cites.

    Args:
        number: Its number among the citations, from 1.
        name: Its id.
        title: Its title, where it has one.
        pieces: The sentences of an article; those that the reply took are numbered.
        facts: The fields of a row.
    """

    number: int
    name: str
    title: str = ""
    pieces: tuple[Piece, ...] = ()
    facts: tuple[tuple[str, Any], ...] = ()

    @property
    def is_used(self) -> bool:
        """Whether a sentence of it stands in the reply."""
        return any(piece.number for piece in self.pieces)


@dataclass(frozen=True)
class Evidence:
    """A reply beside what it rests on.

    Args:
        field: The field of the subject that is its text; empty where it has none.
        pieces: Its sentences, each with the number of the source that says the same.
        sources: What it cites, in order.
        is_claimed: Whether the subject's contract can cite at all.
    """

    field: str = ""
    pieces: tuple[Piece, ...] = ()
    sources: tuple[Source, ...] = ()
    is_claimed: bool = False


async def evidence_of(row: ReviewRow, flow: Flow | None, resources: Resources) -> Evidence:
    """What the subject of a review rests on: `cites` are articles of the flow, `rows` rows of its tables.

    Args:
        row: The review.
        flow: Its flow, if it is known here.
        resources: Opens the flow's articles.
    """
    subject = row.shown.get(row.subject)
    if not isinstance(subject, Mapping):
        return Evidence()
    texts = {name: value for name, value in subject.items() if isinstance(value, str)}
    field = max(texts, key=lambda name: len(texts[name]), default="")
    is_claimed = "cites" in subject or "rows" in subject
    replied = [one for one in _SENTENCE.split(texts.get(field, "")) if one.strip()]
    sources = [source async for source in _articles(subject, flow, resources, replied)]
    sources += _rows(subject, row.shown, len(sources))
    pieces = tuple(Piece(one, _number(one, sources)) for one in replied)
    return Evidence(field, pieces, tuple(sources), is_claimed)


async def _articles(
    subject: Mapping[str, Any], flow: Flow | None, resources: Resources, replied: list[str]
) -> Any:
    cites = [one for one in subject.get("cites") or () if isinstance(one, str)][:_MOST]
    package = flow.process.knowledge if flow else None
    for number, name in enumerate(cites, start=1):
        article = None
        if package:
            try:
                article = await (await resources.knowledge(package)).article(name)
            except SwitchboardError:
                article = None  # the article is an aid; without it the review is still to be decided
        if article is None:
            yield Source(number, name)
            continue
        sentences = [one for one in _SENTENCE.split(article.text) if one.strip()]
        used = [any(_alike(one, said) for said in replied) for one in sentences]
        pieces = tuple(
            Piece(one, number if is_used else 0) for one, is_used in zip(sentences, used, strict=True)
        )
        yield Source(number, name, article.title, pieces)


def _rows(subject: Mapping[str, Any], shown: Mapping[str, Any], before: int) -> Iterator[Source]:
    rows = [one for one in subject.get("rows") or () if isinstance(one, str)][:_MOST]
    for number, name in enumerate(rows, start=before + 1):
        found = _holder(shown, name.partition(":")[2] or name)
        yield Source(number, name, facts=tuple((found or {}).items()))


def _holder(value: Any, wanted: str, depth: int = 0) -> Mapping[str, Any] | None:
    """The innermost record in what is shown that has this value in a field of its own."""
    if depth > 6:
        return None
    if isinstance(value, Mapping):
        for one in value.values():
            if found := _holder(one, wanted, depth + 1):
                return found
        return value if wanted in [one for one in value.values() if isinstance(one, str)] else None
    if isinstance(value, list | tuple):
        return next(filter(None, (_holder(one, wanted, depth + 1) for one in value)), None)
    return None


def _number(sentence: str, sources: list[Source]) -> int:
    for source in sources:
        if any(piece.number and _alike(piece.text, sentence) for piece in source.pieces):
            return source.number
        values = [str(value) for _, value in source.facts if str(value).strip()]
        if any(len(value) > 2 and value in sentence for value in values):
            return source.number
    return 0


def _alike(one: str, other: str) -> bool:
    first, second = (set(_WORD.findall(text.lower())) for text in (one, other))
    least = min(len(first), len(second))
    return (
        least >= 3
        and len(first & second) / least >= _ALIKE
        and len(first & second) / max(len(first), len(second)) >= _ALIKE / 2
    )

"""Words of a text as the search counts them: lower case, unstemmed, stop words out, numbers kept.

Stemming lost a third of the right answers on a bank's help pages, where "charge" and
"charger" or "1,000" and "1" are different things; so words stay as they are written.
"""

from __future__ import annotations

import re
import unicodedata

INDEX_VERSION = 1
"""Raise it when `tokenise` changes: stored collections are then indexed afresh."""

LONGEST_TERM = 64
"""Characters kept of one word; a B-tree entry in Postgres must stay below a third of a page."""

_WORD = re.compile(r"\d+(?:[.,]\d+)+(?![^\W_])|[^\W_]+(?:'[^\W_]+)*")

_STOP_WORDS = """
    a about above after again against all also am an and any are as at be because been before being below
    between both but by can could did do does doing done down during each else ever every few for from
    further get gets getting give given go goes going got had has have having he hello help her here hers
    herself hi him himself his how however i if in into is it its itself just let like may me might more
    most much must my myself need needs no nor not now of off ok okay on once one only onto or other our
    ours out over own please rather same shall she should since so some such than thank thanks that the
    their theirs them themselves then there therefore these they this those though through thus to too
    under until up upon us very via want wants was we were what when where whether which while who whom
    whose why will with within without would yes yet you your yours yourself
    aren't can't cannot couldn't didn't doesn't don't hadn't hasn't haven't i'd i'll i'm i've isn't it's
    mustn't shouldn't that's they're wasn't we're we've weren't what's where's won't wouldn't you're you've
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words that say nothing about what a text is about."""


def tokenise(text: str) -> list[str]:
    """The words of `text` that count, in order, repeated words included.

    Args:
        text: Any text. Compatibility forms are folded (NFKC), so that a full-width digit equals a digit.

    Returns:
        Words in lower case; "1,000" becomes "1000", "card's" becomes "card".
    """
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    words = (_plain(match[0]) for match in _WORD.finditer(folded))
    return [word for word in words if word not in STOP_WORDS]


def _plain(word: str) -> str:
    if word[0].isdigit():
        word = word.replace(",", "")
    return word.removesuffix("'s")[:LONGEST_TERM] if word not in STOP_WORDS else word

"""BM25: how well a text answers a query, by the words they share.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009),
with the never-negative inverse document frequency ln(1 + (N - n + 0.5) / (n + 0.5)), and
with a word that the query repeats counted as often as it occurs there.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

K1 = 1.2
"""How soon further occurrences of a word in one text stop to matter."""
B = 0.75
"""How much a long text is marked down: 0 not at all, 1 in full proportion."""
GRAIN = 1e10
"""Each word's part of a score is rounded to 1/GRAIN. Sums of such parts are exact, whatever their
order, so that Postgres and Python agree on the score and on which texts are level."""


class Bm25:
    """An index over a fixed sequence of texts, in memory.

    Args:
        texts: The words of each text; see `tokenise`.
    """

    def __init__(self, texts: Iterable[Sequence[str]]) -> None:
        self._lengths: list[int] = []
        self._postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for place, words in enumerate(texts):
            self._lengths.append(len(words))
            for word, times in Counter(words).items():
                self._postings[word].append((place, times))
        self._mean = sum(self._lengths) / max(1, len(self._lengths))

    def scores(self, query: Sequence[str]) -> dict[int, float]:
        """The score of each text that shares a word with the query, by the text's place."""
        grains: dict[int, float] = defaultdict(float)
        for word, asked in Counter(query).items():
            postings = self._postings.get(word, ())
            idf = math.log(1 + (len(self._lengths) - len(postings) + 0.5) / (len(postings) + 0.5))
            for place, times in postings:
                # queries.sql computes the same product in the same order.
                damped = times + K1 * (1 - B + B * self._lengths[place] / self._mean)
                grains[place] += round(asked * idf * (times * (K1 + 1) / damped) * GRAIN)
        return {place: sum_ / GRAIN for place, sum_ in grains.items()}

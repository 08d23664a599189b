"""TF-IDF: which features of a text count, and how much.

Two things differ from the textbook. Words and letter runs are two blocks, each brought to
its own length, so that the many letter runs do not drown the few words. And what was
never seen in training still counts towards the length, as if it were the rarest feature:
a text that is mostly unknown gets small numbers, hence little confidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log, sqrt
from typing import Any, Self

from langgraph_switchboard.routing.arrays import Floats, np
from langgraph_switchboard.routing.features import WORD

WORDS_WEIGH = 0.5
"""Weight of the block of words beside the letter runs; chosen on a development set."""
SEEN_AT_LEAST = 2
"""Texts in which a feature must occur to be kept: half the size, and nothing lost..."""
FEW = 200
"""...except with fewer texts than this, where every feature is kept."""


@dataclass(frozen=True)
class Vectoriser:
    """Features and their weights, learned from texts.

    Args:
        names: The features, sorted; the column of a feature is its place here.
        idf: Inverse document frequency of each feature, float32, same length.
        unknown: Weight of a feature that is not among the names.
    """

    names: tuple[str, ...]
    idf: Floats
    unknown: float

    @classmethod
    def learn(cls, counted: Sequence[Counter[str]]) -> Self:
        """Learn from the counted features of the training texts, and from nothing else."""
        seen: Counter[str] = Counter()
        for counts in counted:
            seen.update(counts.keys())
        enough = SEEN_AT_LEAST if len(counted) >= FEW else 1
        names = tuple(sorted(name for name, texts in seen.items() if texts >= enough))
        idf = [log((1 + len(counted)) / (1 + seen[name])) + 1 for name in names]
        return cls(names, np.array(idf, dtype=np.float32), log(1 + len(counted)) + 1)

    @cached_property
    def _column(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def _weight(self) -> list[float]:
        return [float(one) for one in self.idf]

    def row(self, counts: Counter[str]) -> tuple[list[int], list[float]]:
        """One text as (columns, values); the values of a fully known text have length one."""
        column, weight = self._column, self._weight
        columns: list[int] = []
        values: list[float] = []
        is_word: list[bool] = []
        words = runs = 0.0
        for name, times in counts.items():
            place = column.get(name)
            value = self.unknown if place is None else weight[place]
            if times > 1:
                value *= 1 + log(times)
            word = name[0] == WORD
            if word:
                words += value * value
            else:
                runs += value * value
            if place is not None:
                columns.append(place)
                values.append(value)
                is_word.append(word)
        whole = sqrt(1 + WORDS_WEIGH**2)
        of_words = WORDS_WEIGH / (whole * sqrt(words)) if words else 0.0
        of_runs = 1 / (whole * sqrt(runs)) if runs else 0.0
        scaled = [
            value * (of_words if word else of_runs) for value, word in zip(values, is_word, strict=True)
        ]
        return columns, scaled

    def matrix(self, counted: Iterable[Counter[str]]) -> Any:
        """Many texts as one scipy matrix of rows, for learning."""
        from scipy.sparse import csr_matrix  # comes with scikit-learn, hence late

        starts, columns, values = [0], list[int](), list[float]()
        for counts in counted:
            here, there = self.row(counts)
            columns += here
            values += there
            starts.append(len(columns))
        shape = (len(starts) - 1, len(self.names))
        return csr_matrix((np.array(values), np.array(columns, dtype=np.int64), starts), shape=shape)

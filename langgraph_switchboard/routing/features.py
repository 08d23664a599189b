"""From a text to numbers: stemmed words, pairs of words, and letters within words.

Words alone forget that `topped-up`, `top up` and `topup` are one thing. Runs of three or
four letters remember it, and they forgive spelling; with few examples per topic they
are worth more than the words. The two blocks are weighted by TF-IDF, each brought to
length one, and joined.

Only the standard library is used here, so that learning and answering share one path.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from itertools import pairwise

READ_AT_MOST = 20_000
"""Characters of a text that are read; more would tell nothing new about its topic."""

WORD = "="
"""Mark before a feature that is a word or a pair of words; no run of letters contains it."""

_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[£$€]")
_SUFFIXES = ("ing", "ed", "es", "ly", "s")
_RUNS = (3, 4)
_KEEP_AT_LEAST = 3


def grams(text: str) -> Counter[str]:
    """Count the features of one text: `=word`, `=word word`, and letter runs such as ` car`."""
    plain = unicodedata.normalize("NFKC", text[:READ_AT_MOST]).replace("\u2019", "'").casefold()
    tokens = _TOKEN.findall(plain)
    stems = [stem(token) for token in tokens]
    found = Counter([WORD + one for one in stems])
    found.update(f"{WORD}{left} {right}" for left, right in pairwise(stems))
    for token, times in Counter(tokens).items():
        padded = f" {token} "
        for size in _RUNS:
            for start in range(len(padded) - size + 1):
                found[padded[start : start + size]] += times
    return found


def stem(word: str) -> str:
    """Cut the common English endings, so that `charged`, `charges` and `charge` are one word.

    Cruder than Porter's algorithm on purpose: it only has to fold alike, not to be right.
    """
    if len(word) > _KEEP_AT_LEAST + 1:
        for suffix in _SUFFIXES:
            if word.endswith(suffix) and len(word) - len(suffix) >= _KEEP_AT_LEAST:
                word = word.removesuffix(suffix)
                if len(word) > _KEEP_AT_LEAST and word[-1] == word[-2]:
                    word = word[:-1]
                break
    if len(word) > _KEEP_AT_LEAST:
        if word[-1] == "e":
            return word[:-1]
        if word[-1] == "y":
            return word[:-1] + "i"
    return word

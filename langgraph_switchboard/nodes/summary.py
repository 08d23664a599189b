"""A running summary of a conversation: by a model where there is one, else by picking sentences.

The picked one is extractive: sentences of the conversation as they were said, and nothing else. It is
SumBasic (Nenkova and Vanderwende, 2005): a word weighs as much as its share of all words; a sentence as
much as its words on average, half as much again if it has a figure in it (an amount, a day, an id), and
a third more if it is a question. The heaviest is taken, the weight of its words is squared, so that
nothing is said twice, and so on until the summary is full. What was taken stands in the order in which
it was said. The sentences of the summary before compete with the new ones, so it never grows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from pydantic import Field

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.knowledge import tokenise
from langgraph_switchboard.knowledge.sentences import split_sentences
from langgraph_switchboard.models import Question

SUMMARY_AT_MOST = 1_200
"""Characters of a summary, whatever it stands for."""

SUMMARISE = """\
Bring the summary of a conversation up to date: `summary` stands for what was said before, `messages`
are what was said since. Keep what the next colleague needs: who wants what, amounts, days and ids, what
was promised and by whom, what is still open. Leave out greetings and thanks. Say nothing that is not in
them. Plain text, under 1,000 characters."""

_FIGURE = re.compile(r"\d")


class Summary(Contract):
    """What was said in a conversation, for whoever goes on with it."""

    text: str = Field(max_length=SUMMARY_AT_MOST)


async def pick_sentences(question: Question[Summary]) -> Summary:
    """The plain-code summary: the sentences that weigh most, as they were said."""
    before = str(question.facts["summary"])
    since = [f"{one['by']}: {line}" for one in question.facts["messages"] for line in _lines(one["text"])]
    sentences = [*before.splitlines(), *since]
    return Summary(text="\n".join(sentences[place] for place in _chosen(sentences)))


def _lines(text: str) -> Sequence[str]:
    return [line[:300] for line in split_sentences(text)]


def _chosen(sentences: Sequence[str]) -> list[int]:
    """The places of the sentences that are taken, in order."""
    words = [set(tokenise(sentence.partition(": ")[2])) for sentence in sentences]
    counted = Counter(word for some in words for word in some)
    weight = {word: count / counted.total() for word, count in counted.items()}
    left = {place for place, some in enumerate(words) if some}
    taken: list[int] = []
    room = SUMMARY_AT_MOST

    def worth(place: int) -> tuple[float, int]:
        mean = sum(weight[word] for word in words[place]) / len(words[place])
        figure = 1.5 if _FIGURE.search(sentences[place]) else 1.0
        question = 4 / 3 if sentences[place].endswith("?") else 1.0
        return mean * figure * question, place  # of two that are worth the same, the later one

    while left := {place for place in left if len(sentences[place]) < room}:
        best = max(left, key=worth)
        left.remove(best)
        taken.append(best)
        room -= len(sentences[best]) + 1
        weight |= {word: weight[word] ** 2 for word in words[best]}
    return sorted(taken)

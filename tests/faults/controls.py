"""Guards taken away from the model's path: each must be seen by the proof."""

from __future__ import annotations

from dataclasses import replace

from langgraph_switchboard.errors import ModelError
from langgraph_switchboard.models import Answer, Answerer, OpenAIModels, Question
from langgraph_switchboard.models.asking import C


class Insistent(OpenAIModels):
    """Asks again by itself, as a client with retries of its own does underneath those of the step."""

    async def ask(self, question: Question[C], answerer: Answerer[C] | None = None) -> Answer[C]:
        """Three tries, whatever the step does."""
        for _ in range(2):
            try:
                return await super().ask(replace(question, again=True), None)
            except ModelError:
                continue
        return await super().ask(question, answerer)


class OwnWord(OpenAIModels):
    """A model whose own word is its confidence: nothing is weighed with it."""

    async def ask(self, question: Question[C], answerer: Answerer[C] | None = None) -> Answer[C]:
        """The answer, passed off as that of plain code."""
        return replace(await super().ask(question, answerer), by="answerer", fallback_reason=None)


def insistent(name: str, url: str) -> OpenAIModels:
    """The control to "retries have one place"."""
    return Insistent(name, base_url=url)


def own_word(name: str, url: str) -> OpenAIModels:
    """The control to "nothing wrong goes out as right"."""
    return OwnWord(name, base_url=url)

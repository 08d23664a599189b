"""What the agents of other frameworks cost: counted as they go, and unknown where nobody says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from langgraph_switchboard.models import Answer, Pricing, Usage


@dataclass
class Tally:
    """What a run of another framework's agent has cost so far; kept also if the run breaks off.

    Args:
        model: The model that answered last, as far as it is known.
        usage: Tokens of the calls that have said what they cost.
        cost_usd: Dollars, where the framework knows them.
        begun: How many calls of a model were begun.
        counted: How many of them have said what they cost.
    """

    model: str | None = None
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    begun: int = 0
    counted: int = 0

    @property
    def is_known(self) -> bool:
        """Whether every call that was begun has said what it cost; unknown is never taken for none."""
        return self.counted == self.begun

    def begin(self) -> None:
        """A call of a model is begun; it will be paid for even if nothing more is heard of it."""
        self.begun += 1

    def end(self, input_tokens: int | None, output_tokens: int | None, model: str | None = None) -> None:
        """A call is over; without figures it stays unknown what it cost."""
        self.model = model or self.model
        # Some clients write zeros where a server said nothing; no answer costs nothing.
        if input_tokens is not None and output_tokens is not None and input_tokens + output_tokens:
            self.usage += Usage(input_tokens, output_tokens)
            self.counted += 1

    def answer(self, seconds: float, pricing: Pricing | None = None) -> Answer[Any]:
        """As the ledger and the budgets count it."""
        usage = self.usage if self.is_known else Usage(is_known=False)
        cost = self.cost_usd if self.is_known else None
        if cost is None and self.is_known and pricing and self.model:
            cost = pricing(self.model, usage)
        return Answer(None, "model", self.model, usage, seconds, cost, attempts=self.begun)


class UsageCounter(BaseCallbackHandler):
    """Counts the model calls of a LangChain Runnable or a LangGraph graph, however deep inside.

    Args:
        tally: Where they are counted.
    """

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        """A chat model is called."""
        self._tally.begin()

    def on_llm_start(self, *_: Any, **__: Any) -> None:
        """A model of the older kind is called."""
        self._tally.begin()

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        """It has answered; what it cost stands in the message, if it says so."""
        generation = response.generations[0][0] if response.generations and response.generations[0] else None
        message = generation.message if isinstance(generation, ChatGeneration) else None
        said = message.usage_metadata if isinstance(message, AIMessage) else None
        model = message.response_metadata.get("model_name") if message else None
        self._tally.end(
            said["input_tokens"] if said else None, said["output_tokens"] if said else None, model
        )

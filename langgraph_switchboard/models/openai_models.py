"""Questions to an OpenAI-compatible model, with plain code behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from pydantic import SecretStr

from langgraph_switchboard.errors import AnswerEmpty, MissingExtra, ModelError, ModelTimeout
from langgraph_switchboard.ledger.redaction import redact
from langgraph_switchboard.models.asking import (
    Answer,
    Answerer,
    C,
    OnText,
    Pricing,
    Question,
    Usage,
    in_place_of_model,
)
from langgraph_switchboard.models.exchange import Exchange
from langgraph_switchboard.models.faults import failure_of
from langgraph_switchboard.models.schema import response_format

DEFAULT_MODEL = "gpt-5-mini"
OPENAI_URL = "https://api.openai.com/v1"


class OpenAIModels:
    """Asks one model over the chat completions protocol; plain code answers where it fails.

    Attempts have one place, the step: a question goes out once, and a failure that may pass is raised
    to the step, which waits and tries again. On its last attempt plain code answers, where there is
    some. The client underneath never retries. Only an answer that breaks its contract, or calls a tool
    that it may not call, is put to the model once more at once, with the violation told.

    What is sent is redacted first, and an answer that quotes a redacted mark such as `<phone>` is not
    taken: plain code, which sees the facts as they are, answers in its place.

    Args:
        model: The model's name.
        base_url: An OpenAI-compatible server; OpenAI's own if None.
        api_key: Its key; many local servers need none.
        seconds: The longest one question may take, calls of tools included. Keep it below the timeout
            of the step, or the answerer gets no time to step in.
        longest: The longest answer that is taken, in characters.
        rounds: How often tools may be called before the answer must come.
        pricing: Dollars for tokens; without it every cost is unknown.
        redactor: Applied to all that leaves the process.

    Raises:
        MissingExtra: langchain-openai is not installed.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        seconds: float = 20.0,
        longest: int = 100_000,
        rounds: int = 5,
        pricing: Pricing | None = None,
        redactor: Callable[[Any], Any] = redact,
    ) -> None:
        self.model = model
        self._seconds = seconds
        self._longest = longest
        self._rounds = rounds
        self._pricing = pricing
        self._redactor = redactor
        # A client of our own: the default one is shared between event loops, and breaks there.
        self._chat, self._http = _client(model, base_url, api_key, seconds)
        host = urlsplit(base_url or OPENAI_URL).hostname
        self._where = f"model {model!r}"
        self.line = f"Answers: {model} at {host}; plain code where it fails."

    async def ask(self, question: Question[C], answerer: Answerer[C] | None = None) -> Answer[C]:
        """Ask the model once; where that fails for good, the answerer."""
        began = time.perf_counter()
        exchange = Exchange(
            question,
            where=self._where,
            redactor=self._redactor,
            longest=self._longest,
            rounds=self._rounds,
        )
        failure: ModelError | None = None
        try:
            value = await self._within_time(question, exchange)
        except ModelError as error:
            # What the whole exchange cost, for whoever counts it.
            error.input_tokens, error.output_tokens = (
                exchange.usage.input_tokens,
                exchange.usage.output_tokens,
            )
            failure = error
            value = await in_place_of_model(question, answerer, error)
        return Answer(
            value,
            "answerer" if failure else "model",
            model=self.model,
            usage=exchange.usage,
            seconds=time.perf_counter() - began,
            cost_usd=self._cost(exchange.usage),
            fallback_reason=failure.code if failure else None,
            attempts=exchange.calls,
            told=exchange.told,
            tool_calls=tuple(exchange.box.calls),
        )

    async def aclose(self) -> None:
        """Close the connections to the model."""
        await self._http.aclose()

    async def _within_time(self, question: Question[C], exchange: Exchange[C]) -> C:
        asked: dict[str, Any] = {"response_format": response_format(question.contract)}
        if question.tools:
            # Past the client, which would read the arguments itself, and fall over what it finds.
            asked = {"extra_body": asked, "tools": exchange.box.offers()}
        about = {"case": question.case, "step": question.step, "contract": question.contract.contract_name}
        config = {"run_name": f"ask {question.contract.contract_name}", "metadata": about}
        chat = self._chat.bind(**asked)

        async def say(messages: list[BaseMessage]) -> AIMessage:
            try:
                if question.on_text is None:
                    return await chat.ainvoke(messages, config)  # type: ignore[no-any-return]
                return await _streamed(chat.astream(messages, config), question.on_text, self._where)
            except Exception as error:
                failure = failure_of(error, self._where)
                if failure is None:
                    raise
                raise failure from error

        try:
            async with asyncio.timeout(self._seconds) as limit:
                return await exchange.run(say)
        except TimeoutError as error:
            if isinstance(error, ModelError) or not limit.expired():
                raise
            raise ModelTimeout("the model did not answer in time", where=self._where) from error

    def _cost(self, usage: Usage) -> float | None:
        # A server that reports no tokens has not worked for nothing: the cost is unknown.
        return self._pricing(self.model, usage) if self._pricing and usage != Usage() else None


async def _streamed(chunks: Any, on_text: OnText, where: str) -> AIMessage:
    """A message put together from its pieces; whether it is whole, its finish_reason tells."""
    whole: AIMessageChunk | None = None
    async for chunk in chunks:
        if chunk.text:
            on_text(chunk.text)
        whole = chunk if whole is None else whole + chunk
    if whole is None:
        raise AnswerEmpty("there is no event in the stream", where=where)
    return whole


def _client(model: str, base_url: str | None, api_key: str | None, seconds: float) -> tuple[Any, Any]:
    try:
        import openai
        from langchain_openai import ChatOpenAI
    except ImportError as error:
        raise MissingExtra("langchain-openai", "openai", why="Asking a model") from error
    http = openai.DefaultAsyncHttpxClient()
    chat = ChatOpenAI(
        model=model,
        base_url=base_url or OPENAI_URL,
        api_key=SecretStr(api_key or "none"),
        timeout=seconds,
        max_retries=0,
        stream_usage=True,
        use_responses_api=False,
        http_async_client=http,
    )
    return chat, http

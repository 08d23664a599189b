"""What the desk is compared with: a chain of three calls, and plain LangGraph with its own retry policy."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import openai
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph
from langgraph.types import RetryPolicy
from pydantic import BaseModel, Field, SecretStr
from typing_extensions import TypedDict

from tests.faults.bench_desk import is_right, texts

SECONDS = 20.0
"""The longest that one call may take, as for the desk."""
GIVEN_UP = 120.0
"""Seconds after which the benchmark gives a ticket up: against a slow drip neither has a limit of its own."""
ARTICLE = {
    "id": "transfers",
    "title": "Transfers",
    "passage": "A transfer within Europe takes one working day. Transfers abroad take five at most.",
}


@dataclass
class Outcome:
    """What became of the tickets of a baseline.

    Args:
        tickets: How many came in.
        right: Answered, and rightly.
        wrong: Answered, and wrongly.
        failed: Ended in an error; nobody takes them up again.
        met: Tickets that met a fault which may pass, as far as the program saw it.
        recovered: Those of them that were answered rightly all the same.
        waits: Seconds for each.
    """

    tickets: int
    right: int = 0
    wrong: int = 0
    failed: int = 0
    met: int = 0
    recovered: int = 0
    waits: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """For the line of JSON."""
        return {
            "lost": self.failed,
            "dead_share": self.failed / self.tickets,
            "completed_share": (self.right + self.wrong) / self.tickets,
            "recovered_share": self.recovered / self.met if self.met else 0.0,
            "wrong_as_right": self.wrong,
            "p50_seconds": round(statistics.median(self.waits), 2),
            "p99_seconds": round(statistics.quantiles(self.waits, n=100)[98], 2),
        }

    def line(self) -> str:
        """One line for people."""
        told = self.figures()
        return (
            f"{told['completed_share']:.2%} completed, {told['dead_share']:.2%} failed and lost, "
            f"{told['recovered_share']:.2%} of {self.met:,} with a fault that may pass were answered, "
            f"{self.wrong} wrong as right; p50 {told['p50_seconds']} s, p99 {told['p99_seconds']} s"
        )


class PlainReply(BaseModel):
    """What a model is asked for: the fields and bounds that the desk asks for, too."""

    text: str = Field(min_length=1, max_length=4000)
    cites: list[str] = Field(default_factory=list)
    rows: list[str] = Field(default_factory=list)
    confidence: float = Field(ge=0, le=1)


class Talk(TypedDict, total=False):
    """The state of the plain graph."""

    ticket: str
    reply: str
    calls: int


Answer = Callable[[str], Awaitable[tuple[str, bool]]]
"""Answers a ticket's text; says whether it had to ask again."""


async def chain(url: str, tickets: int, concurrency: int) -> Outcome:
    """Classify, draft, check: three calls in a row, each taken as it comes."""
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, timeout=SECONDS) as client:

        async def call(step: str, ticket: str) -> str:
            asked = await client.chat.completions.create(
                model="any", messages=[{"role": "user", "content": _prompt(step, ticket)}]
            )
            return str(asked.choices[0].message.content)

        async def answer(ticket: str) -> tuple[str, bool]:
            await call("Classify the ticket.", ticket)
            draft = await call("Draft a reply.", ticket)
            await call("Check the draft.", ticket)
            return str(json.loads(draft)["text"]), False

        return await _run(answer, tickets, concurrency)


async def stock(url: str, tickets: int, concurrency: int) -> Outcome:
    """One node that asks with structured output, under LangGraph's own retry policy, and one that sends."""
    http = openai.DefaultAsyncHttpxClient()
    chat = ChatOpenAI(
        model="any",
        base_url=url,
        api_key=SecretStr("none"),
        timeout=SECONDS,
        max_retries=0,
        http_async_client=http,
    )
    asks: Any = chat.with_structured_output(PlainReply, method="json_schema")
    calls: dict[str, int] = {}

    async def reply(state: Talk) -> Talk:
        calls[state["ticket"]] = calls.get(state["ticket"], 0) + 1
        said = await asks.ainvoke(_prompt("Write the reply.", state["ticket"]))
        return {"reply": said.text}

    def send(state: Talk) -> Talk:
        return {}

    builder: Any = StateGraph(Talk)
    builder.add_node("reply", reply, retry_policy=RetryPolicy(max_attempts=3))
    builder.add_node("send", send)
    builder.add_edge(START, "reply")
    builder.add_edge("reply", "send")
    builder.add_edge("send", END)
    graph = builder.compile()

    async def answer(ticket: str) -> tuple[str, bool]:
        ended = await graph.ainvoke({"ticket": ticket})
        return str(ended["reply"]), calls[ticket] > 1

    try:
        return await _run(answer, tickets, concurrency)
    finally:
        await http.aclose()


def _prompt(step: str, ticket: str) -> str:
    facts = {"untrusted_ticket": ticket, "articles": [ARTICLE], "rows": []}
    return f"{step}\n\nFacts, as JSON:\n{json.dumps(facts)}"


async def _run(answer: Answer, tickets: int, concurrency: int) -> Outcome:
    outcome, room, said = Outcome(tickets), asyncio.Semaphore(concurrency), texts()

    async def one(number: int) -> None:
        async with room:
            began = time.perf_counter()
            try:
                async with asyncio.timeout(GIVEN_UP):
                    text, again = await answer(f"#{number} {said[number % len(said)]}")
            except Exception as error:
                outcome.failed += 1
                outcome.met += not _is_final(error)
            else:
                right = is_right(text)
                outcome.right += right
                outcome.wrong += not right
                outcome.met += again
                outcome.recovered += again and right
            outcome.waits.append(time.perf_counter() - began)

    await asyncio.gather(*(one(number) for number in range(tickets)))
    return outcome


def _is_final(error: Exception) -> bool:
    """Whether another attempt could not have helped: what the desk does not count as recoverable either."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code in (400, 401) or "insufficient_quota" in str(error)
    return "refus" in type(error).__name__.lower() or isinstance(
        error, openai.LengthFinishReasonError | openai.ContentFilterFinishReasonError
    )

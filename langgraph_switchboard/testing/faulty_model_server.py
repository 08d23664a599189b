"""A local OpenAI-compatible model server that fails as it is told.

It runs inside a test, or as a process of its own that any client can be pointed at:

    python -m langgraph_switchboard.testing.faulty_model_server --fault busy-seconds=0.05 --latency 0.3
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from types import TracebackType
from typing import Any

from langgraph_switchboard.testing.fault_plan import FaultPlan, Latency, known_fault
from langgraph_switchboard.testing.local_server import LocalServer, Request, Response
from langgraph_switchboard.testing.model_answers import Chat, Said, fitting_answer, sent
from langgraph_switchboard.testing.model_faults import FAULTS, break_off, instead_of_answer, spoil

Answering = Callable[[Chat], str | Said]
"""What a good answer to a request is: its text, or a whole message with tool calls."""

_ONCE = "-once"


@dataclass(frozen=True)
class Served:
    """What one request met.

    Args:
        question: Tells this question from others: a digest of its model, its messages up to the user's
            first, and its tools. What follows in the same talk is the same question, asked again.
        times: How often it had been asked by then, from 1.
        fault: The fault, or None for a good answer.
        model: The model that was asked.
        at: When the request came, in seconds of `time.monotonic`.
    """

    question: str
    times: int
    fault: str | None
    model: str
    at: float


class FaultyModelServer(LocalServer):
    """Speaks `POST /v1/chat/completions`, whole and streamed, on 127.0.0.1 until it is left.

    with FaultyModelServer(plan=FaultPlan({"busy-seconds": 0.1, "hang": 0.02}, seed=7)) as server:
        models = OpenAIModels("any", base_url=server.base_url)

    A request whose model is called like a fault (`FAULTS` lists them) meets that fault; called
    `NAME-once` it meets it the first time a question is asked, and then gets its answer. Every other
    request meets what the plan draws for it. The server has a thread of its own, holds a thousand
    connections at a time, and tells in `served` what each request met.

    Args:
        answer: Makes a good answer from the request; unless given, the smallest value that fits the
            requested JSON Schema.
        plan: The shares of faults; none unless given.
        latency: How long an answer takes; no time unless given. Errors come at once.
        retry_after: Seconds that the faults `busy-seconds` and `busy-date` ask for.
        keeps: Whether the requests are kept, to be looked at; leave it out for long runs.
    """

    def __init__(
        self,
        answer: Answering = fitting_answer,
        *,
        plan: FaultPlan | None = None,
        latency: Latency | None = None,
        retry_after: float = 1.0,
        keeps: bool = True,
    ) -> None:
        super().__init__()
        self._answer = answer
        self._plan = plan or FaultPlan()
        self._latency = latency or Latency()
        self._retry_after = retry_after
        self._keeps = keeps
        self._asked: Counter[str] = Counter()
        # Bound and never listened to, so that nobody else can take it either.
        self._deaf = socket.socket()
        self._deaf.bind(("127.0.0.1", 0))
        self.served: list[Served] = []
        """What each request met, in the order of arrival."""

    @property
    def base_url(self) -> str:
        """What to set OPENAI_BASE_URL to."""
        return f"{self.url}/v1"

    @property
    def refusing_url(self) -> str:
        """An address like `base_url` at which every connection is refused."""
        return f"http://127.0.0.1:{self._deaf.getsockname()[1]}/v1"

    @property
    def chats(self) -> list[dict[str, Any]]:
        """The bodies of the chat requests so far."""
        return [request.json() for request in list(self.requests)]

    def faults(self) -> Counter[str]:
        """How many requests met each fault; good answers under `ok`."""
        return Counter(one.fault or "ok" for one in list(self.served))

    def forget(self) -> None:
        """Begin anew: no request has been seen."""
        self.requests.clear()
        self.served.clear()
        self._asked.clear()

    def respond(self, request: Request) -> Response:
        """Answer as the model's name or the plan says."""
        if not self._keeps:
            self.requests.clear()
        if request.method == "GET":
            return Response.of(self.faults())
        chat = request.json()
        served = self._draw(chat)
        self.served.append(served)
        fault = served.fault or ""
        if (instead := instead_of_answer(fault, self._retry_after, self.refusing_url)) is not None:
            return instead
        good = self._answer(chat)
        said = spoil(fault, good if isinstance(good, Said) else Said(good), chat)
        whole = sent(said, chat, no_choices=fault == "no-choices", no_usage=fault == "no-usage")
        waits = self._latency.seconds(served.question, served.times)
        return replace(break_off(fault, whole), delay=waits)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._deaf.close()

    def _draw(self, chat: Chat) -> Served:
        model = str(chat["model"])
        question = _digest(chat)
        self._asked[question] += 1
        times = self._asked[question]
        name = model.removesuffix(_ONCE)
        if name in FAULTS:
            fault = None if name != model and times > 1 else name
        else:
            fault = self._plan.fault(question, times)
        return Served(question, times, fault, model, time.monotonic())


def _digest(chat: Chat) -> str:
    messages = list(chat["messages"])
    asked = next((place for place, one in enumerate(messages) if one["role"] == "user"), len(messages))
    said = [chat["model"], messages[: asked + 1], chat.get("tools")]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until the process is stopped; the first line says where."""
    parser = argparse.ArgumentParser(prog="langgraph_switchboard.testing.faulty_model_server")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=SHARE", help="may be repeated")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds of the median answer")
    parser.add_argument("--spread", type=float, default=0.5, help="standard deviation of its logarithm")
    parser.add_argument("--retry-after", type=float, default=1.0, help="seconds that a busy server asks for")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another run")
    parser.add_argument("--answer", default="", metavar="MODULE:NAME", help="makes the good answers")
    options = parser.parse_args(arguments)
    shares = dict(one.split("=", 1) for one in options.fault)
    module, _, name = options.answer.partition(":")
    server = FaultyModelServer(
        getattr(import_module(module), name) if module else fitting_answer,
        plan=FaultPlan({known_fault(fault): float(share) for fault, share in shares.items()}, options.seed),
        latency=Latency(options.latency, options.spread, options.seed),
        retry_after=options.retry_after,
        keeps=False,
    )
    # Blocked before the server's thread begins, which inherits it: the signal waits for us below.
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with server:
        sys.stdout.write(f"OPENAI_BASE_URL={server.base_url}\n")
        sys.stdout.flush()
        signal.sigwait(ends)


if __name__ == "__main__":
    main()

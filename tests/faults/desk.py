"""The support desk with a model over real HTTP, a server that fails, and time that passes at once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.support import Ticket
from graphs.support_desk import desk
from langgraph_switchboard import Switchboard
from langgraph_switchboard.models import Answer, Answerer, Models, OpenAIModels, Question
from langgraph_switchboard.models.asking import C
from langgraph_switchboard.switchboard import NewCase
from langgraph_switchboard.switchboard.ticker import Ticker
from langgraph_switchboard.testing import FakeClock, FaultyModelServer, facts_in
from nodes.trust import COURTESIES

TICKETS = Path(__file__).parent.parent.parent / "evals" / "datasets" / "demo_tickets.jsonl"
PATIENCE = 10.0
"""Seconds that the client waits for an answer."""
IMPATIENCE = {True: 0.5, False: 6.0}
"""Seconds that it waits for what never comes, and for what may come yet; with 20 it hangs as well."""
MakeModels = Callable[[str, str], Models]
"""Makes models from a model's name and the server's address."""
SLOW = ("hang", "hang-mid-stream", "drip")


def grounded_answer(chat: Any) -> str:
    """A right answer, as a good model gives it: from the facts alone, naming what it rests on."""
    facts = facts_in(chat)
    article = next(iter(facts["articles"]), None)
    said = [row["says"] for row in facts["rows"]] + ([article["passage"]] if article else [])
    thanks = COURTESIES.partition(". ")[0]
    return json.dumps(
        {
            "text": "\n\n".join([f"{thanks}.", *said, "Kind regards,\nLarkpay Support"])[:4000],
            "cites": [article["id"]] if article else [],
            "rows": [ref for row in facts["rows"] for ref in row["refs"]],
            "confidence": 0.95,
        }
    )


def tickets() -> list[Ticket]:
    """The demo's tickets, in order."""
    lines = TICKETS.read_text(encoding="utf-8").splitlines()
    given = (json.loads(line) for line in lines)
    return [Ticket.model_validate({name: one[name] for name in ("id", "text", "customer")}) for one in given]


class ByCase:
    """Asks for each case the model that it is to meet.

    Args:
        of: Gives the name of the model for a case's id.
        make: Makes a model by its name.
    """

    line = "Answers: a model for each case."
    model = "many"

    def __init__(self, of: Callable[[str], str], make: Callable[[str], Models]) -> None:
        self._of = of
        self._make = make
        self._made: dict[str, Models] = {}

    async def ask(self, question: Question[C], answerer: Answerer[C] | None = None) -> Answer[C]:
        """The answer of the case's model."""
        name = self._of(question.case)
        if name not in self._made:
            self._made[name] = self._make(name)
        return await self._made[name].ask(question, answerer)

    async def aclose(self) -> None:
        """Close all of them."""
        for models in self._made.values():
            await models.aclose()


@dataclass
class Desk:
    """One open desk.

    Args:
        switchboard: Runs it.
        server: The model server.
        clock: The time, which passes at once where somebody waits.
    """

    switchboard: Switchboard
    server: FaultyModelServer
    clock: FakeClock
    broke_off: dict[str, Any] = field(default_factory=dict)

    async def run(self, cases: Mapping[str, Ticket], *, concurrency: int = 50) -> None:
        """Drive cases until each has ended or waits for a person; timers are let come due."""
        given = [NewCase({"ticket": one.model_dump(mode="json")}, name, {}) for name, one in cases.items()]
        self.broke_off |= await self.switchboard.run_many(desk, given, concurrency=concurrency)
        ticker = Ticker(self.switchboard)
        while (counts := await self.switchboard.services.store.counts())["delayed"]:
            self.clock.advance(310.0)
            ticked = await ticker.tick()
            assert ticked.woken, f"{counts['delayed']} cases wait for timers that wake nobody"


@asynccontextmanager
async def open_desk(
    dsn: str,
    of: Callable[[str], str],
    *,
    answer: Callable[[Any], Any] = grounded_answer,
    make: MakeModels | None = None,
    retry_after: float = 1.0,
) -> AsyncIterator[Desk]:
    """A desk whose cases meet the models that `of` names.

    Args:
        dsn: Its database.
        of: The model's name for a case's id.
        answer: What the server answers where it does not fail.
        make: Makes a model from its name and the server's address; langchain-openai's unless given.
        retry_after: Seconds that a busy server asks for.
    """
    clock = FakeClock()
    async with AsyncExitStack() as stack:
        server = stack.enter_context(FaultyModelServer(answer, retry_after=retry_after, keeps=False))
        url = server.base_url

        def ask_over_http(name: str) -> Models:
            fault = name.removesuffix("-once")
            patience = IMPATIENCE[name == fault] if fault in SLOW else PATIENCE
            return OpenAIModels(name, base_url=url, seconds=patience)

        models = ByCase(of, (lambda name: make(name, url)) if make else ask_over_http)
        stack.push_async_callback(models.aclose)
        switchboard = await stack.enter_async_context(
            Switchboard.open(dsn, models=models, clock=clock.now, sleep=clock.sleep)
        )
        yield Desk(switchboard, server, clock)


def spread(names: Sequence[str], tickets: Iterable[Ticket], each: int) -> dict[str, Ticket]:
    """Cases called `NAME/number`, `each` for every name, over the tickets in turn."""
    given = list(tickets)
    return {
        f"{name}/{number}": given[(place * each + number) % len(given)]
        for place, name in enumerate(names)
        for number in range(each)
    }

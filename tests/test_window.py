"""Long conversations: the store keeps every message, and what an agent sees has a bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from contracts.support import Message, Reply, Ticket
from langgraph_switchboard import END, Blueprint, CaseState, Contract, StepContext, Switchboard
from langgraph_switchboard.cases import Conversation, MemoryStore, MessageRow, PostgresStore, as_values
from langgraph_switchboard.ledger import Row
from langgraph_switchboard.models import OpenAIModels, Question, models_from_env
from langgraph_switchboard.nodes import memory_services
from langgraph_switchboard.nodes.summary import SUMMARY_AT_MOST, Summary, pick_sentences
from langgraph_switchboard.nodes.window import SEEN_AT_MOST, look
from langgraph_switchboard.routing.decision import Route
from langgraph_switchboard.testing import FaultyModelServer
from nodes.support import NOBODY, generalist, intake
from tests.case_builders import Store, a_case, an_event, minutes, settle, task
from tests.desk_context import FakeContext
from tests.seam import Bench
from tests.test_desk_agents import ARTICLES


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.pg)])
def store(request: pytest.FixtureRequest) -> Store:
    return MemoryStore() if request.param == "memory" else PostgresStore(request.getfixturevalue("pg_pool"))


def message(number: int, text: str = "", **changed: Any) -> MessageRow:
    said = MessageRow("c1", f"m{number}", "customer", text or f"message {number}", "s", minutes(number), 0)
    return replace(said, **changed)


def summary(covers: int) -> MessageRow:
    return message(covers, f"the first {covers}", key=f"summary/{covers}", role="summary", covers=covers)


async def keep(store: Store, rows: Sequence[MessageRow], name: str = "t1") -> None:
    await store.accept([a_case()])
    await settle(store, task(name), an_event(), *(Row("messages", as_values(row)) for row in rows))


def texts(conversation: Conversation) -> list[str]:
    return [row.text for row in conversation.messages]


async def test_every_message_is_kept_in_the_order_in_which_it_was_said(store: Store) -> None:
    """By the moment, then by the place among those of its step; said again it is the same message."""
    rows = [message(2), message(1), *(message(3, f"3.{n}", key=f"m3.{n}", ordinal=n) for n in (2, 10, 1))]
    await keep(store, rows)
    await keep(store, [message(1, "said again"), message(4)], "t2")
    whole = await store.conversation("c1")
    assert texts(whole) == ["message 1", "message 2", "3.1", "3.2", "3.10", "message 4"]
    assert (whole.length, whole.skipped, whole.summary) == (6, 0, None)
    assert await store.conversation("c2") == Conversation()


async def test_a_window_is_the_last_messages_and_those_that_no_summary_covers(store: Store) -> None:
    """What is read does not grow with the case, once its summary keeps up."""
    await keep(store, [message(number) for number in range(1, 11)])
    assert len((await store.conversation("c1", last=3)).messages) == 10
    await keep(store, [summary(4), summary(6)], "t2")
    window = await store.conversation("c1", last=3)
    assert texts(window) == [f"message {number}" for number in (7, 8, 9, 10)]
    assert (window.skipped, window.length, window.covered) == (6, 10, 6)
    wider = await store.conversation("c1", last=8)
    assert (len(wider.messages), wider.skipped) == (8, 2)


async def joined(before: str, messages: list[dict[str, str]]) -> str:
    return "+".join([before, *(one["text"] for one in messages)])


@pytest.mark.parametrize(("last", "covered"), [(3, 0), (3, 4), (3, 7), (20, 0), (1, 9)])
async def test_what_left_the_window_is_in_the_summary_once(last: int, covered: int) -> None:
    """Each message is seen whole or stands in the summary, never both and never neither."""
    rows = [message(number, str(number)) for number in range(1, 11)]
    skipped = min(covered, max(0, 10 - last))
    before = "+".join(["", *(row.text for row in rows[:covered])])
    made = message(0, before, role="summary", covers=covered) if covered else None
    kept = Conversation(tuple(rows[skipped:9]), skipped, made)
    window = await look(kept, rows[9:], last, joined)
    seen = [one.text for one in window.history.messages]
    assert seen == [str(number) for number in range(max(1, 11 - last), 11)]
    left = max(0, 10 - last)
    assert window.covers == max(covered, left)
    assert window.is_new == (left > covered)
    if left >= covered:
        assert window.history.summary == "+".join(["", *(row.text for row in rows[:left])]) * bool(left)
    assert window.history.length == 10


async def test_a_long_past_is_summarised_in_bounded_pieces() -> None:
    """A model that is asked for the summary sees no more than a batch at a time either."""
    sizes: list[int] = []

    async def count(before: str, messages: list[dict[str, str]]) -> str:
        sizes.append(sum(len(one["text"]) for one in messages))
        return f"{before}{len(messages)} "

    rows = tuple(message(number, "x" * 5_000) for number in range(500))
    window = await look(Conversation(rows), [], 20, count)
    assert window.history.summary == "20 " * 24
    assert max(sizes) <= 20 * SEEN_AT_MOST
    assert all(len(one.text) == SEEN_AT_MOST for one in window.history.messages)


async def picked(messages: list[tuple[str, str]], before: str = "") -> list[str]:
    said = [{"by": by, "text": text} for by, text in messages]
    made = await pick_sentences(Question(Summary, "", {"summary": before, "messages": said}))
    assert len(made.text) <= SUMMARY_AT_MOST
    return made.text.splitlines()


async def test_the_picked_summary_holds_the_sentences_that_weigh_most() -> None:
    """Figures, questions and what the conversation keeps coming back to; small talk makes room."""
    filler = [
        ("us", f"Dear valued friend number{chr(97 + n % 26)}, lovely weather outside.") for n in range(60)
    ]
    told = await picked(
        [
            ("customer", "Good morning! My transfer of 250.00 EUR to Lisbon has not arrived."),
            *filler,
            ("us", "Thank you. We promise to trace the transfer of 250.00 EUR by 4 May."),
        ]
    )
    assert "customer: My transfer of 250.00 EUR to Lisbon has not arrived." in told
    assert told[-1] == "us: We promise to trace the transfer of 250.00 EUR by 4 May."
    assert sum("friend" in line for line in told) < 20


async def test_a_summary_never_grows_and_keeps_what_weighs_most() -> None:
    """The sentences of the summary before compete with the new ones for the same room."""
    before = ""
    for batch in range(30):
        said = [("customer", f"Point {batch}.{n} is about fee {n} of account {batch}.") for n in range(20)]
        before = "\n".join(await picked(said, before))
    assert 0.8 * SUMMARY_AT_MOST < len(before) <= SUMMARY_AT_MOST
    assert all(line.startswith("customer: Point ") for line in before.splitlines())


# -- in a blueprint --------------------------------------------------------------------


class Talk(Contract):
    messages: tuple[str, ...]


class Heard(Contract):
    text: str


class TalkCase(CaseState):
    talk: Talk
    heard: Heard | None = None
    reply: Heard | None = None


def talking(last: int | None = None, *, breaks: bool = False) -> Blueprint:
    """Records a conversation, then asks a model about it."""

    async def listen(talk: Talk, ctx: StepContext) -> Heard:
        for place, text in enumerate(talk.messages):
            ctx.say("customer", text, key=f"talk/{place}")
        if breaks:
            raise RuntimeError("broken off")
        return Heard(text="heard")

    async def answer(heard: Heard, ctx: StepContext) -> Heard:
        history = await ctx.history(last)
        return await ctx.ask(Heard, "Answer.", facts=history.facts(), answerer=plainly)

    async def plainly(question: Question[Heard]) -> Heard:
        return Heard(text=f"{len(question.facts['last_messages'])} messages")

    flow = Blueprint("talk", case=TalkCase, owner="o")
    flow.step(listen, gives="heard", then="answer")
    flow.step(answer, gives="reply", then=END)
    return flow


def said(length: int) -> Talk:
    said = (f"Message {n:03}: I paid {n:03}.50 EUR on day {n:03}, and why? " for n in range(length))
    return Talk(messages=tuple(text * 5 for text in said))


async def prompts(length: int, last: int | None = None) -> list[int]:
    """The size of every request that a case of this length sends to its model."""
    with FaultyModelServer() as server:
        models = OpenAIModels("any", base_url=server.base_url)
        async with Switchboard.open(database="memory", models=models) as switchboard:
            case = await switchboard.run(talking(last), said(length))
            assert case.row.status == "finished"
        await models.aclose()
        return [len(request.body) for request in server.requests]


async def test_no_prompt_grows_with_the_length_of_the_case() -> None:
    """500 messages cost an agent what 50 cost it, and the summaries that stand for them no more each."""
    short, long = await prompts(50), await prompts(500)
    assert max(long) <= 1.05 * max(short)
    assert long[-1] <= 1.05 * short[-1]
    assert len(long) == 1 + 480 // 20
    assert (await prompts(10))[-1] < short[-1]


async def test_control_without_the_window_a_prompt_grows_with_its_case() -> None:
    """The negative control: an agent that sees all of it is handed ten times as much."""
    (short,), (long,) = await prompts(50, last=1_000), await prompts(500, last=1_000)
    assert long > 8 * short


async def test_offline_the_summary_is_picked_and_rides_with_the_step() -> None:
    """The next agent finds it; what it covers is not read again."""
    services = memory_services()
    services.models = models_from_env({})
    bench = Bench(talking(5), services=services)
    await bench.run({"talk": said(30).model_dump(mode="json")})
    kept = await bench.store.conversation("c1", last=5)
    assert (kept.covered, len(kept.messages), kept.length) == (25, 5, 30)
    assert kept.summary is not None and "day 024" in kept.summary.text
    assert len((await bench.store.conversation("c1")).messages) == 30


async def test_what_a_broken_step_has_recorded_is_not_kept() -> None:
    """Messages ride in the commit of the step that said them, or not at all."""
    bench = Bench(talking(breaks=True))
    await bench.run({"talk": said(3).model_dump(mode="json")})
    assert (await bench.row()).status == "dead_lettered"
    assert (await bench.store.conversation("c1")).length == 0


# -- at the desk -----------------------------------------------------------------------


async def test_a_follow_up_is_answered_with_what_was_said_before() -> None:
    """A ticket may go on with a conversation; the agent sees it as data beside the ticket."""
    ticket = Ticket(
        id="t1",
        text="Any news?",
        earlier=(Message(by="customer", text="My card is late."), Message(by="us", text="It was sent.")),
    )
    ctx = FakeContext(ARTICLES, answer=Reply(text="It is on its way.", confidence=0.9))
    await intake(ticket, ctx.ctx)
    route = Route(agent=None, label="account", confidence=0.4, reason="r", by="rule")
    await generalist(ticket, NOBODY, route, ctx.ctx)
    told = ctx.asked[-1].facts["untrusted_conversation"]
    assert told["last_messages"] == [
        {"by": "customer", "text": "My card is late."},
        {"by": "us", "text": "It was sent."},
        {"by": "customer", "text": "Any news?"},
    ]


async def test_a_first_message_brings_no_conversation() -> None:
    """The ticket alone says it all, and nothing is read for it."""
    ctx = FakeContext(ARTICLES, answer=Reply(text="Hello.", confidence=0.9))
    ticket = Ticket(id="t1", text="Where is my card?")
    await intake(ticket, ctx.ctx)
    route = Route(agent=None, label="account", confidence=0.4, reason="r", by="rule")
    await generalist(ticket, NOBODY, route, ctx.ctx)
    assert "untrusted_conversation" not in ctx.asked[-1].facts
    assert list(ctx.said) == ["ticket"]

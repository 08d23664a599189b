"""Flows within limits: what becomes of cases when money, turns or trust run out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from langchain_core.language_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import Field

from langgraph_switchboard import END, Blueprint, CaseState, Contract, Decision, StepContext, Switchboard
from langgraph_switchboard.errors import ModelBusy, ModelRefused, ModelTimeout, StoreUnavailable
from langgraph_switchboard.ledger import Event, Price, Prices
from langgraph_switchboard.limits import (
    BreakerPolicy,
    Budget,
    Call,
    Grant,
    MemoryLimits,
    ModelPolicy,
    PostgresLimits,
    Rate,
)
from langgraph_switchboard.models import Question, Usage
from langgraph_switchboard.nodes import JOIN, Retry
from langgraph_switchboard.switchboard import CaseView
from langgraph_switchboard.testing import ScriptedModel

ONCE = Retry(attempts=1)
DOLLAR = Prices({"scripted": Price(Decimal(1_000), Decimal(1_000))})
"""A tenth of a cent for each token."""


class Ticket(Contract):
    """What somebody wrote."""

    text: str


class Reply(Contract):
    """What we say."""

    text: str
    confidence: float = Field(ge=0, le=1)


class ReplyDecision(Decision):
    """What a person said about it."""

    edited: Reply | None = None


class HelpCase(CaseState):
    """One ticket."""

    ticket: Ticket
    reply: Reply | None = None
    decision: ReplyDecision | None = None


async def draft(question: Question[Reply]) -> Reply:
    """Plain code's answer; sure of itself on purpose, so that only the budget sends it to a person."""
    return Reply(text="a draft", confidence=1.0)


async def billing(ticket: Ticket, ctx: StepContext) -> Reply:
    """Ask a model, with plain code behind it."""
    return await ctx.ask(Reply, "Answer.", facts={"text": ticket.text}, answerer=draft)


async def alone(ticket: Ticket, ctx: StepContext) -> Reply:
    """Ask a model, with nothing behind it."""
    return await ctx.ask(Reply, "Answer.", facts={"text": ticket.text})


async def generalist(ticket: Ticket) -> Reply:
    """Answer without a model."""
    return Reply(text="from the generalist", confidence=1.0)


def desk(agent: Any = billing, *, budget: Budget | None = None, **options: Any) -> Blueprint:
    flow = Blueprint("desk", case=HelpCase, owner="support", budget=budget)
    flow.step(agent, then="gate", name="billing", fallback=generalist, **{"retry": ONCE, **options})
    flow.step(generalist, then="gate")
    flow.gate("gate", of="reply", threshold=0.5, sure=END, unsure="review")
    flow.review("review", of="reply", decides=ReplyDecision, then=END)
    return flow


def good(confidence: float = 0.9) -> Reply:
    return Reply(text="from the model", confidence=confidence)


def scripted(*lines: Any, **options: Any) -> ScriptedModel:
    return ScriptedModel(*lines, **{"usage": Usage(100, 20), "cost_usd": None, **options})


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.pg)])
def where(request: pytest.FixtureRequest) -> str:
    return "memory" if request.param == "memory" else str(request.getfixturevalue("pg_dsn"))


@pytest.fixture
async def switchboard(where: str) -> AsyncIterator[Switchboard]:
    async with Switchboard.open(where) as one:
        one.services.prices = DOLLAR
        yield one


async def run(switchboard: Switchboard, flow: Blueprint, model: ScriptedModel, text: str = "hm") -> CaseView:
    switchboard.services.models = model
    case = await switchboard.run(flow, Ticket(text=text))
    model.check()
    return case


def events(case: CaseView, kind: str) -> list[Event]:
    return [entry.event for entry in case.story if entry.event.kind == kind]


def finished(case: CaseView) -> dict[str, Any]:
    """What the ledger tells of billing."""
    (event,) = [one for one in events(case, "step_finished") if one.step == "billing"]
    return event.data


def text(case: CaseView) -> str | None:
    assert isinstance(case.state, HelpCase)
    return case.state.reply.text if case.state.reply else None


# -- budgets -------------------------------------------------------------------------


async def test_a_case_that_may_spend_no_more_goes_to_a_person_with_the_draft(
    switchboard: Switchboard,
) -> None:
    """No model is asked, plain code gives a draft, and a person sees it, however sure it is."""
    case = await run(switchboard, desk(budget=Budget(tokens=100)), scripted())
    assert (case.status, text(case)) == ("waiting", "a draft")
    assert case.row.reason == "the budget of the case has no room for the call"
    (event,) = events(case, "budget_exceeded")
    assert (
        event.data["budget"] == f"case:{case.row.case_id}" and event.data["left"] == "100 of 100 tokens left"
    )
    assert case.reviews[0].shown["reply"]["text"] == "a draft"
    assert [line.split(maxsplit=1)[1] for line in case.story_lines()[1:3]] == [
        "may spend no more: the budget of the case has no room for the call",
        "gave reply, confidence 0.80 -> review",
    ]
    assert (await switchboard.decide(case.reviews[0].review_id, {"type": "approve"}, by="ada")).status == (
        "finished"
    )


async def test_without_a_draft_a_person_writes_the_answer(switchboard: Switchboard) -> None:
    """Not to the fallback, which could not ask either, and never an error for the user."""
    case = await run(switchboard, desk(alone, budget=Budget(usd=0.5)), scripted())
    assert (case.status, text(case)) == ("waiting", None)
    assert events(case, "budget_exceeded") and events(case, "step_failed")[0].data["goto"] == "review"
    answer = {"type": "edit", "edited": {"text": "by hand", "confidence": 1.0}}
    row = await switchboard.decide(case.reviews[0].review_id, answer, by="ada")
    assert row.status == "finished"


async def test_several_questions_at_once_lead_to_a_person_too(switchboard: Switchboard) -> None:
    """The breach is found in the group of errors that an agent raises."""

    async def eager(ticket: Ticket, ctx: StepContext) -> Reply:
        """Ask three times at once."""
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(ctx.ask(Reply, f"Answer {number}.")) for number in range(3)]
        return asked[0].result()

    case = await run(switchboard, desk(eager, budget=Budget(tokens=1)), scripted())
    assert (case.status, case.row.step) == ("waiting", "review")
    assert case.row.reason == "the budget of the case has no room for the call"


async def test_the_budget_of_a_day_is_shared_by_all_cases(switchboard: Switchboard) -> None:
    """What one case spends is not there for the next; what was set aside and not used is."""
    flow = desk(budget=Budget(usd_per_day=1.5, answer=100))
    first = await run(switchboard, flow, scripted(good()))
    assert first.status == "finished"
    (row,) = await switchboard.services.limits.budgets()
    assert (row.scope, row.spent.micros, row.held.micros) == ("flow", 120_000, 0)
    later = [await again(switchboard, flow) for _ in range(12)]
    assert [case.status for case in later[-3:]] == ["waiting"] * 3
    (row,) = await switchboard.services.limits.budgets()
    assert row.limit[0] is not None and row.spent.micros <= row.limit[0]
    assert row.held.micros == 0


async def again(switchboard: Switchboard, flow: Blueprint) -> CaseView:
    switchboard.services.models = scripted(good())
    return await switchboard.run(flow, Ticket(text="again"))


async def test_an_agent_has_a_budget_in_each_case_and_on_each_day(switchboard: Switchboard) -> None:
    """The step's own budget, beside that of the blueprint; the nearest that has no room is named."""
    for budget, key in ((Budget(tokens=9), "step:"), (Budget(tokens_per_day=9), "agent:desk/billing@")):
        case = await run(
            switchboard, desk(budget=Budget(tokens=10**6)) if key == "" else desk_with(budget), scripted()
        )
        (event,) = events(case, "budget_exceeded")
        assert event.data["budget"].startswith(key), event.data


def desk_with(budget: Budget) -> Blueprint:
    flow = Blueprint("desk", case=HelpCase, owner="support", budget=Budget(tokens=10**6))
    flow.step(billing, then="gate", fallback=generalist, retry=ONCE, budget=budget)
    flow.step(generalist, then="gate")
    flow.gate("gate", of="reply", threshold=0.5, sure=END, unsure="review")
    flow.review("review", of="reply", decides=ReplyDecision, then=END)
    return flow


@pytest.mark.parametrize(
    "budget", [Budget(tokens_per_call=50), Budget(usd_per_call=0.01)], ids=["tokens", "dollars"]
)
async def test_one_question_may_not_cost_more_than_one_may(switchboard: Switchboard, budget: Budget) -> None:
    """The last level of the tree needs no row: it is known before anybody is asked."""
    case = await run(switchboard, desk(budget=budget), scripted())
    assert case.status == "waiting"
    assert events(case, "budget_exceeded")[0].data["budget"] == "call:desk"


async def test_no_budget_in_dollars_is_kept_for_a_model_without_a_price(switchboard: Switchboard) -> None:
    """Unknown is never taken for nothing: the call is not made."""
    switchboard.services.prices = Prices()
    case = await run(switchboard, desk(budget=Budget(usd=1_000_000)), scripted())
    assert case.status == "waiting" and "nobody knows the price" in str(case.row.reason)
    case = await run(switchboard, desk(budget=Budget(tokens=1_000_000)), scripted(good()))
    assert case.status == "finished"


@pytest.mark.parametrize(
    ("failure", "tokens"),
    [
        (ModelBusy("busy"), 0),
        (ModelRefused("no", input_tokens=7, output_tokens=5), 12),
        (ModelTimeout("late"), -1),
    ],
    ids=["busy", "refused", "late"],
)
async def test_what_a_failed_question_cost_is_counted(
    switchboard: Switchboard, failure: Any, tokens: int
) -> None:
    """Nothing where nobody worked, what the model reports where it does, else what was set aside."""
    flow = desk(alone, budget=Budget(tokens=1_000_000, answer=500))
    case = await run(switchboard, flow, scripted(failure))
    assert text(case) == "from the generalist"
    (row,) = await switchboard.services.limits.budgets()
    assert row.held.tokens == 0
    assert row.spent.tokens == tokens if tokens >= 0 else row.spent.tokens > 500
    (failed,) = events(case, "step_failed")
    assert failed.data["model"] == "scripted"
    assert failed.data.get("cost_usd") == {0: 0.0, 12: 0.012, -1: None}[tokens]


async def test_a_way_of_ones_own_leads_out_of_a_spent_budget(switchboard: Switchboard) -> None:
    """`over_budget=` says where; without one, and with no review behind the step, its fallback stands in."""
    flow = Blueprint("other", case=HelpCase, owner="support", budget=Budget(tokens=1))
    flow.step(alone, then=END, fallback=generalist, retry=ONCE, over_budget="ask")
    flow.step(generalist, then=END)
    flow.review("ask", of="reply", decides=ReplyDecision, then=END)
    assert (await run(switchboard, flow, scripted())).row.step == "ask"

    bare = Blueprint("bare", case=HelpCase, owner="support", budget=Budget(tokens=1))
    bare.step(alone, then=END, fallback=generalist, retry=ONCE)
    bare.step(generalist, then=END)
    case = await run(switchboard, bare, scripted())
    assert (case.status, text(case)) == ("finished", "from the generalist")


async def test_an_included_blueprint_is_bounded_by_those_around_it_and_by_its_own(
    switchboard: Switchboard,
) -> None:
    """The outer budget holds for every step inside; the inner one is that of the step that includes it."""
    for outer, inner, key in (
        (Budget(tokens=1), None, "case:CASE"),
        (Budget(tokens=10**6), Budget(tokens=1), "step:CASE/inner"),
        (None, Budget(tokens_per_day=1), "agent:outer/inner@"),
    ):
        within = Blueprint("inner", case=HelpCase, owner="support", budget=inner)
        within.step(alone, then="check", retry=ONCE)
        within.review("check", of="reply", decides=ReplyDecision, then=END)
        flow = Blueprint("outer", case=HelpCase, owner="support", budget=outer)
        flow.include(within, then=END)
        case = await run(switchboard, flow, scripted())
        assert (case.status, case.row.step) == ("waiting", "inner.check")
        (event,) = events(case, "budget_exceeded")
        assert event.data["budget"].startswith(key.replace("CASE", case.row.case_id))


async def test_branches_of_a_set_share_the_budget_of_their_case(switchboard: Switchboard) -> None:
    """Two ask and there is room for one: plain code gives a draft for the other; nothing is overrun."""
    flow = Blueprint("both", case=TwoCase, owner="support", budget=Budget(tokens=900, answer=500))
    flow.parallel("set", members=[first, second], then=END)
    flow.step(first, then=JOIN, retry=ONCE)
    flow.step(second, then=JOIN, retry=ONCE)
    await run(switchboard, flow, scripted(Note(text="from the model")))
    (row,) = await switchboard.services.limits.budgets()
    assert (row.spent.tokens, row.held.tokens) == (120, 0)


class Note(Contract):
    """What one of two says."""

    text: str


class Other(Note):
    """What the other says."""


class TwoCase(CaseState):
    """One ticket that two look at."""

    ticket: Ticket
    note: Note | None = None
    other: Other | None = None


async def first(ticket: Ticket, ctx: StepContext) -> Note:
    """Ask; plain code gives a draft."""
    return await ctx.ask(Note, "Note.", facts={"text": ticket.text}, answerer=drafted_note)


async def second(ticket: Ticket, ctx: StepContext) -> Other:
    """Ask as well."""
    note = await ctx.ask(Note, "Note.", facts={"text": ticket.text}, answerer=drafted_note)
    return Other(text=note.text)


async def drafted_note(question: Question[Note]) -> Note:
    return Note(text="a draft")


def foreign(usage: UsageMetadata | None) -> Runnable[Any, Any]:
    """An agent of another framework, which asks a model by itself."""
    said = AIMessage('{"text": "from afar", "confidence": 0.9}', usage_metadata=usage)
    chat = FakeMessagesListChatModel(responses=[said])

    async def answer(seen: dict[str, Any]) -> Any:
        return json.loads((await chat.ainvoke(seen["ticket"]["text"])).text)

    return RunnableLambda(answer)


@pytest.mark.parametrize(
    ("usage", "spent"),
    [(UsageMetadata(input_tokens=400, output_tokens=50, total_tokens=450), 450), (None, 200)],
    ids=["told", "not told"],
)
async def test_agents_of_other_frameworks_are_held_to_the_budget_of_the_day(
    switchboard: Switchboard, usage: UsageMetadata | None, spent: int
) -> None:
    """What they cost is known afterwards; nothing begins where too little is left."""
    flow = Blueprint("desk", case=HelpCase, owner="support", budget=Budget(tokens_per_day=600, answer=200))
    flow.step(foreign(usage), name="afar", takes=["ticket"], gives="reply", then="gate", retry=ONCE)
    flow.gate("gate", of="reply", threshold=0.5, sure=END, unsure="review")
    flow.review("review", of="reply", decides=ReplyDecision, then=END)
    assert text(await run(switchboard, flow, scripted())) == "from afar"
    (row,) = await switchboard.services.limits.budgets()
    assert (row.spent.tokens, row.held.tokens) == (spent, 0)
    cases = [await run(switchboard, flow, scripted()) for _ in range(3)]
    assert cases[-1].status == "waiting" and events(cases[-1], "budget_exceeded")


def test_the_way_to_a_person_is_drawn() -> None:
    """An ordinary edge of the blueprint, found where a review stands right behind the step."""
    bound, free = desk(budget=Budget(usd=1)).process(), desk().process()
    assert bound.steps["billing"].way("over_budget") == "review"
    assert bound.steps["generalist"].way("over_budget") == "review"
    assert free.steps["billing"].way("over_budget") is None


# -- what is not bounded pays nothing ------------------------------------------------------


@pytest.mark.pg
async def test_a_flow_without_limits_sends_no_statement(pg_dsn: str) -> None:
    """Also offline, whatever budget there is: nobody is asked, so nothing is spent."""
    async with Switchboard.open(pg_dsn) as switchboard:
        await run(switchboard, desk(), scripted(good()))
        await switchboard.run(desk(budget=Budget(usd=0.0)), Ticket(text="offline"))
        limits = switchboard.services.limits
        assert isinstance(limits, PostgresLimits) and limits._pool is None


class Gone(MemoryLimits):
    """A store that cannot be reached."""

    async def admit(self, call: Call) -> Grant:
        raise StoreUnavailable("no connection")


async def test_when_nobody_can_say_the_call_is_not_made_and_the_case_stands(switchboard: Switchboard) -> None:
    """Closed, not open: a lost database is no leave to spend; the case goes on when it is back."""
    flow, limits = desk(budget=Budget(tokens=1_000_000)), switchboard.services.limits
    switchboard.services.models, switchboard.services.limits = scripted(good()), Gone()
    row = await switchboard.start(flow, Ticket(text="hm"))
    with pytest.raises(StoreUnavailable):
        await switchboard.resume(row.case_id)
    switchboard.services.limits = limits
    assert (await switchboard.resume(row.case_id)).status == "finished"


# -- rates ---------------------------------------------------------------------------


async def test_an_agent_waits_for_its_turn_and_says_so(where: str) -> None:
    """The bucket of an agent is shared by its cases; how long a step waited is on the record."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with Switchboard.open(where, sleep=sleep) as switchboard:
        flow = desk(generalist, rate=Rate(per_second=0.5, burst=1))
        first, second = [await switchboard.run(flow, Ticket(text="hm")) for _ in range(2)]
    assert "rate_waited" not in finished(first)
    (waited,) = slept
    assert 1 < waited <= 2
    assert finished(second)["rate_waited"] == pytest.approx(waited, abs=0.001)


async def test_who_would_wait_too_long_is_tried_again_then(where: str) -> None:
    """A refusal for now: the step's own retry waits as long as it says."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with Switchboard.open(where, sleep=sleep) as switchboard:
        rate = Rate(per_second=0.05, burst=1, patience=0)
        flow = desk(generalist, rate=rate, retry=Retry(attempts=2, longest=60))
        await switchboard.run(flow, Ticket(text="hm"))
        case = await switchboard.run(flow, Ticket(text="hm"))
    (failed,) = events(case, "attempt_failed")
    assert failed.data["failure"]["code"] == "rate_exceeded" and 15 < slept[0] <= 20
    assert text(case) == "from the generalist"


async def test_the_rate_of_a_model_is_shared_by_all_who_ask_it(switchboard: Switchboard) -> None:
    """Where it may not be asked in time, plain code answers, with less confidence."""
    switchboard.services.model_policies = {"*": ModelPolicy(rate=Rate(0.001, patience=0))}
    assert text(await run(switchboard, desk(), scripted(good()))) == "from the model"
    case = await run(switchboard, desk(), scripted())
    assert isinstance(case.state, HelpCase) and case.state.reply == Reply(text="a draft", confidence=0.8)
    assert finished(case)["fallback_reason"] == "rate_exceeded"


# -- breakers ------------------------------------------------------------------------


async def test_an_agent_that_fails_too_often_is_left_alone(switchboard: Switchboard) -> None:
    """The next case goes to the fallback at once; that it opened stands in the story of the case before."""
    flow = desk(alone, breaker=BreakerPolicy(window=2, least=2))
    await run(switchboard, flow, scripted(ModelRefused("no")))
    second = await run(switchboard, flow, scripted(ModelRefused("no")))
    (opened,) = events(second, "breaker_opened")
    assert opened.data == {
        "of": "agent",
        "breaker": "desk/billing",
        "why": "100 % of the last 2 calls failed",
    }
    third = await run(switchboard, flow, scripted())
    assert events(third, "step_failed")[0].data["failure"]["code"] == "breaker_open"
    assert text(third) == "from the generalist"
    (row,) = await switchboard.services.limits.breakers()
    assert (row.name, row.state) == ("desk/billing", "open")


async def test_a_model_that_fails_too_often_is_not_asked(switchboard: Switchboard) -> None:
    """Plain code answers in its place, and says why."""
    policy = ModelPolicy(breaker=BreakerPolicy(window=2, least=2))
    switchboard.services.model_policies = {"scripted": policy}
    for _ in range(2):
        await run(switchboard, desk(), scripted(ModelTimeout("late")))
    case = await run(switchboard, desk(), scripted())
    assert finished(case)["fallback_reason"] == "breaker_open"


async def test_rising_rejections_open_the_breaker_of_who_gave_the_reply(switchboard: Switchboard) -> None:
    """A person's no is told to the breaker of the agent whose reply it was."""
    flow = desk(breaker=BreakerPolicy(least=2, rejections=0.5, errors=None))
    for _ in range(2):
        case = await run(switchboard, flow, scripted(good(0.1)))
        await switchboard.decide(case.reviews[0].review_id, {"type": "reject"}, by="ada")
        case = await switchboard.case(case.row.case_id)
    assert events(case, "breaker_opened")[0].data["why"] == "100 % of the last 2 decisions rejected it"
    assert text(await run(switchboard, flow, scripted())) == "from the generalist"

"""The bench's process as a blueprint, and the same line of steps in plain LangGraph beside it.

    open -> classify -> billing | technical -> gate -> send

Seven nodes (the dead letter is the seventh), five supersteps, seven checkpoints,
as in `workload`. There the account is a step beside `classify`; here, on both
sides, it is looked up by the step that drafts. No effect, no review, no wait.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph

from langgraph_switchboard.cli.workload import (
    TICKET,
    BenchTicket,
    account,
    billing,
    classify,
    gate,
    intake,
    send,
    technical,
)
from langgraph_switchboard.contracts import CaseState, Contract
from langgraph_switchboard.graphs import Blueprint


class Question(Contract):
    """What somebody wrote."""

    text: str


class Route(Contract):
    """Which desk it is for."""

    agent: str | None
    confidence: float
    reason: str


class Account(Contract):
    """Whose it is."""

    id: str
    plan: str
    balance: tuple[int, int]
    since: str


class Draft(Contract):
    """What we would say."""

    text: str
    cites: tuple[str, ...]
    account: Account
    confidence: float


class Said(Contract):
    """What we said."""

    text: str
    to: str


class BenchCase(CaseState):
    """One ticket."""

    ticket: Question
    route: Route | None = None
    draft: Draft | None = None
    said: Said | None = None


QUESTION = Question(text=TICKET)
_ACCOUNT = Account(id="A-1", plan="standard", balance=(12, 40), since="2021-03-01")


async def sort_out(ticket: Question) -> Route:
    """Say which desk it is for."""
    agent = "about_money" if "amount" in ticket.text else "about_technology"
    return Route(agent=agent, confidence=0.9, reason="rule")


async def about_money(ticket: Question) -> Draft:
    """Look the account up and draft a reply about money."""
    return Draft(text=ticket.text[:120], cites=("fees", "statements"), account=_ACCOUNT, confidence=0.95)


async def about_technology(ticket: Question) -> Draft:
    """Look the account up and draft a reply about technology."""
    return Draft(text=ticket.text[:120], cites=("errors",), account=_ACCOUNT, confidence=0.95)


async def say(draft: Draft) -> Said:
    """Give the reply."""
    return Said(text=draft.text, to=draft.account.id)


def bench_blueprint() -> Blueprint:
    """The process as a blueprint."""
    flow = Blueprint("bench", case=BenchCase, owner="bench")
    flow.supervise("classify", sort_out, agents=[about_money, about_technology], unsure=END)
    flow.step(about_money, then="gate")
    flow.step(about_technology, then="gate")
    flow.gate("gate", of="draft", sure="say", unsure=END)
    flow.step(say, then=END)
    return flow


async def _billing(state: BenchTicket) -> dict[str, Any]:
    return {**await account(state), **await billing(state)}


async def _technical(state: BenchTicket) -> dict[str, Any]:
    return {**await account(state), **await technical(state)}


def bench_line() -> StateGraph[BenchTicket, None, BenchTicket, BenchTicket]:
    """The same line in plain LangGraph, uncompiled."""
    graph = StateGraph(BenchTicket)
    graph.add_node("intake", intake)
    graph.add_node("classify", classify)
    graph.add_node("billing", _billing)
    graph.add_node("technical", _technical)
    graph.add_node("gate", gate)
    graph.add_node("send", send)
    graph.add_edge(START, "intake")
    graph.add_edge("intake", "classify")
    graph.add_conditional_edges("classify", lambda state: state.route, ["billing", "technical"])
    graph.add_edge("billing", "gate")
    graph.add_edge("technical", "gate")
    graph.add_edge("gate", "send")
    graph.add_edge("send", END)
    return graph

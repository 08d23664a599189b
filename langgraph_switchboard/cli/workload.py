"""The process that the bench runs: a ticket through seven steps in five supersteps.

    intake -> classify + account -> billing | technical -> gate -> send

Plain LangGraph, no model and no wait, so that what is measured is the saving.
A case makes 7 checkpoints and 31 rows.
"""

from __future__ import annotations

from operator import add
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

TICKET = "The amount on my last statement is higher than what we agreed upon. " * 3


class BenchTicket(BaseModel):
    """The state of one ticket."""

    ticket: str
    route: str = ""
    decision: dict[str, Any] = {}
    account: dict[str, Any] = {}
    draft: dict[str, Any] = {}
    verdict: dict[str, Any] = {}
    reply: dict[str, Any] = {}
    trail: Annotated[list[str], add] = []


async def intake(state: BenchTicket) -> dict[str, Any]:
    """Take the ticket in."""
    return {"ticket": state.ticket.strip(), "trail": ["intake"]}


async def classify(state: BenchTicket) -> dict[str, Any]:
    """Say which desk it is for."""
    route = "billing" if "amount" in state.ticket else "technical"
    return {"route": route, "decision": {"route": route, "confidence": 0.9, "by": "rule"}}


async def account(state: BenchTicket) -> dict[str, Any]:
    """Look the account up."""
    return {"account": {"id": "A-1", "plan": "standard", "balance": [12, 40], "since": "2021-03-01"}}


async def billing(state: BenchTicket) -> dict[str, Any]:
    """Draft a reply about money."""
    return {"draft": {"text": state.ticket[:120], "cites": ["fees", "statements"]}, "trail": ["billing"]}


async def technical(state: BenchTicket) -> dict[str, Any]:
    """Draft a reply about technology."""
    return {"draft": {"text": state.ticket[:120], "cites": ["errors"]}, "trail": ["technical"]}


async def gate(state: BenchTicket) -> dict[str, Any]:
    """Let the draft pass."""
    return {"verdict": {"passed": True, "confidence": 0.95}}


async def send(state: BenchTicket) -> dict[str, Any]:
    """Give the reply."""
    return {"reply": {"text": state.draft["text"], "to": state.account["id"]}}


def bench_graph() -> StateGraph[BenchTicket, None, BenchTicket, BenchTicket]:
    """The uncompiled graph."""
    graph = StateGraph(BenchTicket)
    for step in (intake, classify, account, billing, technical, gate, send):
        graph.add_node(step.__name__, step)
    graph.add_edge(START, "intake")
    graph.add_edge("intake", "classify")
    graph.add_edge("intake", "account")
    graph.add_conditional_edges("classify", lambda state: state.route, ["billing", "technical"])
    graph.add_edge("billing", "gate")
    graph.add_edge("technical", "gate")
    graph.add_edge("gate", "send")
    graph.add_edge("send", END)
    return graph

"""The error cascade: a model's plausible but wrong output, and whether the last of three steps pays it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
from langgraph.graph import END as STOP
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from langgraph_switchboard import END, Blueprint, StepContext
from langgraph_switchboard.models import OpenAIModels
from langgraph_switchboard.testing import FaultyModelServer
from langgraph_switchboard.testing.model_faults import INJECTION
from langgraph_switchboard.testing.proofs import ProofReport
from langgraph_switchboard.testing.proofs.report import proof
from tests.seam import Bench, Order, Payment, PaymentCase, PaymentDecision, pay

RIGHT = 20.0

OUTPUTS: dict[str, str] = {
    "right": '{"amount": 20.0, "currency": "EUR"}',
    "negative": '{"amount": -20.0, "currency": "EUR"}',
    "zero": '{"amount": 0, "currency": "EUR"}',
    "ten billion": '{"amount": 10000000000.0, "currency": "EUR"}',
    "one cent over the limit": '{"amount": 10000.01, "currency": "EUR"}',
    "not a number": '{"amount": NaN, "currency": "EUR"}',
    "endless": '{"amount": Infinity, "currency": "EUR"}',
    "another currency": '{"amount": 20.0, "currency": "USD"}',
    "a doubt in the currency": '{"amount": 20.0, "currency": "EUR (probably)"}',
    "an injected note": json.dumps({"amount": 9_999.0, "currency": "EUR", "note": INJECTION}),
    "another account": '{"amount": 20.0, "currency": "EUR", "iban": "XX00 0000 0000"}',
    "surer than sure": '{"amount": 9000.0, "currency": "EUR", "confidence": 7}',
    "two of them": '[{"amount": 20.0, "currency": "EUR"}, {"amount": 20.0, "currency": "EUR"}]',
    "an amount in words": '{"amount": "twenty", "currency": "EUR"}',
    "no amount": '{"currency": "EUR"}',
    "cut short": '{"amount": 20',
}
"""What the model says about an order of 20.00 EUR: the first is right."""


class Loose(TypedDict, total=False):
    """State as most graphs have it: names without contracts."""

    text: str
    payment: Any
    note: str


async def cascade(*, unchecked: bool = False) -> ProofReport:
    """Let a model say each of the outputs, and count what the last step pays.

    Args:
        unchecked: The control: three nodes of plain LangGraph.
    """
    name = "the error cascade, stock LangGraph" if unchecked else "the error cascade"
    async with proof(name) as report:
        said = _each(report)
        with FaultyModelServer(lambda chat: next(said)) as server:
            for what, text in OUTPUTS.items():
                report.trials += 1
                paid, crashed = await (_stock if unchecked else _here)(server.base_url)
                report.counts["right payments"] += what == "right" and paid == [RIGHT]
                report.counts["bad payments"] += what != "right" and bool(paid)
                report.counts["crashed"] += crashed
                if what != "right" and paid:
                    report.broken.append(f"{what}: paid {text}")
    return report


def _each(report: ProofReport) -> Iterator[str]:
    """The output of this trial, however often the model is asked for it."""
    while True:
        yield list(OUTPUTS.values())[report.trials - 1]


async def _here(url: str) -> tuple[list[float], bool]:
    async def propose(order: Order, ctx: StepContext) -> Payment:
        return await ctx.ask(Payment, "What is to be paid?")

    flow = Blueprint("cascade", case=PaymentCase, owner="accounts")
    flow.step(propose, then="pay", fallback="by_hand")
    flow.review("by_hand", of="payment", decides=PaymentDecision, then="pay")
    flow.effect(pay, then=END)
    bench = Bench(flow)
    bench.services.models = OpenAIModels("any", base_url=url)
    await bench.run()
    await bench.services.models.aclose()
    return [one.row["amount"] for one in await bench.outbox()], False


async def _stock(url: str) -> tuple[list[float], bool]:
    paid: list[float] = []

    async def propose(state: Loose) -> Loose:
        chat = {"model": "any", "messages": [{"role": "user", "content": "What is to be paid?"}]}
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{url}/chat/completions", json=chat)
        return {"payment": json.loads(answer.json()["choices"][0]["message"]["content"])}

    def note(state: Loose) -> Loose:
        return {"note": f"{state['payment']}"}

    def last(state: Loose) -> Loose:
        amount = state["payment"]["amount"]
        paid.append(round(amount + 0.0, 2))
        return {}

    graph: Any = StateGraph(Loose)
    for name, node in (("propose", propose), ("note", note), ("pay", last)):
        graph.add_node(name, node)
    for one, other in ((START, "propose"), ("propose", "note"), ("note", "pay"), ("pay", STOP)):
        graph.add_edge(one, other)
    try:
        await graph.compile().ainvoke({"text": "an order of 20.00 EUR"})
    except (KeyError, TypeError, ValueError):
        return paid, True
    return paid, False

"""A small payment flow for the tests of the seam, driven with LangGraph alone, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, StateSnapshot
from pydantic import Field

from langgraph_switchboard import END, Blueprint
from langgraph_switchboard.cases import CaseRow, MemoryStore, OutboxRow
from langgraph_switchboard.contracts import CaseState, Contract, Decision, is_sealed
from langgraph_switchboard.graphs.build import build
from langgraph_switchboard.ledger import LedgerEntry
from langgraph_switchboard.nodes import Services, StepContext, memory_services, using

CANARY = "canary-4711"
"""Stands in every value that must not get through; nothing may keep it but the quarantine."""


class Order(Contract):
    """What is to be paid."""

    text: str = Field(min_length=1, max_length=200)
    cents: int = Field(default=0, ge=0)


class Payment(Contract):
    """What we mean to pay."""

    amount: float = Field(gt=0, le=10_000)
    currency: Literal["EUR"] = "EUR"
    confidence: float = Field(default=1.0, ge=0, le=1)


class Receipt(Contract):
    """The mark that it was paid."""

    key: str


class PaymentDecision(Decision):
    """What a person says about a payment."""

    edited: Payment | None = None


class PaymentCase(CaseState):
    order: Order
    payment: Payment | None = None
    decision: PaymentDecision | None = None
    receipt: Receipt | None = None


Agent = Callable[..., Awaitable[Contract]]
ORDER = {"order": {"text": "two chairs"}}
GOOD = {"amount": 20.0}


def gives(value: object) -> Agent:
    """An agent `propose` that gives `value`, or raises it."""

    async def propose(order: Order) -> Payment:
        if isinstance(value, BaseException):
            raise value
        return value  # type: ignore[return-value]  # that it breaks its word is what the tests are about

    return propose


async def pay(payment: Payment, ctx: StepContext) -> Receipt:
    """Pay, once."""
    return Receipt(key=ctx.outbox("payment", {"amount": payment.amount}))


def paying(propose: Agent, *, fallback: str | None = "by_hand", name: str = "payments") -> Blueprint:
    """Propose -> pay -> END; what propose cannot do, a person does."""
    flow = Blueprint(name, case=PaymentCase, owner="accounts")
    flow.step(propose, name="propose", then="pay", fallback=fallback)
    if fallback == "by_hand":
        flow.review("by_hand", of="payment", decides=PaymentDecision, then="pay", within="4h")
    flow.effect(pay, then=END)
    return flow


Graph = CompiledStateGraph[Any, Any, Any, Any]


@dataclass
class Bench:
    """One blueprint on a saver and services of its own, driven as any LangGraph graph is."""

    flow: Blueprint
    thread: str = "c1"
    services: Services = field(default_factory=memory_services)
    unchecked: bool = False
    saver: InMemorySaver = field(default_factory=InMemorySaver)
    limit: int = 100

    def __post_init__(self) -> None:
        built = build(self.flow.process()) if self.unchecked else self.flow.build()
        self.graph: CompiledStateGraph[Any, Any, Any, Any] = built.compile(checkpointer=self.saver)

    @property
    def config(self) -> RunnableConfig:
        return RunnableConfig(configurable={"thread_id": self.thread}, recursion_limit=self.limit)

    @property
    def store(self) -> MemoryStore:
        assert isinstance(self.services.store, MemoryStore)
        return self.services.store

    async def run(self, given: object = ORDER) -> dict[str, Any]:
        with using(self.services):
            result: dict[str, Any] = await self.graph.ainvoke(given, self.config, durability="sync")
        return result

    async def answer(self, value: object) -> dict[str, Any]:
        """Answer the one question that waits, as the LangGraph SDK does."""
        [question] = (await self.snapshot()).interrupts
        return await self.run(Command(resume={question.id: value}))

    async def snapshot(self) -> StateSnapshot:
        return await self.graph.aget_state(self.config)

    async def values(self) -> dict[str, Any]:
        values: dict[str, Any] = (await self.snapshot()).values
        return values

    async def row(self) -> CaseRow:
        row = await self.store.case(self.thread)
        assert row is not None
        return row

    async def story(self) -> list[LedgerEntry]:
        return await self.store.story(self.thread)

    async def told(self) -> list[tuple[str, str]]:
        """The story as `(kind, step)`."""
        return [(entry.event.kind, entry.event.step) for entry in await self.story()]

    async def failures(self) -> list[dict[str, Any]]:
        return [one.event.data["failure"] for one in await self.story() if one.event.kind == "step_failed"]

    async def outbox(self) -> list[OutboxRow]:
        return await self.store.outbox()

    def saved(self) -> str:
        return saved(self.saver)


def saved(saver: InMemorySaver) -> str:
    """Everything that a saver keeps, of every checkpoint and every write, as one text."""
    storage = {thread: dict(spaces) for thread, spaces in saver.storage.items()}
    return repr((storage, dict(saver.writes), saver.blobs))


def payloads(values: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of every sealed field of a state, by name."""
    return {name: value["payload"] for name, value in values.items() if is_sealed(value)}

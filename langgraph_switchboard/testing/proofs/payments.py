"""The flow of the proofs: an order is proposed, a person looks at it, it is paid.

A payment is written three ways: by `ctx.effect` into a table that keeps no order and no key, by
`ctx.outbox`, and by `ctx.external` into the same table under another name. What is paid twice
stands there twice.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from pydantic import Field

from langgraph_switchboard.contracts import CaseState, Contract, Decision
from langgraph_switchboard.graphs import Blueprint
from langgraph_switchboard.nodes import END, StepContext
from langgraph_switchboard.postgres import Pool

TABLE = "create table if not exists public.proof_paid (case_id text, amount bigint, way text)"


class Order(Contract):
    """What is to be paid, and how slowly."""

    cents: int = Field(ge=1)
    asks: bool = True
    """Whether a person is asked."""
    pause: float = 0.0
    """Seconds that each step takes."""


class Payment(Contract):
    """What we mean to pay."""

    amount: int


class Checked(Contract):
    """That somebody looked at the books."""

    note: str


class Receipt(Contract):
    """That it was paid."""

    key: str


class PaymentDecision(Decision):
    """What a person says of it."""

    edited: Payment | None = None


class PaymentCase(CaseState):
    """One payment."""

    order: Order
    payment: Payment | None = None
    checked: Checked | None = None
    decision: PaymentDecision | None = None
    receipt: Receipt | None = None


async def propose(order: Order) -> Payment:
    """Pay what was ordered."""
    await asyncio.sleep(order.pause)
    return Payment(amount=order.cents)


def who_looks(order: Order) -> Literal["by_hand", "look"]:
    """A person, or nobody."""
    return "by_hand" if order.asks else "look"


async def look(order: Order) -> Checked:
    """Look at the books."""
    await asyncio.sleep(order.pause)
    return Checked(note="balanced")


async def pay(payment: Payment, order: Order, ctx: StepContext) -> Receipt:
    """Pay, once."""

    async def do(connection: AsyncConnection[DictRow]) -> None:
        await asyncio.sleep(order.pause)
        await connection.execute(
            "insert into public.proof_paid values (%s, %s, 'effect')", [ctx.case_id, payment.amount]
        )

    await ctx.effect("payment", do, args={"amount": payment.amount})
    await asyncio.sleep(order.pause)
    return Receipt(key=ctx.outbox("receipt", {"amount": payment.amount}))


payments = Blueprint("proof_payments", case=PaymentCase, owner="accounts")
payments.step(propose, then=who_looks)
payments.review("by_hand", of="payment", decides=PaymentDecision, then="look")
payments.step(look, then=pay)
payments.effect(pay, then=END)

FLOW = "langgraph_switchboard.testing.proofs.payments:payments"


async def make_table(pool: Pool) -> None:
    """Make the table that is paid into."""
    async with pool.connection() as connection:
        await connection.execute(TABLE)


async def paid(pool: Pool, case_ids: list[str]) -> dict[str, list[int]]:
    """The amounts that were paid, by case, as often as they were; from table and outbox."""
    sql = """
        select case_id, amount from public.proof_paid where case_id = any(%(ids)s)
        union all
        select case_id, ("row" ->> 'amount')::bigint from switchboard.outbox where case_id = any(%(ids)s)
    """
    async with pool.connection() as connection:
        rows: list[dict[str, Any]] = await (await connection.execute(sql, {"ids": case_ids})).fetchall()
    found: dict[str, list[int]] = {case_id: [] for case_id in case_ids}
    for row in rows:
        found[row["case_id"]].append(row["amount"])
    return found


renamed = Blueprint(
    "proof_payments", case=PaymentCase, owner="accounts", version=2, renamed={"by_hand": "approval"}
)
"""The same process as its next version has it: the review bears another name."""


def who_approves(order: Order) -> Literal["approval", "look"]:
    """A person, or nobody."""
    return "approval" if order.asks else "look"


renamed.step(propose, then=who_approves)
renamed.review("approval", of="payment", decides=PaymentDecision, then="look")
renamed.step(look, then=pay)
renamed.effect(pay, then=END)

RENAMED = "langgraph_switchboard.testing.proofs.payments:renamed"

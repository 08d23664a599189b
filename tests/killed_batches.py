"""Batches of cases in processes that are killed: `python -m tests.killed_batches DSN KILLS`.

This process opens nothing itself. It imports once and forks a child for each batch, which
kills itself with SIGKILL after a seeded part of the time that a whole batch takes; at the end
one child finishes everything. What was found is printed as one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable

import psycopg

from langgraph_switchboard import END, Blueprint, Switchboard
from langgraph_switchboard.cases import OPEN
from langgraph_switchboard.nodes import StepContext
from langgraph_switchboard.switchboard import NewCase
from tests.seam import Order, Payment, PaymentCase, PaymentDecision, Receipt

CASES = 12
naive: psycopg.AsyncConnection[tuple[object, ...]]


async def propose(order: Order) -> Payment:
    """Sure of small payments, unsure of every fourth."""
    return Payment(amount=order.cents + 1, confidence=0.5 if order.cents % 4 == 3 else 0.9)


async def pay(payment: Payment, ctx: StepContext) -> Receipt:
    """Pay by the outbox; and, as the control, by a table that knows of no step."""
    await naive.execute("insert into naive values (%s)", [ctx.case_id])
    return Receipt(key=ctx.outbox("payment", {"amount": payment.amount}))


flow = Blueprint("killed", case=PaymentCase, owner="accounts")
flow.step(propose, then="gate")
flow.gate("gate", of="payment", sure=pay, unsure="by_hand", threshold=0.7)
flow.review("by_hand", of="payment", decides=PaymentDecision, then=pay)
flow.effect(pay, then=END)


def batch(number: int) -> list[NewCase]:
    return [NewCase({"order": {"text": "x", "cents": n}}, f"b{number:02}-{n:02}", {}) for n in range(CASES)]


async def run(dsn: str, number: int, delay: float | None) -> None:
    """Run one batch; with a delay, die after so many seconds of it."""
    global naive
    naive = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    async with naive, Switchboard.open(dsn, flows=[flow]) as switchboard:
        if delay is not None:
            threading.Timer(delay, os.kill, [os.getpid(), signal.SIGKILL]).start()
        await switchboard.run_many(flow, batch(number), concurrency=6)


async def finish(dsn: str) -> None:
    """Take up whatever broke off, until nothing has."""
    global naive
    naive = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    async with naive, Switchboard.open(dsn, flows=[flow]) as switchboard:
        async with asyncio.timeout(60):
            while await switchboard.cases(status=OPEN, limit=1):
                await switchboard.resume_all()


def child(work: Callable[[], Awaitable[None]]) -> int:
    """Do the work in a process of its own; its wait status."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            asyncio.run(_awaiting(work))
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1]


async def _awaiting(work: Callable[[], Awaitable[None]]) -> None:
    await work()


def main(dsn: str, kills: int) -> None:
    dice = random.Random(20)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table naive (case_id text)")
    assert child(lambda: run(dsn, 0, None)) == 0
    started = time.perf_counter()
    assert child(lambda: run(dsn, 1, None)) == 0
    whole = time.perf_counter() - started
    ends = [child(lambda n=n: run(dsn, n, dice.uniform(0.0, 0.6) * whole)) for n in range(2, kills + 2)]  # type: ignore[misc]
    assert child(lambda: finish(dsn)) == 0
    print(json.dumps({"killed": sum(os.WIFSIGNALED(one) for one in ends), "whole": whole}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

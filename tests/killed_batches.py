"""Batches of cases in processes that are killed: `python -m tests.killed_batches DSN KILLS`.

This process opens nothing itself. It imports once and forks a child for each batch, which
kills itself with SIGKILL a seeded moment after a seeded call of its agents, however fast the
machine is; at the end one child finishes everything. What was found is printed as one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from functools import partial

import psycopg

from langgraph_switchboard import END, Blueprint, Switchboard
from langgraph_switchboard.cases import OPEN
from langgraph_switchboard.nodes import StepContext
from langgraph_switchboard.switchboard import NewCase
from tests.seam import Order, Payment, PaymentCase, PaymentDecision, Receipt

CASES = 12
LAST_CALL = 16
"""Of the 21 calls of a batch, the last that a kill waits for: then there is work left for sure."""
naive: psycopg.AsyncConnection[tuple[object, ...]]
calls_left: int | None = None
pause = 0.0


def count_down() -> None:
    """Die `pause` seconds after the call on which the count comes to nothing."""
    global calls_left
    if calls_left is None:
        return
    calls_left -= 1
    if calls_left == 0:
        threading.Timer(pause, os.kill, [os.getpid(), signal.SIGKILL]).start()


async def propose(order: Order) -> Payment:
    """Sure of small payments, unsure of every fourth."""
    count_down()
    return Payment(amount=order.cents + 1, confidence=0.5 if order.cents % 4 == 3 else 0.9)


async def pay(payment: Payment, ctx: StepContext) -> Receipt:
    """Pay by the outbox; and, as the control, by a table that knows of no step."""
    await naive.execute("insert into naive values (%s)", [ctx.case_id])
    count_down()
    return Receipt(key=ctx.outbox("payment", {"amount": payment.amount}))


flow = Blueprint("killed", case=PaymentCase, owner="accounts")
flow.step(propose, then="gate")
flow.gate("gate", of="payment", sure=pay, unsure="by_hand", threshold=0.7)
flow.review("by_hand", of="payment", decides=PaymentDecision, then=pay)
flow.effect(pay, then=END)


def batch(number: int) -> list[NewCase]:
    return [NewCase({"order": {"text": "x", "cents": n}}, f"b{number:02}-{n:02}", {}) for n in range(CASES)]


async def run(dsn: str, number: int, calls: int, seconds: float) -> None:
    """Run one batch, and die so many seconds after so many calls of its agents."""
    global naive, calls_left, pause
    calls_left, pause = calls, seconds
    naive = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    async with naive, Switchboard.open(dsn, flows=[flow]) as switchboard:
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
    moments = [
        (dice.randint(1, LAST_CALL), dice.choice((0.0, dice.uniform(0.0, 0.005)))) for _ in range(kills)
    ]
    ends = [child(partial(run, dsn, number, *moment)) for number, moment in enumerate(moments)]
    assert child(partial(finish, dsn)) == 0
    print(json.dumps({"killed": sum(os.WIFSIGNALED(one) for one in ends)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

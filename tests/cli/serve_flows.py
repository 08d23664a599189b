"""A flow whose first step takes a moment, or waits for a file, so that a server is stopped amid it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from langgraph_switchboard import END, Blueprint
from tests.seam import Order, Payment, PaymentCase, PaymentDecision, pay

slow = Blueprint("slow", case=PaymentCase, owner="accounts")


async def propose(order: Order) -> Payment:
    """Take half a second where cents are given; else wait for the file that the text names."""
    if order.cents:
        await asyncio.sleep(0.5)
    elif order.text.startswith("/"):
        while not Path(order.text).exists():  # noqa: ASYNC110, ASYNC240 - another process makes it
            await asyncio.sleep(0.02)
    return Payment(amount=20.0)


slow.step(propose, then="by_hand", timeout=60)
slow.review("by_hand", of="payment", decides=PaymentDecision, then="pay")
slow.effect(pay, then=END)

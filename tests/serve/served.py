"""A served switchboard in process: small flows, an application over them, and clients that ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from starlette.applications import Starlette

from langgraph_switchboard import END, Blueprint, Switchboard
from langgraph_switchboard.cases.access import Role, Scope
from langgraph_switchboard.cases.keys import ApiKey, new_key
from langgraph_switchboard.serve.app import create_app
from langgraph_switchboard.serve.settings import ServeSettings
from langgraph_switchboard.testing import FakeClock
from tests.seam import GOOD, Payment, PaymentCase, PaymentDecision, gives, pay

LOCAL = "http://127.0.0.1:8000"


def payments(name: str = "payments", **review: Any) -> Blueprint:
    """Propose -> by_hand (a person) -> pay."""
    flow = Blueprint(name, case=PaymentCase, owner="accounts")
    flow.step(gives(GOOD), name="propose", then="by_hand", fallback="by_hand")
    flow.review("by_hand", of="payment", decides=PaymentDecision, then="pay", **review)
    flow.effect(pay, then=END)
    return flow


def amount_of(payment: Payment) -> float:
    """The money that is at stake."""
    return payment.amount


@dataclass
class Rig:
    """An application that is up, and what stands behind it.

    Args:
        app: The application.
        switchboard: What it serves.
        clock: The time that it goes by.
    """

    app: Starlette
    switchboard: Switchboard
    clock: FakeClock
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def client(
        self, key: str = "", *, url: str = LOCAL, address: str = "127.0.0.1", **headers: str
    ) -> httpx.AsyncClient:
        """A client of its own: with a key, or as a browser without one."""
        transport = httpx.ASGITransport(self.app, client=(address, 40_000))
        sent = {**({"authorization": f"Bearer {key}"} if key else {}), **headers}
        client = httpx.AsyncClient(transport=transport, base_url=url, headers=sent)
        self.clients.append(client)
        return client

    async def key(self, name: str, *roles: Role, expires_at: datetime | None = None, **scope: Any) -> str:
        """A new key; its text."""
        return (await self.new_key(name, *roles, expires_at=expires_at, **scope))[1]

    async def new_key(
        self, name: str, *roles: Role, expires_at: datetime | None = None, **scope: Any
    ) -> tuple[ApiKey, str]:
        """A new key and its text."""
        key, text = new_key(
            name, frozenset(roles), Scope.of(scope), by="root", at=self.clock.now(), expires_at=expires_at
        )
        await self.switchboard.house.access.add_key(key, text)
        return key, text

    async def case(self, case_id: str = "c1", flow: str = "payments", **labels: Any) -> str:
        """Run a case to its review; the review's id."""
        inputs = {"order": {"text": "two chairs"}}
        await self.switchboard.run(self.switchboard.flows[flow].name, inputs, case_id=case_id, labels=labels)
        [review] = await self.switchboard.services.store.reviews(case_id=case_id)
        return review.review_id


@asynccontextmanager
async def serving(
    database: str = "memory",
    *,
    flows: Iterable[Blueprint] | None = None,
    settings: ServeSettings | None = None,
    **more: Any,
) -> AsyncIterator[Rig]:
    """An application over a switchboard of its own, up for as long as the block runs."""
    clock = FakeClock()
    known = [payments()] if flows is None else list(flows)
    async with Switchboard.open(database, flows=known, clock=clock.now) as switchboard:

        @asynccontextmanager
        async def opened() -> AsyncIterator[Switchboard]:
            yield switchboard

        app = create_app(opened, settings=settings or ServeSettings(), **more)
        rig = Rig(app, switchboard, clock)
        async with app.router.lifespan_context(app):
            await app.state.worker.idle()  # it has looked for what an earlier server left
            yield rig
        for client in rig.clients:
            await client.aclose()

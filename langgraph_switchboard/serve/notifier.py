"""The notifier: sends events to those who subscribed, signed, at least once, and to no other address.

    ledger -> tail -> one row for each event and address -> POST -> delivered | again later | given up

Messages follow Standard Webhooks, so that receivers in any language can check them.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import httpx

from langgraph_switchboard.cases.tail import BEGINNING, Told
from langgraph_switchboard.cases.webhooks import Delivery, Subscription, Webhooks, signed
from langgraph_switchboard.errors import ConfigurationError, SwitchboardError
from langgraph_switchboard.serve.feed import Wanted, event_of
from langgraph_switchboard.serve.settings import ServeSettings, must_be_allowed
from langgraph_switchboard.switchboard import Switchboard

_log = logging.getLogger(__name__)

WAITS = tuple(timedelta(seconds=one) for one in (5, 30, 120, 600, 3_600, 6 * 3_600, 24 * 3_600))
"""How long after each failed attempt the next one comes; after the last it is given up."""
TIMEOUT = 5.0
"""Seconds that a receiver has."""
_AT_ONCE = 8
_PAGE = 500
_LOOK = 5.0
"""Seconds after which is looked for what is due, also where nobody woke us."""


class Notifier:
    """Puts events on their way, and sends what is due.

    Args:
        switchboard: Whose events they are.
        settings: Which addresses may be called.
        client: Sends; one of its own unless given.
    """

    def __init__(
        self, switchboard: Switchboard, settings: ServeSettings, client: httpx.AsyncClient | None = None
    ) -> None:
        self._switchboard = switchboard
        self._settings = settings
        self._webhooks: Webhooks = switchboard.house.webhooks
        self._client = client or quiet_client()

    async def work(self) -> int:
        """One pass: put on their way what is new, and send what is due; how many were delivered."""
        while await self._put_all_on_their_way():
            pass
        delivered = 0
        while due := await self._webhooks.take(self._switchboard.services.clock(), _AT_ONCE):
            known = {one.subscription_id: one for one in await self._webhooks.subscriptions()}
            sent = (
                self._send(known[one.subscription_id], one) for one in due if one.subscription_id in known
            )
            delivered += sum(await asyncio.gather(*sent))
        return delivered

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Pass again and again for as long as the block runs."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._client.aclose()

    async def _run(self) -> None:
        tail = self._switchboard.house.tail
        while True:
            try:
                await self.work()
            except SwitchboardError as error:
                _log.warning("events were not sent: %s", error)
            except Exception:
                _log.exception("a pass of the notifier broke off")
            await tail.news(_LOOK)

    async def _put_all_on_their_way(self) -> bool:
        """Whether there may be more for somebody."""
        there = [one for one in await self._webhooks.subscriptions() if one.stopped_at is None]
        more = [await self._put_on_their_way(one) for one in there]
        return any(more)

    async def _put_on_their_way(self, subscription: Subscription) -> bool:
        """Whether there may be more."""
        tail, now = self._switchboard.house.tail, self._switchboard.services.clock()
        place = subscription.place
        if place > BEGINNING:
            place = await tail.end(place)  # the same, but after a restore: from now on
        page = await tail.read(place, limit=_PAGE)
        upto = page[-1].at_place if page else place
        if upto == subscription.place:
            return False
        flows, kinds = (frozenset(one) if one else None for one in (subscription.flows, subscription.kinds))
        wanted = Wanted(flows, kinds)
        bodies = {f"evt_{one.at_place}": message_of(one) for one in page if wanted.fits(one)}
        return await self._webhooks.enqueue(subscription, bodies, upto, now) and len(page) == _PAGE

    async def _send(self, subscription: Subscription, delivery: Delivery) -> bool:
        """Try once, and write down what became of it."""
        clock, said = self._switchboard.services.clock, ""
        try:
            must_be_allowed(subscription.url, self._settings)
            now = clock()
            headers = signed(subscription.secret, delivery.event_id, now, delivery.body)
            async with self._client.stream(
                "POST", subscription.url, content=delivery.body.encode(), headers={**_PLAIN, **headers}
            ) as answer:
                said, status = f"HTTP {answer.status_code}", answer.status_code
        except ConfigurationError as error:
            said, status = error.problem, 0
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            said, status = type(error).__name__, 0
        done = 200 <= status < 300
        again = self._next(delivery, clock()) if not done and status != 410 else None
        await self._webhooks.settle(delivery, clock(), said=said, again_at=again, done=done)
        if status == 410:
            await self._webhooks.stop(subscription.subscription_id, clock(), "the receiver says: gone")
        return done

    def _next(self, delivery: Delivery, now: datetime) -> datetime | None:
        return now + WAITS[delivery.attempts] if delivery.attempts < len(WAITS) else None


_PLAIN = {"content-type": "application/json", "user-agent": "langgraph-switchboard"}


def quiet_client() -> httpx.AsyncClient:
    """A client that follows nothing and takes no way that it was not told."""
    return httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False, trust_env=False)


def message_of(told: Told) -> str:
    """An event as it is sent: its kind, when, and ids and names; nothing of what the case is about."""
    event = event_of(told)
    return json.dumps({"type": event["kind"], "timestamp": event["at"], "data": event})

"""Webhooks: who else is told of what happens, and what is on its way; two forms, memory and Postgres."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import psycopg

from langgraph_switchboard.cases.faults import store_fault
from langgraph_switchboard.cases.tail import Place
from langgraph_switchboard.errors import RequestForged
from langgraph_switchboard.postgres import Pool, load_queries

_SQL = load_queries("langgraph_switchboard.cases", "webhooks.sql")
_PREFIX = "whsec_"
CLAIMED = timedelta(seconds=60)
"""For so long a delivery belongs to the process that took it; if nothing is heard, another one has it."""
TOLERANCE = 300.0
"""Seconds by which the clocks of sender and receiver may differ."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """An address that is told of events.

    Args:
        subscription_id: Its id.
        url: The address.
        secret: Signs what is sent, as `whsec_...`.
        kinds: Which events; None means all.
        flows: Of which flows; None means all.
        created_at: Since when.
        created_by: Who added it.
        place: The last entry of the ledger that was looked at.
        stopped_at: When the receiver said that it is gone.
        stopped_why: What it said.
    """

    subscription_id: str
    url: str
    secret: str
    kinds: tuple[str, ...] | None
    flows: tuple[str, ...] | None
    created_at: datetime
    created_by: str
    place: Place
    stopped_at: datetime | None = None
    stopped_why: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one address.

    Args:
        subscription_id: To whom.
        event_id: Which event; the same at every attempt.
        body: What is sent, as text: what was signed is what goes.
        attempts: How often it was tried.
        next_at: When it is tried next.
        delivered_at: When it was taken.
        given_up_at: When it was given up.
        said: What the receiver answered last.
    """

    subscription_id: str
    event_id: str
    body: str
    attempts: int
    next_at: datetime
    delivered_at: datetime | None = None
    given_up_at: datetime | None = None
    said: str | None = None


def new_secret() -> str:
    """A new secret for signing."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signed(secret: str, event_id: str, at: datetime, body: str) -> dict[str, str]:
    """The headers that a message goes with, as Standard Webhooks has them.

    Args:
        secret: The subscription's.
        event_id: The message's id, the same at every attempt.
        at: The present moment.
        body: The message.
    """
    stamp = str(int(at.timestamp()))
    mac = _mac(secret, event_id, stamp, body.encode())
    return {"webhook-id": event_id, "webhook-timestamp": stamp, "webhook-signature": f"v1,{mac}"}


def verified(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> dict[str, Any]:
    """A message that came, if it is from whom it says; for receivers.

    Args:
        secret: What the sender signs with.
        headers: Those of the request, with names in lower case.
        body: Its body, as it came.
        now: The present moment.

    Raises:
        RequestForged: It is signed by somebody else, changed, or too old to be new.
    """
    event_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = [
        one.partition(",")[2] for one in headers.get("webhook-signature", "").split() if one[:3] == "v1,"
    ]
    if not event_id or not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise RequestForged("the message has no id or no time", wanted="webhook-id and webhook-timestamp")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE:
        raise RequestForged("the message is not of now", mend="Set the clock, or drop what was recorded.")
    wanted = _mac(secret, event_id, stamp, body)
    if not any(hmac.compare_digest(one.encode(), wanted.encode()) for one in given):
        raise RequestForged("the message is not signed by its sender")
    message: dict[str, Any] = json.loads(body)
    return message


def _mac(secret: str, event_id: str, stamp: str, body: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = secret.encode()
    said = f"{event_id}.{stamp}.".encode() + body
    return base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()


class Webhooks(Protocol):
    """Where subscriptions and deliveries are kept."""

    async def subscribe(self, subscription: Subscription) -> None:
        """Keep a new subscription."""

    async def unsubscribe(self, subscription_id: str) -> bool:
        """Drop a subscription with what is on its way to it; False if there is none."""

    async def subscriptions(self) -> list[Subscription]:
        """All subscriptions, the oldest first."""

    async def stop(self, subscription_id: str, at: datetime, why: str) -> None:
        """Send nothing more to it: the receiver said that it is gone."""

    async def enqueue(
        self, subscription: Subscription, bodies: Mapping[str, str], upto: Place, now: datetime
    ) -> bool:
        """Put events on their way, and remember how far the ledger was looked at, in one commit.

        Returns:
            False where another process was faster; then nothing was done.
        """

    async def take(self, now: datetime, limit: int) -> list[Delivery]:
        """Deliveries that are due; they are this process's for a minute."""

    async def settle(
        self, delivery: Delivery, now: datetime, *, said: str, again_at: datetime | None, done: bool
    ) -> None:
        """Say what became of an attempt: delivered, again later, or given up."""

    async def counts(self) -> dict[str, tuple[int, int]]:
        """How many deliveries wait, and how many were given up, by subscription."""

    async def tidy(self, before: datetime) -> int:
        """Forget deliveries that came to their end before that moment; how many."""


@dataclass
class MemoryWebhooks:
    """Subscriptions and deliveries within one process."""

    _known: dict[str, Subscription] = field(default_factory=dict)
    _sent: dict[tuple[str, str], Delivery] = field(default_factory=dict)

    async def subscribe(self, subscription: Subscription) -> None:
        """Keep a new subscription."""
        self._known[subscription.subscription_id] = subscription

    async def unsubscribe(self, subscription_id: str) -> bool:
        """Drop a subscription with what is on its way to it."""
        self._sent = {place: one for place, one in self._sent.items() if place[0] != subscription_id}
        return self._known.pop(subscription_id, None) is not None

    async def subscriptions(self) -> list[Subscription]:
        """All subscriptions, the oldest first."""
        return list(self._known.values())

    async def stop(self, subscription_id: str, at: datetime, why: str) -> None:
        """Send nothing more to it."""
        if subscription_id in self._known:
            known = self._known[subscription_id]
            self._known[subscription_id] = replace(known, stopped_at=at, stopped_why=why)

    async def enqueue(
        self, subscription: Subscription, bodies: Mapping[str, str], upto: Place, now: datetime
    ) -> bool:
        """Put events on their way, and remember how far the ledger was looked at."""
        name = subscription.subscription_id
        if self._known.get(name, replace(subscription, place=upto)).place != subscription.place:
            return False
        self._known[name] = replace(subscription, place=upto)
        for event_id, body in bodies.items():
            self._sent.setdefault((name, event_id), Delivery(name, event_id, body, 0, now))
        return True

    async def take(self, now: datetime, limit: int) -> list[Delivery]:
        """Deliveries that are due."""
        due = [
            one
            for one in self._sent.values()
            if one.next_at <= now
            and one.delivered_at is None
            and one.given_up_at is None
            and self._known[one.subscription_id].stopped_at is None
        ]
        taken = sorted(due, key=lambda one: one.next_at)[:limit]
        for one in taken:
            self._sent[one.subscription_id, one.event_id] = replace(one, next_at=now + CLAIMED)
        return taken

    async def settle(
        self, delivery: Delivery, now: datetime, *, said: str, again_at: datetime | None, done: bool
    ) -> None:
        """Say what became of an attempt."""
        place = (delivery.subscription_id, delivery.event_id)
        if place in self._sent:
            self._sent[place] = replace(
                delivery,
                attempts=delivery.attempts + 1,
                next_at=again_at or delivery.next_at,
                delivered_at=now if done else None,
                given_up_at=None if done or again_at else now,
                said=said,
            )

    async def counts(self) -> dict[str, tuple[int, int]]:
        """How many deliveries wait, and how many were given up, by subscription."""
        found: dict[str, tuple[int, int]] = {}
        for one in self._sent.values():
            waiting, lost = found.get(one.subscription_id, (0, 0))
            waits = one.delivered_at is None and one.given_up_at is None
            found[one.subscription_id] = (waiting + waits, lost + (one.given_up_at is not None))
        return found

    async def tidy(self, before: datetime) -> int:
        """Forget deliveries that came to their end before that moment."""
        ended = {place: one.delivered_at or one.given_up_at for place, one in self._sent.items()}
        over = [place for place, at in ended.items() if at is not None and at < before]
        for place in over:
            del self._sent[place]
        return len(over)


class PostgresWebhooks:
    """Subscriptions and deliveries in Postgres.

    Args:
        pool: The database, migrated.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def subscribe(self, subscription: Subscription) -> None:
        """Keep a new subscription."""
        await self._run(
            "subscribe",
            {
                "subscription_id": subscription.subscription_id,
                "url": subscription.url,
                "secret": subscription.secret,
                "kinds": _list(subscription.kinds),
                "flows": _list(subscription.flows),
                "created_at": subscription.created_at,
                "created_by": subscription.created_by,
                **_place(subscription.place),
            },
        )

    async def unsubscribe(self, subscription_id: str) -> bool:
        """Drop a subscription with what is on its way to it."""
        return bool(await self._run("unsubscribe", {"subscription_id": subscription_id}))

    async def subscriptions(self) -> list[Subscription]:
        """All subscriptions, the oldest first."""
        return [_subscription(row) for row in await self._run("subscriptions", {})]

    async def stop(self, subscription_id: str, at: datetime, why: str) -> None:
        """Send nothing more to it."""
        await self._run("stop", {"subscription_id": subscription_id, "at": at, "why": why})

    async def enqueue(
        self, subscription: Subscription, bodies: Mapping[str, str], upto: Place, now: datetime
    ) -> bool:
        """Put events on their way, and remember how far the ledger was looked at, in one commit."""
        before = subscription.place
        moved = await self._run(
            "enqueue",
            {
                "subscription_id": subscription.subscription_id,
                "before_xid": str(before.xid),
                "before_place": before.place,
                **_place(upto),
                "now": now,
                "event_ids": list(bodies),
                "bodies": list(bodies.values()),
            },
        )
        return bool(moved)

    async def take(self, now: datetime, limit: int) -> list[Delivery]:
        """Deliveries that are due; they are this process's for a minute."""
        asked = {"now": now, "until": now + CLAIMED, "limit": limit}
        return [Delivery(**row) for row in await self._run("take", asked)]

    async def settle(
        self, delivery: Delivery, now: datetime, *, said: str, again_at: datetime | None, done: bool
    ) -> None:
        """Say what became of an attempt."""
        await self._run(
            "settle_delivery",
            {
                "subscription_id": delivery.subscription_id,
                "event_id": delivery.event_id,
                "now": now,
                "said": said,
                "again_at": again_at,
                "done": done,
            },
        )

    async def counts(self) -> dict[str, tuple[int, int]]:
        """How many deliveries wait, and how many were given up, by subscription."""
        rows = await self._run("counts", {})
        return {row["subscription_id"]: (row["waiting"], row["lost"]) for row in rows}

    async def tidy(self, before: datetime) -> int:
        """Forget deliveries that came to their end before that moment."""
        return len(await self._run("tidy_deliveries", {"before": before}))

    async def _run(self, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL[name], values)
                return await cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise store_fault(error, name) from None


def _list(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else list(names)


def _place(place: Place) -> dict[str, Any]:
    return {"xid": str(place.xid), "place": place.place}


def _subscription(row: Mapping[str, Any]) -> Subscription:
    kinds, flows = (None if row[name] is None else tuple(row[name]) for name in ("kinds", "flows"))
    return Subscription(
        row["subscription_id"], row["url"], row["secret"], kinds, flows, row["created_at"], row["created_by"],
        Place(row["xid"], row["place"]), row["stopped_at"], row["stopped_why"],
    )  # fmt: skip

"""The tail: what was added to the ledger, in the order in which it was committed, for those who follow it."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

import psycopg
from psycopg import AsyncConnection

from langgraph_switchboard.cases.faults import store_fault
from langgraph_switchboard.cases.memory import MemoryStore
from langgraph_switchboard.errors import StoreError
from langgraph_switchboard.postgres import Pool, load_queries

_log = logging.getLogger(__name__)
_SQL = load_queries("langgraph_switchboard.cases", "tail.sql")
_CHANNEL = "switchboard_ledger"
_LISTENS = 60.0
"""Seconds for which a process counts as a listener; it says again in half of them."""
_AGAIN = 2.0
"""Seconds before a lost connection is made anew."""


class Place(NamedTuple):
    """Where an entry stands in the order of commits."""

    xid: int
    place: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.place}"

    @classmethod
    def of(cls, text: str) -> Place | None:
        """The place that a text names, or None."""
        xid, dash, place = text.partition("-")
        fits = dash and all(one.isascii() and one.isdigit() and len(one) < 19 for one in (xid, place))
        return cls(int(xid), int(place)) if fits else None


BEGINNING = Place(0, 0)


@dataclass(frozen=True, slots=True)
class Told:
    """One entry of the ledger, as followers see it.

    Args:
        at_place: Where it stands.
        case_id: The case.
        flow: Its flow; None where the case's row is gone.
        kind: What sort of fact it is.
        step: The step that it happened in.
        at: When.
        data: The fact's particulars.
    """

    at_place: Place
    case_id: str
    flow: str | None
    kind: str
    step: str
    at: datetime
    data: dict[str, Any]


class Tail(Protocol):
    """The end of the ledger. Two forms: memory and Postgres."""

    async def read(self, after: Place, *, limit: int = 500) -> list[Told]:
        """What stands after a place, in order; nothing is left out, and nothing will come in between."""

    async def end(self, known: Place = BEGINNING) -> Place:
        """The last place there is; `known` itself unless it lies ahead of everything, as after a restore."""

    async def news(self, seconds: float) -> None:
        """Return when something was added, or after so many seconds."""

    def listening(self) -> AbstractAsyncContextManager[None]:
        """Be told of additions for as long as the block runs."""


class MemoryTail:
    """The tail of a store in memory.

    Args:
        store: Whose ledger it is.
    """

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def read(self, after: Place, *, limit: int = 500) -> list[Told]:
        """What stands after a place, in order."""
        entries = self._store.ledger_entries()[after.place : after.place + limit]
        told = []
        for number, entry in enumerate(entries, after.place + 1):
            case, event = await self._store.case(entry.case_id), entry.event
            flow = case.flow if case else None
            told.append(
                Told(Place(0, number), entry.case_id, flow, event.kind, event.step, event.at, event.data)
            )
        return told

    async def end(self, known: Place = BEGINNING) -> Place:
        """The last place there is."""
        last = Place(0, len(self._store.ledger_entries()))
        return known if BEGINNING < known <= last else last

    async def news(self, seconds: float) -> None:
        """Return after a moment: nobody tells."""
        await asyncio.sleep(min(seconds, 0.05))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Nobody tells; see `news`."""
        yield


class PostgresTail:
    """The tail of the ledger in Postgres, with a connection of its own that is told of additions.

    Behind a pooler in transaction mode nobody is told; then followers look once a second.

    Args:
        pool: The database, migrated.
        dsn: Its connection string, for the connection that listens.
    """

    def __init__(self, pool: Pool, dsn: str) -> None:
        self._pool = pool
        self._dsn = dsn
        self._listener = uuid.uuid4().hex
        self._added = asyncio.Condition()

    async def read(self, after: Place, *, limit: int = 500) -> list[Told]:
        """What stands after a place, in order."""
        asked = {"xid": str(after.xid), "place": after.place, "limit": limit}
        return [_told(row) for row in await self._run("tail", asked)]

    async def end(self, known: Place = BEGINNING) -> Place:
        """The last place there is."""
        (row,) = await self._run("tail_end", {})
        last = Place(row["xid"], row["place"])
        return known if known > BEGINNING and known.xid < row["next"] else last

    async def news(self, seconds: float) -> None:
        """Return when something was added, or after so many seconds."""
        try:
            async with asyncio.timeout(seconds), self._added:
                await self._added.wait()
        except TimeoutError:
            return

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Be told of additions for as long as the block runs."""
        task = asyncio.create_task(self._listen_on())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            try:
                await self._run("listen_no_more", {"listener": self._listener})
            except StoreError:
                _log.debug("the database has gone before us")  # our line there runs out by itself

    async def _listen_on(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError):
                _log.debug("the connection that listens was lost", exc_info=True)
            await self._tell()  # what was added meanwhile
            await asyncio.sleep(_AGAIN)

    async def _listen(self) -> None:
        async with await AsyncConnection.connect(
            self._dsn, autocommit=True, application_name="switchboard-listener"
        ) as connection:
            await connection.execute(f"LISTEN {_CHANNEL}".encode())
            while True:
                said = {"listener": self._listener, "seconds": _LISTENS}
                await connection.execute(_SQL["listen"], said)
                async for _ in connection.notifies(timeout=_LISTENS / 2):
                    await self._tell()

    async def _tell(self) -> None:
        async with self._added:
            self._added.notify_all()

    async def _run(self, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        try:
            async with self._pool.connection() as connection:
                # Planned each time: a plan from when the ledger was short would read it whole.
                cursor = await connection.execute(_SQL[name], values, prepare=False)
                return await cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise store_fault(error, name) from None


def _told(row: Mapping[str, Any]) -> Told:
    return Told(
        Place(row["xid"], row["place"]), row["case_id"], row["flow"], row["kind"], row["step"],
        row["at"].astimezone(UTC), row["data"],
    )  # fmt: skip

"""Ownership: one driver per case, across processes, and a number that tells old drivers from new."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

import psycopg

from langgraph_switchboard.cases.faults import store_fault
from langgraph_switchboard.cases.lane import Lane
from langgraph_switchboard.errors import CaseBusy
from langgraph_switchboard.postgres import Pool, load_queries
from langgraph_switchboard.postgres.bounded import BoundedCalls

_SQL = load_queries("langgraph_switchboard.cases", "owners.sql")
_log = logging.getLogger(__name__)

LEASE = 30.0
"""Seconds for which a case stays with an owner of whom nothing is heard."""
TIMEOUT = 15.0
"""Seconds within which the database has to answer."""
_LAST_WORD = 1.0
"""Seconds that giving a case back may hold up its run, and the end of the heart that of the process."""


class Owners(Protocol):
    """Who may drive a case. Two forms: memory and Postgres."""

    def owning(self, case_id: str) -> Any:
        """An async context manager: inside it the case is ours; it gives the epoch.

        Raises:
            CaseBusy: Somebody else drives the case just now.
        """

    async def count_crash(self, case_id: str, epoch: int | None, stands: str) -> int:
        """How many owners in a row have died while the case stood where it stands; 0 if the last has not.

        Args:
            case_id: The case, owned.
            epoch: Under which it is.
            stands: The checkpoint that it stands on; empty where it has none yet.
        """


class MemoryOwners:
    """Owners within one process: a second driver of a case is refused."""

    def __init__(self) -> None:
        self._driven: set[str] = set()

    @asynccontextmanager
    async def owning(self, case_id: str) -> AsyncIterator[int | None]:
        """Own the case inside the block; without a database there is no epoch."""
        if case_id in self._driven:
            raise _busy(case_id, "this process")
        self._driven.add(case_id)
        try:
            yield None
        finally:
            self._driven.discard(case_id)

    async def count_crash(self, case_id: str, epoch: int | None, stands: str) -> int:
        """None: who dies takes the case along."""
        return 0


@dataclass
class _Wish:
    """A claim or a release that shares a statement with others.

    Args:
        key: The case.
        run: Whose it is.
        epoch: The epoch that was given, or that is given back.
        died: Whether the owner before did not give it back.
    """

    key: str
    run: str
    epoch: int | None = None
    died: bool = False
    size: int = field(default=100)


class PostgresOwners:
    """Owners across processes, in the table `switchboard.case_owner`.

    A claim raises the epoch of the case. Whatever an earlier owner still wants to write
    names an earlier epoch and is refused by the writer's own statement, so that a
    process that was frozen and woke up again can do no harm. The lease only decides when
    a case may be taken over: at once when the owner's process is gone (its connection,
    and with it its advisory lock, has ended), else when the lease has run out.

    Args:
        pool: The database, migrated.
        lease: Seconds for which a case stays with an owner of whom nothing is heard.
        timeout: Seconds within which a claim is answered.
    """

    def __init__(self, pool: Pool, *, lease: float = LEASE, timeout: float = TIMEOUT) -> None:
        self._pool = pool
        self._lease = lease
        self._calls = BoundedCalls(timeout)
        self._process = secrets.randbits(62)
        self._held: dict[str, int] = {}
        self._died: dict[str, int] = {}
        self._claims: Lane[_Wish] = Lane(self._claim)
        self._releases: Lane[_Wish] = Lane(self._release)
        self._alive = asyncio.Event()

    @property
    def process(self) -> int:
        """The number of this process: the advisory lock that says that it lives."""
        return self._process

    @classmethod
    @asynccontextmanager
    async def open(
        cls, pool: Pool, *, lease: float = LEASE, timeout: float = TIMEOUT
    ) -> AsyncIterator[PostgresOwners]:
        """Owners whose leases are renewed for as long as the block runs."""
        owners = cls(pool, lease=lease, timeout=timeout)
        heart = asyncio.create_task(owners._beat())
        try:
            await owners._alive.wait()
            yield owners
        finally:
            for _ in range(2):  # the second ends psycopg's own waiting for a server that is silent
                heart.cancel()
                await asyncio.wait({heart}, timeout=_LAST_WORD)
            await owners._calls.aclose()

    @asynccontextmanager
    async def owning(self, case_id: str) -> AsyncIterator[int | None]:
        """Own the case inside the block; gives the epoch that every write of it must name."""
        epoch = await self.claim(case_id, uuid4().hex)
        try:
            yield epoch
        finally:
            await self.give_back(case_id, epoch)

    async def claim(self, case_id: str, run: str) -> int:
        """Take a case; the lease is renewed until it is given back, or neglected.

        Args:
            case_id: The case.
            run: Who takes it. The same run may take it again: its earlier attempt is superseded.

        Returns:
            The epoch that every write of it must name.

        Raises:
            CaseBusy: Somebody else drives the case just now.
        """
        wish = _Wish(case_id, run)
        await self._claims.put(wish)
        if wish.epoch is None:
            raise _busy(case_id, await self._owner(case_id))
        self._held[case_id] = wish.epoch
        if wish.died:
            self._died[case_id] = wish.epoch
        return wish.epoch

    async def count_crash(self, case_id: str, epoch: int | None, stands: str) -> int:
        """Count the death of the owner before, where it did die; see `Owners`."""
        if epoch is None or self._died.pop(case_id, None) != epoch:
            return 0
        told = {"case_id": case_id, "epoch": epoch, "stands": stands}
        rows = await self._run("count_crash", told)
        return int(rows[0]["crashes"]) if rows else 0

    async def give_back(self, case_id: str, epoch: int) -> None:
        """Let anybody take the case at once; nothing happens if somebody has taken it over."""
        self.neglect(case_id, epoch)
        if self._died.get(case_id) == epoch:
            del self._died[case_id]
        release = asyncio.ensure_future(self._releases.put(_Wish(case_id, "", epoch)))
        release.add_done_callback(_hear)
        # Not given back in time: the lease, or the end of this process, frees it a little later.
        await asyncio.wait({release}, timeout=_LAST_WORD)

    def keep(self, case_id: str, epoch: int) -> None:
        """Renew the lease from now on, while nobody else has taken the case."""
        self._held[case_id] = epoch

    def neglect(self, case_id: str, epoch: int) -> None:
        """Renew the lease no more: somebody else may have the case when it runs out."""
        if self._held.get(case_id) == epoch:
            del self._held[case_id]

    async def _beat(self) -> None:
        """Hold the lock that says that this process lives, and renew the leases of what it drives."""
        while True:
            try:
                async with self._pool.connection() as connection:
                    await connection.execute(_SQL["be_alive"], {"process": self._process})
                    self._alive.set()
                    while True:
                        await asyncio.sleep(self._lease / 3)
                        held = {"case_ids": list(self._held), "epochs": list(self._held.values())}
                        await connection.execute(_SQL["renew"], {**held, "lease": self._lease})
            except psycopg.Error as error:
                # Without the connection the leases still stand; the fence holds in any case.
                _log.warning("the leases could not be renewed (%s); trying again", type(error).__name__)
                await asyncio.sleep(self._lease / 10)

    async def _claim(self, wishes: Sequence[_Wish]) -> None:
        values = {
            "case_ids": [wish.key for wish in wishes],
            "runs": [wish.run for wish in wishes],
            "process": self._process,
            "lease": self._lease,
        }
        given = {row["case_id"]: row for row in await self._run("claim", values)}
        for wish in wishes:
            if row := given.get(wish.key):
                wish.epoch, wish.died = row["epoch"], row["died"]

    async def _release(self, wishes: Sequence[_Wish]) -> None:
        held = {"case_ids": [one.key for one in wishes], "epochs": [one.epoch for one in wishes]}
        await self._run("release", held)

    async def _owner(self, case_id: str) -> str:
        rows = await self._run("owner", {"case_id": case_id})
        return f"another run, whose lease ends {rows[0]['lease_until']:%H:%M:%S}" if rows else "another run"

    async def _run(self, name: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            return await self._calls.run(self._execute(name, values), name)
        except psycopg.Error as error:
            raise store_fault(error, name) from None

    async def _execute(self, name: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_SQL[name], values)
            return await cursor.fetchall() if cursor.description else []


def _hear(release: asyncio.Future[None]) -> None:
    """Nobody waits for a release that came too late; that it failed is no news."""
    if not release.cancelled():
        release.exception()


def _busy(case_id: str, who: str) -> CaseBusy:
    return CaseBusy(
        "somebody drives this case just now",
        where=f"case {case_id}",
        came=who,
        mend="Wait until it comes to rest; `switchboard case` tells where it stands.",
        case=case_id,
    )

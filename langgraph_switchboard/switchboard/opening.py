"""Opening the real things: database, saver, services; in one place, closed in the reverse order."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from psycopg import AsyncConnection

from langgraph_switchboard.cases import (
    LEASE,
    Lease,
    MemoryLease,
    MemoryOwners,
    MemoryStore,
    Owners,
    PostgresEffects,
    PostgresLease,
    PostgresOwners,
    PostgresStore,
)
from langgraph_switchboard.cases.keys import AccessStore, MemoryAccess, PostgresAccess
from langgraph_switchboard.cases.tail import MemoryTail, PostgresTail, Tail
from langgraph_switchboard.cases.webhooks import MemoryWebhooks, PostgresWebhooks, Webhooks
from langgraph_switchboard.checkpoints import CaseSaver, GroupCommitSaver, RidingJournal
from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.ledger import Prices, configure_tracing, flush_tracing
from langgraph_switchboard.limits import MemoryLimits, PostgresLimits, policies_of_project
from langgraph_switchboard.models import Models, models_from_env, priced_by
from langgraph_switchboard.nodes import Services, memory_services, register, utc_now
from langgraph_switchboard.postgres import ConnectionClass, Database, Pool, database, migrate, open_pool
from langgraph_switchboard.postgres.writer_role import ensure_writer
from langgraph_switchboard.switchboard.resources import PostgresResources

_log = logging.getLogger(__name__)

TIMEOUT_SETTING = "SWITCHBOARD_TIMEOUT"

MEMORY = "memory"
"""The database that is none: everything ends with the process."""


@dataclass(frozen=True)
class House:
    """The real things, open.

    Args:
        services: What steps use.
        saver: Where LangGraph keeps the state of cases.
        owners: Who may drive a case.
        ticking: Which process wakes cases and does the chores.
        access: The keys and sessions of those who ask from outside.
        tail: What is added to the ledger.
        webhooks: Who else is told of it.
        base: The database itself; None in memory.
    """

    services: Services
    saver: BaseCheckpointSaver[Any]
    owners: Owners
    ticking: Lease = field(default_factory=MemoryLease)
    access: AccessStore = field(default_factory=MemoryAccess)
    tail: Tail = field(default_factory=lambda: MemoryTail(MemoryStore()))
    webhooks: Webhooks = field(default_factory=MemoryWebhooks)
    base: Database | None = None


@asynccontextmanager
async def open_house(
    dsn: str | None = None,
    *,
    models: Models | None = None,
    clock: Callable[[], datetime] = utc_now,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    max_connections: int = 10,
    lease: float = LEASE,
    timeout: float | None = None,
    traced: bool = True,
    connection_class: ConnectionClass = AsyncConnection,
    serde: SerializerProtocol | None = None,
) -> AsyncIterator[House]:
    """Open everything that steps and cases need.

    Args:
        dsn: A Postgres address; None takes SWITCHBOARD_DATABASE_URL or the embedded server;
            "memory" keeps nothing.
        models: Who answers `ask()`; chosen from the environment unless given.
        clock: Gives the present moment.
        sleep: Lets seconds pass between two attempts at a step.
        max_connections: Most connections to Postgres from this process.
        lease: Seconds for which a case stays with an owner of whom nothing is heard.
        timeout: Seconds within which every call to Postgres returns; claims and effects have half of it.
            None takes the setting SWITCHBOARD_TIMEOUT, and without that 30.
        traced: Whether LangSmith's variables are obeyed; False leaves tracing as it stands.
        connection_class: What connections to Postgres are made of.
        serde: What checkpoints are read and written by; see `PlainSerialiser`, the default.

    Raises:
        StoreUnavailable: Postgres cannot be started or reached.
        ConfigurationError: A setting is wrong.
    """
    if traced:
        configure_tracing()
    prices = await asyncio.to_thread(Prices.of_project)
    policies = await asyncio.to_thread(policies_of_project)
    models = models or models_from_env(os.environ, pricing=priced_by(prices))
    timeout = _bound() if timeout is None else timeout
    try:
        if dsn == MEMORY:
            services = memory_services()
            services.models, services.clock, services.sleep = models, clock, sleep
            services.limits = MemoryLimits(sleep=sleep)
            services.prices, services.model_policies = prices, policies
            assert isinstance(services.store, MemoryStore)
            tail: Tail = MemoryTail(services.store)
            yield House(services, InMemorySaver(), MemoryOwners(), MemoryLease(), tail=tail)
            return
        async with AsyncExitStack() as stack:
            base = await stack.enter_async_context(
                database(dsn, max_size=max_connections, connection_class=connection_class)
            )
            await migrate(base.pool)
            store = PostgresStore(base.pool, timeout=timeout)
            journal = RidingJournal(store)
            owners = await stack.enter_async_context(
                PostgresOwners.open(base.pool, lease=lease, timeout=timeout / 2)
            )
            ticking = await stack.enter_async_context(
                PostgresLease.open(base.pool, "switchboard ticker", timeout=timeout / 2)
            )
            await GroupCommitSaver(base.pool).setup()  # LangGraph's tables are the owner's
            writing = await _writing(base, stack, connection_class)
            saver = CaseSaver(writing, journal, owners, serde=serde, timeout=timeout)
            stack.push_async_callback(saver.aclose)
            resources = PostgresResources(base, stack)
            limits = PostgresLimits(
                base.dsn,
                process=owners.process,
                timeout=timeout / 2,
                sleep=sleep,
                connection_class=connection_class,
            )
            stack.push_async_callback(limits.aclose)
            services = Services(
                store,
                journal,
                PostgresEffects(base.pool, timeout=timeout / 2),
                models,
                resources,
                clock,
                True,
                base.where,
                barrier=saver.barrier,
                at_work=saver.at_work,
                sleep=sleep,
                limits=limits,
                prices=prices,
                model_policies=policies,
                aside=saver.aside,
                was_there=saver.was_there,
            )
            access, webhooks = PostgresAccess(base.pool), PostgresWebhooks(base.pool)
            tail = PostgresTail(base.pool, base.dsn)
            yield House(services, saver, owners, ticking, access, tail, webhooks, base)
    finally:
        if traced:
            await flush_tracing()


def _bound() -> float:
    said = os.environ.get(TIMEOUT_SETTING, "")
    try:
        seconds = float(said) if said else 30.0
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < 3600.0:
        raise ConfigurationError(
            "this is no number of seconds",
            where=TIMEOUT_SETTING,
            wanted="seconds, such as 30",
            came=said,
        )
    return seconds


async def _writing(base: Database, stack: AsyncExitStack, connection_class: ConnectionClass) -> Pool:
    """The connections that state and ledger are written by: a login that may add to the ledger only."""
    try:
        login = await ensure_writer(base.pool, base.dsn)
    except ConfigurationError as error:
        # Not every server lets its users make roles; cases come first, and the loss is told.
        _log.warning("state and ledger are written by the owner's own login. %s", error)
        return base.pool
    name = "switchboard-writer"
    return await stack.enter_async_context(
        open_pool(login, max_size=4, application_name=name, connection_class=connection_class)
    )


@asynccontextmanager
async def served_checkpointer(
    *, serde: SerializerProtocol | None = None
) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    """The checkpointer of a LangGraph server: it opens the services of its event loop as well.

    Name it in `langgraph.json` through a module of the application. The server enters it
    before any node runs; steps in that loop then find Postgres, articles and tables.

    Args:
        serde: What checkpoints are read and written by; see `PlainSerialiser`, the default.

    Raises:
        StoreUnavailable: Postgres cannot be started or reached.
    """
    loop = asyncio.get_running_loop()
    async with open_house(serde=serde) as house:
        withdraw = register(house.services)
        _served[loop] = house
        try:
            yield house.saver
        finally:
            _served.pop(loop, None)
            withdraw()


_served: WeakKeyDictionary[asyncio.AbstractEventLoop, House] = WeakKeyDictionary()


def served_house() -> House | None:
    """What `served_checkpointer` opened in this event loop, for whoever serves beside it."""
    return _served.get(asyncio.get_running_loop())

"""Services: the real things a running step needs, one set per event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from langchain_core.runnables import RunnableConfig

from langgraph_switchboard.cases import CaseStore, Effects, MemoryEffects, MemoryStore
from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.knowledge import Knowledge, MemoryKnowledge, articles_of
from langgraph_switchboard.ledger import Entry, Journal, Prices, TaskKey
from langgraph_switchboard.limits import Limits, MemoryLimits, ModelPolicy
from langgraph_switchboard.models import Models, models_from_env


class Tables(Protocol):
    """Named read-only queries over an application's own tables."""

    async def rows(self, name: str, /, **params: Any) -> list[dict[str, Any]]:
        """The rows of one named query."""


class Resources(Protocol):
    """Opens what a flow brings along: its help articles and its tables."""

    async def knowledge(self, package: str) -> Knowledge:
        """The articles in `package`, loaded and searchable."""

    async def tables(self, package: str) -> Tables:
        """The tables described in `package`, created, seeded and readable."""


class MemoryResources:
    """Articles searched in memory; tables need Postgres and are refused."""

    def __init__(self) -> None:
        self._knowledge: dict[str, Knowledge] = {}

    async def knowledge(self, package: str) -> Knowledge:
        """The articles in `package`, indexed once."""
        if package not in self._knowledge:
            articles = await asyncio.to_thread(articles_of, package)
            self._knowledge[package] = MemoryKnowledge(articles)
        return self._knowledge[package]

    async def tables(self, package: str) -> Tables:
        """Refused: an application's tables live in Postgres."""
        raise ConfigurationError(
            f"the tables of {package!r} need Postgres, but the services in memory were opened",
            mend="Open the switchboard on Postgres: `Switchboard.open()` without database='memory'.",
        )


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


@dataclass
class Services:
    """What steps reach through their context; agents never see this object.

    Args:
        store: Cases and reviews.
        journal: Where a step's events and rows leave.
        effects: What has been done to the world.
        models: Who answers `ask()`.
        resources: Articles and tables of the flows.
        clock: Gives the present moment; tests bring their own.
        durable: Whether any of this outlives the process.
        where: One line that says which database this is.
        barrier: Returns once a checkpoint `(thread, namespace, checkpoint id)` is committed, so
            that no step starts on a state that a crash could still take back.
        at_work: Keeps the run's hold on its case, given the run's config, while a step is at work.
        sleep: Lets seconds pass between two attempts; tests bring that of their clock.
        limits: Budgets, rates and breakers; nobody asks them where nothing is bounded.
        prices: What models cost.
        model_policies: What holds for models, whoever asks them, by their names.
        aside: Commits a step's entries at once, before and apart from the step's own commit, under
            the ownership of its run; None where the journal itself writes apart.
        was_there: Whether a checkpoint `(thread, namespace, checkpoint id)` was there before its
            run began, so that a step on it may run again.
    """

    store: CaseStore
    journal: Journal
    effects: Effects
    models: Models
    resources: Resources
    clock: Callable[[], datetime] = utc_now
    durable: bool = False
    where: str = "in memory; nothing is kept"
    barrier: Callable[[str, str, str], Awaitable[None]] | None = None
    at_work: Callable[[RunnableConfig], AbstractContextManager[None]] = lambda _: nullcontext()
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    limits: Limits = field(default_factory=MemoryLimits)
    prices: Prices = field(default_factory=Prices)
    model_policies: Mapping[str, ModelPolicy] = field(default_factory=dict)
    aside: Callable[[RunnableConfig, TaskKey, Sequence[Entry]], Awaitable[None]] | None = None
    was_there: Callable[[str, str, str], bool] = lambda *_: True

    async def write(self, config: RunnableConfig, task: TaskKey, entries: Sequence[Entry]) -> None:
        """Commit entries now, whatever becomes of the step.

        Args:
            config: The step's config, which says who owns its case.
            task: Their place; not that of the step itself, whose entries leave with it.
            entries: What is to be kept.

        Raises:
            StoreError: They could not be written.
            Superseded: Somebody else owns the case by now.
        """
        if self.aside is not None:
            await self.aside(config, task, entries)
        else:
            self.journal.attach(task, entries)
            await self.journal.settle(task)


# LangGraph's context_schema cannot carry services: under a server the client fills it in.
_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Services] = WeakKeyDictionary()
# Made where nobody opened any; whoever opens some later takes precedence.
_made_for_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Services] = WeakKeyDictionary()
_in_use: ContextVar[Services | None] = ContextVar("switchboard_services", default=None)
_acting: ContextVar[str | None] = ContextVar("switchboard_acting", default=None)
_crashes: ContextVar[int] = ContextVar("switchboard_crashes", default=0)


def memory_services() -> Services:
    """Services that keep nothing: for notebooks, examples and tests."""
    store = MemoryStore()
    return Services(store, store, MemoryEffects(), models_from_env(os.environ), MemoryResources())


def register(services: Services) -> Callable[[], None]:
    """Offer services to every step in this event loop; whoever comes first stays.

    Returns:
        A function that takes them back.
    """
    loop = asyncio.get_running_loop()
    _of_loop.setdefault(loop, services)

    def withdraw() -> None:
        if _of_loop.get(loop) is services:
            del _of_loop[loop]

    return withdraw


@contextmanager
def using(services: Services, *, acting: str | None = None, crashes: int = 0) -> Iterator[None]:
    """Run steps started inside this block with `services`.

    Args:
        services: The real things.
        acting: Who decides a review.
        crashes: How many processes in a row have died where the case stands now.
    """
    before = _in_use.set(services)
    acted = _acting.set(acting)
    crashed = _crashes.set(crashes)
    try:
        yield
    finally:
        _crashes.reset(crashed)
        _acting.reset(acted)
        _in_use.reset(before)


def acting() -> str | None:
    """Who is deciding in this context, as the authenticator named them."""
    return _acting.get()


def crashes_here() -> int:
    """How many processes in a row have died where the case of this run stood when it was taken up."""
    return _crashes.get()


def current() -> Services:
    """The services of the running step.

    A graph that is driven without a switchboard, as in a notebook, gets services in memory.

    Raises:
        ConfigurationError: None are open and `SWITCHBOARD_REQUIRE_POSTGRES` is set.
    """
    services = _in_use.get() or _of_loop.get(asyncio.get_running_loop())
    if services is not None:
        return services
    if os.environ.get("SWITCHBOARD_REQUIRE_POSTGRES", "") not in ("", "0", "false"):
        raise ConfigurationError(
            "a step ran without services, and SWITCHBOARD_REQUIRE_POSTGRES forbids those in memory",
            mend="Open `async with Switchboard.open()` in this event loop, or name "
            "`checkpoints/postgres.py:checkpointer` in langgraph.json.",
        )
    loop = asyncio.get_running_loop()
    if loop not in _made_for_loop:
        _made_for_loop[loop] = memory_services()
    return _made_for_loop[loop]

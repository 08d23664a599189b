"""Adoption: runs that no switchboard drives, each claiming its case under its own run id.

A LangGraph server gives every run an id. Such a run takes its case at its first read, before
any step starts, and holds it until the case comes to rest; a second run on the case is refused
meanwhile, and what a superseded one still wants to write is refused by its epoch. A graph that
is driven with neither a switchboard nor a run id, as in a notebook, claims nothing and has no
fence: two such runs on one thread both write.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT

from langgraph_switchboard.cases import PostgresOwners
from langgraph_switchboard.checkpoints.saver import run_of
from langgraph_switchboard.errors import CaseBusy

EPOCH = "__switchboard_epoch"
"""Key in a run's `configurable`: the epoch under which its case is owned. LangGraph keeps keys
that begin with two underscores out of the checkpoint's metadata."""

CRASHES = "__switchboard_crashes"
"""Key beside it: how many runs in a row have died where the case stands; absent where none has."""

_AT_REST = {INTERRUPT, ERROR}
_KEPT = 100_000


class Adoptions:
    """The runs of this process that hold their cases without a switchboard.

    Nobody tells a saver that a run was cancelled. So a lease is renewed while a step of the run
    is at work, and a run between two steps gives way to the next one of its own process.

    Args:
        owners: Who may drive a case.
    """

    def __init__(self, owners: PostgresOwners) -> None:
        self._owners = owners
        self._adopted: OrderedDict[str, int] = OrderedDict()
        self._at_work: Counter[str] = Counter()

    async def adopt(self, config: RunnableConfig) -> None:
        """Claim the case for the run that reads it, if the run has an id and nobody claimed for it.

        Raises:
            CaseBusy: Another run holds the case.
        """
        configurable: dict[str, Any] = config["configurable"]
        run_id = run_id_of(config)
        # Without a runtime it is no run that reads, but somebody who looks.
        if EPOCH in configurable or run_id is None or run_of(config) is None:
            return
        case_id = str(configurable["thread_id"])
        epoch = await self._claim(case_id, run_id)
        self._owners.neglect(case_id, epoch)
        self._adopted[case_id] = epoch
        self._adopted.move_to_end(case_id)
        if len(self._adopted) > _KEPT:
            self._adopted.popitem(last=False)
        configurable[EPOCH] = epoch  # the run's own copy: steps and later writes find it there

    async def count_crash(self, config: RunnableConfig, stands: str) -> None:
        """Tell the steps of the run how many runs before it have died where the case stands.

        Args:
            config: Of the run, which has just claimed its case.
            stands: The checkpoint that the case stands on; empty where it has none yet.
        """
        case_id, epoch = _place(config)
        if epoch is not None and self._adopted.get(case_id) == epoch:
            crashes = await self._owners.count_crash(case_id, epoch, stands)
            if crashes:
                config["configurable"][CRASHES] = crashes

    async def came_to_rest(self, config: RunnableConfig, *, anyway: bool = False) -> None:
        """Give the case back, if it was adopted; whatever comes next may have it at once.

        While another branch of the case is at work it has not come to rest: whoever rests last gives
        it back.

        Args:
            config: The run's config.
            anyway: Nothing that the run still does will be written.
        """
        case_id, epoch = _place(config)
        rests = anyway or not self._at_work[case_id]
        if epoch is not None and self._adopted.get(case_id) == epoch and rests:
            del self._adopted[case_id]
            await self._owners.give_back(case_id, epoch)

    @contextmanager
    def at_work(self, config: RunnableConfig) -> Iterator[None]:
        """Keep the case, if it was adopted, for as long as the block runs."""
        case_id, epoch = _place(config)
        if epoch is None or self._adopted.get(case_id) != epoch:
            yield
            return
        self._at_work[case_id] += 1
        self._owners.keep(case_id, epoch)
        try:
            yield
        finally:
            self._at_work[case_id] -= 1
            if not self._at_work[case_id]:
                del self._at_work[case_id]
                self._owners.neglect(case_id, epoch)

    async def _claim(self, case_id: str, run_id: str) -> int:
        try:
            return await self._owners.claim(case_id, run_id)
        except CaseBusy:
            before = self._adopted.get(case_id)
            if before is None or self._at_work[case_id]:
                raise
        await self._owners.give_back(case_id, before)
        return await self._owners.claim(case_id, run_id)


def run_id_of(config: RunnableConfig) -> str | None:
    """The id that a run was given, wherever its driver put it; None for a run without one."""
    found = (
        config.get("run_id")
        or config.get("metadata", {}).get("run_id")
        or config["configurable"].get("run_id")
    )
    return str(found) if found else None


def is_rest(writes: Sequence[tuple[str, Any]]) -> bool:
    """Whether a task's writes say that the run ends with it: a question, or an error."""
    return any(channel in _AT_REST for channel, _ in writes)


def _place(config: RunnableConfig) -> tuple[str, int | None]:
    configurable: dict[str, Any] = config.get("configurable", {})
    return str(configurable.get("thread_id")), configurable.get(EPOCH)

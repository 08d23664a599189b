"""The driver: takes one case on from where it stands, as its only owner."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Interrupt

from langgraph_switchboard.cases import ENDED, CaseRow
from langgraph_switchboard.checkpoints import EPOCH
from langgraph_switchboard.errors import CaseBusy, CaseStranded
from langgraph_switchboard.nodes import END, Services, using
from langgraph_switchboard.switchboard.flows import Flow
from langgraph_switchboard.switchboard.opening import House
from langgraph_switchboard.switchboard.strict import answer_to, answers_to, strictly

_SUPERSTEPS = 200
"""Bound on one run; LangGraph's own is 10,007 and starts anew at every resume."""
_PATIENCE = 10.0
"""Seconds that a decision waits for whoever drives its case just now."""


class Driver:
    """Drives cases, each under an ownership of its own.

    Args:
        house: The real things.
    """

    def __init__(self, house: House) -> None:
        self._owners = house.owners
        self._services: Services = house.services

    async def drive(self, flow: Flow, row: CaseRow) -> None:
        """Drive a case on until it ends, or waits for a person or a moment.

        Raises:
            CaseBusy: Somebody else drives it just now.
            StoreError: The database failed; the case stands where it stood.
        """
        if row.status in ENDED:
            return
        _must_be_known(flow, row)
        async with self._owners.owning(row.case_id) as epoch:
            config = config_of(row, epoch)
            if row.status == "accepted":
                # Its opening step has not been committed, so there is nothing to go on from.
                await self._invoke(flow, row.input, config)
                return
            snapshot = await flow.graph.aget_state(config)
            if snapshot.created_at is None:
                await self._invoke(flow, row.input, config)
            elif row.branches:
                await self._go_on_branched(flow, row.case_id, config)
            elif snapshot.interrupts:
                await self._go_on_answered(flow, snapshot.interrupts, config)
            else:
                # The engine knows what is left to do; an empty `next` does not mean that nothing is.
                await self._invoke(flow, None, config)

    async def drive_patiently(self, flow: Flow, row: CaseRow) -> None:
        """Drive a case on, waiting a little while somebody else drives it.

        Raises:
            CaseBusy: Somebody else still drives it after ten seconds.
        """
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        pause = 0.02
        while True:
            try:
                await self.drive(flow, row)
                return
            except CaseBusy:
                if asyncio.get_running_loop().time() + pause > deadline:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, 1.0)

    async def _go_on_branched(self, flow: Flow, case_id: str, config: RunnableConfig) -> None:
        """Drive a case with several branches, until all that are left wait for something.

        What one of them asked may be answered while another is still at work, so that the answers
        are looked for again after each run.
        """
        while True:
            snapshot = await flow.graph.aget_state(config)
            row = await self._services.store.case(case_id)
            if row is None or row.status in ENDED:
                return
            if row.status == "running" or not snapshot.interrupts:
                # One of them broke off; those that wait ask again, in the same places.
                await self._invoke(flow, None, config)
            elif not await self._go_on_answered(flow, snapshot.interrupts, config):
                return

    async def _go_on_answered(
        self, flow: Flow, interrupts: Sequence[Interrupt], config: RunnableConfig
    ) -> bool:
        """Go on with timers that are due, and with decisions that stand in their rows.

        Each goes by the id of the question that it answers: LangGraph refuses what is not asked.

        Returns:
            Whether there was an answer to go on with.
        """
        answered = False
        due = await self._due(interrupts, config)
        if due:
            answered = True
            await self._invoke(flow, answers_to(due), strictly(config))
        for one in interrupts:
            if timer_of(one) is not None:
                continue
            review = await self._services.store.review(review_of(one) or "")
            if review is not None and review.status == "held":
                review = await self._services.store.in_time(review.review_id, at=self._services.clock())
            if review is not None and review.status == "decided":
                value = {"decision": review.decision, "version": review.version, "digest": review.digest}
                answered = True
                await self._invoke(flow, answer_to(one.id, value), strictly(config), acting=review.decided_by)
        return answered

    async def _due(self, interrupts: Sequence[Interrupt], config: RunnableConfig) -> dict[str, Any]:
        """The answers to the timers that are due, by the ids of their questions."""
        asked = {timer: one.id for one in interrupts if (timer := timer_of(one)) is not None}
        if not asked:
            return {}
        case_id = str(config["configurable"]["thread_id"])
        rows = await self._services.store.timers(
            case_id=case_id, due=self._services.clock(), status=None, limit=None
        )
        return {asked[row.timer_id]: {"timer_id": row.timer_id} for row in rows if row.timer_id in asked}

    async def _invoke(
        self, flow: Flow, given: Any, config: RunnableConfig, *, acting: str | None = None
    ) -> None:
        with using(self._services, acting=acting):
            # sync: a crash repeats at most the step in flight; the default loses finished ones.
            ended = await flow.graph.ainvoke(given, config, durability="sync")
        if not ended.get("outcome") and not ended.get("__interrupt__"):
            # LangGraph has nothing left to do and calls that success; no step said that it is over.
            raise CaseStranded(
                "the run ended without an outcome and without a question",
                where=f"case {config['configurable']['thread_id']}",
                mend="A step that it stood on is gone: declare the rename, or deploy the former version.",
            )


def _must_be_known(flow: Flow, row: CaseRow) -> None:
    """A case goes on only under a version that knows the step it stands on."""
    if row.blueprint_version > flow.process.version:
        raise CaseStranded(
            "the case was begun under a newer version of the blueprint",
            where=f"case {row.case_id}",
            wanted=f"version {row.blueprint_version} of {flow.name!r}",
            came=f"version {flow.process.version}",
            mend="Deploy the code that it was begun under, or newer.",
        )
    for step in {row.step: None, **{one["step"]: None for one in row.branches.values()}}:
        if step and step != END and flow.process.step(step) is None:
            raise CaseStranded(
                f"the case stands on the step {step!r}, which this version does not know",
                where=f"case {row.case_id}",
                mend=f"Declare the rename: Blueprint(..., renamed={{{step!r}: 'its new name'}}), "
                "or deploy the former version.",
            )


def config_of(row: CaseRow, epoch: int | None = None) -> RunnableConfig:
    """How LangGraph is to run or read a case; with an epoch only its owner's writes are taken."""
    owned = {} if epoch is None else {EPOCH: epoch}
    return RunnableConfig(
        configurable={"thread_id": row.case_id, **owned},
        recursion_limit=_SUPERSTEPS,
        run_name=row.flow,
        metadata={"case": row.case_id, "flow": row.flow, "blueprint_version": row.blueprint_version},
    )


def review_of(interrupt: Interrupt) -> str | None:
    """The id of the review that an interrupt asks for, or None where it is somebody else's."""
    value = interrupt.value
    review = value.get("review") if isinstance(value, Mapping) else None
    return review.get("review_id") if isinstance(review, Mapping) else None


def timer_of(interrupt: Interrupt) -> str | None:
    """The id of the timer that an interrupt waits for, or None where it waits for somebody."""
    value = interrupt.value
    timer = value.get("timer") if isinstance(value, Mapping) else None
    return timer.get("timer_id") if isinstance(timer, Mapping) else None

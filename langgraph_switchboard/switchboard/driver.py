"""The driver: takes one case on from where it stands, as its only owner."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, Interrupt, StateSnapshot

from langgraph_switchboard.cases import ENDED, OPEN, CaseRow
from langgraph_switchboard.checkpoints import EPOCH
from langgraph_switchboard.errors import CaseBusy, CaseStranded
from langgraph_switchboard.graphs.standing import is_there
from langgraph_switchboard.nodes import DEAD_LETTER, END, Services, using
from langgraph_switchboard.nodes.bounds import allowed_again, hops_of
from langgraph_switchboard.switchboard.flows import Flow
from langgraph_switchboard.switchboard.opening import House
from langgraph_switchboard.switchboard.strict import answer_to, answers_to, strictly

_SUPERSTEPS = 3
"""Supersteps of LangGraph that one step of a case takes at most: a set has its exits and its join.
LangGraph's own bound is 10,007 and starts anew at every resume; with this one ours is met first."""
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
            config = config_of(row, epoch, flow.process.max_hops)
            if row.status == "accepted":
                # Its opening step has not been committed, so there is nothing to go on from.
                crashes = await self._owners.count_crash(row.case_id, epoch, "")
                await self._invoke(flow, row.input, config, crashes=crashes)
                return
            snapshot = await flow.graph.aget_state(config)
            crashes = await self._crashes(row.case_id, epoch, snapshot)
            if snapshot.created_at is None:
                await self._invoke(flow, row.input, config, crashes=crashes)
            elif snapshot.values.get("outcome") == "dead_lettered" and row.status in OPEN:
                await self._take_up(flow, row, snapshot, config)
            elif row.branches:
                await self._go_on_branched(flow, row.case_id, config, crashes)
            elif snapshot.interrupts:
                await self._go_on_answered(flow, snapshot.interrupts, config)
            else:
                # The engine knows what is left to do; an empty `next` does not mean that nothing is.
                await self._invoke(flow, None, config, crashes=crashes)

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

    async def _go_on_branched(self, flow: Flow, case_id: str, config: RunnableConfig, crashes: int) -> None:
        """Drive a case with several branches, until all that are left wait for something.

        What one of them asked may be answered while another is still at work, so that the answers
        are looked for again after each run.
        """
        while True:
            snapshot = await flow.graph.aget_state(config)
            row = await self._services.store.case(case_id)
            if row is None or row.status in ENDED:
                return
            if await self._go_on_answered(flow, snapshot.interrupts, config):
                continue
            if row.status != "running" and snapshot.interrupts:
                return
            # One of them broke off; those that wait ask again, in the same places.
            await self._invoke(flow, None, config, crashes=crashes)
            crashes = 0

    async def close(self, flow: Flow, row: CaseRow, reason: str, *, outcome: str = "dead_lettered") -> None:
        """End a case that will not go on: a branch of it rests for good, or an operator cancels it.

        Args:
            flow: Its flow.
            row: The case.
            reason: Why it ends.
            outcome: How it ends.

        Raises:
            CaseBusy: Somebody drives it: another branch is at work.
        """
        async with self._owners.owning(row.case_id) as epoch:
            config = config_of(row, epoch, flow.process.max_hops)
            ended = {"outcome": outcome, "reason": reason}
            await flow.graph.aupdate_state(config, ended, as_node=DEAD_LETTER)

    async def _crashes(self, case_id: str, epoch: int | None, snapshot: StateSnapshot) -> int:
        """How many owners have died where the case stands; asked only where the last one did."""
        stands = snapshot.config["configurable"].get("checkpoint_id", "")
        return await self._owners.count_crash(case_id, epoch, str(stands))

    async def _take_up(
        self, flow: Flow, row: CaseRow, snapshot: StateSnapshot, config: RunnableConfig
    ) -> None:
        """Take a case up again that was set aside: its row says with which step.

        A new checkpoint on top of the last one, so that the step gets a new place in the ledger.
        """
        step = flow.process.step(row.step)
        assert step is not None, "it was looked for before"
        visits = snapshot.values.get("visits") or {}
        again = {
            allowed_again(step.name): visits.get(step.name, 0),
            allowed_again(): hops_of(visits) + visits.get(allowed_again(), 0),
        }
        afresh = {"outcome": None, "failure": None, "reason": None, "visits": again}
        await flow.graph.aupdate_state(config, Command(goto=step.name, update=afresh), as_node=DEAD_LETTER)
        await self._invoke(flow, None, config)

    async def _go_on_answered(
        self, flow: Flow, interrupts: Sequence[Interrupt], config: RunnableConfig
    ) -> bool:
        """Go on with timers that are due, letters that are redriven, and decisions that stand in their rows.

        Each goes by the id of the question that it answers: LangGraph refuses what is not asked.

        Returns:
            Whether there was an answer to go on with.
        """
        answered = False
        due = await self._due(interrupts, config) | await self._redriven(interrupts, config)
        if due:
            answered = True
            await self._invoke(flow, answers_to(due), strictly(config))
        for one in interrupts:
            review_id = review_of(one)
            review = await self._services.store.review(review_id) if review_id is not None else None
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

    async def _redriven(self, interrupts: Sequence[Interrupt], config: RunnableConfig) -> dict[str, Any]:
        """The answers to branches that rest and that an operator has had redriven."""
        asked = {letter: one.id for one in interrupts if (letter := letter_of(one)) is not None}
        if not asked:
            return {}
        case_id = str(config["configurable"]["thread_id"])
        rows = await self._services.store.letters(case_id=case_id, status="redriven", limit=None)
        return {
            asked[row.letter_id]: {"to": row.step, "by": row.settled_by}
            for row in rows
            if row.letter_id in asked
        }

    async def _invoke(
        self, flow: Flow, given: Any, config: RunnableConfig, *, acting: str | None = None, crashes: int = 0
    ) -> None:
        with using(self._services, acting=acting, crashes=crashes):
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
    for path, one in row.branches.items():
        if path and not is_there(flow.process, one["step"], path):
            raise CaseStranded(
                f"a branch of the case stands on {one['step']!r} in {path!r}, where this version has it not",
                where=f"case {row.case_id}",
                mend="Keep the step and its set where they were for the cases that stand there, "
                "or deploy the former version.",
            )


def config_of(row: CaseRow, epoch: int | None = None, max_hops: int = 100) -> RunnableConfig:
    """How LangGraph is to run or read a case; with an epoch only its owner's writes are taken."""
    owned = {} if epoch is None else {EPOCH: epoch}
    return RunnableConfig(
        configurable={"thread_id": row.case_id, **owned},
        recursion_limit=_SUPERSTEPS * max_hops + 50,
        run_name=row.flow,
        metadata={"case": row.case_id, "flow": row.flow, "blueprint_version": row.blueprint_version},
    )


def review_of(interrupt: Interrupt) -> str | None:
    """The id of the review that an interrupt asks for, or None where it is somebody else's."""
    value = interrupt.value
    review = value.get("review") if isinstance(value, Mapping) else None
    return review.get("review_id") if isinstance(review, Mapping) else None


def letter_of(interrupt: Interrupt) -> str | None:
    """The id of the dead letter that a branch rests on, or None where it waits for something else."""
    value = interrupt.value
    letter = value.get("dead_letter") if isinstance(value, Mapping) else None
    return letter.get("letter_id") if isinstance(letter, Mapping) else None


def timer_of(interrupt: Interrupt) -> str | None:
    """The id of the timer that an interrupt waits for, or None where it waits for somebody."""
    value = interrupt.value
    timer = value.get("timer") if isinstance(value, Mapping) else None
    return timer.get("timer_id") if isinstance(timer, Mapping) else None

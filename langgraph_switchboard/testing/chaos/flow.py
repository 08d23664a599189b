"""A blueprint as the subject of a sweep: driven by a switchboard, or as a LangGraph server drives it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeVar

from langgraph.types import Command, Interrupt
from psycopg import AsyncConnection

from langgraph_switchboard.cases import ENDED, CaseRow
from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import CaseBusy
from langgraph_switchboard.graphs import Blueprint
from langgraph_switchboard.graphs.regions import members_of
from langgraph_switchboard.ledger import LedgerEntry
from langgraph_switchboard.nodes import using
from langgraph_switchboard.nodes.doubt import DOUBT
from langgraph_switchboard.postgres import ConnectionClass
from langgraph_switchboard.switchboard.core import Switchboard
from langgraph_switchboard.switchboard.driver import config_of, timer_of
from langgraph_switchboard.switchboard.flows import load_blueprint
from langgraph_switchboard.switchboard.opening import House, open_house
from langgraph_switchboard.testing.chaos.subject import Bench, Facts
from langgraph_switchboard.testing.chaos.world import has_happened

T = TypeVar("T")

Mode = Literal["sync", "async"]
"""`sync`: the switchboard drives. `async`: the graph is invoked as a LangGraph server does it."""

_PERSON = "a-person"
_ROUNDS = 10
_PAUSE = 0.002


class Rig(Protocol):
    """Opens the real things; negative controls bring one that lacks a guard."""

    def __call__(
        self, dsn: str, *, traced: bool, connection_class: ConnectionClass
    ) -> AbstractAsyncContextManager[House]:
        """See `open_house`."""


@dataclass(frozen=True)
class FlowSubject:
    """A blueprint with one input, and what a person answers.

    Args:
        flow: The blueprint.
        inputs: The input contract, or payload by field.
        decision: What a person answers to every review; unless given, a draft is approved and
            a question without one declined.
        mode: Who drives.
        rig: Opens the real things.
        ledger: Whether ledger and state are to agree at every moment.
        tables: SQL that makes the tables of the flow's own that `counts` reads; may run again.
        counts: SQL that gives the keys of what was done for the case `%s` in those tables.
        rungs: Which rung each step that fails must end on; None declares nothing.
        redrives: Whether an operator has a dead letter done again.
    """

    flow: Blueprint
    inputs: Contract | Mapping[str, Any]
    decision: Mapping[str, Any] | None = None
    mode: Mode = "sync"
    rig: Rig = open_house
    ledger: bool = True
    tables: str = ""
    counts: str = ""
    rungs: Mapping[str, str] | None = None
    redrives: bool = False

    @asynccontextmanager
    async def open(self, dsn: str, connection_class: ConnectionClass) -> AsyncIterator[Bench]:
        """Open a house, and the bench in it."""
        if self.tables:
            async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
                await connection.execute(self.tables.encode())
        async with self.rig(dsn, traced=False, connection_class=connection_class) as house:
            yield FlowBench(self, house, dsn)


def of_blueprint(
    flow: str, inputs: dict[str, Any], decision: dict[str, Any] | None = None, mode: Mode = "sync"
) -> FlowSubject:
    """The subject for a blueprint of one's own, named `"module:name"`."""
    return FlowSubject(load_blueprint(flow), inputs, decision, mode)


class FlowBench:
    """Drives cases of one flow.

    Args:
        subject: What is swept.
        house: The real things.
        dsn: The database, for what only the subject knows how to count.
    """

    def __init__(self, subject: FlowSubject, house: House, dsn: str) -> None:
        self.waited = 0.0
        self._dsn = dsn
        self._subject = subject
        self._house = house
        self._switchboard = Switchboard(house)
        self._store = house.services.store

    async def drive(self, case_id: str) -> None:
        """Hand the case in, again if need be, and go on until it ends."""
        row = await self._switchboard.start(self._subject.flow, self._subject.inputs, case_id=case_id)
        go_on = self._go_on if self._subject.mode == "sync" else self._go_on_as_a_server
        for _ in range(_ROUNDS):
            if self._subject.redrives and await self._store.letters(case_id=case_id, status=None):
                # Also where it was redriven and broke off: nobody but a switchboard takes it up.
                row = await self._patiently(lambda: self._switchboard.redrive(case_id, by=_PERSON))
            if row.status in ENDED:
                return
            row = await go_on(case_id)

    async def _go_on(self, case_id: str) -> CaseRow:
        row = await self._patiently(lambda: self._switchboard.resume(case_id))
        for review in await self._store.reviews(case_id=case_id):
            answer = self._answer(case_id, review.shown, review.subject)
            row = await self._patiently(
                lambda: self._switchboard.decide(review.review_id, answer, by=_PERSON)  # noqa: B023 - awaited
            )
        return row

    async def _go_on_as_a_server(self, case_id: str) -> CaseRow:
        """One run as `langgraph dev` does it: `async`, with the bare answer of a person as its input."""
        await self._patiently(lambda: self._run_once(case_id))
        row = await self._store.case(case_id)
        assert row is not None, "it was accepted"
        return row

    async def _run_once(self, case_id: str) -> None:
        flow, row = self._switchboard.flow(self._subject.flow), await self._store.case(case_id)
        assert row is not None, "it was accepted"
        async with self._house.owners.owning(case_id) as epoch:
            config = config_of(row, epoch)
            snapshot = await flow.graph.aget_state(config)
            given: Any = None
            if snapshot.created_at is None or row.status == "accepted":
                given = row.input
            elif snapshot.interrupts:
                asked = snapshot.interrupts[0]
                given = Command(resume={asked.id: self._answer_to(case_id, asked)})
            with using(self._house.services, acting=_PERSON):
                await flow.graph.ainvoke(given, config, durability="async")

    def _answer_to(self, case_id: str, asked: Interrupt) -> Mapping[str, Any]:
        """What a run is resumed with: a person's answer, or the timer itself."""
        if (timer := timer_of(asked)) is not None:
            return {"timer_id": timer}
        review = asked.value["review"]
        return self._answer(case_id, review["shown"], review["subject"])

    def _answer(self, case_id: str, shown: Mapping[str, Any], subject: str) -> Mapping[str, Any]:
        if subject == DOUBT.of:
            done = has_happened(case_id, shown[subject]["key"])
            return {"type": "approve" if done else "reject"}
        return self._subject.decision or {"type": "approve" if shown.get(subject) else "reject"}

    async def _patiently(self, act: Callable[[], Awaitable[T]]) -> T:
        """Try until whoever was killed is known to be gone; the time counts."""
        started = time.perf_counter()
        while True:
            try:
                result = await act()
            except CaseBusy:
                self.waited = max(self.waited, time.perf_counter() - started)
                await asyncio.sleep(_PAUSE)
            else:
                return result

    async def facts(self, case_id: str) -> Facts:
        """How the case stands: state, story, outbox, reviews and effects.

        Questions about effects in doubt are left out: that they were asked is what a crash changes.
        """
        view = await self._switchboard.case(case_id)
        snapshot = await self._switchboard.flow(view.row.flow).graph.aget_state(config_of(view.row))
        outbox = await self._store.outbox(case_id, limit=None)
        doubts = {one.review_id for one in view.reviews if one.subject == DOUBT.of}
        process = self._switchboard.flow(view.row.flow).process
        # What branches do at the same time has no order.
        in_order = sorted if any(members_of(step) for step in process.steps.values()) else list
        rest = {
            "state": view.state.model_dump(mode="json", warnings=False),
            "story": in_order(
                [entry.event.kind, entry.event.step]
                for entry in view.story
                if entry.event.data.get("review_id") not in doubts
            ),
            "reviews": in_order(
                [one.step, one.status, (one.decision or {}).get("type")]
                for one in view.reviews
                if one.review_id not in doubts
            ),
            "outbox": sorted([one.key, one.row] for one in outbox),
            "next": list(snapshot.next),
            "rungs": snapshot.values.get("rungs") or {},
        }
        done = [one.key for one in outbox] + await self._counted(case_id)
        visits = snapshot.values.get("visits", {})
        disagree = _disagree(view.story, visits)
        facts = Facts(view.row.status, snapshot.values.get("outcome"), rest, done, disagree)
        return replace(facts, rungs=self._elsewhere(snapshot.values.get("rungs") or {}, view.story))

    def _elsewhere(self, kept: Mapping[str, str], story: Sequence[LedgerEntry]) -> list[str]:
        """Steps that did not end on their declared rung, by the state or by the ledger."""
        declared = self._subject.rungs
        if declared is None:
            return []
        told = {one.event.step: one.event.data["rung"] for one in story if "rung" in one.event.data}
        return [
            f"{step}: on {found.get(step)} in the {where}, declared {declared.get(step)}"
            for where, found in (("state", kept), ("ledger", told))
            for step in sorted(declared.keys() | found.keys())
            if found.get(step) != declared.get(step)
        ]

    async def _counted(self, case_id: str) -> list[str]:
        if not self._subject.counts:
            return []
        async with await AsyncConnection.connect(self._dsn, autocommit=True) as connection:
            cursor = await connection.execute(self._subject.counts.encode(), [case_id])
            return [str(key) for (key,) in await cursor.fetchall()]


def _disagree(story: Sequence[LedgerEntry], visits: Mapping[str, int]) -> list[str]:
    """Steps that the state has visited more or less often than the ledger tells."""
    # What is told at once has a place of its own, ahead of what its task writes: a failed attempt.
    ended = [one for one in story if "#" not in one.task_id and not one.task_id.startswith("letter ")]
    told = Counter(step for step, _ in {(entry.event.step, entry.task_id) for entry in ended})
    counted = Counter[str]()
    for name, times in visits.items():  # those of each item of a map are counted by themselves
        if not name.startswith("~"):
            counted[name.partition("#")[0]] += times
    return [
        f"{step}: {told[step]} times in the ledger, {counted[step]} times in the state"
        for step in sorted(told.keys() | counted.keys())
        if told[step] != counted[step]
    ]

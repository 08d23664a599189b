"""Switchboard: start, run, resume, decide, list, show."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Self

from langgraph.checkpoint.serde.base import SerializerProtocol

from langgraph_switchboard.cases import LEASE, CaseRow, Lease, ReviewRow, refusals
from langgraph_switchboard.cases.access import Actor
from langgraph_switchboard.contracts import Contract, Decision
from langgraph_switchboard.errors import (
    CaseBusy,
    CaseError,
    CaseUnknown,
    ReviewClosed,
)
from langgraph_switchboard.graphs import Blueprint
from langgraph_switchboard.models import Models
from langgraph_switchboard.nodes import Services, people_for, register, utc_now
from langgraph_switchboard.switchboard.batches import Batches
from langgraph_switchboard.switchboard.deciding import (
    accept_answer,
    matter_of,
    must_be_theirs,
)
from langgraph_switchboard.switchboard.driver import Driver, config_of, review_of
from langgraph_switchboard.switchboard.flows import Flow, compile_flow, load_blueprint
from langgraph_switchboard.switchboard.letters import DeadLetters
from langgraph_switchboard.switchboard.opening import House, open_house
from langgraph_switchboard.switchboard.operating import Operating
from langgraph_switchboard.switchboard.reviewing import Reviewing, review_of_row, undo_time
from langgraph_switchboard.switchboard.views import CaseView, NewCase


class Switchboard(Batches, Reviewing, DeadLetters, Operating):
    """The object that runs it all; open it, and everything it owns closes with it.

        async with Switchboard.open() as switchboard:
            case = await switchboard.run(desk, Ticket(text="My card has not arrived"))

    A case accepted is finished, parked for a person, or set aside as a dead letter; never lost.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._driver = Driver(house)
        self._flows: dict[str, Flow] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        database: str | None = None,
        *,
        flows: Iterable[Blueprint | str] = (),
        models: Models | None = None,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        lease: float = LEASE,
        serde: SerializerProtocol | None = None,
    ) -> AsyncIterator[Self]:
        """Open a switchboard.

        Args:
            database: A Postgres address; None takes SWITCHBOARD_DATABASE_URL, or starts the
                embedded server; "memory" keeps nothing beyond the process.
            flows: Blueprints (or "module:name") whose cases it may resume and decide.
            models: Who answers `ask()`; chosen from the environment unless given.
            clock: Gives the present moment; tests bring their own.
            sleep: Lets seconds pass between two attempts at a step; tests bring that of their clock.
            lease: Seconds for which a case stays with an owner of whom nothing is heard.
            serde: What checkpoints are read and written by. The default reads plain data and
                LangGraph's own types; graphs used as steps may need theirs, see `PlainSerialiser`.

        Raises:
            StoreUnavailable: Postgres cannot be started or reached.
            ConfigurationError: A setting or a flow's name is wrong.
            BlueprintError: The check of a flow found errors.
        """
        async with open_house(
            database, models=models, clock=clock, sleep=sleep, lease=lease, serde=serde
        ) as house:
            switchboard = cls(house)
            for flow in flows:
                switchboard.flow(flow)
            withdraw = register(house.services)
            try:
                yield switchboard
            finally:
                withdraw()

    @property
    def where(self) -> str:
        """One line that says which database this is."""
        return self._house.services.where

    @property
    def services(self) -> Services:
        """What steps use; for tests and tools."""
        return self._house.services

    @property
    def ticking(self) -> Lease:
        """Which of the processes on this database wakes cases and does the chores."""
        return self._house.ticking

    @property
    def house(self) -> House:
        """The real things that it owns; for whoever serves it."""
        return self._house

    @property
    def flows(self) -> Mapping[str, Flow]:
        """The flows that are known here, by name."""
        return self._flows

    def flow(self, flow: Blueprint | str) -> Flow:
        """A flow ready to run: by its blueprint, by "module:name", or by its name once it is known.

        Raises:
            ConfigurationError: There is no such flow.
            BlueprintError: The check found errors.
        """
        if isinstance(flow, str):
            if flow in self._flows:
                return self._flows[flow]
            flow = load_blueprint(flow)
        known = self._flows.get(flow.name)
        if known is None or known.digest != flow.process().digest:
            known = self._flows[flow.name] = compile_flow(flow, self._house.saver)
        return known

    async def start(
        self,
        flow: Blueprint | str,
        inputs: Contract | Mapping[str, Any],
        *,
        case_id: str | None = None,
        labels: Mapping[str, Any] | None = None,
    ) -> CaseRow:
        """Accept a case without driving it; from here on it is never lost.

        Args:
            flow: The flow that it goes through.
            inputs: The input contract, or payload by field.
            case_id: Its id; made unless given. The same id with the same inputs is the same case.
            labels: Facts about it that no agent sees.

        Raises:
            InputRefused: A field is missing or unknown.
            ContractViolation: An input breaks its contract.
            CaseError: The id belongs to another case.
        """
        compiled = self.flow(flow)
        row = self._row(compiled, NewCase(inputs, case_id or f"case-{uuid.uuid4().hex[:12]}", labels or {}))
        if row.case_id in await self.services.store.accept([row]):
            return row
        return _same(await self._known(row.case_id), row)

    async def run(
        self,
        flow: Blueprint | str,
        inputs: Contract | Mapping[str, Any],
        *,
        case_id: str | None = None,
        labels: Mapping[str, Any] | None = None,
    ) -> CaseView:
        """Accept a case and drive it until it ends or waits for a person.

        Args and errors are those of `start`.
        """
        row = await self.start(flow, inputs, case_id=case_id, labels=labels)
        await self.resume(row.case_id)
        return await self.case(row.case_id)

    async def resume(self, case_id: str) -> CaseRow:
        """Drive a case on from where it stands; one that has ended or waits for a person stays so.

        Raises:
            CaseUnknown: There is no such case.
            StoreError: The database failed; the case stands where it stood.
        """
        row = await self._known(case_id)
        await self._driver.drive(self.flow(row.flow), row)
        return await self._known(case_id)

    async def decide(
        self,
        review_id: str,
        decision: Decision | Mapping[str, Any] | Sequence[Any],
        *,
        by: str | Actor,
        digest: str | None = None,
        undo: timedelta | None = None,
        drive: bool = True,
    ) -> CaseRow:
        """Decide a review and drive the case on. What is refused stands in the ledger as well.

        Where several people must approve, the first approval leaves the review open; where it can
        be taken back, the case goes on when that time is over. Both leave the case waiting.

        Args:
            review_id: The review.
            decision: The answer: a decision contract or its fields, or one of the shapes of
                Agent Inbox and LangChain. `{"type": "escalate", "to": ..., "message": ...}` hands
                the review on and leaves it open.
            by: Who decides, as the caller's authenticator named them; a plain name is the user
                of this machine.
            digest: The review's `token` as the person was shown it; refused if something else is
                shown by now.
            undo: How long it can be taken back, where neither the blueprint nor SWITCHBOARD_UNDO
                says; not at all unless given.
            drive: False returns when the decision stands, and leaves the case to whoever drives it next.

        Returns:
            The case as it stands afterwards.

        Raises:
            ReviewUnknown: There is no such review.
            ReviewStale: It shows something else by now.
            ReviewClosed: The case went on without it, or has ended.
            ReviewNotYours: By role or scope, or because they asked for it, they may not.
            ReviewDecided: Somebody was first.
            DecisionMalformed: The answer does not fit; the review stays open.
        """
        actor = by if isinstance(by, Actor) else Actor.local(by)
        if isinstance(decision, Mapping) and decision.get("type") == "escalate":
            to, message = decision.get("to"), decision.get("message")
            row = await self.escalate(
                review_id, by=actor, to=str(to) if to else None, message=str(message or "")
            )
            return await self._known(row.case_id)
        row = await self._asked(review_id)
        return await self._on_record(
            row, actor, self._decide(row, decision, actor, digest, undo, drive=drive)
        )

    async def _decide(
        self,
        row: ReviewRow,
        decision: Decision | Mapping[str, Any] | Sequence[Any],
        actor: Actor,
        digest: str | None,
        undo: timedelta | None,
        *,
        drive: bool,
    ) -> CaseRow:
        review_id, by = row.review_id, actor.name
        flow, case = self.flow(row.flow), await self._known(row.case_id)
        review = review_of_row(flow, row)
        must_be_theirs(actor, matter_of(flow.process, review, row, case), row)
        _must_be_open(row)
        answer = accept_answer(review, row, decision, by)
        # An edit may put more at stake than the draft did.
        must_be_theirs(actor, matter_of(flow.process, review, row, case, answer), row)
        # While another branch of the case is at work, only the review's own row tells that it is asked.
        if not (case.branches or await self._waits_for(flow, case, review_id)):
            _must_be_open(await self._asked(review_id))
            # A crash came after its row was written and before the case had stopped at it.
            await self._driver.drive_patiently(flow, case)
            if not await self._waits_for(flow, case, review_id):
                _must_be_open(await self._asked(review_id))
                raise ReviewClosed(
                    f"the case no longer waits for the review {review_id!r}",
                    mend=f"`switchboard case {row.case_id}` tells what happened.",
                )
        said, now = answer.model_dump(mode="json"), self.services.clock()
        # First the decision, then the case: whoever loses here is told, and a crash in between
        # leaves a decision that the next resume goes on with.
        stands = await self.services.store.decide(
            review_id,
            version=row.version,
            digest=digest or row.token,
            decision=said,
            by=by,
            at=now,
            people=people_for(review, row.shown, answer),
            undo=undo_time(review, undo),
        )
        if stands.status == "open":
            return case  # one of several people has approved
        if (stands.decided_by, stands.decided_at) != (by, now):
            raise refusals.decided_by_other(stands)
        if stands.status == "held":
            return case
        try:
            if drive:
                await self._driver.drive_patiently(flow, await self._known(row.case_id))
        except CaseBusy:
            # Whoever drives another branch looks for answers again before they let go of the case.
            if not case.branches:
                raise
        return await self._known(row.case_id)

    async def authorise(self, review_id: str, *, by: str | Actor) -> None:
        """Refuse who may not decide a review; for whoever lets an answer through that another door took.

        What is refused stands in the ledger as well.

        Raises:
            ReviewUnknown: There is no such review.
            ReviewNotYours: By role or scope, or because they asked for it, they may not.
        """
        actor = by if isinstance(by, Actor) else Actor.local(by)
        row = await self._asked(review_id)
        flow, case = self.flow(row.flow), await self._known(row.case_id)

        async def look() -> None:
            must_be_theirs(actor, matter_of(flow.process, review_of_row(flow, row), row, case), row)

        await self._on_record(row, actor, look())

    async def questions(self, case_id: str) -> dict[str, str]:
        """The questions that a case waits with: LangGraph's id of each, and the review.

        Raises:
            CaseUnknown: There is no such case.
        """
        case = await self._known(case_id)
        snapshot = await self.flow(case.flow).graph.aget_state(config_of(case))
        return {one.id: review for one in snapshot.interrupts if (review := review_of(one))}

    async def case(self, case_id: str) -> CaseView:
        """One case: its row, its typed state, its story and its reviews.

        Raises:
            CaseUnknown: There is no such case.
            ContractViolation: Its stored state is damaged or of an unknown version.
        """
        row = await self._known(case_id)
        flow, store = self.flow(row.flow), self.services.store
        snapshot = await flow.graph.aget_state(config_of(row))
        sealed = {} if row.status == "accepted" else snapshot.values
        state = flow.process.case.view({k: v for k, v in sealed.items() if k in flow.process.case.fields()})
        story = await store.story(case_id)
        return CaseView(row, state, story, await store.reviews(case_id=case_id, status=None))

    async def cases(
        self, *, flow: str | None = None, status: Sequence[str] = (), limit: int | None = 100
    ) -> list[CaseRow]:
        """Cases, newest first."""
        return await self.services.store.cases(flow=flow, status=status, limit=limit)

    async def reviews(self, *, flow: str | None = None, limit: int | None = 100) -> list[ReviewRow]:
        """The reviews that wait, the longest first."""
        return await self.services.store.reviews(flow=flow, limit=limit)

    async def _waits_for(self, flow: Flow, case: CaseRow, review_id: str) -> bool:
        snapshot = await flow.graph.aget_state(config_of(case))
        return any(review_of(one) == review_id for one in snapshot.interrupts)

    def _row(self, flow: Flow, new: NewCase) -> CaseRow:
        now = self.services.clock()
        return CaseRow(
            new.case_id, flow.name, flow.process.version, flow.digest, "accepted", "",
            flow.payloads(new.inputs), dict(new.labels), None, now, now,
        )  # fmt: skip

    async def _known(self, case_id: str) -> CaseRow:
        row = await self.services.store.case(case_id)
        if row is None:
            raise CaseUnknown(f"there is no case {case_id!r}", mend="`switchboard cases` lists them.")
        return row


def _must_be_open(row: ReviewRow) -> None:
    if row.status != "open":
        raise refusals.decided_by_other(row)


def _same(known: CaseRow, row: CaseRow) -> CaseRow:
    if (known.flow, known.input) != (row.flow, row.input):
        raise CaseError(
            f"the id {row.case_id!r} belongs to another case",
            came=f"a case of {known.flow!r} accepted at {known.created_at:%Y-%m-%d %H:%M}",
            mend="Give the new case another id.",
        )
    return known

"""The state machine: cases are started, driven, killed, taken over, decided, deployed over, drained.

Hypothesis chooses what happens next; a small model says how each case must stand afterwards. The
processes are real: a crash is SIGKILL, an expired lease is a frozen process that wakes up again.
It needs `hypothesis`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from psycopg.conninfo import make_conninfo

from langgraph_switchboard.cases import ENDED, CaseRow, PostgresStore
from langgraph_switchboard.postgres import Pool, open_pool
from langgraph_switchboard.testing.proofs import deeds
from langgraph_switchboard.testing.proofs.hands import Hand, Job, Nursery, Refusal, deed
from langgraph_switchboard.testing.proofs.payments import FLOW, RENAMED, make_table, paid
from langgraph_switchboard.testing.proofs.report import ProofReport, proof

LEASE = 0.4
_PAUSE = 0.004
_CENTS, _EDITED = 7, 99
_PATIENCE = 30.0


@dataclass
class Model:
    """How a case must stand.

    Args:
        asks: Whether it stops at a person.
        status: `accepted`, `waiting`, `finished`, `declined`; or `broken`: a process died in it.
        amount: What is to be paid; None where nothing is.
    """

    asks: bool
    status: str = "accepted"
    amount: int | None = None

    def driven(self) -> None:
        """Somebody drove it as far as it goes."""
        if self.status in ("accepted", "broken"):
            self.status = "waiting" if self.asks else "finished"
            self.amount = None if self.asks else _CENTS

    def decided(self, kind: str) -> None:
        """A decision stands, and somebody drove it on."""
        self.status = "declined" if kind == "reject" else "finished"
        self.amount = {"approve": _CENTS, "edit": _EDITED}.get(kind)


_ANSWERS: dict[str, dict[str, Any]] = {
    "approve": {"type": "approve"},
    "edit": {"type": "edit", "edited": {"amount": _EDITED}},
    "reject": {"type": "reject"},
}
_KINDS = st.sampled_from(sorted(_ANSWERS))
_WHICH = st.integers(min_value=0, max_value=1_000)
_MOMENT = st.floats(min_value=0.0, max_value=0.06)


class _Cases(RuleBasedStateMachine):
    """The rules; `nursery` and `dsn` are set by `machine`."""

    nursery: Nursery
    dsn: str
    report: ProofReport
    model: type[Model]

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._models: dict[str, Model] = {}
        self._flow = FLOW
        self._database = f"machine_{uuid4().hex[:12]}"
        self._dsn = make_conninfo(self.dsn, dbname=self._database)
        self._as_owner("create database")
        self._do(self._open())

    def teardown(self) -> None:
        """At the end everything is taken up, and stands as the model says."""
        try:
            self._do(self._drain())
            self._do(self._compare())
        finally:
            self._do(self._stack.aclose())
            self._runner.close()
            self._as_owner("drop database", "with (force)")

    # -- rules ---------------------------------------------------------------------------------

    @rule(asks=st.booleans())
    def start(self, asks: bool) -> None:
        """Hand a case in."""
        case_id = f"m-{uuid4().hex[:12]}"
        order = {"order": {"cents": _CENTS, "asks": asks, "pause": _PAUSE}}
        self._do(self._hand.do(deed(deeds.start), flow=self._flow, inputs=order, case=case_id))
        self._models[case_id] = self.model(asks)
        self.report.counts["start"] += 1

    @precondition(lambda self: self._models)
    @rule(which=_WHICH)
    def resume(self, which: int) -> None:
        """Drive a case; one that waits or has ended stays so."""
        case_id, model = self._pick(which)
        self._do(self._patiently(deed(deeds.resume), case=case_id))
        model.driven()
        self._do(self._check(case_id))
        self.report.counts["resume"] += 1

    @precondition(lambda self: self._models)
    @rule(which=_WHICH, kind=_KINDS)
    def decide(self, which: int, kind: str) -> None:
        """Decide a case's review; where somebody has decided already, be told."""
        case_id, model = self._pick(which)
        review = self._do(self._review(case_id))
        if review is None or model.status not in ("waiting", *ENDED):
            return
        if model.status == "waiting":
            self._do(self._decide(review, kind))
            model.decided(kind)
        else:
            refusal = self._do(self._refused(review, kind))
            assert refusal == "ReviewDecided", refusal
        self._do(self._check(case_id))
        self.report.counts["decide"] += 1

    @precondition(lambda self: self._models)
    @rule(which=_WHICH, kind=_KINDS, moment=_MOMENT)
    def crash(self, which: int, kind: str, moment: float) -> None:
        """Kill the process while it drives a case on, or while it decides it."""
        case_id, model = self._pick(which)
        review = self._do(self._review(case_id)) if model.status == "waiting" else None
        self._do(self._die(case_id, review, kind, moment))
        if review is not None:
            if self._do(self._is_decided(review)):
                self._do(self._patiently(deed(deeds.resume), case=case_id))
                model.decided(kind)
        elif model.status == "accepted":
            model.status = "broken"
        self.report.counts["crash"] += 1

    @precondition(lambda self: self._models)
    @rule(which=_WHICH, moment=_MOMENT)
    def expire(self, which: int, moment: float) -> None:
        """Freeze the process while it drives a case; another takes over; then it wakes up."""
        case_id, model = self._pick(which)
        self._do(self._outlive(case_id, moment))
        model.driven()
        self._do(self._check(case_id))
        self.report.counts["expire"] += 1

    @precondition(lambda self: self._flow == FLOW)
    @rule()
    def deploy(self) -> None:
        """Replace the code by its next version, in which the review bears another name."""
        self._flow = RENAMED
        self._do(self._replace())
        self.report.counts["deploy"] += 1

    @rule()
    def drain(self) -> None:
        """Take up whatever broke off, and whatever was only accepted."""
        self._do(self._drain())
        self.report.counts["drain"] += 1

    # -- what they do --------------------------------------------------------------------------

    def _do(self, work: Any) -> Any:
        async def within() -> Any:
            async with asyncio.timeout(_PATIENCE):
                return await work

        return self._runner.run(within())

    def _as_owner(self, verb: str, how: str = "") -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(f"{verb} {self._database} {how}".encode())

    def _pick(self, which: int) -> tuple[str, Model]:
        case_id = sorted(self._models)[which % len(self._models)]
        return case_id, self._models[case_id]

    async def _open(self) -> None:
        self._pool: Pool = await self._stack.enter_async_context(open_pool(self._dsn, max_size=2))
        await make_table(self._pool)
        self._store = PostgresStore(self._pool)
        await self._replace()

    async def _replace(self) -> None:
        hands = self.nursery.hands(Job(self._dsn, self._flow, LEASE))
        [self._hand] = await self._stack.enter_async_context(hands)

    async def _patiently(self, name: str, **args: Any) -> Any:
        """The process that died owned the case, until it is known to be gone."""
        while True:
            try:
                return await self._hand.do(name, **args)
            except Refusal as refusal:
                if refusal.kind != "CaseBusy":
                    raise
            await asyncio.sleep(0.02)

    async def _decide(self, review: str, kind: str) -> None:
        await self._patiently(deed(deeds.decide), review=review, answer=_ANSWERS[kind], by="ann")

    async def _refused(self, review: str, kind: str) -> str:
        try:
            await self._hand.do(deed(deeds.decide), review=review, answer=_ANSWERS[kind], by="bob")
        except Refusal as refusal:
            return refusal.kind
        return "nothing"

    async def _die(self, case_id: str, review: str | None, kind: str, moment: float) -> None:
        if review is None:
            work = self._hand.do(deed(deeds.resume), case=case_id)
        else:
            work = self._hand.do(deed(deeds.decide), review=review, answer=_ANSWERS[kind], by="ann")
        task = asyncio.ensure_future(work)
        await asyncio.sleep(moment)
        os.kill(self._hand.pid, signal.SIGKILL)
        await asyncio.gather(task, return_exceptions=True)
        await self._replace()

    async def _outlive(self, case_id: str, moment: float) -> None:
        zombie: Hand = self._hand
        task = asyncio.ensure_future(zombie.do(deed(deeds.resume), case=case_id))
        await asyncio.sleep(moment)
        zombie.freeze()
        try:
            await self._replace()
            await self._patiently(deed(deeds.resume), case=case_id)
        finally:
            zombie.thaw()
        await asyncio.gather(task, return_exceptions=True)

    async def _drain(self) -> None:
        # A case whose dead owner is not yet known to be gone is told as busy, and taken up the next time.
        while True:
            if not await self._hand.do(deed(deeds.resume_all), flow="proof_payments"):
                break
            await asyncio.sleep(0.02)
        for model in self._models.values():
            model.driven()

    async def _review(self, case_id: str) -> str | None:
        rows = await self._store.reviews(case_id=case_id, status=None)
        return rows[-1].review_id if rows else None

    async def _is_decided(self, review: str) -> bool:
        row = await self._store.review(review)
        return row is not None and row.status == "decided"

    async def _check(self, case_id: str) -> None:
        row: CaseRow | None = await self._store.case(case_id)
        model = self._models[case_id]
        assert row is not None and row.status == model.status, f"{row} instead of {model}"
        expected = [] if model.amount is None else [model.amount] * 2
        amounts = (await paid(self._pool, [case_id]))[case_id]
        assert amounts == expected, f"paid {amounts} instead of {expected}"

    async def _compare(self) -> None:
        for case_id in self._models:
            await self._check(case_id)
        self.report.trials += 1


async def machine(
    nursery: Nursery, dsn: str, *, examples: int, steps: int, model: type[Model] = Model
) -> ProofReport:
    """Let hypothesis choose what happens to cases, and compare them with the model.

    Args:
        nursery: Where the processes come from.
        dsn: A database of the server, by a login that may make others: each story has its own.
        examples: How many stories.
        steps: How long each is at most.
        model: What the cases are compared with; the control brings a wrong one.
    """
    async with proof("state machine") as report:

        class Cases(_Cases):
            pass

        Cases.nursery, Cases.dsn, Cases.report, Cases.model = nursery, dsn, report, model
        how = settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        try:
            await asyncio.to_thread(run_state_machine_as_test, Cases, settings=how)
        except Exception as error:  # also what hypothesis makes of several
            report.broken.append(f"{type(error).__name__}: {str(error)[:500]}")
    return report

"""The step wrapper: the one node function that every step of a blueprint compiles to.

    open what the step declares -> its turn under its timeout -> seal what it gives
    -> events and rows leave -> Command(goto=...) to a declared destination

A failure takes the step's fallback, as an ordinary edge. Only three things leave the
wrapper as exceptions: an interrupt, a store that cannot be reached, and a wrong answer
to a review. In each of them the case stays where it is and can be resumed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp, GraphInterrupt
from langgraph.runtime import Runtime
from langgraph.types import Command
from pydantic import ValidationError

from langgraph_switchboard.cases import CaseRow, as_values, waits
from langgraph_switchboard.cases.refusals import case_waits
from langgraph_switchboard.errors import (
    EffectConflict,
    EffectInDoubt,
    InputRefused,
    ReviewError,
    ReviewStale,
    StepFailed,
    StepTimeout,
    StoreError,
    TimerNotSet,
    UnknownVersion,
)
from langgraph_switchboard.ledger import Entry, Event, EventKind, Row, TaskKey, annotate
from langgraph_switchboard.nodes import kinds
from langgraph_switchboard.nodes.context import StepContext, settle
from langgraph_switchboard.nodes.doubt import clear_doubt
from langgraph_switchboard.nodes.failure import failure_of, quarantined
from langgraph_switchboard.nodes.review import STALE, ask_person
from langgraph_switchboard.nodes.services import current
from langgraph_switchboard.nodes.spec import DEAD_LETTER, END, FlowInfo, Step
from langgraph_switchboard.nodes.turn import Given, Turn, open_takes

_EVENT: dict[str, EventKind] = {"supervisor": "routed", "gate": "gated"}


@dataclass(frozen=True, slots=True)
class StepNode:
    """One step of one blueprint as a LangGraph node.

    Args:
        step: What the step is.
        flow: The blueprint that it belongs to.
    """

    step: Step
    flow: FlowInfo

    async def __call__(
        self, state: dict[str, Any], config: RunnableConfig, runtime: Runtime[Any]
    ) -> Command[Any]:
        """Run the step once and say where the case goes."""
        ctx = self._context(state, config, runtime)
        with ctx.services.at_work(config):
            return await self._once(state, ctx, config, runtime)

    async def _once(
        self, state: dict[str, Any], ctx: StepContext, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Command[Any]:
        await self._start_on_solid_ground(ctx, runtime)
        await self._must_not_start_over(state, ctx)
        started = time.perf_counter()
        try:
            turn = await self._turn(state, ctx, config)
        except GraphInterrupt:
            self._wait(state, ctx)
            await settle(ctx)
            raise
        except (GraphBubbleUp, ReviewError, TimerNotSet, _WrongAnswer):
            raise
        except Exception as error:
            fault = _leaves_the_case_standing(error)
            if fault is error:
                raise
            if fault:
                raise fault from error
            turn = self._fail(error, ctx, time.perf_counter() - started)
        else:
            self._tell(turn, state, ctx, time.perf_counter() - started)
        self._move(turn, ctx)
        try:
            await settle(ctx)
        except (EffectConflict, InputRefused) as error:
            # Said again it would be refused again: that is the step's failure, not the store's.
            turn = self._fail(error, ctx, time.perf_counter() - started)
            self._move(turn, ctx)
            await settle(ctx)
        return self._command(turn, ctx)

    async def _start_on_solid_ground(self, ctx: StepContext, runtime: Runtime[Any]) -> None:
        info, barrier = runtime.execution_info, ctx.services.barrier
        if barrier is not None and info is not None and info.thread_id is not None:
            # A step's namespace ends with its own task; the checkpoint it runs on is its graph's.
            graph = info.checkpoint_ns.rpartition("|")[0]
            await barrier(info.thread_id, graph, info.checkpoint_id)

    async def _must_not_start_over(self, state: Mapping[str, Any], ctx: StepContext) -> None:
        """Refuse new input for a case that waits, whichever saver let it through."""
        been_here = self.step.kind == "open" and state.get("visits")
        if been_here and await waits(ctx.services.store, ctx.case_id):
            raise case_waits(ctx.case_id)

    async def _turn(self, state: Mapping[str, Any], ctx: StepContext, config: RunnableConfig) -> Turn:
        step = self.step
        if self._comes_too_often(ctx):
            raise StepFailed(
                f"the case came to {step.name!r} more than {self.flow.max_visits} times",
                where=step.name,
                mend="Look for a loop in its story; raise max_visits if so many are meant.",
            )
        match step.kind:
            case "open":
                return await kinds.seal_inputs(step, state, self.flow.inputs)
            case "dead_letter":
                return kinds.set_aside(state)
            case "review":
                return await self._review(open_takes(step, state), ctx, config)
            case "gate":
                return await kinds.pass_gate(step, open_takes(step, state), ctx)
            case "supervisor":
                return await self._timed(kinds.supervise, open_takes(step, state), ctx)
            case "step":
                return await self._timed(kinds.work, open_takes(step, state), ctx)
            case "effect":
                return await self._act(open_takes(step, state), ctx, config)
            case _:
                raise StepFailed(f"a {step.kind} does not run here", where=step.name)

    def _comes_too_often(self, ctx: StepContext) -> bool:
        return ctx.visit > self.flow.max_visits and self.step.kind != "dead_letter"

    async def _timed(self, act: Any, given: Given, ctx: StepContext) -> Turn:
        try:
            async with asyncio.timeout(self.step.timeout) as limit:
                turn: Turn = await act(self.step, given, ctx)
                return turn
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise StepTimeout(
                f"the step did not end within {self.step.timeout:g} s",
                where=self.step.name,
                mend="Give it more time (timeout=...), or a fallback that is quicker.",
            ) from error

    async def _act(self, given: Given, ctx: StepContext, config: RunnableConfig) -> Turn:
        try:
            return await self._timed(kinds.work, given, ctx)
        except EffectInDoubt as doubt:
            try:
                await clear_doubt(self.step, doubt, ctx, config)
            except ValidationError as error:
                raise _unfit(error, self.step) from error
            # Once more only: what is in doubt now is another effect, and the answer was not for it.
            return await self._timed(kinds.work, given, ctx)

    async def _review(self, given: Given, ctx: StepContext, config: RunnableConfig) -> Turn:
        try:
            return await ask_person(self.step, given, ctx, config)
        except ValidationError as error:
            raise _unfit(error, self.step) from error

    def _fail(self, error: Exception, ctx: StepContext, seconds: float) -> Turn:
        step = self.step
        failure = failure_of(error, step.name)
        to = step.way("fallback") or step.way("unsure") or DEAD_LETTER
        if self._comes_too_often(ctx):
            to = DEAD_LETTER  # two steps that fall back on each other would never end otherwise
        told = {**self._who(), "goto": to, "failure": failure, "quarantined": quarantined(error)}
        # What a broken-off turn had put aside for the world must not leave with its failure;
        # a review that was opened stays, in the places of the ledger that it has already.
        ctx.entries[:] = [entry for entry in ctx.entries if _is_of_review(entry)]
        ctx.entries.append(Event("step_failed", step.name, ctx.now(), told, seconds))
        annotate(case=ctx.case_id, **self._who(), failure=failure["code"], goto=to)
        return Turn("fallback", to, reason=failure["problem"], data={"failure": failure})

    def _tell(self, turn: Turn, state: Mapping[str, Any], ctx: StepContext, seconds: float) -> None:
        step = self.step
        told = {
            **self._who(),
            "got": [take.field for take in step.takes if state.get(take.field) is not None],
            "gave": turn.sealed,
            "goto": turn.to,
            "way": turn.way,
            "reason": turn.reason,
            **turn.data,
            **ctx.spent(),
            **ctx.notes,
        }
        if step.kind not in ("review", "dead_letter"):
            kind = _EVENT.get(step.kind, "step_finished")
            ctx.entries.append(Event(kind, step.name, ctx.now(), told, seconds))
        seen = {key: told[key] for key in ("goto", "confidence", "reason") if told.get(key) is not None}
        annotate(case=ctx.case_id, **self._who(), route=turn.to, **seen)

    def _wait(self, state: Mapping[str, Any], ctx: StepContext) -> None:
        """Say in the case's row what it waits for: the last thing that the step asked for."""
        status, reason = "waiting", str(state.get("reason") or "a person is asked")
        for one in ctx.entries:
            if isinstance(one, Event) and one.kind == "review_opened":
                status, reason = "waiting", one.data["reason"]
            elif isinstance(one, Event) and one.kind == "timer_set":
                status, reason = "delayed", f"{one.data['kind']} until {one.data['due_at']}"
        values = {"case_id": ctx.case_id, "status": status, "step": self.step.name, "reason": reason}
        ctx.entries.append(Row("cases", {**values, "updated_at": ctx.now()}))

    def _move(self, turn: Turn, ctx: StepContext) -> None:
        """Say in the case's row where it stands now."""
        now, outcome = ctx.now(), self._outcome(turn)
        values: dict[str, Any] = {
            "case_id": ctx.case_id,
            "status": "running",
            "step": turn.to,
            "updated_at": now,
        }
        if turn.reason is not None:
            values["reason"] = turn.reason
        if outcome is not None:
            values |= {"status": outcome, "step": self.step.name, "ended_at": now}
            ctx.entries.append(
                Event("case_ended", self.step.name, now, {"outcome": outcome, "reason": turn.reason})
            )
        if self.step.kind == "open":
            given = {name: envelope["payload"] for name, envelope in turn.sealed.items()}
            values = as_values(self._new_case(given, ctx)) | values
        ctx.entries.append(Row("cases", values))

    def _new_case(self, given: dict[str, Any], ctx: StepContext) -> CaseRow:
        """The whole row, for a case that came in by another door than the switchboard's."""
        now = ctx.now()
        return CaseRow(
            ctx.case_id, self.flow.name, self.flow.version, self.flow.digest, "running", self.step.name,
            given, {}, None, now, now,
        )  # fmt: skip

    def _outcome(self, turn: Turn) -> str | None:
        return turn.outcome or ("finished" if turn.to == END else None)

    def _command(self, turn: Turn, ctx: StepContext) -> Command[Any]:
        update: dict[str, Any] = {"visits": {self.step.name: ctx.visit}, **turn.sealed}
        if turn.reason is not None:
            update["reason"] = turn.reason
        if turn.way == "fallback":
            update["failure"] = turn.data["failure"]
        if self.step.kind == "open":
            update["case_id"] = ctx.case_id
        if (outcome := self._outcome(turn)) is not None:
            update["outcome"] = outcome
        return Command(goto=turn.to, update=update)

    def _who(self) -> dict[str, Any]:
        return {"agent": self.step.name, "owner": self.step.owner}

    def _context(
        self, state: Mapping[str, Any], config: RunnableConfig, runtime: Runtime[Any]
    ) -> StepContext:
        step, info = self.step, runtime.execution_info
        assert info is not None, "LangGraph gives every node its execution info"
        # Without a checkpointer there is no thread; the opening step's id then stands for the case.
        case_id = info.thread_id or str(state.get("case_id") or info.task_id)
        visits = state.get("visits") or {}
        return StepContext(
            services=current(),
            flow=self.flow,
            task=TaskKey(case_id, info.checkpoint_ns, info.task_id),
            step=step.name,
            visit=visits.get(step.name, 0) + 1,
            may_act=step.kind == "effect",
            tools=step.tools,
            sees=step.history,
            config=config,
        )


def _is_of_review(entry: Entry) -> bool:
    if isinstance(entry, Row):
        return entry.table == "reviews"
    return entry.kind in ("review_opened", "review_decided")


def _leaves_the_case_standing(error: Exception) -> Exception | None:
    """The fault, if it is not the step's: the store's, or that of code older than the state.

    An agent that looks up in parallel raises a group; such a fault counts in there too.
    """
    if isinstance(error, ExceptionGroup):
        return next(filter(None, map(_leaves_the_case_standing, error.exceptions)), None)
    if isinstance(error, EffectConflict):
        return None  # said again it would be refused again
    return error if isinstance(error, StoreError | UnknownVersion) else None


def _unfit(error: ValidationError, step: Step) -> Exception:
    """What to raise for an answer that does not fit, or that is on something else than is shown."""
    if all(one["type"] != STALE for one in error.errors(include_url=False)):
        return _WrongAnswer(error)
    return ReviewStale(
        "what is to be decided has changed since it was shown",
        where=step.name,
        mend="Read it again, then decide.",
    )


class _WrongAnswer(ValueError):
    """A person's answer that does not fit; LangGraph keeps the interrupt open."""

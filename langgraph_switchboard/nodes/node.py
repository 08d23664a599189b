"""The step wrapper: the one node function that every step of a blueprint compiles to.

    open what the step declares -> its attempts, each under its timeout -> seal what it gives
    -> events and rows leave -> Command(goto=...) to a declared destination

A failure goes down the ladder, along an ordinary edge. Only three things leave the wrapper as
exceptions: an interrupt, a store that cannot be reached, and a wrong answer to a review. In
each of them the case stays where it is and can be resumed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.errors import GraphBubbleUp, GraphInterrupt
from langgraph.runtime import Runtime
from langgraph.types import Command
from pydantic import ValidationError

from langgraph_switchboard.cases import waits
from langgraph_switchboard.cases.refusals import case_waits
from langgraph_switchboard.errors import (
    EffectConflict,
    EffectInDoubt,
    InputRefused,
    ReviewError,
    ReviewStale,
    StepTimeout,
    TimerNotSet,
)
from langgraph_switchboard.ledger import TaskKey
from langgraph_switchboard.nodes import kinds, parts, record, sets
from langgraph_switchboard.nodes.admission import admitted, judged
from langgraph_switchboard.nodes.attempts import tried
from langgraph_switchboard.nodes.bounds import not_poisonous, stay_in_bounds
from langgraph_switchboard.nodes.context import StepContext, settle
from langgraph_switchboard.nodes.doubt import clear_doubt
from langgraph_switchboard.nodes.ground import graph_of, on_solid_ground
from langgraph_switchboard.nodes.ladder import fall, to_a_person_if_spent
from langgraph_switchboard.nodes.pauses import pause
from langgraph_switchboard.nodes.review import STALE, ask_person
from langgraph_switchboard.nodes.scope import Place, Scope
from langgraph_switchboard.nodes.services import current
from langgraph_switchboard.nodes.spec import FlowInfo, Step
from langgraph_switchboard.nodes.standing import leaves_the_case_standing
from langgraph_switchboard.nodes.turn import Given, Turn, open_takes


@dataclass(frozen=True, slots=True)
class StepNode:
    """One step of one blueprint as a LangGraph node.

    Args:
        step: What the step is.
        flow: The blueprint that it belongs to.
        scope: Where in the process it stands.
        inner: The graph of the blueprint that it includes, compiled.
    """

    step: Step
    flow: FlowInfo
    scope: Scope = field(default_factory=Scope)
    inner: Runnable[Any, Any] | None = None

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
        step = self.step
        await self._start_on_solid_ground(ctx, runtime)
        await self._must_not_start_over(state, ctx)
        started = time.perf_counter()
        try:
            turn = await self._turn(state, ctx, config)
        except GraphInterrupt:
            record.wait(step, state, ctx)
            await settle(ctx)
            raise
        except (GraphBubbleUp, ReviewError, TimerNotSet, _WrongAnswer):
            raise
        except Exception as error:
            fault = leaves_the_case_standing(error)
            if fault is error:
                raise
            if fault:
                raise fault from error
            turn = record.placed(await fall(error, step, ctx, time.perf_counter() - started), ctx)
        else:
            turn = to_a_person_if_spent(turn, step, ctx)
            turn = record.placed(turn, ctx)
            record.tell(turn, step, state, ctx, time.perf_counter() - started)
        record.move(turn, step, ctx)
        try:
            await settle(ctx)
        except (EffectConflict, InputRefused) as error:
            # Said again it would be refused again: that is the step's failure, not the store's.
            turn = record.placed(await fall(error, step, ctx, time.perf_counter() - started), ctx)
            record.move(turn, step, ctx)
            await settle(ctx)
        return record.command(turn, step, ctx)

    async def _start_on_solid_ground(self, ctx: StepContext, runtime: Runtime[Any]) -> None:
        await on_solid_ground(ctx.services, runtime)
        info = runtime.execution_info
        if info is not None and info.thread_id is not None:
            graph = graph_of(info.checkpoint_ns)
            ctx.again = ctx.services.was_there(info.thread_id, graph, info.checkpoint_id)

    async def _must_not_start_over(self, state: Mapping[str, Any], ctx: StepContext) -> None:
        """Refuse new input for a case that waits, whichever saver let it through."""
        been_here = self.step.kind == "open" and state.get("visits")
        if been_here and await waits(ctx.services.store, ctx.case_id):
            raise case_waits(ctx.case_id)

    async def _turn(self, state: Mapping[str, Any], ctx: StepContext, config: RunnableConfig) -> Turn:
        step = self.step
        not_poisonous(step, ctx)
        await stay_in_bounds(step, state, ctx)
        match step.kind:
            case "open":
                return await kinds.seal_inputs(step, state, self.flow.inputs)
            case "dead_letter" if self.scope.is_branch:
                return parts.set_aside(state, ctx)
            case "dead_letter":
                return kinds.set_aside(state, ctx)
            case "review":
                turn = await self._review(open_takes(step, state), ctx, config)
                await judged(step, state, turn, ctx)
                return turn
            case "gate":
                return await kinds.pass_gate(step, open_takes(step, state), ctx)
            case "supervisor":
                return await self._tried(kinds.supervise, open_takes(step, state), ctx)
            case "step":
                return await self._tried(kinds.work, self._takes(state, ctx), ctx)
            case "effect":
                return await self._act(open_takes(step, state), ctx, config)
            case "parallel":
                return sets.part(step, ctx)
            case "map":
                return sets.each(step, open_takes(step, state), ctx)
            case "join":
                return sets.come_together(step, state, ctx) or await self._merge(state, ctx)
            case "include":
                assert self.inner is not None
                return await parts.go_through(step, self.inner, self._takes(state, ctx), ctx, config)
            case "wait":
                return await pause(step, open_takes(step, state), ctx)

    def _takes(self, state: Mapping[str, Any], ctx: StepContext) -> Given:
        return open_takes(self.step, state, sets.from_elsewhere(self.step, state, ctx))

    async def _merge(self, state: Mapping[str, Any], ctx: StepContext) -> Turn:
        """Everybody has come: an agent makes one of what they brought, or the case just goes on."""
        if self.step.call is None:
            return kinds.go_on(self.step, Given(self.step, state, {}))
        return await self._tried(kinds.work, self._takes(state, ctx), ctx)

    async def _tried(self, act: Any, given: Given, ctx: StepContext, *, lets_go: bool = True) -> Turn:
        async def attempt() -> Turn:
            return await admitted(lambda: self._timed(act, given, ctx), self.step, ctx)

        return await tried(attempt, self.step, ctx, lets_go=lets_go)

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
            return await self._tried(kinds.work, given, ctx)
        except EffectInDoubt as doubt:
            try:
                await clear_doubt(self.step, doubt, ctx, config)
            except ValidationError as error:
                raise _unfit(error, self.step) from error
            # Once more only: what is in doubt now is another effect, and the answer was not for it.
            # The question would not be asked again at the next resume, so nothing may be after it.
            return await self._tried(kinds.work, given, ctx, lets_go=False)

    async def _review(self, given: Given, ctx: StepContext, config: RunnableConfig) -> Turn:
        try:
            return await ask_person(self.step, given, ctx, config)
        except ValidationError as error:
            raise _unfit(error, self.step) from error

    def _context(
        self, state: Mapping[str, Any], config: RunnableConfig, runtime: Runtime[Any]
    ) -> StepContext:
        step, info = self.step, runtime.execution_info
        assert info is not None, "LangGraph gives every node its execution info"
        # Without a checkpointer there is no thread; the opening step's id then stands for the case.
        case_id = info.thread_id or str(state.get("case_id") or info.task_id)
        place = Place.of(self.scope, state)
        visits = state.get("visits") or {}
        return StepContext(
            services=current(),
            flow=self.flow,
            task=TaskKey(case_id, info.checkpoint_ns, info.task_id),
            step=step.name,
            visit=visits.get(place.counted(step.name), 0) + 1,
            may_act=step.kind == "effect",
            tools=step.tools,
            budget=step.budget,
            sees=step.history,
            config=config,
            timeout=step.timeout,
            place=place,
        )


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

"""Admission: an agent whose rate or breaker somebody declared is asked for before each attempt.

    may it go now? -> wait for its turn -> attempt -> how did it go?

A step of which nothing is declared asks nobody, and pays nothing.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import uuid4

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp

from langgraph_switchboard.checkpoints import EPOCH
from langgraph_switchboard.errors import (
    BudgetExceeded,
    EffectInDoubt,
    LimitMet,
    NotApproved,
    StoreError,
    UnknownVersion,
)
from langgraph_switchboard.ledger import Event, TaskKey
from langgraph_switchboard.limits import Breaker, Bucket, Budget, Call, Change, Grant, Sample, Spent
from langgraph_switchboard.nodes.services import Services
from langgraph_switchboard.nodes.spec import FlowInfo, Step
from langgraph_switchboard.nodes.turn import Turn

_NOBODYS_FAULT = (GraphBubbleUp, StoreError, UnknownVersion, LimitMet, NotApproved, EffectInDoubt)
"""What says nothing about how well an agent works."""


class Asker(Protocol):
    """Who asks for leave: a step's context, as far as limits need it."""

    services: Services
    flow: FlowInfo
    task: TaskKey
    step: str
    config: RunnableConfig
    notes: dict[str, Any]
    budget: Budget | None
    breach: BudgetExceeded | None

    @property
    def case_id(self) -> str:
        """The case."""

    def now(self) -> datetime:
        """The present moment."""


async def admitted(attempt: Callable[[], Awaitable[Turn]], step: Step, ctx: Asker) -> Turn:
    """Make one attempt at a step when its agent may be called.

    Args:
        attempt: The attempt, under its own timeout; waiting for its turn is not part of it.
        step: The step.
        ctx: Its context.

    Raises:
        RateExceeded: Its turn would come too late.
        BreakerOpen: Its agent is left alone just now.
        StoreError: Nobody can say.
        Exception: What the attempt raised.
    """
    if step.rate is None and step.breaker is None:
        return await attempt()
    grant = await admit(_call_of(step, ctx), ctx)
    began = time.perf_counter()
    try:
        turn = await attempt()
    except BaseException as error:
        failed = True if is_a_failure(error) else None
        await settle_call(grant, Spent(), Sample(failed, time.perf_counter() - began), ctx)
        raise
    confidence = turn.data.get("confidence")
    await settle_call(grant, Spent(), Sample(False, time.perf_counter() - began, confidence), ctx)
    return turn


async def admit(call: Call, ctx: Asker) -> Grant:
    """Ask for leave, and put on the record what came of it: how long it waited, which breaker moved.

    Raises:
        LimitMet: It may not go.
        StoreError: Nobody can say.
    """
    try:
        grant = await ctx.services.limits.admit(call)
    except LimitMet as met:
        await tell_changes(met.changes, ctx)
        raise
    await tell_changes(grant.changes, ctx)
    if grant.waited:
        ctx.notes["rate_waited"] = round(ctx.notes.get("rate_waited", 0.0) + grant.waited, 3)
    return grant


async def settle_call(grant: Grant, spent: Spent, sample: Sample, ctx: Asker) -> None:
    """Count what a call cost, and tell its breaker how it went."""
    await tell_changes(await ctx.services.limits.settle(grant, spent, sample), ctx)


async def judged(step: Step, state: Mapping[str, Any], turn: Turn, ctx: Asker) -> None:
    """Tell the agent's breaker what a person decided on what it gave.

    Args:
        step: The review.
        state: The case, in which the producer of what was decided on is named.
        turn: What came of the review.
        ctx: Its context.
    """
    envelope = state.get(step.review.of) if step.review else None
    producer = envelope.get("by") if isinstance(envelope, Mapping) else None
    policy = ctx.flow.breakers.get(str(producer))
    if policy is not None and policy.rejections is not None:
        breaker = Breaker("agent", f"{ctx.flow.name}/{producer}", policy)
        sample = Sample(rejected=turn.way == "rejected")
        await tell_changes(await ctx.services.limits.report(breaker, sample), ctx)


async def tell_changes(changes: Sequence[Change], ctx: Asker) -> None:
    """Put breakers that opened or closed on the ledger at once: it is so, whatever becomes of the step."""
    for change in changes:
        kind, breaker = change.breaker.split(":", 1)
        event = Event(
            "breaker_closed" if change.state == "closed" else "breaker_opened",
            ctx.step,
            ctx.now(),
            {"of": kind, "breaker": breaker, "why": change.why},
        )
        # A place of its own: those of the step are taken by what the step says when it runs again.
        place = TaskKey(ctx.task.case_id, ctx.task.namespace, f"{ctx.task.task_id}#{uuid4().hex}")
        await ctx.services.write(ctx.config, place, [event])


def is_a_failure(error: BaseException) -> bool:
    """Whether the agent did badly; not so where it was broken off, or never had a chance."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(is_a_failure, error.exceptions))
    return isinstance(error, Exception) and not isinstance(error, _NOBODYS_FAULT)


def epoch_of(ctx: Asker) -> int | None:
    """The epoch under which the case is owned; None where nobody owns it."""
    epoch: int | None = ctx.config.get("configurable", {}).get(EPOCH)
    return epoch


def _call_of(step: Step, ctx: Asker) -> Call:
    name = f"{ctx.flow.name}/{step.name}"
    return Call(
        ctx.case_id,
        step.name,
        epoch_of(ctx),
        bucket=Bucket("agent", name, step.rate) if step.rate else None,
        breaker=Breaker("agent", name, step.breaker) if step.breaker else None,
    )

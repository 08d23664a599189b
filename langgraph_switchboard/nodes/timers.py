"""Timers: a step that must wait long lets go of its process, and a timer wakes the case."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from langgraph.types import interrupt
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from langgraph_switchboard.cases import TimerRow, as_values
from langgraph_switchboard.errors import TimerNotSet
from langgraph_switchboard.ledger import Event, Row, TaskKey
from langgraph_switchboard.nodes.context import StepContext

_NOT_ASKED = "timer_not_asked"


class _Fired(BaseModel):
    """What a driver resumes a timer with: the timer that is due."""

    model_config = ConfigDict(extra="forbid")

    timer_id: str

    @model_validator(mode="after")
    def _is_the_one_that_is_set(self) -> _Fired:
        # Judged here: an answer that has passed is kept by LangGraph for ever.
        if self.timer_id != _asked.get():
            raise PydanticCustomError(_NOT_ASKED, "the case does not wait for this timer")
        return self


_asked: ContextVar[str] = ContextVar("switchboard_timer", default="")


def wait_until(
    due: datetime, ctx: StepContext, *, kind: str, payload: Mapping[str, Any] | None = None
) -> TimerRow:
    """Wait for a moment without holding a process, a connection or the case.

    The first time this interrupts the run; the timer's row and its event leave in the commit
    of that interrupt, and the case is `delayed`. Once it is due a driver resumes the step,
    which runs again from its top: called again in the same order, this returns, and row and
    event say in the step's commit that it fired. A moment that has passed is waited for too:
    whoever drives the case wakes it at once.

    Args:
        due: When the case goes on; aware.
        ctx: The step's context.
        kind: What it is for: `backoff`, `wait`, ...
        payload: Particulars, JSON-plain.

    Returns:
        The timer, fired.

    Raises:
        GraphInterrupt: It is not due yet.
        TimerNotSet: Somebody resumed the case with another timer than it waits for.
    """
    row = TimerRow(
        _timer_id(ctx.task, kind, ctx.timers), ctx.case_id, ctx.flow.name, ctx.step, kind, due, ctx.now(),
        dict(payload or {}),
    )  # fmt: skip
    ctx.timers += 1
    said = {"timer_id": row.timer_id, "kind": kind, "due_at": due.isoformat()}
    ctx.entries += [Row("timers", as_values(row)), Event("timer_set", ctx.step, row.set_at, said)]
    asked = _asked.set(row.timer_id)
    try:
        interrupt({"timer": said}, response_schema=_Fired)
    except ValidationError:
        raise TimerNotSet(
            "the case does not wait for this timer",
            where=f"step {ctx.step!r}",
            wanted=row.timer_id,
            mend="Let the switchboard or its ticker wake it.",
        ) from None
    finally:
        _asked.reset(asked)
    now = ctx.now()
    fired = {"status": "fired", "fired_at": now}
    ctx.entries += [
        Row("timers", as_values(row) | fired),
        Event("timer_fired", ctx.step, now, {"timer_id": row.timer_id, "kind": kind}),
    ]
    return TimerRow(**(as_values(row) | fired))


def _timer_id(task: TaskKey, kind: str, number: int) -> str:
    place = f"{task.case_id}\n{task.namespace}\n{task.task_id}\n{kind}\n{number}".encode()
    return f"tm-{hashlib.sha256(place).hexdigest()[:12]}"

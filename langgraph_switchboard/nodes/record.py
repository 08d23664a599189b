"""What a step says at its end: its event, and how the row and the state of its case change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.types import Command

from langgraph_switchboard.cases import CaseRow, as_values
from langgraph_switchboard.ledger import Event, EventKind, Row, annotate
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.spec import END, FlowInfo, Step
from langgraph_switchboard.nodes.turn import Turn

_EVENT: dict[str, EventKind] = {"supervisor": "routed", "gate": "gated"}


def tell(turn: Turn, step: Step, state: Mapping[str, Any], ctx: StepContext, seconds: float) -> None:
    """Say what the step got, gave and found, and where the case goes."""
    told = {
        "agent": step.name,
        "owner": step.owner,
        "got": [take.field for take in step.takes if state.get(take.field) is not None],
        "gave": turn.sealed,
        "goto": turn.to,
        "way": turn.way,
        "reason": turn.reason,
        **turn.data,
        **ctx.spent(),
        **ctx.notes,
    }
    if ctx.hooks:
        told["hooks"] = ctx.hooks
    if ctx.attempt > 1:
        told |= {"attempt": ctx.attempt, "rung": told.get("rung", "retry")}
    if step.kind not in ("review", "dead_letter"):
        kind = _EVENT.get(step.kind, "step_finished")
        ctx.entries.append(Event(kind, step.name, ctx.now(), told, seconds))
    seen = {key: told[key] for key in ("goto", "confidence", "reason") if told.get(key) is not None}
    annotate(case=ctx.case_id, agent=step.name, owner=step.owner, route=turn.to, **seen)


def wait(step: Step, state: Mapping[str, Any], ctx: StepContext) -> None:
    """Say in the case's row what it waits for: the last thing that the step asked for."""
    status, reason = "waiting", str(state.get("reason") or "a person is asked")
    for one in ctx.entries:
        if isinstance(one, Event) and one.kind == "review_opened":
            status, reason = "waiting", one.data["reason"]
        elif isinstance(one, Event) and one.kind == "timer_set":
            status, reason = "delayed", f"{one.data['kind']} until {one.data['due_at']}"
    values = {"case_id": ctx.case_id, "status": status, "step": step.name, "reason": reason}
    ctx.entries.append(Row("cases", {**values, "updated_at": ctx.now()}))


def move(turn: Turn, step: Step, ctx: StepContext) -> None:
    """Say in the case's row where it stands now."""
    now, outcome = ctx.now(), _outcome(turn)
    values: dict[str, Any] = {
        "case_id": ctx.case_id,
        "status": "running",
        "step": turn.to,
        "updated_at": now,
    }
    if turn.reason is not None:
        values["reason"] = turn.reason
    if outcome is not None:
        values |= {"status": outcome, "step": step.name, "ended_at": now}
        ctx.entries.append(Event("case_ended", step.name, now, {"outcome": outcome, "reason": turn.reason}))
    if step.kind == "open":
        given = {name: envelope["payload"] for name, envelope in turn.sealed.items()}
        values = as_values(_new_case(given, step, ctx.flow, ctx)) | values
    ctx.entries.append(Row("cases", values))


def command(turn: Turn, step: Step, ctx: StepContext) -> Command[Any]:
    """What LangGraph is to write and where it is to go."""
    update: dict[str, Any] = {"visits": {step.name: ctx.visit}, **turn.sealed}
    if turn.reason is not None:
        update["reason"] = turn.reason
    if turn.way == "fallback":
        update["failure"] = turn.data["failure"]
        update["rungs"] = {step.name: turn.data["rung"]}
    elif "rung" in turn.data:
        update["rungs"] = {step.name: turn.data["rung"]}
    elif ctx.attempt > 1:
        update["rungs"] = {step.name: "retry"}
    if step.kind == "open":
        update["case_id"] = ctx.case_id
    if (outcome := _outcome(turn)) is not None:
        update["outcome"] = outcome
    return Command(goto=turn.to, update=update)


def _new_case(given: dict[str, Any], step: Step, flow: FlowInfo, ctx: StepContext) -> CaseRow:
    """The whole row, for a case that came in by another door than the switchboard's."""
    now = ctx.now()
    return CaseRow(
        ctx.case_id, flow.name, flow.version, flow.digest, "running", step.name, given, {}, None, now, now
    )


def _outcome(turn: Turn) -> str | None:
    return turn.outcome or ("finished" if turn.to == END else None)

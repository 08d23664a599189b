"""What a step says at its end: its event, and how the row and the state of its case change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from langgraph_switchboard.cases import CaseRow, as_values
from langgraph_switchboard.cases.access import REQUESTER
from langgraph_switchboard.cases.branches import MARK, PARTED
from langgraph_switchboard.ledger import Event, EventKind, Row, annotate
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.forms import JOIN
from langgraph_switchboard.nodes.spec import DEAD_LETTER, END, FlowInfo, Step
from langgraph_switchboard.nodes.turn import Turn

_EVENT: dict[str, EventKind] = {
    "supervisor": "routed", "gate": "gated", "parallel": "forked", "map": "forked", "join": "joined",
}  # fmt: skip


def placed(turn: Turn, ctx: StepContext) -> Turn:
    """A turn with its destination by the name that it is told by; the blueprint knows it by its own."""
    return turn if turn.parting else replace(turn, to=ctx.place.scope.full(turn.to))


def tell(turn: Turn, step: Step, state: Mapping[str, Any], ctx: StepContext, seconds: float) -> None:
    """Say what the step got, gave and found, and where the case goes."""
    told = {
        "agent": step.name,
        "owner": step.owner,
        "got": [take.field for take in step.takes if state.get(take.field) is not None],
        "gave": turn.sealed,
        "goto": ctx.place.scope.told(turn.to),
        "way": turn.way,
        "reason": turn.reason,
        **turn.data,
        **ctx.spent(),
        **ctx.notes,
    }
    if ctx.hooks:
        told["hooks"] = ctx.hooks
    if ctx.attempt > 1:
        failed = ctx.failed or {}
        told |= {"attempt": ctx.attempt, "rung": told.get("rung", "retry")}
        told["after"] = {"code": failed.get("code"), "problem": failed.get("problem")}
    if told.get("fallback_reason") and told.get("rung", "retry") == "retry":
        told["rung"] = "fallback"  # plain code stood in for the model
    if step.kind not in ("review", "dead_letter"):
        is_merge = step.kind == "join" and step.call is not None and turn.way == "then"
        kind = "step_finished" if is_merge else _EVENT.get(step.kind, "step_finished")
        ctx.entries.append(Event(kind, step.name, ctx.now(), told, seconds))
    seen = {key: told[key] for key in ("goto", "confidence", "reason") if told.get(key) is not None}
    annotate(case=ctx.case_id, agent=step.name, owner=step.owner, route=turn.to, **seen)


def wait(step: Step, state: Mapping[str, Any], ctx: StepContext) -> None:
    """Say in the case's row what it waits for: the last thing that the step asked for.

    A step that includes a blueprint has asked for nothing itself, and says nothing.
    """
    status, reason = "", str(state.get("reason") or "a person is asked")
    for one in ctx.entries:
        if isinstance(one, Event) and one.kind == "review_opened":
            status, reason = "waiting", one.data["reason"]
        elif isinstance(one, Event) and one.kind == "timer_set":
            status, reason = "delayed", f"{one.data['kind']} until {one.data['due_at']}"
        elif isinstance(one, Event) and one.kind == "branch_set_aside":
            status, reason = "dead_lettered", one.data["reason"]
    if status:
        values = {"case_id": ctx.case_id, "reason": reason, "updated_at": ctx.now()}
        ctx.entries.append(Row("cases", values | _stands(ctx.place.branch, status, step.name)))


def move(turn: Turn, step: Step, ctx: StepContext) -> None:
    """Say in the case's row where it stands now; in a branch of a set, where the branch stands.

    The row of a case with several branches is not one step's to set: it follows from all of them.
    """
    now = ctx.now()
    outcome = None if ctx.place.scope.is_branch or ctx.place.scope.is_part else _outcome(turn)
    values: dict[str, Any] = {"case_id": ctx.case_id, "updated_at": now}
    if turn.reason is not None:
        values["reason"] = turn.reason
    if outcome is not None:
        values |= {"status": outcome, "step": step.name, "ended_at": now}
        told = {"outcome": outcome, "reason": turn.reason, **turn.letter}
        ctx.entries.append(Event("case_ended", step.name, now, told))
    else:
        values |= _goes(turn, step, ctx)
    if step.kind == "open":
        given = {name: envelope["payload"] for name, envelope in turn.sealed.items()}
        values = as_values(_new_case(given, step, ctx.flow, ctx)) | values
    ctx.entries.append(Row("cases", values))


def command(turn: Turn, step: Step, ctx: StepContext) -> Command[Any]:
    """What LangGraph is to write and where it is to go."""
    place, scope = ctx.place, ctx.place.scope
    update: dict[str, Any] = {"visits": {place.counted(step.name): ctx.visit, **ctx.visits_inside}}
    update |= {name: envelope for name, envelope in turn.sealed.items() if name not in scope.hidden}
    sets = {**turn.sets, **place.apart(turn.sealed)}
    if sets:
        update["sets"] = sets
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
    elif scope.is_part and turn.to == DEAD_LETTER:
        update["outcome"] = "dead_lettered"
    return Command(goto=list(turn.parting.goes) if turn.parting else scope.node(turn.to), update=update)


def _goes(turn: Turn, step: Step, ctx: StepContext) -> dict[str, Any]:
    """Where the case, or the branch, stands next."""
    scope, path = ctx.place.scope, ctx.place.branch
    if turn.parting is not None:
        begun = {
            f"{MARK}{path}/{name}" if path else f"{MARK}{name}": {"status": "running", "step": first}
            for name, first in turn.parting.branches.items()
        }
        return {f"{MARK}{path}": {"status": PARTED, "step": step.name}, **begun}
    if turn.to == JOIN and not scope.frames[-1].in_turn:
        return {f"{MARK}{path}": None}
    # What leaves an included blueprint stands on the step outside that includes it.
    leaves = scope.is_part and scope.node(turn.to) == END
    to = scope.prefix.removesuffix(".") if leaves else scope.told(turn.to)
    ends_root = {f"{MARK}{path}": None} if step.kind == "join" and not path else {}
    return ends_root | _stands(path, "running", to)


def _stands(path: str, status: str, step: str) -> dict[str, Any]:
    stands = {"status": status, "step": step}
    return {f"{MARK}{path}": stands} if path else stands


def _new_case(given: dict[str, Any], step: Step, flow: FlowInfo, ctx: StepContext) -> CaseRow:
    """The whole row, for a case that came in by another door than the switchboard's."""
    now, labels = ctx.now(), _asked_by(ctx.config)
    return CaseRow(
        ctx.case_id, flow.name, flow.version, flow.digest, "running", step.name, given, labels, None, now, now
    )


def _asked_by(config: RunnableConfig) -> dict[str, Any]:
    """Who handed the case in, where a LangGraph server vouches for him; he does not decide on it.

    The user of a machine whose server asks for no key is vouched for by nobody.
    """
    configurable = config.get("configurable", {})
    name, user = configurable.get("langgraph_auth_user_id"), configurable.get("langgraph_auth_user")
    is_local = user.get("is_local") if isinstance(user, Mapping) else getattr(user, "is_local", False)
    return {REQUESTER: str(name)} if name and not is_local else {}


def _outcome(turn: Turn) -> str | None:
    return turn.outcome or ("finished" if turn.to == END else None)

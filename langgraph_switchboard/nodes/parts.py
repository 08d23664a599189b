"""What is inside: a blueprint as one step of another, and a branch that is set aside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.types import interrupt

from langgraph_switchboard.cases.letters import letter_id_of
from langgraph_switchboard.contracts import wrap
from langgraph_switchboard.errors import PartFailed
from langgraph_switchboard.ledger import Event
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.forms import DECLINED, FINISHED
from langgraph_switchboard.nodes.spec import DEAD_LETTER, END, Step, Way
from langgraph_switchboard.nodes.turn import Given, Turn

_WAYS: dict[str, Way] = {FINISHED: "finished", DECLINED: "declined"}


async def go_through(
    step: Step, inner: Runnable[Any, Any], given: Given, ctx: StepContext, config: RunnableConfig
) -> Turn:
    """Run an included blueprint to one of its ends, on a case of its own.

    Its inputs are sealed already, so that nothing opens it; a question that it asks is asked
    from inside, and the step here begins again when it is answered.

    Raises:
        PartFailed: It came to its dead letter.
        GraphInterrupt: It waits.
    """
    part, state = step.part, given.state
    assert part is not None
    inputs = {
        inside: state[outside] for inside, outside in part.takes.items() if state.get(outside) is not None
    }
    if part.item is not None:
        item = given.values[part.item]
        assert item is not None
        inputs[part.item] = wrap(item, by=step.implied_by)
    before = state.get("visits") or {}
    ended = await inner.ainvoke(
        {**inputs, "case_id": ctx.case_id, "visits": before, "sets": _items(state)}, config
    )
    ctx.visits_inside = {name: n for name, n in ended["visits"].items() if before.get(name) != n}
    way = _WAYS.get(str(ended.get("outcome")))
    to = step.way(way) if way is not None else None
    if way is None or to is None:
        failure = ended.get("failure") or {}
        raise PartFailed(
            f"{part.flow!r} inside {step.name!r} could not go on",
            where=step.name,
            came=str(failure.get("problem") or ended.get("outcome") or "no outcome"),
            inside=failure,
        )
    sealed = {
        outside: ended[inside] for outside, inside in part.gives.items() if ended.get(inside) is not None
    }
    reason = ended.get("reason") if way == "declined" else None
    outcome = "declined" if way == "declined" and to == END else None
    return Turn(way, to, sealed, reason, {"inside": part.flow}, outcome)


def set_aside(state: Mapping[str, Any], ctx: StepContext) -> Turn:
    """The dead letter of a branch: the branch rests here, and the join behind it waits.

    Once an operator has it redone it goes on with the step that failed, or another that they name.

    Raises:
        GraphInterrupt: Nobody has had it redone.
    """
    failure = state.get("failure") or {}
    reason = str(failure.get("problem") or state.get("reason") or "no way was left")
    failed = str(failure.get("step", ""))
    about = {
        "letter_id": letter_id_of(ctx.task),
        "branch": ctx.place.branch,
        "step": failed,
        "reason": reason,
    }
    ctx.entries.append(Event("branch_set_aside", DEAD_LETTER, ctx.now(), {**about, "failure": failure}))
    said = interrupt({"dead_letter": about})
    to = str(said.get("to") or failed) if isinstance(said, Mapping) else failed
    by = said.get("by") if isinstance(said, Mapping) else None
    ctx.entries.append(Event("branch_taken_up", DEAD_LETTER, ctx.now(), {**about, "goto": to, "by": by}))
    return Turn("then", to.removeprefix(ctx.place.scope.prefix), data={"by": by})


def _items(state: Mapping[str, Any]) -> dict[str, Any]:
    """What the steps inside need to know of the sets around them: which items they are at work on."""
    known = (state.get("sets") or {}).items()
    return {of: {"round": one.get("round", 0), "item": one["item"]} for of, one in known if "item" in one}

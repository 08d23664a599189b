"""A case's story in plain lines of text; `switchboard case` tells it at length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph_switchboard.ledger import Event, LedgerEntry
from langgraph_switchboard.nodes import END

_DEEDS = {"resume": "taken up again", "cancel": "cancelled"}


def story_lines(story: Sequence[LedgerEntry]) -> list[str]:
    """One line for each event: the step, and what happened there. Times are left out.

    Args:
        story: The events of one case, in order.
    """
    width = max((len(entry.event.step) for entry in story), default=0)
    return [f"{entry.event.step:<{width}}  {words_of(entry.event)}" for entry in story]


def words_of(event: Event) -> str:
    """What an event tells, in one line; times are left out."""
    if event.kind.startswith("review_"):
        return _of_review(event)
    data = event.data
    match event.kind:
        case "operated":
            why = f": {data['reason']}" if data.get("reason") else ""
            return f"{data.get('by')} has the case {_DEEDS.get(str(data.get('verb')), 'changed')}{why}"
        case "effect_recorded":
            # A story from before there were other forms is one of the outbox.
            key, form = data.get("key"), data.get("form", "outbox")
            return (
                f"puts {key!r} into the outbox" if form == "outbox" else f"does {key!r}, once under its key"
            )
        case "attempt_failed":
            wait = f"again in {data.get('wait'):g} s" if data.get("wait") is not None else "again"
            return f"attempt {data.get('attempt')} of {data.get('of')} fails: {_problem(data)}; {wait}"
        case "timer_set":
            return f"waits ({data.get('kind')}) until {data.get('due_at')}"
        case "timer_fired":
            return f"goes on: {data.get('kind')} is over"
        case "budget_exceeded":
            return f"may spend no more: {data.get('why')}"
        case "breaker_opened":
            return f"the {data.get('of')} {data.get('breaker')!r} is left alone: {data.get('why')}"
        case "breaker_closed":
            return f"the {data.get('of')} {data.get('breaker')!r} is trusted again"
        case "forked":
            return f"parts: {data.get('items', data.get('goto'))}" + (" items" if "items" in data else "")
        case "branch_set_aside":
            return f"sets the branch {data.get('branch')} aside: {data.get('reason')}"
        case "branch_taken_up":
            return f"{data.get('by') or 'somebody'} has it redone -> {_place(data.get('goto'))}"
        case "dead_letter_redriven":
            return f"{data.get('by')} has it done again"
        case "dead_letter_discarded":
            return f"{data.get('by')} lets it be: {data.get('why')}"
        case "case_ended":
            return f"ends: {data.get('outcome')}"
        case "step_failed":
            return f"fails: {data['failure']['problem']} -> {_place(data['goto'])}"
        case _:
            return f"{_gave(event)} -> {_place(data.get('goto'))}"


def _of_review(event: Event) -> str:
    data, by = event.data, event.data.get("by")
    said = f": {data['message']}" if data.get("message") else ""
    match event.kind:
        case "review_opened":
            return f"asks a person: {data.get('reason')}"
        case "review_approved":
            return f"{by} approves; {data.get('needed', 0) - data.get('approved', 0)} more must"
        case "review_held":
            return f"{by} decides: {data.get('type')}, and can take it back for {data.get('seconds'):g} s"
        case "review_undone":
            return f"{by} takes it back: {data.get('type')}"
        case "review_claimed":
            before = f", taking over from {data['from']}" if data.get("from") else ""
            return f"{by} looks at it{before}"
        case "review_released":
            return f"{by} lets go of it"
        case "review_reminded":
            return f"reminds {data.get('to') or 'its owners'}"
        case "review_escalated":
            return f"{by} hands it on to {data.get('to') or 'others'}{said}"
        case "review_expired":
            return "nobody answered in time: it is declined"
        case "review_refused":
            return f"refuses {by}: {data.get('why')}"
        case _:
            return f"{by} decides: {data.get('type')}{said}"


def _problem(data: Mapping[str, Any]) -> str:
    return str((data.get("failure") or {}).get("problem"))


def _gave(event: Event) -> str:
    data, parts = event.data, [f"gave {field}" for field in event.data.get("gave") or ()]
    if data.get("confidence") is not None:
        needs = f" (needs {data['threshold']:.2f})" if "threshold" in data else ""
        parts.append(f"confidence {data['confidence']:.2f}{needs}")
    return ", ".join(parts) or "done"


def _place(goto: object) -> str:
    return "end" if goto == END else str(goto)

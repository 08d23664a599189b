"""A case's story in plain lines of text; `switchboard case` tells it at length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph_switchboard.ledger import Event, LedgerEntry
from langgraph_switchboard.nodes import END


def story_lines(story: Sequence[LedgerEntry]) -> list[str]:
    """One line for each event: the step, and what happened there. Times are left out.

    Args:
        story: The events of one case, in order.
    """
    width = max((len(entry.event.step) for entry in story), default=0)
    return [f"{entry.event.step:<{width}}  {_words(entry.event)}" for entry in story]


def _words(event: Event) -> str:
    data = event.data
    match event.kind:
        case "review_opened":
            return f"asks a person: {data.get('reason')}"
        case "review_decided":
            said = f": {data['message']}" if data.get("message") else ""
            return f"{data.get('by')} decides: {data.get('type')}{said}"
        case "review_refused":
            return f"refuses {data.get('by')}: {data.get('why')}"
        case "effect_recorded":
            return f"puts {data.get('key')!r} into the outbox"
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

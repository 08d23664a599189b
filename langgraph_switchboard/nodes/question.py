"""The question: what a review hands to LangGraph, in the shapes that its clients know.

One value carries them all. Agent Inbox reads `action_request` and `config`, and in its newer form
`action_requests` with `arguments`; LangChain's clients read `action_requests` with `args` and
`review_configs`; our own reads `review`. What nobody can answer is offered by none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from langgraph_switchboard.cases import ReviewRow
from langgraph_switchboard.contracts import Decision
from langgraph_switchboard.nodes.spec import Step

_LEGACY = {
    "approve": "allow_accept",
    "edit": "allow_edit",
    "respond": "allow_respond",
    "reject": "allow_ignore",
}


def verbs_of(decides: type[Decision], *, has_draft: bool, can_respond: bool) -> tuple[str, ...]:
    """What can be answered to a review.

    Args:
        decides: The contract of the answer.
        has_draft: Whether there is something to approve.
        can_respond: Whether somebody reads a free answer.
    """
    named = get_args(decides.model_fields["type"].annotation)
    able = {"approve": has_draft, "edit": "edited" in decides.model_fields, "respond": can_respond}
    return tuple(verb for verb in named if able.get(verb, True))


def question(step: Step, row: ReviewRow, verbs: Sequence[str]) -> dict[str, Any]:
    """The interrupt's value.

    Args:
        step: The step that asks.
        row: The review.
        verbs: What can be answered.
    """
    args = row.shown.get(row.subject) or {}
    return {
        "action_request": {"action": step.name, "args": args},
        "config": {name: verb in verbs for verb, name in _LEGACY.items()},
        "description": row.reason,
        "action_requests": [
            {"name": step.name, "args": args, "arguments": args, "description": row.reason},
        ],
        "review_configs": [{"action_name": step.name, "allowed_decisions": list(verbs)}],
        "review": {
            "review_id": row.review_id,
            "case_id": row.case_id,
            "version": row.version,
            "digest": row.digest,
            "subject": row.subject,
            "shown": row.shown,
        },
    }

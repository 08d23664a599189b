"""Restoring: what a page gave back as text, in the types that the draft has.

Agent Inbox shows every value of a draft in a text field, and gives every value back as text. A number
would become text wherever the contract takes both, and a contract that is strict would refuse
what nobody has changed. So a text takes the type of the draft's value where it can be read as such;
the contract then judges it as any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def restored(answer: Any, draft: Mapping[str, Any] | None) -> Any:
    """An answer with the texts of an Agent Inbox edit in the types of the draft; others as they are.

    Args:
        answer: The answer, in whichever shape.
        draft: What was shown, by field; None where nothing was.
    """
    one = answer[0] if isinstance(answer, list | tuple) and len(answer) == 1 else answer
    if draft is None or not isinstance(one, Mapping) or one.get("type") != "edit":
        return answer
    args = one.get("args")
    edited = args.get("args") if isinstance(args, Mapping) else None
    if not isinstance(args, Mapping) or not isinstance(edited, Mapping):
        return answer
    typed = {name: _like(value, draft.get(name)) for name, value in edited.items()}
    return [{**one, "args": {**args, "args": typed}}]


def _like(value: Any, draft: Any) -> Any:
    if not isinstance(value, str) or isinstance(draft, str):
        return value
    try:
        read = json.loads(value.strip().lower() if isinstance(draft, bool) else value.strip())
    except (ValueError, RecursionError):
        return value
    return read if _kind(read) == _kind(draft) else value


def _kind(value: Any) -> type:
    # To Python true is a number, and 1 another kind of one than 1.0; to a person they are not.
    if isinstance(value, bool) or value is None:
        return type(value)
    if isinstance(value, int | float):
        return float
    return dict if isinstance(value, Mapping) else type(value)

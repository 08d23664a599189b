"""A failure as a record: what the ladder, the ledger and an operator read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from langgraph_switchboard.contracts import plain_problem, violation_of
from langgraph_switchboard.errors import ContractViolation, SwitchboardError
from langgraph_switchboard.ledger import redact

_LONGEST = 4_000


def failure_of(error: Exception, step: str) -> dict[str, Any]:
    """An error as JSON-plain, redacted fields: code, type, step, problem, and what it carries.

    A contract that an agent built wrongly inside its own body is the same fault as one
    it gave wrongly: the producer is named.
    """
    if isinstance(error, ValidationError):
        error = violation_of(error, by=step)
    if isinstance(error, SwitchboardError):
        record = error.record()
    else:
        problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        record = {"code": "exception", "type": type(error).__name__, "problem": problem}
    storable: dict[str, Any] = _clean(redact({"step": step, **record}))
    return storable


def quarantined(error: Exception) -> str | None:
    """What a producer gave instead of its contract: redacted text for the ledger, never for the state."""
    given = getattr(error, "given", None) if isinstance(error, ContractViolation) else None
    if given is None:
        return None
    # model_dump would warn about the very faults that brought the value here.
    plain = given.__dict__ if isinstance(given, BaseModel) else given
    try:
        return _storable(str(redact(repr(plain))))
    except Exception as unprintable:
        return f"<{type(given).__name__} that cannot be shown: {type(unprintable).__name__}>"


def _clean(value: Any) -> Any:
    """A redacted value as every store keeps it; what a failure says about itself must always fit."""
    if isinstance(value, Mapping):
        return {_storable(str(key)): _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return _storable(str(value)) if plain_problem(value, "") or isinstance(value, str) else value


def _storable(text: str) -> str:
    """Text that Postgres keeps: no NUL, no lone surrogates, not endless."""
    clean = text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
    return clean if len(clean) <= _LONGEST else f"{clean[:_LONGEST]}… ({len(clean)} characters)"

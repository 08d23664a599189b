"""Problems: every error of the library as `application/problem+json` (RFC 9457), with its status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from langgraph_switchboard import errors

MEDIA_TYPE = "application/problem+json"

_STATUS: tuple[tuple[type[errors.SwitchboardError], int], ...] = (
    (errors.NotSignedIn, 401),
    (errors.TooManyTries, 429),
    (errors.AccessError, 403),
    (errors.ReviewNotYours, 403),
    (errors.CaseUnknown, 404),
    (errors.ReviewUnknown, 404),
    (errors.LetterUnknown, 404),
    (errors.DecisionMalformed, 422),
    (errors.CaseError, 409),
    (errors.InputRefused, 422),
    (errors.ContractViolation, 422),
    (errors.ConfigurationError, 422),
    (errors.StoreUnavailable, 503),
)
"""The first that fits counts; everything else is our own fault."""
_KEPT = ("problems", "by", "decision", "review", "case", "retry_after", "version", "cases")
"""Fields of an error that a client may use; the others may tell of our inside."""


def status_of(error: errors.SwitchboardError) -> int:
    """The HTTP status that says what an error says."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problem(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **fields: Any
) -> Response:
    """A problem in words and fields.

    Args:
        status: The HTTP status.
        code: What went wrong, stable, for programs.
        detail: What went wrong, for people.
        headers: More headers.
        **fields: Further facts, JSON-plain.
    """
    said = {
        "type": f"urn:switchboard:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **fields,
    }
    return Response(json.dumps(said), status, dict(headers or {}), MEDIA_TYPE)


def problem_of(error: errors.SwitchboardError) -> Response:
    """One of the library's errors as a response."""
    status = status_of(error)
    if status == 500:
        # What went wrong inside is for the log; it may name tables and hosts.
        return problem(500, "internal_error", "Something went wrong here; the server's log says what.")
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="switchboard"'
    if isinstance(error, errors.TooManyTries):
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    if status == 503:
        headers["Retry-After"] = "2"
    detail = "The database cannot be reached just now." if status == 503 else str(error)
    kept = {name: error.fields[name] for name in _KEPT if name in error.fields and status != 503}
    return problem(status, error.code, detail, headers=headers, **kept)

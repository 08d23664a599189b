"""Rows of cases and reviews as the API shows them; to an auditor without personal data."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from langgraph_switchboard.cases import CaseRow, ReviewRow
from langgraph_switchboard.errors import InputRefused
from langgraph_switchboard.ledger import LedgerEntry, redact
from langgraph_switchboard.serve.api.models import CaseOut, EventOut, ReviewOut
from langgraph_switchboard.serve.requests import actor_of

Place = tuple[datetime, str]
R = TypeVar("R")


def answer(model: BaseModel, status_code: int = 200, **headers: str) -> Response:
    """A model as a JSON response."""
    return Response(model.model_dump_json(), status_code, headers, "application/json")


def hiding(request: Request) -> Callable[[Any], Any]:
    """What payloads go through before they are shown to who asks."""
    return redact if actor_of(request).sees_redacted else lambda value: value


def case_out(request: Request, row: CaseRow) -> CaseOut:
    """A case as the API shows it."""
    hide = hiding(request)
    return CaseOut(
        case_id=row.case_id,
        flow=row.flow,
        blueprint_version=row.blueprint_version,
        status=row.status,
        step=row.step,
        input=hide(row.input),
        labels=hide(row.labels),
        reason=hide(row.reason),
        created_at=row.created_at,
        updated_at=row.updated_at,
        ended_at=row.ended_at,
    )


def review_out(request: Request, row: ReviewRow) -> ReviewOut:
    """A review as the API shows it."""
    hide = hiding(request)
    same = {name: getattr(row, name) for name in ReviewOut.model_fields if hasattr(row, name)}
    told = {
        "kind": row.kind or row.step,
        "token": row.token,
        "approved_by": list(row.approved_by),
        "shown": hide(row.shown),
        "reason": hide(row.reason),
        "decision": hide(row.decision),
    }
    return ReviewOut(**{**same, **told})


def events_out(request: Request, story: Sequence[LedgerEntry]) -> list[EventOut]:
    """A story as the API shows it."""
    hide = hiding(request)
    return [
        EventOut(
            kind=entry.event.kind,
            step=entry.event.step,
            at=entry.event.at,
            seconds=entry.event.seconds,
            data=hide(entry.event.data),
        )
        for entry in story
    ]


def place_of(text: str | None) -> Place | None:
    """The place that `next` of a page named.

    Raises:
        InputRefused: It is none.
    """
    if text is None:
        return None
    try:
        at, name = json.loads(base64.urlsafe_b64decode(text.encode() + b"=="))
        place = datetime.fromisoformat(at), str(name)
    except (ValueError, TypeError, RecursionError):
        place = None
    if place is None or place[0].tzinfo is None or "\x00" in place[1]:
        raise InputRefused(
            "this is no place in a list", where="after", mend="Send `next` of the page before."
        )
    return place


def next_of(rows: Sequence[R], limit: int, where: Callable[[R], Place]) -> str | None:
    """What names the page after these rows; None where they are the last."""
    if len(rows) < limit:
        return None
    at, name = where(rows[-1])
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), name]).encode()).decode().rstrip("=")

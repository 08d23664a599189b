"""What operators do over the API: take cases up again, have dead letters redone, put an end to things."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from langgraph_switchboard.cases.letters import Letter
from langgraph_switchboard.ledger import Event
from langgraph_switchboard.serve.api.cases import case_row, sayable, worker_of
from langgraph_switchboard.serve.api.models import (
    CaseOut,
    LetterOut,
    Letters,
    LettersQuery,
    Nothing,
    OperateBody,
    WhyBody,
)
from langgraph_switchboard.serve.api.operation import Operation
from langgraph_switchboard.serve.api.showing import answer, case_out, hiding
from langgraph_switchboard.serve.requests import actor_of, json_of, query_of, switchboard_of


async def resume_case(request: Request) -> Response:
    """Take a case up from where it stands; one that waits or has ended stays so."""
    body, row = await json_of(request, OperateBody), await case_row(request)
    said = {"by": actor_of(request).name, "verb": "resume", "reason": body.reason}
    event = Event("operated", row.step, switchboard_of(request).services.clock(), said)
    await switchboard_of(request).services.store.note(row.case_id, [event])
    await worker_of(request).take(row.case_id)
    return answer(case_out(request, row), 202)


async def cancel_case(request: Request) -> Response:
    """Put an end to a case that is not over: it is declined, and what it asked is asked no more."""
    body, row = await json_of(request, WhyBody), await case_row(request)
    ended = await switchboard_of(request).cancel(row.case_id, by=actor_of(request), why=body.why)
    return answer(case_out(request, ended))


async def list_dead_letters(request: Request) -> Response:
    """Cases, and branches of cases, that could not go on, the oldest first."""
    asked = query_of(request, LettersQuery)
    found = await switchboard_of(request).dead_letters(
        flow=asked.flow, status=asked.status, limit=asked.limit
    )
    return answer(Letters(items=[_letter_out(request, one) for one in found]))


async def redrive_letter(request: Request) -> Response:
    """Have a dead letter done again, from the step that failed; again changes nothing."""
    await json_of(request, Nothing)
    row = await switchboard_of(request).redrive(_letter_id(request), by=actor_of(request))
    return answer(case_out(request, row))


async def discard_letter(request: Request) -> Response:
    """Let a dead letter be, for good."""
    body = await json_of(request, WhyBody)
    letter = await switchboard_of(request).discard(_letter_id(request), by=actor_of(request), why=body.why)
    return answer(_letter_out(request, letter))


def _letter_id(request: Request) -> str:
    return sayable(str(request.path_params["letter_id"]), "letter_id")


def _letter_out(request: Request, letter: Letter) -> LetterOut:
    same = {name: getattr(letter, name) for name in LetterOut.model_fields}
    return LetterOut(**{**same, "reason": hiding(request)(letter.reason)})


operations = [
    Operation(
        "POST",
        "/api/cases/{case_id}/resume",
        resume_case,
        right="operate",
        body=OperateBody,
        answers={202: CaseOut},
        problems=(404, 409),
        tag="operating",
    ),
    Operation(
        "POST",
        "/api/cases/{case_id}/cancel",
        cancel_case,
        right="operate",
        body=WhyBody,
        answers={200: CaseOut},
        problems=(404, 409),
        tag="operating",
    ),
    Operation(
        "GET",
        "/api/dead-letters",
        list_dead_letters,
        query=LettersQuery,
        answers={200: Letters},
        tag="operating",
    ),
    Operation(
        "POST",
        "/api/dead-letters/{letter_id}/redrive",
        redrive_letter,
        right="operate",
        body=Nothing,
        answers={200: CaseOut},
        problems=(404, 409),
        tag="operating",
    ),
    Operation(
        "POST",
        "/api/dead-letters/{letter_id}/discard",
        discard_letter,
        right="operate",
        body=WhyBody,
        answers={200: LetterOut},
        problems=(404, 409),
        tag="operating",
    ),
]

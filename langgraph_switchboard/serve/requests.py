"""What a handler asks of its request: the switchboard, who asks, what was sent, and whether they may."""

from __future__ import annotations

import json
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from langgraph_switchboard.cases.access import Actor, Right
from langgraph_switchboard.contracts import violation_of
from langgraph_switchboard.errors import InputRefused, NotAllowed, NotSignedIn
from langgraph_switchboard.switchboard import Switchboard

M = TypeVar("M", bound=BaseModel)

_VERB: dict[Right, str] = {
    "read": "look at cases",
    "decide": "decide reviews",
    "start": "hand cases in",
    "operate": "resume, redrive or cancel cases",
    "manage": "manage keys and subscriptions",
}


def switchboard_of(request: Request) -> Switchboard:
    """The switchboard that this server runs."""
    return cast("Switchboard", request.app.state.switchboard)


def actor_of(request: Request) -> Actor:
    """Who asks.

    Raises:
        NotSignedIn: Nobody knows.
    """
    actor = getattr(request.state, "actor", None)
    if actor is None:
        raise NotSignedIn(
            "nobody knows who asks", mend="Send `Authorization: Bearer KEY`, or sign in on the page /login."
        )
    return cast("Actor", actor)


def must(request: Request, right: Right) -> Actor:
    """Who asks, if they have this right.

    Raises:
        NotSignedIn: Nobody knows who asks.
        NotAllowed: They have not.
    """
    actor = actor_of(request)
    if not actor.may(right):
        raise NotAllowed(
            f"{actor.name} may not {_VERB[right]}", wanted=right, came=", ".join(sorted(actor.roles))
        )
    return actor


async def json_of(request: Request, model: type[M]) -> M:
    """The request's body, validated.

    Raises:
        InputRefused: It is no JSON, or does not fit; says where.
    """
    try:
        value = json.loads(await request.body() or b"null")
    except (ValueError, RecursionError):
        raise InputRefused("the body is no JSON", where="body") from None
    return fitting(model, value, "body")


def query_of(request: Request, model: type[M]) -> M:
    """The request's query, validated; a name that comes twice is a list.

    Raises:
        InputRefused: Something in it does not fit, or nobody knows it.
    """
    said: dict[str, Any] = {}
    for name in request.query_params:
        values = request.query_params.getlist(name)
        # A list stays one, also with a single member; the model says which names are lists.
        is_list = name in model.model_fields and "list" in str(model.model_fields[name].annotation)
        said[name] = values if is_list or len(values) > 1 else values[0]
    return fitting(model, said, "query")


def fitting(model: type[M], value: Any, where: str) -> M:
    """A value as this model.

    Raises:
        InputRefused: It does not fit; no value is repeated.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        violation = violation_of(error, by=where)
    first = violation.problems[0]
    at = first["at"].partition(".")[2]
    raise InputRefused(
        f"{at or where} {first['says']}", where=where, problems=violation.problems, mend="Correct it."
    )

"""What `langgraph dev` takes from us: `app` for `http.app`, and `auth` for `auth.path`.

LangGraph's own API lets a caller write any state, go to any step and begin again at any
checkpoint. `auth` leaves what a case's process allows: to hand a case in, to answer the question
that is asked, by its id, and to look. Everybody is let in by the same door as in our own pages.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Any, cast

from langgraph_sdk import Auth
from starlette.requests import Request

from langgraph_switchboard.cases.access import ROLES, Actor, Right, Scope
from langgraph_switchboard.errors import AccessError, ReviewNotYours, StoreUnavailable, SwitchboardError
from langgraph_switchboard.graphs import Blueprint
from langgraph_switchboard.serve.app import create_app
from langgraph_switchboard.serve.auth import Doorkeeper
from langgraph_switchboard.serve.guard import must_be_our_page
from langgraph_switchboard.serve.settings import ServeSettings
from langgraph_switchboard.switchboard import Switchboard, load_blueprint, served_house
from langgraph_switchboard.switchboard.flows import module_named
from langgraph_switchboard.switchboard.strict import STRICT

_log = logging.getLogger(__name__)

FLOWS_SETTING = "SWITCHBOARD_FLOWS"
_READS = frozenset({"read", "search", "count", "list_namespaces", "get"})
_FORBIDDEN = frozenset({"checkpoint_id", "checkpoint_ns", "checkpoint_map", "checkpoint_during", "run_id"})
"""Keys of a run's `configurable` by which a caller could begin somewhere else, or as somebody else."""
_OURS = ("__pregel", "__switchboard")


@asynccontextmanager
async def _opened() -> AsyncIterator[Switchboard]:
    """A switchboard over what the server's checkpointer has opened; one of its own where that is not ours."""
    flows = await asyncio.to_thread(_flows)
    house = served_house()
    if house is None:
        async with Switchboard.open(flows=flows) as switchboard:
            with _draining_on(signal.SIGINT, signal.SIGTERM):
                yield switchboard
        return
    switchboard = Switchboard(house)
    for flow in flows:
        switchboard.flow(flow)
    door = Doorkeeper(house.access, ServeSettings.from_env(), switchboard.services.clock)
    if await door.is_open():
        _log.warning(
            "no keys: this server is for development only. Whoever uses this machine may decide; "
            "make a key to end that: switchboard keys create NAME --role reviewer"
        )
    with _draining_on(signal.SIGINT, signal.SIGTERM):
        yield switchboard


@contextmanager
def _draining_on(*stops: signal.Signals) -> Iterator[None]:
    """Let our streams end as soon as the server is told to stop: it waits for them before anything else."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in stops}

    def stop(number: int, frame: FrameType | None) -> None:
        app.state.draining = True
        then = before[signal.Signals(number)]
        if callable(then):
            then(number, frame)

    handled = [one for one, then in before.items() if callable(then)]
    for one in handled:
        signal.signal(one, stop)
    try:
        yield
    finally:
        for one in handled:
            if signal.getsignal(one) is stop:
                signal.signal(one, before[one])


def _flows() -> list[Blueprint]:
    """The blueprints by name in SWITCHBOARD_FLOWS, or those in the modules of the server's graphs."""
    named = [one.strip() for one in os.environ.get(FLOWS_SETTING, "").split(",") if one.strip()]
    if named:
        return [load_blueprint(one) for one in named]
    found: dict[str, Blueprint] = {}
    for graph in json.loads(os.environ.get("LANGSERVE_GRAPHS") or "{}").values():
        path = graph if isinstance(graph, str) else str(graph.get("path", ""))
        module = path.partition(":")[0]
        if module and "/" not in module:
            there = vars(module_named(module, where=path, mend="Name a module that can be imported."))
            found |= {one.name: one for one in there.values() if isinstance(one, Blueprint)}
    return list(found.values())


app = create_app(_opened, alone=False)
"""Inbox and API beside LangGraph's own; names `http.app` in langgraph.json."""
auth = Auth()
"""Who may do what through LangGraph's API; names `auth.path` in langgraph.json."""


class User(dict[str, Any]):
    """An actor as LangGraph hands it about: plain, with what it is known by."""

    def __init__(self, actor: Actor) -> None:
        rights: tuple[Right, ...] = ("read", "decide", "start", "operate", "manage")
        super().__init__(
            identity=actor.name,
            permissions=[right for right in rights if actor.may(right)],
            roles=sorted(actor.roles),
            scope=actor.scope.as_json(),
            is_local=actor.is_local,
            key_id=actor.key_id,
        )


@auth.authenticate
async def who(request: Request) -> Any:
    """Let in whoever our own pages would: by key, token or session, or the user of this machine."""
    try:
        visitor = await cast("Doorkeeper", app.state.door).visitor(request)
        if visitor.by in ("local", "session"):
            must_be_our_page(request, app.state.settings)
    except StoreUnavailable as error:
        raise Auth.exceptions.HTTPException(status_code=503, detail=str(error)) from None
    except AccessError as error:
        raise Auth.exceptions.HTTPException(status_code=401, detail=str(error)) from None
    if visitor.actor is None:
        raise Auth.exceptions.HTTPException(status_code=401, detail="nobody knows who asks")
    return User(visitor.actor)


@auth.on
async def look_only(ctx: Auth.types.AuthContext, value: Mapping[str, Any]) -> None:
    """Reading is for whoever may read; what is not allowed below is for nobody."""
    if ctx.action not in _READS:
        raise _forbidden(f"{ctx.resource}:{ctx.action} is for nobody here")
    _must(ctx, "read")


@auth.on.threads.create
async def begin_thread(ctx: Auth.types.AuthContext, value: Mapping[str, Any]) -> None:
    """A thread is begun by who may hand a case in; none is copied, or its effects would happen again."""
    if "if_exists" not in value:
        raise _forbidden("a case is not copied")
    if not {"start", "decide"} & set(ctx.permissions):
        raise _forbidden(f"{ctx.user.identity} may not hand cases in")


@auth.on.threads.update
async def change_thread(ctx: Auth.types.AuthContext, value: Mapping[str, Any]) -> None:
    """A run is stopped, or a thread labelled, by operators; its state is written by nobody."""
    if value.get("action") == "rollback":
        raise _forbidden("what a case has done is not rolled back")
    if "action" not in value and value.get("metadata") is None:
        raise _forbidden("the state of a case is written by its steps alone")
    _must(ctx, "operate")


@auth.on.threads.create_run
async def run(ctx: Auth.types.AuthContext, value: Auth.types.RunsCreate) -> None:
    """Hand a case in, or answer the question that it waits with; nothing else."""
    asked = value.get("kwargs") or {}
    _refuse_detours(value, asked)
    command = asked.get("command") or {}
    if set(command) - {"resume"}:
        raise _forbidden("a caller may answer with `resume`; `goto` and `update` are for nobody")
    if "resume" not in command:
        _must(ctx, "start")
        return
    if asked.get("input") is not None:
        raise _forbidden("an answer brings no new input")
    await _answer(ctx, cast("dict[str, Any]", value), command)


def _refuse_detours(value: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    configurable = (asked.get("config") or {}).get("configurable") or {}
    wrong = sorted(key for key in configurable if key in _FORBIDDEN or key.startswith(_OURS))
    thread = configurable.get("thread_id")
    if thread is not None and str(thread) != str(value.get("thread_id")):
        wrong.append("thread_id")
    if wrong:
        raise _forbidden(f"a caller does not say where a case goes on: {', '.join(wrong)}")
    if asked.get("webhook"):
        raise _forbidden("this server calls no address that a caller names")
    if asked.get("durability") == "exit":
        raise _forbidden("what a case does is kept as it happens")
    if value.get("multitask_strategy") in ("rollback", "interrupt"):
        raise _forbidden("a run that is under way is not broken off by another")


async def _answer(ctx: Auth.types.AuthContext, value: dict[str, Any], command: dict[str, Any]) -> None:
    """Let an answer through if this person may give it, bound to the question that is asked just now."""
    switchboard: Switchboard = app.state.switchboard
    actor = _actor(ctx)
    try:
        asked = await switchboard.questions(str(value.get("thread_id")))
        for review in asked.values():
            await switchboard.authorise(review, by=actor)
    except ReviewNotYours as error:
        raise _forbidden(str(error)) from None
    except SwitchboardError as error:
        raise Auth.exceptions.HTTPException(status_code=409, detail=str(error)) from None
    resume = command["resume"]
    by_id = isinstance(resume, dict) and bool(resume) and set(resume) <= set(asked)
    if not by_id:
        if len(asked) != 1:
            raise Auth.exceptions.HTTPException(
                status_code=409,
                detail="nothing is asked just now"
                if not asked
                else "several questions are asked: name the one that is answered, {interrupt id: answer}",
            )
        command["resume"] = {next(iter(asked)): resume}
    config = value["kwargs"].setdefault("config", {})
    config.setdefault("configurable", {})[STRICT] = True
    value["metadata"] = {**(value.get("metadata") or {}), "resumed_by": actor.name}


def _actor(ctx: Auth.types.AuthContext) -> Actor:
    user = cast("Mapping[str, Any]", ctx.user)
    roles = frozenset(role for role in ROLES if role in user["roles"])
    return Actor(
        user["identity"], roles, Scope.of(user["scope"]), is_local=user["is_local"], key_id=user["key_id"]
    )


def _must(ctx: Auth.types.AuthContext, right: Right) -> None:
    if right not in ctx.permissions:
        raise _forbidden(f"{ctx.user.identity} may not {right}")


def _forbidden(says: str) -> Exception:
    return Auth.exceptions.HTTPException(status_code=403, detail=says)

"""`switchboard keys`: who may come in, as what, and to decide what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from langgraph_switchboard.cases.access import RISKS, ROLES, Scope, roles_of
from langgraph_switchboard.cases.keys import ApiKey, new_key
from langgraph_switchboard.cli.project import login_name
from langgraph_switchboard.cli.screen import listing, out, print_json, run_async, say
from langgraph_switchboard.errors import BlueprintError, InputRefused
from langgraph_switchboard.graphs.durations import seconds_of
from langgraph_switchboard.switchboard import Switchboard

app = typer.Typer(no_args_is_help=True, help="Keys of people and programs that ask over the network.")

JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of sentences.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who acts with it: a person, or a program.")],
    role: Annotated[list[str], typer.Option(help=f"One of {', '.join(ROLES)}; repeat for several.")],
    flow: Annotated[list[str] | None, typer.Option(help="Decides only in this flow; repeat.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Decides only reviews of this kind; repeat.")] = None,
    max_risk: Annotated[str, typer.Option(help=f"Decides up to this risk: {', '.join(RISKS)}.")] = "high",
    max_amount: Annotated[float | None, typer.Option(min=0, help="Decides up to this amount.")] = None,
    expires: Annotated[str | None, typer.Option(help='After how long it is over: "90d", "12h".')] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key. It is shown once; only a digest of it is kept."""
    scope = Scope.of({"flows": flow or None, "kinds": kind or None, "risk": max_risk, "amount": max_amount})
    roles, life = roles_of(role), _life(expires)

    async def make() -> None:
        async with Switchboard.open() as switchboard:
            now = switchboard.services.clock()
            ends = now + life if life else None
            key, text = new_key(name, roles, scope, by=login_name(), at=now, expires_at=ends)
            first = not await switchboard.house.access.any_key()
            await switchboard.house.access.add_key(key, text)
        if as_json:
            print_json({**_told(key), "key": text})
            return
        out.print(text, highlight=False, soft_wrap=True, markup=False)
        say(f"{name} comes in with it as {', '.join(sorted(roles))}. It is shown this once.")
        if first:
            say("From now on nobody comes in without a key, on this machine neither.")

    run_async(make())


@app.command("list")
def list_keys(as_json: JsonOption = False) -> None:
    """List the keys, without their secrets."""

    async def show() -> None:
        async with Switchboard.open() as switchboard:
            keys = await switchboard.house.access.keys()
        if as_json:
            print_json([_told(key) for key in keys])
            return
        if not keys:
            say("no keys: a server answers its own machine only")
            return
        table = listing("key", "name", "roles", "decides", "state", "last used", prose="decides")
        now = datetime.now(UTC)
        for key in keys:
            used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
            table.add_row(
                key.key_id, key.name, ", ".join(sorted(key.roles)), _bounds(key), _state(key, now), used
            )
        out.print(table)

    run_async(show())


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key, as `switchboard keys list` has it.")],
) -> None:
    """Take a key back at once, and end the sessions that it opened."""

    async def take_back() -> None:
        async with Switchboard.open() as switchboard:
            key = await switchboard.house.access.revoke_key(key_id, switchboard.services.clock())
        if key is None:
            raise InputRefused("there is no such key", came=key_id, mend="`switchboard keys list` has them.")
        out.print(
            f"The key {key.key_id} of {key.name} opens nothing any more.", markup=False, highlight=False
        )

    run_async(take_back())


def _life(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        return timedelta(seconds=seconds_of(text, "--expires"))
    except (BlueprintError, OverflowError):
        raise InputRefused("this is no time", where="--expires", wanted='"90d", "12h"', came=text) from None


def _told(key: ApiKey) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "roles": sorted(key.roles),
        "scope": key.scope.as_json(),
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }


def _bounds(key: ApiKey) -> str:
    if "reviewer" not in key.roles:
        return "nothing"
    said = key.scope.as_json().items()
    told = (f"{name} {', '.join(value) if isinstance(value, list) else value}" for name, value in said)
    return "; ".join(told) or "everything"


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "good" if key.holds(now) else "over"

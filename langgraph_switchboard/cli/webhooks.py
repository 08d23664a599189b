"""`switchboard webhooks`: who else is told of what happens."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, get_args

import typer

from langgraph_switchboard.cases.webhooks import Subscription, new_secret
from langgraph_switchboard.cli.project import login_name
from langgraph_switchboard.cli.screen import out, print_json, run_async, say
from langgraph_switchboard.errors import InputRefused
from langgraph_switchboard.ledger import EventKind
from langgraph_switchboard.serve.settings import ServeSettings, must_be_allowed
from langgraph_switchboard.switchboard import Switchboard

app = typer.Typer(no_args_is_help=True, help="Addresses that are told of what happens.")

JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of sentences.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="The address; its origin stands in SWITCHBOARD_WEBHOOKS.")],
    kind: Annotated[
        list[str] | None, typer.Option(help="Only these events, such as review_opened; repeat.")
    ] = None,
    flow: Annotated[list[str] | None, typer.Option(help="Only of this flow; repeat.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell an address of what happens from now on. The secret that signs it is shown once."""
    wrong = set(kind or ()) - set(get_args(EventKind))
    if wrong:
        raise InputRefused(
            "there is no such event", came=", ".join(sorted(wrong)), wanted=", ".join(get_args(EventKind))
        )
    must_be_allowed(url, ServeSettings.from_env())

    async def subscribe() -> None:
        async with Switchboard.open() as switchboard:
            subscription = Subscription(
                subscription_id=f"wh-{secrets.token_hex(4)}",
                url=url,
                secret=new_secret(),
                kinds=tuple(kind) if kind else None,
                flows=tuple(flow) if flow else None,
                created_at=switchboard.services.clock(),
                created_by=login_name(),
                place=await switchboard.house.tail.end(),
            )
            await switchboard.house.webhooks.subscribe(subscription)
        if as_json:
            print_json({**_told(subscription, {}), "secret": subscription.secret})
            return
        out.print(subscription.secret, highlight=False, markup=False, soft_wrap=True)
        say(f"{subscription.subscription_id} tells {url}; what it sends is signed with this secret.")

    run_async(subscribe())


@app.command("list")
def list_webhooks(as_json: JsonOption = False) -> None:
    """List the addresses, and how many events are on their way to each."""

    async def show() -> None:
        async with Switchboard.open() as switchboard:
            found = await switchboard.house.webhooks.subscriptions()
            counts = await switchboard.house.webhooks.counts()
        if as_json:
            print_json([_told(one, counts) for one in found])
            return
        if not found:
            say("nobody is told of what happens")
            return
        for one in found:
            waiting, lost = counts.get(one.subscription_id, (0, 0))
            kinds, flows = (", ".join(said) if said else "all" for said in (one.kinds, one.flows))
            state = f"stopped: {one.stopped_why}" if one.stopped_at else "good"
            out.print(f"{one.subscription_id}  {one.url}", highlight=False, markup=False, soft_wrap=True)
            told = f"events: {kinds}; flows: {flows}; {waiting:,} on the way, {lost:,} given up; {state}"
            out.print(f"    {told}", highlight=False, markup=False, soft_wrap=True)

    run_async(show())


@app.command()
def remove(
    webhook: Annotated[str, typer.Argument(help="The webhook, as `switchboard webhooks list` has it.")],
) -> None:
    """Tell an address nothing more, and drop what is on its way to it."""

    async def unsubscribe() -> bool:
        async with Switchboard.open() as switchboard:
            return await switchboard.house.webhooks.unsubscribe(webhook)

    if not run_async(unsubscribe()):
        raise InputRefused("there is no such webhook", came=webhook, mend="`switchboard webhooks list`.")
    out.print(f"{webhook} is told nothing more.", highlight=False, markup=False)


def _told(one: Subscription, counts: dict[str, tuple[int, int]]) -> dict[str, Any]:
    waiting, lost = counts.get(one.subscription_id, (0, 0))
    return {
        "webhook": one.subscription_id,
        "url": one.url,
        "kinds": one.kinds,
        "flows": one.flows,
        "created_at": one.created_at,
        "created_by": one.created_by,
        "stopped_at": one.stopped_at,
        "on_the_way": waiting,
        "given_up": lost,
    }

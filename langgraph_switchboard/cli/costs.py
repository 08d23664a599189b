"""`switchboard cost`: what models have cost, and of how much nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import typer

from langgraph_switchboard.cases.costs import WAYS, By, Cost, costs
from langgraph_switchboard.cli.screen import listing, out, print_json, run_async, say
from langgraph_switchboard.errors import BlueprintError, InputRefused
from langgraph_switchboard.graphs.durations import seconds_of
from langgraph_switchboard.postgres import database, migrate


def cost(
    by: Annotated[str, typer.Option(help=f"One of {', '.join(WAYS)}.")] = "agent",
    since: Annotated[
        str | None, typer.Option(help='How far back: "7d", "12h", or a day such as 2030-01-31.')
    ] = None,
    flow: Annotated[str | None, typer.Option(help="Only cases of the flow of this name.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Say what models have cost by agent, route, day or case."""
    if by not in WAYS:
        raise InputRefused(
            "costs are not told that way", where="--by", wanted=f"one of {', '.join(WAYS)}", came=by
        )
    first, way = _day(since), _by(by)

    async def show() -> None:
        async with database() as base:
            await migrate(base.pool)
            found = await costs(base.pool, way, since=first, flow=flow)
        if as_json:
            print_json({"by": by, "rows": [_plain(one) for one in found], "total": _plain(_sum(found))})
            return
        if not found:
            say("nothing was done yet, so nothing was spent")
            return
        table = listing(
            by, "cases", "steps", "asked a model", "tokens in", "tokens out", "cost", "unknown", prose=by
        )
        for column in table.columns[1:]:
            column.justify = "right"
        for one in [*found, _sum(found)]:
            table.add_row(
                one.name,
                f"{one.cases:,}" if one.cases else "",
                *(f"{n:,}" for n in (one.steps, one.asked, one.input_tokens, one.output_tokens)),
                dollars(one),
                f"{one.unknown_share:.0%}" if one.asked else "",
            )
        out.print(table)
        if total := _sum(found).unknown:
            say(
                f"Of {total:,} steps with a model nobody knows the price; the sums are without them. "
                "Set it under [tool.switchboard.prices]."
            )

    run_async(show())


def dollars(one: Cost) -> str:
    """The cost as far as it is known, and that it is not where nothing is."""
    if one.unknown and not one.cost_usd:
        return "unknown"
    return f"${one.cost_usd:.4f}" + (" + unknown" if one.unknown else "")


def _sum(found: Sequence[Cost]) -> Cost:
    return Cost(
        "all",
        0,  # a case counts under each agent that it met, so the cases of all are not their sum
        sum(one.steps for one in found),
        sum(one.asked for one in found),
        sum(one.unknown for one in found),
        sum(one.input_tokens for one in found),
        sum(one.output_tokens for one in found),
        sum((one.cost_usd for one in found), Decimal(0)),
    )


def _plain(one: Cost) -> dict[str, Any]:
    return {
        "name": one.name,
        "cases": one.cases or None,
        "steps": one.steps,
        "asked": one.asked,
        "unknown": one.unknown,
        "unknown_share": round(one.unknown_share, 4),
        "input_tokens": one.input_tokens,
        "output_tokens": one.output_tokens,
        "cost_usd": None if one.unknown and not one.cost_usd else float(one.cost_usd),
    }


def _day(said: str | None) -> date:
    if said is None:
        return date.min
    try:
        return date.fromisoformat(said)
    except ValueError:
        pass
    try:
        return (datetime.now(UTC) - timedelta(seconds=seconds_of(said, "--since") or 0.0)).date()
    except (BlueprintError, OverflowError):
        raise InputRefused(
            "this is no day and no age", where="--since", wanted='"7d", "12h", or 2030-01-31', came=said
        ) from None


def _by(said: str) -> By:
    ways: dict[str, By] = {"agent": "agent", "route": "route", "day": "day", "case": "case"}
    return ways[said]

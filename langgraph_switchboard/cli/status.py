"""`switchboard status`: where cases stand, who is left alone, what is left of the budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from langgraph_switchboard.cases.letters import RungCount
from langgraph_switchboard.cli.screen import listing, out, print_json, run_async, say
from langgraph_switchboard.limits import BreakerRow, BudgetRow
from langgraph_switchboard.switchboard import open_house

_SHOWN = 20


@dataclass(frozen=True)
class Status:
    """How things stand.

    Args:
        where: Which database this is.
        cases: Cases by status.
        breakers: Every breaker that was ever told anything.
        budgets: Budgets of today, and the fullest of cases.
        rungs: How failures ended, from the top of the ladder down.
    """

    where: str
    cases: dict[str, int]
    breakers: Sequence[BreakerRow]
    budgets: Sequence[BudgetRow]
    rungs: Sequence[RungCount]


def status(
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of tables.")] = False,
) -> None:
    """Say where cases stand, who is left alone just now, and what is left of the budgets."""

    async def show() -> None:
        async with open_house(traced=False) as house:
            limits = house.services.limits
            found = Status(
                house.services.where,
                await house.services.store.counts(),
                await limits.breakers(),
                await limits.budgets(_SHOWN),
                await house.services.store.rungs(),
            )
        if as_json:
            print_json(asdict(found))
        else:
            _tell(found)

    run_async(show())


def _tell(found: Status) -> None:
    out.print(found.where, markup=False, highlight=False, soft_wrap=True)
    standing = {name: n for name, n in found.cases.items() if n}
    out.print(
        f"cases: {', '.join(f'{n:,} {name}' for name, n in standing.items()) or 'none yet'}", highlight=False
    )
    if found.breakers:
        table = listing(
            "breaker", "state", "calls", "failed", "median s", "confidence", "rejected", "why", prose="why"
        )
        for one in found.breakers:
            table.add_row(
                f"{one.kind} {one.name}",
                one.state,
                f"{one.calls:,}",
                _share(one.errors),
                _number(one.seconds),
                _number(one.confidence),
                _share(one.rejections),
                one.why,
            )
        out.print(table)
    if found.budgets:
        table = listing("budget", "day", "dollars", "tokens", prose="budget")
        for row in found.budgets:
            table.add_row(
                f"{row.scope} {row.subject}",
                str(row.day or ""),
                _used(row.spent.micros + row.held.micros, row.limit[0], 1_000_000, "$"),
                _used(row.spent.tokens + row.held.tokens, row.limit[1], 1, ""),
            )
        out.print(table)
    if found.rungs:
        table = listing("rung", "entered", "ended there", "share", prose="rung")
        ends = sum(rung.ended for rung in found.rungs)
        for rung in found.rungs:
            share = _share(rung.ended / ends if ends else None)
            table.add_row(rung.rung, f"{rung.entered:,}", f"{rung.ended:,}", share)
        out.print(table)
    if not (found.breakers or found.budgets):
        say("no budget, rate or breaker has been asked yet")


def _used(taken: int, limit: int | None, unit: int, sign: str) -> str:
    digits = 4 if unit > 1 else 0
    used = f"{sign}{taken / unit:,.{digits}f}"
    if limit is None:
        return used
    share = f" ({taken / limit:.0%})" if limit else ""
    return f"{used} of {sign}{limit / unit:,.{digits}f}{share}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"

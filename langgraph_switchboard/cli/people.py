"""`switchboard cases | case | resume`: where cases stand, and going on with those that broke off."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from langgraph_switchboard.cases import STATUSES
from langgraph_switchboard.cli.project import flow_references
from langgraph_switchboard.cli.reviews import ago
from langgraph_switchboard.cli.run import report_broken
from langgraph_switchboard.cli.screen import listing, out, print_json, run_async, say
from langgraph_switchboard.cli.story import story
from langgraph_switchboard.errors import InputRefused
from langgraph_switchboard.switchboard import CaseView, Switchboard
from langgraph_switchboard.switchboard.ticker import Ticker

FlowOption = Annotated[str | None, typer.Option("--flow", help="The flow, as module:name.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
LimitOption = Annotated[int, typer.Option(min=1, help="At most so many.")]


def cases(
    status: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(STATUSES)}; repeat for several.")
    ] = None,
    batch: Annotated[str | None, typer.Option(help="Only those of this batch.")] = None,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """List cases, newest first."""
    wrong = [one for one in status or [] if one not in STATUSES]
    if wrong:
        raise InputRefused(
            "there is no such status", wanted=f"one of {', '.join(STATUSES)}", came=", ".join(wrong)
        )

    async def show() -> None:
        async with Switchboard.open() as switchboard:
            store, labels = switchboard.services.store, {"batch": batch} if batch else None
            rows = await store.cases(status=status or [], labels=labels, limit=limit)
            counts = await store.counts(labels=labels)
        if as_json:
            print_json([asdict(row) for row in rows])
            return
        table = listing("case", "status", "step", "reason", "since", prose="reason")
        for row in rows:
            table.add_row(row.case_id, row.status, row.step, row.reason or "", ago(row.updated_at))
        if rows:
            out.print(table)
        say(", ".join(f"{n:,} {name}" for name, n in counts.items() if n) or "no cases yet")

    run_async(show())


def case(
    case_id: Annotated[str, typer.Argument(help="The case, as `switchboard cases` lists it.")],
    full: Annotated[bool, typer.Option("--full", help="Show texts whole.")] = False,
    flow: FlowOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell a case's story step by step."""

    async def show() -> None:
        async with Switchboard.open(flows=flow_references(flow)) as switchboard:
            view = await switchboard.case(case_id)
        if as_json:
            print_json(_case_json(view))
            return
        for part in story(view, width=min(out.width, 110), full=full):
            out.print(part)

    run_async(show())


def resume(
    case_id: Annotated[str | None, typer.Argument(help="Only this case.")] = None,
    flow: FlowOption = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="How many cases at a time.")] = 32,
) -> None:
    """Go on with every case that broke off, and with what is due: timers, reminders, time limits."""

    async def go_on() -> bool:
        async with Switchboard.open(flows=flow_references(flow)) as switchboard:
            if case_id is not None:
                row = await switchboard.resume(case_id)
                out.print(f"The case {row.case_id} is {row.status}.", markup=False)
                return True
            named = switchboard.flow(flow).name if flow else None
            ticked = await Ticker(switchboard).tick()
            broken = await switchboard.resume_all(flow=named, concurrency=concurrency)
            for chore in ticked.chores.keys() & ticked.failed.keys():
                broken[chore] = ticked.failed[chore]
            counts = await switchboard.services.store.counts()
        out.print(", ".join(f"{n:,} {name}" for name, n in counts.items() if n) or "no cases yet")
        report_broken(broken)
        return not broken

    if not run_async(go_on()):
        raise typer.Exit(1)


def _case_json(view: CaseView) -> dict[str, Any]:
    return {
        "case": asdict(view.row),
        "state": view.state.model_dump(mode="json"),
        "story": [asdict(entry) for entry in view.story],
        "reviews": [asdict(review) for review in view.reviews],
    }

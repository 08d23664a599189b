"""`switchboard run FILE`: cases from a file, through a flow, with a summary at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from langgraph_switchboard.cli.intake import Intake, Reject, read_cases, read_groups, write_rejects
from langgraph_switchboard.cli.project import only_flow
from langgraph_switchboard.cli.screen import err, out, run_async, say
from langgraph_switchboard.cli.summary import Summary, summarise, tables
from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import CaseError, InputRefused, SwitchboardError
from langgraph_switchboard.graphs import Blueprint
from langgraph_switchboard.switchboard import NewCase, Switchboard, load_blueprint


def run(
    file: Annotated[Path, typer.Argument(help="A .jsonl or .csv file, one case a line.")],
    flow: Annotated[str | None, typer.Option(help="The flow, as module:name.")] = None,
    text: Annotated[str | None, typer.Option(help="Column of the text; guessed unless given.")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="Column of the id; guessed unless given.")] = None,
    expect: Annotated[str | None, typer.Option(help="Column of the label that routing should give.")] = None,
    map_: Annotated[
        Path | None, typer.Option("--map", help='JSON that groups the labels: {"group": ["label", ...]}.')
    ] = None,
    batch: Annotated[
        str | None, typer.Option(help="Name of the batch; the file's own unless given. Cases are batch/id.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="How many cases at a time.")] = 32,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many cases.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """Run cases from a file. Run it again after a crash: it goes on where it stopped."""
    blueprint = load_blueprint(only_flow(flow))
    groups = read_groups(map_) if map_ else None
    if groups is not None and expect is None:
        raise InputRefused("a map needs labels to group", mend="Name their column with --expect.")
    contract = input_of(blueprint)
    intake = read_cases(file, contract, batch=batch, text=text, id_column=id_, expect=expect, groups=groups)
    del intake.cases[limit or len(intake.cases) :]
    run_async(_run(blueprint, intake, file, concurrency, as_json))


def input_of(blueprint: Blueprint) -> type[Contract]:
    """The one input contract of a flow that files can feed.

    Raises:
        InputRefused: The flow has several inputs, or its input has no text.
    """
    inputs = [field.contract for field in blueprint.case.fields().values() if field.is_input]
    if len(inputs) != 1 or "text" not in inputs[0].model_fields:
        raise InputRefused(
            f"the flow {blueprint.name!r} cannot be fed from a file of texts",
            wanted="one input contract with a field `text`",
            came=", ".join(contract.__name__ for contract in inputs) or "no input",
        )
    return inputs[0]


async def _run(blueprint: Blueprint, intake: Intake, file: Path, concurrency: int, as_json: bool) -> None:
    async with Switchboard.open(flows=[blueprint]) as switchboard:
        say(switchboard.where)
        say(switchboard.services.models.line)
        say(f"{file.name}: {len(intake.cases):,} cases; {intake.columns.line()}")
        summary, broken, wall = await run_batch(switchboard, blueprint, intake, concurrency)
    finish(summary, wall, as_json, rejected=len(intake.rejects))
    report_broken(broken)
    report_rejects(file, intake.rejects)
    if broken or intake.rejects:
        raise typer.Exit(1)


async def run_batch(
    switchboard: Switchboard, blueprint: Blueprint, intake: Intake, concurrency: int
) -> tuple[Summary, dict[str, SwitchboardError], float]:
    """Drive the cases of an intake with a progress bar.

    Returns:
        The summary, the cases that broke off with their errors, and the seconds it took.
    """
    fresh = await _own_cases(switchboard, blueprint, intake)
    started = time.perf_counter()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        bar = progress.add_task("running", total=len(fresh))
        broken = await switchboard.run_many(
            blueprint, fresh, concurrency=concurrency, on_case=lambda _: progress.advance(bar)
        )
    wall = time.perf_counter() - started
    return await summarise(switchboard.services.store, [case.case_id for case in fresh]), broken, wall


async def _own_cases(switchboard: Switchboard, blueprint: Blueprint, intake: Intake) -> list[NewCase]:
    """The cases without those whose id belongs to other content; these become rejects."""
    flow, known = switchboard.flow(blueprint), {}
    for row in await switchboard.services.store.cases(labels={"batch": intake.batch}, limit=None):
        known[row.case_id] = row
    kept = []
    for line, case in enumerate(intake.cases, 1):
        before = known.get(case.case_id)
        if before is not None and (before.flow, before.input) != (flow.name, flow.payloads(case.inputs)):
            error = CaseError(
                f"the id {case.case_id!r} belongs to a case with other content",
                mend="Give the batch another name with --batch.",
            )
            intake.rejects.append(Reject(line, str(error), ""))
        else:
            kept.append(case)
    done = sum(1 for case in kept if case.case_id in known)
    if done:
        say(f"{done:,} of them are known from an earlier run; what broke off goes on, nothing is done twice")
    return kept


def finish(summary: Summary, wall: float, as_json: bool, *, rejected: int = 0) -> None:
    """Print the summary: tables for people, one line of JSON for programs."""
    if as_json:
        line = {**summary.as_json(), "rejected": rejected, "seconds": round(wall, 3)}
        out.print(json.dumps(line), soft_wrap=True, highlight=False, markup=False)
        return
    for table in tables(summary, wall):
        out.print(table)


def report_broken(broken: dict[str, SwitchboardError]) -> None:
    """Say which cases broke off, and how to go on."""
    for case_id, error in list(broken.items())[:5]:
        err.print(f"broke off: {case_id}: {error}", markup=False, soft_wrap=True)
    if broken:
        say(f"{len(broken):,} cases broke off; none is lost: run the same command again.")


def report_rejects(file: Path, rejects: Sequence[Reject]) -> None:
    """Say which lines were not taken, and keep them beside the file."""
    for one in rejects[:10]:
        err.print(f"{file.name}:{one.line}: {one.why}", markup=False, soft_wrap=True)
    if rejects:
        more = f" ({len(rejects) - 10:,} more)" if len(rejects) > 10 else ""
        say(f"{len(rejects):,} lines were not taken{more}; they stand in {write_rejects(file, rejects)}")

"""`switchboard run FILE`: cases from a file, through a flow, with a summary at the end."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from langgraph_switchboard.cases import OPEN, CaseRow
from langgraph_switchboard.cli.intake import Intake, Reject, read_cases, read_groups, write_rejects
from langgraph_switchboard.cli.project import named_flow
from langgraph_switchboard.cli.screen import err, out, run_async, say
from langgraph_switchboard.cli.summary import Summary, summarise, tables
from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import CaseError, InputRefused, StoreError, SwitchboardError
from langgraph_switchboard.graphs import Blueprint
from langgraph_switchboard.switchboard import NewCase, Switchboard

_CHUNK = 500
_SHOWN = 10
"""How many of the lines or cases in trouble are listed on the screen."""


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
    blueprint = named_flow(flow)
    if map_ is not None and expect is None:
        raise InputRefused("a map needs labels to group", mend="Name their column with --expect.")
    groups = read_groups(map_) if map_ else None
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
        summary, broken = await run_batch(switchboard, blueprint, intake, concurrency)
    finish(summary, as_json, rejected=len(intake.rejects))
    end(file, intake, broken)


async def run_batch(
    switchboard: Switchboard, blueprint: Blueprint, intake: Intake, concurrency: int
) -> tuple[Summary, dict[str, SwitchboardError]]:
    """Drive the cases of an intake with a progress bar.

    Returns:
        The summary, and the cases that broke off with their errors.

    Raises:
        StoreError: The database is gone, so that no summary can be made; what broke off has been told.
    """
    kept, at_rest = await _own_cases(switchboard, blueprint, intake)
    started = time.perf_counter()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        bar = progress.add_task("running", total=len(kept))
        broken = await switchboard.run_many(
            blueprint, kept, concurrency=concurrency, on_case=lambda _: progress.advance(bar)
        )
    seconds = time.perf_counter() - started
    expected = {case.case_id: case.labels.get("expect") for case in kept}
    try:
        summary = await summarise(switchboard.services.store, expected)
    except StoreError:
        report_broken(broken)
        raise
    summary.driven, summary.wall = len(kept) - at_rest, seconds
    return summary, broken


async def _own_cases(
    switchboard: Switchboard, blueprint: Blueprint, intake: Intake
) -> tuple[list[NewCase], int]:
    """The cases whose id is free or their own, and how many of them are at rest already.

    An id that belongs to other content becomes a reject: two cases under one id would be one lost.
    """
    flow = switchboard.flow(blueprint)
    known = await _known(switchboard, [case.case_id for case in intake.cases])
    kept = []
    for case in intake.cases:
        before = known.get(case.case_id)
        if before is None or (before.flow, before.input) == (flow.name, flow.payloads(case.inputs)):
            kept.append(case)
            continue
        error = CaseError(
            f"the id {case.case_id!r} belongs to a case with other content",
            mend="Give the batch another name with --batch.",
        )
        raw = json.dumps(flow.payloads(case.inputs))
        intake.rejects.append(Reject(intake.lines[case.case_id], str(error), raw[:500]))
    rows = [known[case.case_id] for case in kept if case.case_id in known]
    at_rest = sum(row.status not in OPEN for row in rows)
    if rows:
        say(f"{len(rows):,} of them are known: {at_rest:,} stay as they are, {len(kept) - at_rest:,} are run")
    return kept, at_rest


async def _known(switchboard: Switchboard, case_ids: Sequence[str]) -> dict[str, CaseRow]:
    store, known = switchboard.services.store, {}
    for start in range(0, len(case_ids), _CHUNK):
        for row in await store.cases(case_ids=case_ids[start : start + _CHUNK], limit=None):
            known[row.case_id] = row
    return known


def finish(summary: Summary, as_json: bool, *, rejected: int = 0) -> None:
    """Print the summary: tables for people, one line of JSON for programs."""
    if as_json:
        line = {**summary.as_json(), "rejected": rejected}
        out.print(json.dumps(line), soft_wrap=True, highlight=False, markup=False)
        return
    for table in tables(summary):
        out.print(table)


def end(file: Path, intake: Intake, broken: dict[str, SwitchboardError]) -> None:
    """Say what went wrong, if anything did.

    Raises:
        typer.Exit: Something did: 1.
    """
    report_broken(broken)
    report_rejects(file, sorted(intake.rejects, key=lambda one: one.line))
    if broken or intake.rejects:
        raise typer.Exit(1)


def report_broken(broken: dict[str, SwitchboardError]) -> None:
    """Say why cases broke off, each reason once with one of its cases, and how to go on."""
    alike: dict[str, list[str]] = defaultdict(list)
    for case_id, error in broken.items():
        alike[str(error).replace(case_id, "...")].append(case_id)
    for reason, cases in sorted(alike.items(), key=lambda one: -len(one[1]))[:_SHOWN]:
        more = f" and {len(cases) - 1:,} more" if len(cases) > 1 else ""
        err.print(f"broke off: {cases[0]}{more}: {reason}", markup=False, soft_wrap=True)
    if broken:
        say(f"{len(broken):,} cases broke off; none is lost: run the same command again, or resume.")


def report_rejects(file: Path, rejects: Sequence[Reject]) -> None:
    """Say which lines were not taken, and keep them beside the file.

    Raises:
        InputRefused: They cannot be written there; then all of them have been told.
    """
    if not rejects:
        return
    try:
        beside: Path | None = write_rejects(file, rejects)
    except InputRefused as error:
        beside, unwritten = None, error
    for one in rejects[: _SHOWN if beside else None]:
        err.print(f"{file.name}:{one.line}: {one.why}", markup=False, soft_wrap=True)
    if beside is None:
        raise unwritten
    more = f" ({len(rejects) - _SHOWN:,} more)" if len(rejects) > _SHOWN else ""
    say(f"{len(rejects):,} lines were not taken{more}; they stand in {beside}")

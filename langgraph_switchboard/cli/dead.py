"""`switchboard dead`: what could not go on, and what is to become of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from langgraph_switchboard.cases.letters import Letter, LetterStatus, RungCount
from langgraph_switchboard.cli.project import flow_references, login_name
from langgraph_switchboard.cli.reviews import ago
from langgraph_switchboard.cli.screen import listing, out, print_json, program, run_async, say
from langgraph_switchboard.cli.story import fields
from langgraph_switchboard.switchboard import Switchboard

app = typer.Typer(no_args_is_help=True)

LetterArgument = Annotated[str, typer.Argument(help="The dead letter, or its case.")]
FlowOption = Annotated[str | None, typer.Option("--flow", help="The flow, as module:name.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
ByOption = Annotated[str | None, typer.Option(help="Who does it; your login name unless given.")]
LimitOption = Annotated[int, typer.Option(min=1, help="At most so many.")]


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are settled.")] = False,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """List the dead letters that nobody has settled, the oldest first, and say how failures end."""
    status: LetterStatus | None = None if everything else "open"

    async def show() -> None:
        async with Switchboard.open() as switchboard:
            letters = await switchboard.dead_letters(status=status, limit=limit)
            rungs = await switchboard.rungs()
        if as_json:
            print_json({"letters": [asdict(one) for one in letters], "rungs": [asdict(one) for one in rungs]})
            return
        _list(letters)
        if line := rungs_line(rungs):
            say(line)

    run_async(show())


@app.command()
def show(letter: LetterArgument, as_json: JsonOption = False) -> None:
    """Show a dead letter whole: which step failed, how, and what was done about it."""

    async def do() -> None:
        async with Switchboard.open() as switchboard:
            found = await switchboard.letter(letter)
        if as_json:
            print_json(asdict(found))
            return
        _show(found)

    run_async(do())


@app.command()
def redrive(letter: LetterArgument, by: ByOption = None, flow: FlowOption = None) -> None:
    """Have a dead letter done again, from the step that failed; what was done stays done."""
    who = by or login_name()

    async def do() -> None:
        async with Switchboard.open(flows=flow_references(flow)) as switchboard:
            case = await switchboard.redrive(letter, by=who)
        why = f": {case.reason}" if case.reason else ""
        out.print(f"The case {case.case_id} is {case.status}{why}.", markup=False, soft_wrap=True)

    run_async(do())


@app.command()
def discard(
    letter: LetterArgument,
    why: Annotated[str, typer.Option("--why", help="The reason; it stands in the ledger.")],
    by: ByOption = None,
    flow: FlowOption = None,
) -> None:
    """Let a dead letter be, for good."""
    who = by or login_name()

    async def do() -> None:
        async with Switchboard.open(flows=flow_references(flow)) as switchboard:
            settled = await switchboard.discard(letter, by=who, why=why)
        said = f"{who} lets {settled.letter_id} of the case {settled.case_id} be: {settled.why}."
        out.print(said, markup=False, soft_wrap=True)

    run_async(do())


def rungs_line(rungs: Sequence[RungCount]) -> str:
    """How failures ended, as one line; empty where nothing has failed."""
    ended = sum(one.ended for one in rungs)
    words = {"retry": "at another attempt", "fallback": "at a fallback", "person": "with a person"}
    told = [
        f"{one.ended / ended:.1%} {words.get(one.rung, 'as dead letters')}"
        for one in rungs
        if ended and one.ended
    ]
    return f"of {ended:,} failures {', '.join(told)}" if told else ""


def _list(letters: Sequence[Letter]) -> None:
    if not letters:
        say("no case is set aside")
        return
    table = listing("letter", "case", "step", "since", "why", "settled", prose="why")
    for one in letters:
        by = f"{one.status} by {one.settled_by}" if one.settled_by else ""
        step = f"{one.step} ({one.branch})" if one.branch else one.step
        table.add_row(one.letter_id, one.case_id, step, ago(one.set_aside_at), one.reason, by)
    out.print(table)
    waiting = next((one for one in letters if one.status == "open"), None)
    if waiting is not None:
        say(f"show one whole: {program()} dead show {waiting.letter_id}")
        say(f"do it again:    {program()} dead redrive {waiting.letter_id}")
        say(f"let it be:      {program()} dead discard {waiting.letter_id} --why '...'")


def _show(letter: Letter) -> None:
    head = f"{letter.letter_id}  case {letter.case_id}  {letter.status}, since {ago(letter.set_aside_at)}"
    out.print(head, markup=False)
    out.print(f"Why: {letter.reason}", style="yellow", markup=False)
    out.print(f"step {letter.step} of {letter.flow}", style="dim", markup=False)
    if letter.branch:
        out.print(f"branch {letter.branch}; the rest of the case waits for it", style="dim", markup=False)
    out.print(fields(letter.failure, full=True, told=("step", "problem")))
    if letter.settled_by:
        why = f": {letter.why}" if letter.why else ""
        out.print(f"\n{letter.status} by {letter.settled_by}{why}", markup=False)
    else:
        say(f"\n{program()} dead redrive {letter.letter_id} | discard {letter.letter_id} --why '...'")

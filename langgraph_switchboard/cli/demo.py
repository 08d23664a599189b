"""`switchboard demo`: the project's tickets through its desk, a few stories, and what to do next."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from langgraph_switchboard.cli.intake import Intake, read_cases
from langgraph_switchboard.cli.project import named_flow
from langgraph_switchboard.cli.run import end, finish, input_of, run_batch
from langgraph_switchboard.cli.screen import out, program, run_async, say
from langgraph_switchboard.cli.story import story
from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.graphs import Blueprint
from langgraph_switchboard.settings import project_settings
from langgraph_switchboard.switchboard import Switchboard


def demo(
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="How many cases at a time.")] = 32,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """Run the project's demo cases and say what to do next."""
    blueprint = named_flow()
    file = demo_file()
    # Every demo is a batch of its own: the second one runs, too.
    batch = f"demo-{datetime.now(UTC):%m%d-%H%M%S}"
    intake = read_cases(file, input_of(blueprint), batch=batch, expect="expect")
    run_async(_demo(blueprint, intake, file, concurrency, as_json))


def demo_file() -> Path:
    """The project's demo cases.

    Raises:
        ConfigurationError: The project names none.
    """
    named = project_settings().get("demo")
    if not named:
        raise ConfigurationError(
            "this project names no demo cases",
            where="pyproject.toml",
            mend="Write demo = 'file.jsonl' under [tool.switchboard], and run from the project's folder.",
        )
    return Path(str(named))


async def _demo(blueprint: Blueprint, intake: Intake, file: Path, concurrency: int, as_json: bool) -> None:
    async with Switchboard.open(flows=[blueprint]) as switchboard:
        say(switchboard.where)
        say(switchboard.services.models.line)
        say(f"{len(intake.cases):,} tickets from {file} through the flow {blueprint.name!r}")
        summary, broken = await run_batch(switchboard, blueprint, intake, concurrency)
        if not as_json:
            await _stories(switchboard, intake)
        finish(summary, as_json, rejected=len(intake.rejects))
        if not as_json:
            await _next_steps(switchboard, intake)
    end(file, intake, broken)


async def _stories(switchboard: Switchboard, intake: Intake) -> None:
    """One case that was answered alone and one that waits, as `switchboard case` tells them."""
    rows = await switchboard.services.store.cases(labels={"batch": intake.batch}, limit=None)
    for status in ("finished", "waiting"):
        # By id, so that two demos show the same tickets.
        found = sorted(row.case_id for row in rows if row.status == status)
        if found:
            for part in story(await switchboard.case(found[0]), width=min(out.width, 110)):
                out.print(part)
            out.print()


async def _next_steps(switchboard: Switchboard, intake: Intake) -> None:
    waiting = [
        row for row in await switchboard.reviews(limit=None) if row.case_id.startswith(f"{intake.batch}/")
    ]
    steps = {
        f"case {intake.cases[0].case_id}": "the story of one ticket",
        "run FILE.jsonl": "your own tickets",
    }
    if waiting:
        one = waiting[0].review_id
        steps = {
            "reviews": f"who waits for a person ({len(waiting)} of this run)",
            f"reviews {one}": "one question whole",
            f"decide {one} approve": "decide it, and the reply goes out",
            "serve": "the same in the browser: who waits, on what, and why",
            **steps,
        }
    out.print("\nWhat to do next", style="bold")
    width = max(map(len, steps))
    for command, why in steps.items():
        out.print(f"  {program()} {command:<{width}}  {why}", highlight=False, markup=False, soft_wrap=True)

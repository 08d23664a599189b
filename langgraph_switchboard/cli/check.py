"""`switchboard check`: everything that is wrong with a blueprint, before it runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from langgraph_switchboard.cases.branches import Standing
from langgraph_switchboard.cli.annotations import annotation
from langgraph_switchboard.cli.project import import_from_here
from langgraph_switchboard.cli.screen import out, print_json, run_async, say
from langgraph_switchboard.errors import BlueprintError, BlueprintUnreadable, InputRefused
from langgraph_switchboard.graphs import Blueprint, Finding, Process
from langgraph_switchboard.graphs.standing import lost_steps, saved, standing_in
from langgraph_switchboard.switchboard import Switchboard, load_blueprint

DATABASE = "database"


def check(
    reference: Annotated[str, typer.Argument(metavar="MODULE:NAME", help="The blueprint.")],
    against: Annotated[
        str | None,
        typer.Option(
            help="Look for steps that open cases stand on and that it no longer knows: in the "
            "'database' in use, in one by its address, or in a file that --save wrote.",
        ),
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write what a later version is to know of it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list of findings.")] = False,
    github: Annotated[bool, typer.Option("--github", help="Annotations for a workflow on GitHub.")] = False,
) -> None:
    """Say what is wrong with a blueprint, with the path that shows it and the way to mend it.

    Errors make the exit code 1; warnings do not. `docs/checks.md` tells of each code.
    """
    import_from_here()
    blueprint: Blueprint | None = None
    try:
        blueprint = load_blueprint(reference)
        findings = blueprint.check()
    except BlueprintError as error:
        # A module that builds its blueprint on import refuses it there, with the same findings.
        findings = list(error.findings) or [_refusal(error)]
    if blueprint is not None and against is not None:
        findings += lost_steps(blueprint.process(), _standing(blueprint.process(), against))
    _show(findings, as_json, github)
    if any(finding.is_error for finding in findings):
        raise typer.Exit(1)
    if blueprint is not None and save is not None:
        save.write_text(json.dumps(saved(blueprint.process()), indent=1) + "\n", encoding="utf-8")
    if blueprint is not None and not (as_json or github):
        _say_sound(blueprint, len(findings))


def _refusal(error: BlueprintError) -> Finding:
    """A declaration that was refused where it stands, as a finding like the others."""
    says = error.problem
    says += f" (wanted {error.wanted}; came {error.came})" if error.wanted and error.came else ""
    is_of_file = isinstance(error, BlueprintUnreadable)
    where = "blueprint" if is_of_file or not error.where else error.where
    code = error.code if is_of_file else "refused_declaration"
    return Finding(code, where, says, (), error.mend, place=error.where if is_of_file else "")


def _standing(process: Process, against: str) -> list[Standing]:
    path = Path(against)
    if against != DATABASE and "://" not in against:
        try:
            file: Any = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputRefused(
                f"{against!r} cannot be read",
                wanted=f"a file of --save, an address of a database, or {DATABASE!r}",
                came=type(error).__name__,
            ) from None
        return standing_in(file if isinstance(file, dict) else {}, process)
    address = None if against == DATABASE else against

    async def ask() -> list[Standing]:
        async with Switchboard.open(address) as switchboard:
            return await switchboard.services.store.standing(process.name)

    found: list[Standing] = run_async(ask())
    return found


def _show(findings: Sequence[Finding], as_json: bool, github: bool) -> None:
    if as_json:
        print_json([asdict(finding) for finding in findings])
        return
    if github:
        for finding in findings:
            print(annotation(finding))  # noqa: T201 - for a program, as it is
        return
    for finding in findings:
        grade, style = ("error", "bold red") if finding.is_error else ("warning", "yellow")
        out.print(f"{grade} {finding.code}", style=style, end=" ", markup=False, highlight=False)
        said = [f"at {finding.step!r}: {finding.says}"]
        said += [f"  path: {' -> '.join(finding.path)}"] if finding.path else []
        said += [f"  mend: {finding.mend}"] if finding.mend else []
        out.print("\n".join(said), markup=False, highlight=False, soft_wrap=True)
    errors = sum(finding.is_error for finding in findings)
    if findings:
        say(f"{errors} errors, {len(findings) - errors} warnings")


def _say_sound(blueprint: Blueprint, warnings: int) -> None:
    steps = sum(step.kind not in ("open", "dead_letter") for step in blueprint.process().steps.values())
    about = f", {warnings} warnings" if warnings else ""
    out.print(f"sound: {steps} steps{about}", markup=False, highlight=False)

"""`switchboard check`: everything that is wrong with a blueprint, before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from langgraph_switchboard.cli.project import import_from_here
from langgraph_switchboard.cli.screen import out, print_json, say
from langgraph_switchboard.errors import BlueprintError
from langgraph_switchboard.graphs import Blueprint, Finding
from langgraph_switchboard.switchboard import load_blueprint


def check(
    reference: Annotated[str, typer.Argument(metavar="MODULE:NAME", help="The blueprint.")],
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list of findings.")] = False,
) -> None:
    """Say what is wrong with a blueprint, with the path that shows it and the way to mend it.

    Errors make the exit code 1; warnings do not.
    """
    import_from_here()
    try:
        blueprint = load_blueprint(reference)
    except BlueprintError as error:
        # A module that builds its blueprint on import refuses it there, with the same findings.
        if not error.findings:
            raise
        _show(error.findings, as_json)
        raise typer.Exit(1) from None
    findings = blueprint.check()
    _show(findings, as_json)
    if any(finding.is_error for finding in findings):
        raise typer.Exit(1)
    if not as_json:
        _say_sound(blueprint, len(findings))


def _show(findings: Sequence[Finding], as_json: bool) -> None:
    if as_json:
        print_json([asdict(finding) for finding in findings])
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

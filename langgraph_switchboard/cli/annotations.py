"""Annotations: findings as a workflow on GitHub shows them, beside the line that they are about."""

from __future__ import annotations

from pathlib import Path

from langgraph_switchboard.graphs import Finding


def annotation(finding: Finding) -> str:
    """One finding as one workflow command; its file is told from the working directory on."""
    grade = "error" if finding.is_error else "warning"
    about = {**_place(finding.place), "title": f"{finding.code} at {finding.step}"}
    said = ",".join(f"{name}={_escaped(value, within=True)}" for name, value in about.items())
    path = f"\npath: {' -> '.join(finding.path)}" if finding.path else ""
    mend = f"\nmend: {finding.mend}" if finding.mend else ""
    return f"::{grade} {said}::{_escaped(f'{finding.says}{path}{mend}')}"


def _place(place: str) -> dict[str, str]:
    """`path:line` or `path:line:column`, in the words of a workflow; nothing where it is not known."""
    path, *numbers = place.rsplit(":", 2) if place.count(":") > 1 else place.split(":")
    if not numbers or not all(number.isdigit() for number in numbers):
        return {}
    here = Path(path)
    if here.is_absolute() and here.is_relative_to(Path.cwd()):
        here = here.relative_to(Path.cwd())
    return {"file": here.as_posix(), **dict(zip(("line", "col"), numbers, strict=False))}


def _escaped(text: str, *, within: bool = False) -> str:
    signs = {"%": "%25", "\r": "%0D", "\n": "%0A", **({":": "%3A", ",": "%2C"} if within else {})}
    return "".join(signs.get(sign, sign) for sign in text)

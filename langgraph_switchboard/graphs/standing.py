"""Standing: whether cases that have begun find their steps in a process, where they left them.

A case goes on only under a version that knows every step it stands on. What open cases stand on
is asked of the database, or read from the file that an earlier version of the process was saved in.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from langgraph_switchboard.cases.branches import Standing, shape_of
from langgraph_switchboard.errors import InputRefused
from langgraph_switchboard.graphs.finding import Finding
from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.nodes import DEAD_LETTER, END


def places(process: Process, prefix: str = "", around: str = "") -> Iterator[tuple[str, str]]:
    """Every step of a process, by its full name, with the path of the branch that it stands in."""
    for name, step in process.steps.items():
        inside = [
            f"{prefix}{one.of}:{'*' if process.steps[one.of].each else f'{prefix}{one.member}'}"
            for one in process.regions.home(name)
            if not _is_in_turn(process, one.of)
        ]
        path = "/".join(filter(None, [around, *inside]))
        yield f"{prefix}{name}", path
        if step.part is not None:
            yield from places(process.included[name], f"{prefix}{name}.", path)


def saved(process: Process) -> dict[str, Any]:
    """What is to be known of a process by a later version of it; JSON-plain."""
    return {
        "flow": process.name,
        "version": process.version,
        "digest": process.digest,
        "steps": dict(places(process)),
    }


def standing_in(file: Mapping[str, Any], process: Process) -> list[Standing]:
    """The places of an earlier version, as it was saved: cases may stand on each of them.

    Raises:
        InputRefused: It is no such file, or that of another flow.
    """
    steps = file.get("steps")
    if not isinstance(steps, Mapping) or file.get("flow") != process.name:
        raise InputRefused(
            "this is no saved process of the flow",
            wanted=f"what `switchboard check --save` wrote of {process.name!r}",
            came=f"one of {file['flow']!r}" if "flow" in file else "something else",
        )
    version = int(file.get("version", 0))
    return [Standing(str(step), str(branch), version, 0) for step, branch in steps.items()]


def is_there(process: Process, step: str, path: str) -> bool:
    """Whether a step stands in the branch where a case stands on it.

    A member may have been renamed since; a set may not, for what its members wrote is kept under
    its name.
    """
    if step == DEAD_LETTER:  # each branch has one of its own
        return True
    here = dict(places(process)).get(process.renamed.get(step, step), path)
    return here == "/".join(_renamed(process, part) for part in shape_of(path).split("/"))


def lost_steps(process: Process, standing: Iterable[Standing]) -> Iterator[Finding]:
    """Where cases stand that this process cannot take on."""
    known = dict(places(process))
    for one in standing:
        if one.step in ("", END, DEAD_LETTER):
            continue
        who = f"{one.cases} open cases stand" if one.cases else "open cases may stand"
        if one.version > process.version:
            says = f"{who} on it, begun under version {one.version}, and this is version {process.version}"
            mend = "Deploy the version that they were begun under, or a newer one."
            yield Finding("older_version", one.step, says, (), mend)
        elif process.step(one.step) is None:
            close = difflib.get_close_matches(one.step, known, n=1)
            name = close[0] if close else "its new name"
            says = f"{who} on it, and this version does not know it"
            mend = f"Keep it, or declare the rename: Blueprint(..., renamed={{{one.step!r}: {name!r}}})."
            yield Finding("orphaned_step", one.step, says, (), mend)
        elif not is_there(process, one.step, one.branch):
            now = known[process.renamed.get(one.step, one.step)] or "the process itself"
            was = one.branch or "the process itself"
            says = f"{who} on it in {was}, and now it stands in {now}"
            mend = "Keep the step where it is for them, and give the new place a name of its own."
            yield Finding("moved_step", one.step, says, (), mend)


def _renamed(process: Process, part: str) -> str:
    of, _, member = part.rpartition(":")
    return f"{of}:{process.renamed.get(member, member)}" if of else part


def _is_in_turn(process: Process, step: str) -> bool:
    fork = process.steps[step].fork
    return fork is not None and fork.picks == "sequence"

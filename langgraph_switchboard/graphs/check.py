"""Check: everything that is wrong with a process, found before it runs."""

from __future__ import annotations

from dataclasses import replace

from langgraph_switchboard.graphs import branching, care, effects, loops, seams, shape
from langgraph_switchboard.graphs.finding import Finding
from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.graphs.view import ProcessView

__all__ = ["Finding", "check"]

_LOOKS = (
    shape.unknown_destinations,
    branching.joins_outside,
    branching.shared_steps,
    branching.left_sets,
    branching.parallel_writers,
    shape.unreachable_steps,
    seams.mismatches,
    seams.missing_contracts,
    shape.no_way_out,
    loops.fallback_cycles,
    loops.unbounded_cycles,
    effects.unknown_reviews,
    effects.unreviewed_effects,
    care.without_timeout,
    care.without_way_down,
    seams.never_written,
    seams.never_read,
    care.without_owner,
    care.without_expiry,
)


def check(process: Process) -> list[Finding]:
    """All findings: errors first, then in the order in which the steps were declared.

    Errors refuse the blueprint, warnings do not. What each code means, with an example of the
    fault and of its mending, is told in `docs/checks.md`. An included blueprint is checked with
    it; its findings are told under the names that its steps have here.

    Args:
        process: The finished blueprint.
    """
    view = ProcessView(process)
    places = {name: place for place, name in enumerate(process.steps)}
    found = [finding for look in _LOOKS for finding in look(view)]
    found.sort(key=lambda finding: (not finding.is_error, places[finding.step]))
    told = [replace(finding, place=process.places.get(finding.step, "")) for finding in found]
    for step, inner in process.included.items():
        told += [_inside(step, finding) for finding in check(inner)]
    return sorted(told, key=lambda finding: not finding.is_error)


def _inside(step: str, finding: Finding) -> Finding:
    path = tuple(f"{step}.{one}" for one in finding.path)
    return replace(finding, step=f"{step}.{finding.step}", path=path)

"""Check: everything that is wrong with a process, found before it runs."""

from __future__ import annotations

from langgraph_switchboard.graphs import seams, shape
from langgraph_switchboard.graphs.finding import Finding, ProcessView
from langgraph_switchboard.graphs.process import Process

__all__ = ["Finding", "check"]

_LOOKS = (
    shape.unknown_destinations,
    shape.unreachable_steps,
    seams.missing_contracts,
    shape.no_way_out,
    shape.fallback_cycles,
    seams.never_written,
    shape.without_owner,
)


def check(process: Process) -> list[Finding]:
    """All findings: errors first, then in the order in which the steps were declared.

    Errors refuse the blueprint:

    - `missing_contract`: a field that a step needs is not written on every path to it;
    - `unknown_destination`: a way leads to a name that is no step;
    - `unreachable_step`: no path leads to a step (not told while a destination is unknown);
    - `no_way_out`: from here a case never ends, even if nothing fails;
    - `fallback_to_itself`, `fallback_cycle`: what fails goes round.

    Warnings do not:

    - `never_written`: a field that is looked at, or kept by the case, and that nothing writes before;
    - `no_owner`: nobody answers for a step.

    Args:
        process: The finished blueprint.
    """
    view = ProcessView(process)
    places = {name: place for place, name in enumerate(process.steps)}
    findings = [finding for look in _LOOKS for finding in look(view)]
    return sorted(findings, key=lambda finding: (not finding.is_error, places[finding.step]))

"""Loops: rounds that nothing ends, and failures that go round."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph_switchboard.graphs.assignment import Arc, trail, trails
from langgraph_switchboard.graphs.components import components
from langgraph_switchboard.graphs.finding import Finding
from langgraph_switchboard.graphs.view import ProcessView, names


def unbounded_cycles(view: ProcessView) -> Iterator[Finding]:
    """A round that a case can go for ever: no step in it has a bound, and no person stands in it."""
    if view.process.is_bounded:
        return
    loose = {
        step.name for step in view.declared
        if step.name in view.reached and step.max_visits is None and step.review is None
    }  # fmt: skip
    arcs = [arc for arc in view.arcs if arc.source in loose and arc.to in loose]
    falls = {(step.name, step.way("fallback")) for step in view.declared}
    for component in components(sorted(loose), arcs):
        within = [arc for arc in arcs if arc.source in component and arc.to in component]
        # Steps that only fall back on each other are a finding of their own.
        onward = [arc for arc in within if (arc.source, arc.to) not in falls]
        # A round that has no way out at all is one, too.
        if onward and not component <= set(view.stuck):
            yield _unbounded(view, onward[0], within)


def fallback_cycles(view: ProcessView) -> Iterator[Finding]:
    """Steps that fall back on each other: what fails there goes round."""
    told: set[str] = set()
    for step in view.declared:
        cycle = _falls_round(view, step.name)
        if not cycle or step.name in told:
            continue
        told |= set(cycle)
        path = (*(view.path(step.name) or (step.name,)), *cycle[1:], step.name)
        mend = "Lead it to a step that does not rest on the same thing, to a review, or leave it out."
        if len(cycle) == 1:
            says = "what fails here is sent here again"
            yield Finding("fallback_to_itself", step.name, says, path, mend)
        else:
            says = f"{', '.join(map(repr, cycle))} fall back on each other"
            yield Finding("fallback_cycle", step.name, says, path, mend)


def _unbounded(view: ProcessView, first: Arc, arcs: list[Arc]) -> Finding:
    back = trail(trails(arcs, first.to), first.source)
    circle = (first.source, *names(back, first.to))
    entry = min(dict.fromkeys(circle), key=lambda name: (len(view.path(name)), name))
    place = circle.index(entry)
    turned = (*circle[place:], *circle[1 : place + 1])
    says = f"nothing ends the round {' -> '.join(turned)}"
    mend = f"Give {entry!r} max_visits=3 and exhausted='the way out', or the blueprint max_visits."
    return Finding("unbounded_cycle", entry, says, (*view.path(entry), *turned[1:]), mend)


def _falls_round(view: ProcessView, start: str) -> list[str]:
    """The steps that falling back from `start` passes until it is there again; empty if it never is."""
    cycle, after = {start: None}, view.steps[start].way("fallback")
    while after is not None and after in view.steps and after not in cycle:
        cycle[after] = None
        after = view.steps[after].way("fallback")
    return list(cycle) if after == start else []

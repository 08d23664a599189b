"""The shape of a process: where its ways lead, and whether a case comes to its end."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from langgraph_switchboard.graphs.assignment import Arc, trail, trails
from langgraph_switchboard.graphs.finding import Finding
from langgraph_switchboard.graphs.view import ProcessView, names
from langgraph_switchboard.nodes import OPEN


def unknown_destinations(view: ProcessView) -> Iterator[Finding]:
    """A way that leads to a name that is no step, or back to where a case begins."""
    for step in view.steps.values():
        for to in view.astray(step):
            ways = " and ".join(dict.fromkeys(repr(edge.way) for edge in step.edges if edge.to == to))
            says = f"its way {ways} leads to {to!r}, which is no step"
            close = difflib.get_close_matches(to, [name for name in view.steps if name != OPEN], n=1)
            mend = f"Did you mean {close[0]!r}?" if close else f"Declare a step {to!r}, or name another."
            if to.lower() == "end":
                mend = "Did you mean END, where a case ends?"
            if to == OPEN:
                says = f"its way {ways} leads back to 'open', where a case begins once"
                mend = f"Did you mean {view.process.entry!r}, the first step?"
            yield Finding("unknown_destination", step.name, says, (*view.path(step.name), to), mend)


def unreachable_steps(view: ProcessView) -> Iterator[Finding]:
    """A declared step that no path leads to."""
    for step in view.declared:
        if view.is_whole and step.name not in view.reached:
            mend = "Name it where another step says what comes next, or remove it."
            yield Finding("unreachable_step", step.name, "no path leads here", (), mend)


def no_way_out(view: ProcessView) -> Iterator[Finding]:
    """Steps from which a case does not end even if nothing fails: each closed loop or dead end once."""
    stuck = view.stuck
    arcs = [Arc(name, to) for name in stuck for to in view.ways_on(view.steps[name]) if to in stuck]
    onward = {name: trails(arcs, name) for name in stuck}
    told: set[str] = set()
    for name in stuck:
        # The others lead here, or to another such place; mended there, they are mended.
        is_bottom = all(name in onward[other] for other in onward[name])
        if is_bottom and name not in told:
            told |= onward[name].keys()
            yield _no_way_out(view, name, arcs)


def _no_way_out(view: ProcessView, name: str, arcs: list[Arc]) -> Finding:
    onward = trails(arcs, name)
    closing = [trail(onward, arc.source) for arc in arcs if arc.to == name and arc.source in onward]
    if closing:
        loop = (*names(min(closing, key=len), name), name)
        says = "a case that comes into this loop leaves it only by failing"
        mend = "Give one of its steps a way to another step or to END."
    else:
        loop = (name, *dict.fromkeys(view.ways_on(view.steps[name])))
        says = "even a case in which nothing fails is set aside here"
        mend = "Lead it on to another step or to END; failures find the dead letter by themselves."
    return Finding("no_way_out", name, says, (*view.path(name), *loop[1:]), mend)

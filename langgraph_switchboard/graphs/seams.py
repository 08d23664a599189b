"""The seams of a process: whether what a step sees has been written by then."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph_switchboard.graphs.assignment import Arc
from langgraph_switchboard.graphs.finding import Finding, ProcessView, names
from langgraph_switchboard.nodes import OPEN, Choice, Step, Take


def missing_contracts(view: ProcessView) -> Iterator[Finding]:
    """A required field that is not written on every path to the step that needs it."""
    for step in view.declared:
        certain = view.certain.get(step.name)
        if certain is None:
            continue
        told: set[str] = set()
        for take, own in _reads(step):
            if not take.optional and take.field not in certain | own | told:
                told.add(take.field)
                yield _missing(view, step, take, in_condition=bool(own))


def never_written(view: ProcessView) -> Iterator[Finding]:
    """An optional field that is looked at before anything can have written it, or that nothing writes."""
    if not view.is_whole:
        return
    looked_at: set[str] = set()
    for step in view.declared:
        for take, own in _reads(step):
            looked_at.add(take.field)
            # The subject of a review may have no draft: a person writes it then.
            if not take.optional or step.kind == "review" or step.name not in view.possible:
                continue
            if take.field not in view.possible[step.name] | own:
                says = f"it looks at {take.field!r}, which no step writes before"
                mend = "Let a step that gives it run first, or drop the parameter."
                yield Finding("never_written", step.name, says, view.path(step.name), mend, is_error=False)
    written = {field for step in view.steps.values() for edge in step.edges for field in edge.writes}
    for field in view.process.case.fields():
        if field not in written | looked_at:
            says = f"the field {field!r} of {view.process.case.__name__} is written by no step"
            yield Finding("never_written", OPEN, says, (), "Let a step give it, or drop it.", is_error=False)


def _reads(step: Step) -> Iterator[tuple[Take, frozenset[str]]]:
    """What a step reads, each with what it has written itself by then."""
    seen = dict.fromkeys(step.takes)
    if step.gate is not None:
        seen |= dict.fromkeys(step.gate.always_takes)
    if step.approval is not None:
        seen |= dict.fromkeys(step.approval.when_takes)
    for take in seen:
        if take.of == "case":  # an item is always there, and of the members there may be none
            yield take, frozenset()
    if isinstance(step.then, Choice):
        own = frozenset({step.gives} if step.gives else ())
        for take in step.then.takes:
            yield take, own


def _missing(view: ProcessView, step: Step, take: Take, *, in_condition: bool) -> Finding:
    field, path = take.field, view.path_without(take.field, step.name)
    who = "its condition" if in_condition else "it"
    needs = f"{who} needs {field!r} ({take.contract.contract_name}), which"
    givers = [name for name in view.givers.get(field, ()) if name != step.name]
    lost = next((arc for arc in reversed(path) if arc.source in givers), None)
    if lost is not None:
        says = f"{needs} is not there when {lost.source!r} is left by its way {_way(view, lost, field)!r}"
        mend = f"Lead that way to a step that gives {field!r}, or to one that can do without"
    elif givers:
        says = f"{needs} no step on this path gives"
        mend = f"Let {' or '.join(repr(name) for name in givers[:3])} run before it"
    else:
        says = f"{needs} no other step gives"
        mend = f"Add a step that gives it before, or make {field!r} an input of the case"
    if step.kind in ("step", "effect", "supervisor"):
        mend += f", or take `{field}: {take.contract.__name__} | None`"
    return Finding("missing_contract", step.name, says, names(path, OPEN), f"{mend}.")


def _way(view: ProcessView, arc: Arc, field: str) -> str:
    edges = view.steps[arc.source].edges
    return next(edge.way for edge in edges if edge.to == arc.to and field not in edge.writes)

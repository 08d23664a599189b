"""The seams of a process: whether what a step sees has been written by then."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.graphs.assignment import Arc
from langgraph_switchboard.graphs.finding import Finding
from langgraph_switchboard.graphs.reading import looks_at
from langgraph_switchboard.graphs.view import ProcessView, name_of, names
from langgraph_switchboard.nodes import END, OPEN, RESULT, Choice, Step, Take


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


def mismatches(view: ProcessView) -> Iterator[Finding]:
    """A step that reads or writes a field as another contract than the case keeps there."""
    fields = view.process.case.fields()
    for step in view.declared:
        for take in dict.fromkeys(looks_at(step)):
            kept = fields.get(take.field)
            if take.of != "item" and (kept is None or kept.contract is not take.contract):
                yield _mismatch(view, step, take.field, take.contract, "takes")
        if step.gives is None or step.contract is None or (step.gives == RESULT and step.implied_by):
            continue
        kept = fields.get(step.gives)
        if kept is None or kept.contract is not step.contract:
            yield _mismatch(view, step, step.gives, step.contract, "gives")


def never_read(view: ProcessView) -> Iterator[Finding]:
    """A field that a step gives, and that nobody looks at.

    What an effect did, what a person decided, where a supervisor routed and what a case ends with
    is for the record.
    """
    if not view.is_whole:
        return
    looked_at = view.looked_at | {step.review.of for step in view.declared if step.review is not None}
    for step in view.declared:
        ends = any(edge.to == END and step.gives in edge.writes for edge in step.edges)
        if step.kind not in ("step", "join", "map") or step.gives in looked_at or ends:
            continue
        if step.gives and step.gives != RESULT:
            says = f"nobody looks at the {step.gives!r} that it gives"
            mend = "Let a step behind it take it, or leave the step out."
            yield Finding("never_read", step.name, says, view.path(step.name), mend, is_error=False)


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
    own = frozenset({step.gives} if step.gives else ())
    after = step.then.takes if isinstance(step.then, Choice) else ()
    for take in dict.fromkeys(looks_at(step)):
        if take.of == "case":  # an item is always there, and of the members there may be none
            yield take, own if take in after and take not in step.takes else frozenset()


def _mismatch(view: ProcessView, step: Step, field: str, contract: type[Contract], verb: str) -> Finding:
    kept = view.process.case.fields().get(field)
    keeps = f"keeps {kept.contract.__name__} there" if kept else "has no such field"
    says = f"it {verb} {field!r} as {contract.__name__}, and {view.process.case.__name__} {keeps}"
    mend = "Let both name one contract: at a seam there is one noun, and its version."
    return Finding("contract_mismatch", step.name, says, view.path(step.name), mend)


def _missing(view: ProcessView, step: Step, take: Take, *, in_condition: bool) -> Finding:
    field, path = take.field, view.path_without(take.field, step.name)
    who = "its condition" if in_condition else "it"
    needs = f"{who} needs {field!r} ({take.contract.contract_name}), which"
    givers = [name for name in view.givers.get(field, ()) if name != step.name]
    lost = next((arc for arc in reversed(path) if name_of(arc.source) in givers), None)
    apart = next((arc for arc in reversed(path) if _keeps_apart(view, arc, field)), None)
    if apart is not None:
        says = f"{needs} the branches of {apart.source!r} have each for themselves"
        mend = f"Let a merge agent take `{field}: dict[str, {take.contract.__name__}]` and give one"
    elif lost is not None:
        where, way = name_of(lost.source), _way(view, lost, field)
        says = f"{needs} is not there when {where!r} is left by its way {way!r}"
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
    step = view.steps[name_of(arc.source)]
    ways = (
        edge.way
        for edge in step.edges
        if view.process.leads_to(step, edge) == name_of(arc.to) and field not in edge.writes
    )
    return next(ways, "then")


def _keeps_apart(view: ProcessView, arc: Arc, field: str) -> bool:
    """Whether this is the way past a set whose members have each written the field for themselves."""
    fork = view.steps[name_of(arc.source)].fork
    return fork is not None and arc.to == fork.join and field in view.process.regions.apart(arc.source)

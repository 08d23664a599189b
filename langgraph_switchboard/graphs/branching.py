"""Branching: whether the branches of a set stay apart, come to its join, and write what is theirs."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph_switchboard.graphs.finding import Finding
from langgraph_switchboard.graphs.regions import Branch, Home, members_of
from langgraph_switchboard.graphs.view import ProcessView
from langgraph_switchboard.nodes import END, JOIN


def joins_outside(view: ProcessView) -> Iterator[Finding]:
    """A way to `JOIN` in a step that stands in no set."""
    for step in view.declared:
        if step.name in view.reached and view.process.regions.join_of(step.name) is None:
            for edge in step.edges:
                if edge.to == JOIN:
                    says = f"its way {edge.way!r} leads to JOIN, and it stands in no set"
                    mend = "Name it among the members of a set, or lead it to a step."
                    yield Finding("join_outside_set", step.name, says, view.path(step.name), mend)


def shared_steps(view: ProcessView) -> Iterator[Finding]:
    """A step that two branches lead to, or a branch and the process around it."""
    for name, (one, other) in view.process.regions.twice.items():
        says = f"it stands in {_where(one)} and in {_where(other)}"
        mend = "Declare it twice, under names of their own; the agent may be the same."
        yield Finding("shared_step", name, says, view.path(name), mend)


def left_sets(view: ProcessView) -> Iterator[Finding]:
    """A way out of a set that does not lead to its join: the others would wait for it in vain."""
    for step in view.declared:
        home = view.process.regions.home(step.name)
        if not home or all(_is_in_turn(view, branch) for branch in home):
            continue
        for edge in step.edges:
            if edge.to == END:
                says = f"its way {edge.way!r} ends the case, and other branches of {home[-1].of!r} go on"
                mend = f"Lead it to JOIN and decide behind the join: {edge.way}=JOIN."
                yield Finding("leaves_set", step.name, says, (*view.path(step.name), END), mend)


def parallel_writers(view: ProcessView) -> Iterator[Finding]:
    """A field that several members of a set write, and that no join takes from them by member."""
    regions = view.process.regions
    for step in view.declared:
        if step.fork is None or step.fork.picks == "sequence":
            continue
        join = view.steps.get(step.fork.join)
        asked = {take.field for take in join.takes if take.of == "members"} if join else set()
        # What people said stands in their reviews; where nobody looks at it, nothing is lost.
        said = {one.review.decision_field for one in view.declared if one.review is not None}
        asked |= said - view.looked_at
        for field in sorted(regions.apart(step.name) - asked):
            writers = [one for one in members_of(step) if field in regions.written(Branch(step.name, one))]
            says = f"{', '.join(map(repr, writers))} write {field!r} at the same time"
            contract = view.process.case.fields()[field].contract.__name__
            mend = f"Let a merge agent take `{field}: dict[str, {contract}]`, or give each its own field."
            path = (*view.path(step.name), writers[0])
            yield Finding("parallel_writers", step.name, says, path, mend)


def _is_in_turn(view: ProcessView, branch: Branch) -> bool:
    fork = view.steps[branch.of].fork
    return fork is not None and fork.picks == "sequence"


def _where(home: Home) -> str:
    return f"the branch {home[-1].member!r} of {home[-1].of!r}" if home else "the process itself"

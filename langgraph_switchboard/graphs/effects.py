"""Effects: whether what does harm when it is wrong is decided on by a person first.

That a review lies on every path to an effect is a question of dominance. It is asked as one of
definite assignment: a review that is passed, and not rejected, writes a mark, and the mark must be
certain where the effect begins. So a barrier counts as it does for fields: what any branch of a
set has certainly passed has been passed behind the join.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from langgraph_switchboard.graphs.assignment import Arc, certain_fields, trail, trails_without
from langgraph_switchboard.graphs.finding import Finding
from langgraph_switchboard.graphs.view import ProcessView, name_of, names
from langgraph_switchboard.nodes import OPEN, Step


def unknown_reviews(view: ProcessView) -> Iterator[Finding]:
    """An effect that looks for the decision of something that is no review."""
    for step in view.declared:
        if step.approval is None:
            continue
        named = view.steps.get(step.approval.review)
        if named is None or named.review is None:
            says = f"it looks for the decision of {step.approval.review!r}, which is no review"
            reviews = [one.name for one in view.declared if one.review is not None]
            mend = f"Name one: {', '.join(map(repr, reviews))}." if reviews else "Declare a review before it."
            yield Finding("unknown_review", step.name, says, view.path(step.name), mend)


def unreviewed_effects(view: ProcessView) -> Iterator[Finding]:
    """An effect of high risk that a path comes to past every review, or that does not look for one."""
    risky = [step for step in view.declared if step.kind == "effect" and step.risk == "high"]
    if not risky:
        return
    arcs = [_marked(view, arc) for arc in view.arcs]
    passed = certain_fields(arcs, OPEN)
    for step in risky:
        if step.name not in passed:
            continue
        marks = sorted(passed[step.name])
        if step.approval is None:
            mend = (
                f"Let it look for the decision: approved={marks[0]!r}." if marks
                else "Put a review before it, and let it look for the decision: approved='the review'."
            )  # fmt: skip
            says = "it is of high risk, and acts without looking for a person's decision"
            yield Finding("unapproved_effect", step.name, says, view.path(step.name), mend)
        elif step.approval.when is None and step.approval.review not in passed[step.name]:
            yield _past_review(step, step.approval.review, arcs, passed)


def _past_review(step: Step, review: str, arcs: list[Arc], passed: dict[str, frozenset[str]]) -> Finding:
    path = trail(trails_without(review, arcs, OPEN, passed), step.name)
    says = f"it is of high risk, and a case can come here past the review {review!r}"
    mend = f"Lead every way to it through {review!r}, or say in `when=` which cases need it."
    return Finding("unreviewed_effect", step.name, says, names(path, OPEN), mend)


def _marked(view: ProcessView, arc: Arc) -> Arc:
    """An arc that carries the mark of the review that it leaves with a decision to go on."""
    step = view.steps[name_of(arc.source)]
    if step.review is None:
        return replace(arc, writes=frozenset(), drops=frozenset())
    goes_on = any(edge.way == "then" and view.process.leads_to(step, edge) == arc.to for edge in step.edges)
    others = any(edge.way != "then" and view.process.leads_to(step, edge) == arc.to for edge in step.edges)
    return replace(arc, writes=frozenset({step.name} if goes_on and not others else ()), drops=frozenset())

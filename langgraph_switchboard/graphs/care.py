"""Care: what a step lacks that somebody will miss when it goes wrong."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph_switchboard.graphs.finding import Finding
from langgraph_switchboard.graphs.view import ProcessView
from langgraph_switchboard.nodes import Step


def without_owner(view: ProcessView) -> Iterator[Finding]:
    """A step that nobody answers for."""
    for step in view.declared:
        if not step.owner:
            mend = "Give it owner='...', or the blueprint."
            yield Finding("no_owner", step.name, "nobody answers for it", (), mend, is_error=False)


def without_timeout(view: ProcessView) -> Iterator[Finding]:
    """A step at work that may take for ever."""
    for step in view.declared:
        if _is_at_work(step) and step.timeout is None:
            mend = "Give it timeout='30s'."
            yield Finding("no_timeout", step.name, "an attempt at it may take for ever", (), mend)


def without_way_down(view: ProcessView) -> Iterator[Finding]:
    """A step at work of which nobody said what comes after its failure."""
    for step in view.declared:
        if not (_is_at_work(step) or step.kind == "include"):
            continue
        down = next((edge for edge in step.edges if edge.way == "fallback"), None)
        if down is None:
            mend = "Give it fallback='another step', a review, or 'dead_letter'."
            yield Finding("no_way_down", step.name, "nothing says where a case goes when it fails", (), mend)
        elif down.is_implied:
            says = "a case in which it fails is set aside at once: nobody else tries, nobody is asked"
            mend = "Give it fallback='another step', a review, or 'dead_letter' if that is meant."
            yield Finding("no_way_down", step.name, says, (step.name, down.to), mend, is_error=False)


def without_expiry(view: ProcessView) -> Iterator[Finding]:
    """A review that waits for ever if nobody answers."""
    for step in view.declared:
        if step.review is not None and step.review.expires is None:
            says = "a case waits here for ever if nobody answers"
            mend = "Give it expires='3d', and on_expiry='escalate' or 'decline'."
            yield Finding("no_expiry", step.name, says, (), mend, is_error=False)


def _is_at_work(step: Step) -> bool:
    return step.call is not None and step.kind in ("step", "effect", "supervisor", "join")

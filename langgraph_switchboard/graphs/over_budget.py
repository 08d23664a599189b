"""Over budget: where a case goes whose step may spend no more.

A step that something bounds has a way of its own to a person, who goes on from the draft that plain
code gave, or from nothing. Where the author does not say it, it is the review that decides on what the
step gives and stands right behind it, with nothing but gates between: nothing is left out on the way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from langgraph_switchboard.limits import Budget
from langgraph_switchboard.nodes import Edge, Step

_SPENDS = ("step", "effect", "join")


def with_ways_to_a_person(steps: Mapping[str, Step], budget: Budget | None) -> dict[str, Step]:
    """The steps of a process, each that something bounds with its way to a person.

    Args:
        steps: All of them.
        budget: The blueprint's own budget.
    """
    return {name: _with_way(step, steps, budget) for name, step in steps.items()}


def _with_way(step: Step, steps: Mapping[str, Step], budget: Budget | None) -> Step:
    is_bound = step.kind in _SPENDS and (step.budget or budget) is not None
    if not is_bound or step.way("over_budget") is not None:
        return step
    review = _review_behind(step, steps)
    return step if review is None else replace(step, edges=(*step.edges, Edge("over_budget", review)))


def _review_behind(step: Step, steps: Mapping[str, Step]) -> str | None:
    waiting, seen = deque(edge.to for edge in step.edges if edge.way == "then"), set[str]()
    while waiting:
        name = waiting.popleft()
        behind = steps.get(name)
        if behind is None or name in seen:
            continue
        seen.add(name)
        if behind.review is not None and behind.review.of == step.gives:
            return name
        if behind.kind == "gate":
            waiting.extend(edge.to for edge in behind.edges)
    return None

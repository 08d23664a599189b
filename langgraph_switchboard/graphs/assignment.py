"""Definite assignment: which fields are certainly there when a step is reached.

A forward must-analysis, as compilers do it for variables. Each node holds the set of fields
that every path to it has written; sets are bit sets, they only shrink, and a worklist runs
to the greatest fixpoint. An arc carries what *that outcome* has written: success the step's
output, a failure nothing.

How arcs meet in a node is said by their `branch`:

- an ordinary join, a loop, a supervisor that picks one agent or a subset: all arcs in one
  branch, and what is certain is what all of them bring (the meet);
- a barrier, which waits for all its branches: what any branch certainly brings (the union
  over branches of the meet inside each). It is reached when every branch is;
- a map: an arc past its body that carries the collector, since there may be nothing to map.

What a set keeps for each of its members apart does not pass its join: an arc drops it. What was
there before the set is there behind it; an arc from where it parts to its join, in a branch of its
own, brings that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Fields = frozenset[str]
Trails = Mapping[str, "Arc | None"]
"""For each node that is reached the arc that a shortest path comes by; None for the entry."""


@dataclass(frozen=True, slots=True)
class Arc:
    """One way between two nodes.

    Args:
        source: The node that is left.
        to: The node that is reached.
        writes: The fields that are certainly written when this way is taken.
        branch: At a barrier, the branch that it belongs to; the same for all arcs elsewhere.
        drops: The fields that are not there any more when this way has been taken.
    """

    source: str
    to: str
    writes: Fields = frozenset()
    branch: str = ""
    drops: Fields = frozenset()


def certain_fields(arcs: Iterable[Arc], entry: str) -> dict[str, Fields]:
    """The fields that are written on every path, for each node that is reached.

    Args:
        arcs: All ways of the process; none may lead to `entry`.
        entry: The node where it begins, with nothing written.

    Returns:
        The fields by node; a node that no path reaches is not in it.
    """
    leaving = _by_source(arcs)
    every = sorted({field for ways in leaving.values() for arc in ways for field in arc.writes})
    bit = {field: 1 << place for place, field in enumerate(every)}
    # What each branch of a node brings so far; None while it has not come, which stands for all fields.
    brought: dict[str, dict[str, int | None]] = {}
    for ways in leaving.values():
        for arc in ways:
            brought.setdefault(arc.to, {})[arc.branch] = None
    certain = {entry: 0}
    waiting = deque([entry])
    while waiting:
        node = waiting.popleft()
        for arc in leaving.get(node, ()):
            carried = certain[node]
            for field in arc.writes:
                carried |= bit[field]
            for field in arc.drops:
                carried &= ~bit.get(field, 0)
            branches = brought[arc.to]
            before = branches[arc.branch]
            branches[arc.branch] = carried if before is None else before & carried
            joined = _joined(branches.values())
            if joined is not None and certain.get(arc.to) != joined:
                certain[arc.to] = joined
                waiting.append(arc.to)
    return {node: frozenset(f for f in every if bit[f] & bits) for node, bits in certain.items()}


def possible_fields(arcs: Iterable[Arc], entry: str) -> dict[str, Fields]:
    """The fields that are written on at least one path, for each node that one path reaches."""
    leaving = _by_source(arcs)
    possible: dict[str, Fields] = {entry: frozenset()}
    waiting = deque([entry])
    while waiting:
        node = waiting.popleft()
        for arc in leaving.get(node, ()):
            carried = ((possible[node] | arc.writes) - arc.drops) | possible.get(arc.to, frozenset())
            if possible.get(arc.to) != carried:
                possible[arc.to] = carried
                waiting.append(arc.to)
    return possible


def trails_without(field: str, arcs: Iterable[Arc], entry: str, certain: Mapping[str, Fields]) -> Trails:
    """Shortest paths on which `field` is missing, to every node where it can be missing.

    Args:
        field: The field.
        arcs: All ways of the process.
        entry: The node where it begins.
        certain: What `certain_fields` found; it keeps the path from passing a barrier whose
            other branch brings the field.
    """
    have = {node for node, fields in certain.items() if field in fields}
    return trails((arc for arc in arcs if field not in arc.writes and arc.to not in have), entry)


def trails(arcs: Iterable[Arc], entry: str) -> Trails:
    """Shortest paths to every node that can be reached; of equal ones the first by declaration."""
    leaving = _by_source(arcs)
    came_by: dict[str, Arc | None] = {entry: None}
    waiting = deque([entry])
    while waiting:
        for arc in leaving.get(waiting.popleft(), ()):
            if arc.to not in came_by:
                came_by[arc.to] = arc
                waiting.append(arc.to)
    return came_by


def trail(found: Trails, node: str) -> tuple[Arc, ...]:
    """The path to one node, from its first arc to its last."""
    path: list[Arc] = []
    while (arc := found[node]) is not None:
        path.append(arc)
        node = arc.source
    return tuple(reversed(path))


def _by_source(arcs: Iterable[Arc]) -> dict[str, list[Arc]]:
    leaving: dict[str, list[Arc]] = {}
    for arc in arcs:
        leaving.setdefault(arc.source, []).append(arc)
    return leaving


def _joined(branches: Iterable[int | None]) -> int | None:
    """What a node has once every branch has come; None before, for then nothing goes on from it."""
    joined = 0
    for bits in branches:
        if bits is None:
            return None
        joined |= bits
    return joined

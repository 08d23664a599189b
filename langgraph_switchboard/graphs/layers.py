"""Layers: the first half of a layered drawing, which line of it each box stands in, and in what order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Slot = str | tuple[int, int]
"""What stands in a layer: a box by its name, or a line passing through as (line, layer)."""

_SWEEPS = 12
_BIG = 400
"""Above so many slots a drawing is swept less often: it is too big to be looked at as a whole anyway."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line between two boxes.

    Args:
        source: The box that it leaves.
        target: The box that it leads to.
        is_weak: It gives way where lines form a ring: what happens on failure leads back up.
        label_width: The room that its words need; 0 for a line without words.
    """

    source: str
    target: str
    is_weak: bool = False
    label_width: float = 0.0


@dataclass
class Layers:
    """Boxes in layers from top to bottom, each from left to right.

    Args:
        rows: The slots of each layer, in order.
        links: Pairs of slots in neighbouring layers that a line joins, upper first.
        upward: The lines (by number) that lead from a layer to the same or a higher one.
    """

    rows: list[list[Slot]]
    links: list[tuple[Slot, Slot]]
    upward: frozenset[int]
    above: dict[Slot, list[Slot]] = field(default_factory=dict)
    below: dict[Slot, list[Slot]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for upper, lower in self.links:
            self.below.setdefault(upper, []).append(lower)
            self.above.setdefault(lower, []).append(upper)


def layered(boxes: Sequence[str], lines: Sequence[Line]) -> Layers:
    """Put boxes into layers, so that lines lead down and few of them cross.

    The layers follow the longest way from the top. A line that passes a layer has a slot of its own
    there. The order in a layer is found by sweeps, each of which puts a slot in the middle of its
    neighbours; the best order seen is kept. The same boxes and lines give the same layers.

    Args:
        boxes: The names, the first at the top.
        lines: The lines between them.
    """
    upward = _upward(boxes, lines)
    down = [(number, line) for number, line in enumerate(lines) if number not in upward]
    ranks = _ranks(boxes, [line for _, line in down])
    rows: list[list[Slot]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    for box in boxes:
        rows[ranks[box]].append(box)
    links: list[tuple[Slot, Slot]] = []
    for number, line in down:
        first, last = ranks[line.source], ranks[line.target]
        passing: list[Slot] = [(number, rank) for rank in range(first + 1, last)]
        for rank, slot in enumerate(passing, first + 1):
            rows[rank].append(slot)
        chain: list[Slot] = [line.source, *passing, line.target]
        links += pairwise(chain)
    found = Layers(rows, links, upward)
    found.rows = _ordered(found)
    return found


def _upward(boxes: Sequence[str], lines: Sequence[Line]) -> frozenset[int]:
    """The lines that close a ring; strong ones are laid first, each in the order given."""
    after: dict[str, list[str]] = {box: [] for box in boxes}
    strong = [number for number, line in enumerate(lines) if not line.is_weak]
    weak = [number for number, line in enumerate(lines) if line.is_weak]
    back = _closing(boxes, {number: lines[number] for number in strong})
    for number in strong:
        if number not in back:
            after[lines[number].source].append(lines[number].target)
    for number in weak:
        source, target = lines[number].source, lines[number].target
        if _leads(after, target, source):
            back.add(number)
        else:
            after[source].append(target)
    return frozenset(back)


def _closing(boxes: Sequence[str], lines: dict[int, Line]) -> set[int]:
    """The lines that lead to a box which a walk in depth has not left yet."""
    leaving: dict[str, list[int]] = {box: [] for box in boxes}
    for number, line in lines.items():
        leaving[line.source].append(number)
    closing: set[int] = set()
    done: set[str] = set()
    for start in boxes:
        open_boxes, walk = {start}, [(start, iter(leaving[start]))]
        if start in done:
            continue
        while walk:
            box, rest = walk[-1]
            number = next(rest, -1)
            if number < 0:
                walk.pop()
                open_boxes.discard(box)
                done.add(box)
                continue
            target = lines[number].target
            if target in open_boxes:
                closing.add(number)
            elif target not in done:
                open_boxes.add(target)
                walk.append((target, iter(leaving[target])))
    return closing


def _leads(after: dict[str, list[str]], start: str, to: str) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        box = waiting.pop()
        if box == to:
            return True
        fresh = [one for one in after[box] if one not in seen]
        seen.update(fresh)
        waiting += fresh
    return False


def _ranks(boxes: Sequence[str], lines: Iterable[Line]) -> dict[str, int]:
    """The length of the longest way to each box; the lines hold no ring.

    What nothing above leads to stands right above what it leads to, but for the first, which is the top.
    """
    after: dict[str, list[str]] = {box: [] for box in boxes}
    waits_for = dict.fromkeys(boxes, 0)
    for line in lines:
        after[line.source].append(line.target)
        waits_for[line.target] += 1
    ranks = dict.fromkeys(boxes, 0)
    free = [box for box in boxes if not waits_for[box]]
    tops = frozenset(free)
    for box in free:
        for target in after[box]:
            ranks[target] = max(ranks[target], ranks[box] + 1)
            waits_for[target] -= 1
            if not waits_for[target]:
                free.append(target)
    for box in boxes[1:]:
        if box in tops and after[box]:
            ranks[box] = max(min(ranks[target] for target in after[box]) - 1, 0)
    return ranks


def _ordered(layers: Layers) -> list[list[Slot]]:
    rows = [list(row) for row in layers.rows]
    best, fewest = rows, crossings(rows, layers)
    sweeps = _SWEEPS if sum(map(len, rows)) <= _BIG else 3
    for sweep in range(sweeps):
        rows = [list(row) for row in rows]
        order = range(1, len(rows)) if sweep % 2 == 0 else range(len(rows) - 2, -1, -1)
        neighbours = layers.above if sweep % 2 == 0 else layers.below
        for rank in order:
            _settle(rows, rank, rank - 1 if sweep % 2 == 0 else rank + 1, neighbours)
        crossed = crossings(rows, layers)
        if crossed < fewest:
            best, fewest = rows, crossed
        if not fewest:
            break
    return best


def _settle(rows: list[list[Slot]], rank: int, beside: int, neighbours: dict[Slot, list[Slot]]) -> None:
    places = {slot: place for place, slot in enumerate(rows[beside])}
    here = {slot: place for place, slot in enumerate(rows[rank])}

    def middle(slot: Slot) -> float:
        found = [places[one] for one in neighbours.get(slot, ()) if one in places]
        return sum(found) / len(found) if found else float(here[slot])

    rows[rank].sort(key=middle)


def crossings(rows: list[list[Slot]], layers: Layers) -> int:
    """How often lines cross each other between the layers, in this order."""
    found = 0
    for upper, lower in pairwise(rows):
        places = {slot: place for place, slot in enumerate(lower)}
        ends = [
            place for slot in upper for place in sorted(places[one] for one in layers.below.get(slot, ()))
        ]
        found += _inversions(ends, len(lower))
    return found


def _inversions(ends: Sequence[int], size: int) -> int:
    """How many pairs stand in the wrong order, counted in a tree of sums."""
    tree, found = [0] * (size + 1), 0
    for seen, end in enumerate(ends):
        place, smaller = end + 1, 0
        while place > 0:
            smaller += tree[place]
            place -= place & -place
        found += seen - smaller
        place = end + 1
        while place <= size:
            tree[place] += 1
            place += place & -place
    return found

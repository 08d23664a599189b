"""Placing: how far right each slot of a layered drawing stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from langgraph_switchboard.graphs.layers import Layers, Slot

GAP = 30.0
"""Between two boxes beside each other."""
LANE = 16.0
"""Between two lines beside each other."""
_ROUNDS = 16


def across(layers: Layers, width: Callable[[Slot], float]) -> dict[Slot, float]:
    """The middle of each slot: near its neighbours above and below, in order, and never touching."""
    x: dict[Slot, float] = {}
    for row in layers.rows:
        right = 0.0
        for slot in row:
            x[slot] = right + width(slot) / 2
            right += width(slot) + GAP
        for slot in row:
            x[slot] -= (right - GAP) / 2
    for number in range(_ROUNDS):
        is_down = number % 2 == 0
        for row in layers.rows if is_down else reversed(layers.rows):
            sides = [layers.above] if is_down else [layers.below]
            sides = [layers.above, layers.below] if number >= _ROUNDS - 4 else sides
            _nestle(row, x, sides, width)
    return x


def _nestle(
    row: list[Slot],
    x: dict[Slot, float],
    sides: Sequence[Mapping[Slot, list[Slot]]],
    width: Callable[[Slot], float],
) -> None:
    """Move the slots of a row as near to where they belong as their order and their widths allow.

    Least squares under an order: what would overtake its neighbour is pooled with it, and the pool
    stands at the mean of its members.
    """
    offset, offsets = 0.0, list[float]()
    pools: list[tuple[float, float, int]] = []  # where it wants to stand, how strongly, how many
    for place, slot in enumerate(row):
        if place:
            before = row[place - 1]
            gap = GAP if isinstance(slot, str) or isinstance(before, str) else LANE
            offset += (width(before) + width(slot)) / 2 + gap
        offsets.append(offset)
        near = [(x[one], _pull(slot, one)) for side in sides for one in side.get(slot, ())]
        weight = sum(pull for _, pull in near) or 0.5
        wanted = sum(at * pull for at, pull in near) / weight if near else x[slot]
        pools.append((wanted - offset, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (right, heavy, many), (left, light, few) = pools.pop(), pools.pop()
            mean = (right * heavy + left * light) / (heavy + light)
            pools.append((mean, heavy + light, many + few))
    stands = [at for at, _, count in pools for _ in range(count)]
    for slot, at, shift in zip(row, stands, offsets, strict=True):
        x[slot] = at + shift


def _pull(one: Slot, other: Slot) -> float:
    """Long lines are held straight: two passing slots pull hardest."""
    passing = (not isinstance(one, str)) + (not isinstance(other, str))
    return (1.0, 2.0, 8.0)[passing]

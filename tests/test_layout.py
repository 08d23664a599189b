"""The layout of a drawing: nothing lies on anything else, lines lead down, and the same gives the same."""

import re
from itertools import combinations, pairwise
from time import perf_counter

from hypothesis import given, settings
from hypothesis import strategies as st

from langgraph_switchboard.graphs.layers import Line, crossings, layered
from langgraph_switchboard.graphs.layout import Box, Layout, Place, layout

Numbers = list[tuple[int, int, bool, bool]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Box], list[Line]]:
    """Any boxes with any lines between them, rings and lines to oneself among them."""
    count = draw(st.integers(1, 12))
    boxes = [
        Box(f"b{n}", draw(st.integers(40, 180)), draw(st.sampled_from([40, 54, 62]))) for n in range(count)
    ]
    ends = st.integers(0, count - 1)
    pairs: Numbers = draw(st.lists(st.tuples(ends, ends, st.booleans(), st.booleans()), max_size=20))
    lines = {(a, b): Line(f"b{a}", f"b{b}", weak, 40.0 * worded) for a, b, weak, worded in pairs}
    return boxes, list(lines.values())


def overlap(one: Place, other: Place) -> bool:
    apart = abs(one.x - other.x) >= (one.width + other.width) / 2
    return not (apart or abs(one.y - other.y) >= (one.height + other.height) / 2)


def points(path: str) -> list[tuple[float, float]]:
    """Points along a path, many enough that no box fits between two of them."""
    found: list[tuple[float, float]] = []
    x = y = 0.0
    for letter, numbers in re.findall(r"([MHVQC])([^MHVQC]*)", path):
        values = [float(one) for one in re.findall(r"-?[\d.]+", numbers)]
        steps = [(k + 1) / 40 for k in range(40)]
        if letter == "M":
            x, y = values
            found.append((x, y))
        elif letter in "HV":
            to_x, to_y = (values[0], y) if letter == "H" else (x, values[0])
            found += [(x + (to_x - x) * t, y + (to_y - y) * t) for t in steps]
            x, y = to_x, to_y
        else:
            *inner, x1, y1 = values
            hooks = [(x, y), *zip(inner[::2], inner[1::2], strict=True), (x1, y1)]
            found += [_bezier(hooks, t) for t in steps]
            x, y = x1, y1
    return found


def _bezier(hooks: list[tuple[float, float]], t: float) -> tuple[float, float]:
    while len(hooks) > 1:
        hooks = [(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for a, b in pairwise(hooks)]
    return hooks[0]


def crossed_boxes(plan: Layout, lines: list[Line]) -> list[tuple[Line, str]]:
    """Lines that run through a box, their own ends included."""
    found = []
    for line, route in zip(lines, plan.routes, strict=True):
        for name, place in plan.places.items():
            inner = (place.x - place.width / 2 + 2, place.top + 2, place.right - 2, place.bottom - 2)
            left, top, right, bottom = inner
            if any(left < x < right and top < y < bottom for x, y in points(route.path)):
                found.append((line, name))
    return found


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_no_box_lies_on_another_and_no_line_runs_through_one(drawn: tuple[list[Box], list[Line]]) -> None:
    """Whatever the process, every box and every line can be seen."""
    boxes, lines = drawn
    plan = layout(boxes, lines)

    assert not [pair for pair in combinations(plan.places.values(), 2) if overlap(*pair)]
    assert crossed_boxes(plan, lines) == []
    everything = [point for route in plan.routes for point in points(route.path)]
    assert all(0 <= x <= plan.width and 0 <= y <= plan.height for x, y in everything)
    assert all(p.x - p.width / 2 >= 0 and p.right <= plan.width for p in plan.places.values())


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_lines_lead_down_unless_they_close_a_ring(drawn: tuple[list[Box], list[Line]]) -> None:
    """Without those that lead up, every line ends lower than it begins."""
    boxes, lines = drawn
    layers = layered([box.name for box in boxes], lines)
    plan = layout(boxes, lines)

    for number, line in enumerate(lines):
        falls = plan.places[line.source].bottom < plan.places[line.target].top
        assert falls == (number not in layers.upward)


def test_what_happens_on_failure_leads_up_rather_than_the_way_of_success() -> None:
    """Send falls back on the review that leads to it: the review stands above, and the fallback goes up."""
    lines = [
        Line("gate", "send"),
        Line("gate", "review"),
        Line("send", "review", True),
        Line("review", "send"),
    ]
    layers = layered(["gate", "review", "send"], lines)

    assert layers.rows[0] == ["gate"]
    assert layers.rows[1][0] == "review" or "review" in layers.rows[1]
    assert layers.rows[2] == ["send"]
    assert layers.upward == {2}


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_the_crossings_are_counted_as_one_would_by_hand(drawn: tuple[list[Box], list[Line]]) -> None:
    """The oracle looks at every pair of lines between two layers."""
    boxes, lines = drawn
    layers = layered([box.name for box in boxes], lines)
    place = {slot: (rank, at) for rank, row in enumerate(layers.rows) for at, slot in enumerate(row)}
    by_hand = sum(
        place[a][0] == place[c][0] and (place[a][1] - place[c][1]) * (place[b][1] - place[d][1]) < 0
        for (a, b), (c, d) in combinations(layers.links, 2)
    )

    assert crossings(layers.rows, layers) == by_hand


def test_lines_that_need_not_cross_do_not() -> None:
    """Two fans that were declared crosswise are turned."""
    lines = [
        Line("top", "a"),
        Line("top", "b"),
        Line("a", "y"),
        Line("b", "x"),
        Line("b", "z"),
        Line("a", "w"),
    ]
    layers = layered(["top", "a", "b", "x", "y", "z", "w"], lines)

    assert crossings(layers.rows, layers) == 0


def test_a_big_process_is_laid_out_in_seconds() -> None:
    """Five hundred steps, each with a way on and a way down."""
    boxes = [Box(f"b{n}", 100, 40) for n in range(500)]
    lines = [Line(f"b{n}", f"b{n + 1}") for n in range(499)]
    lines += [Line(f"b{n}", f"b{n + 3}", True, 30.0) for n in range(0, 490, 2)]
    begun = perf_counter()
    plan = layout(boxes, lines)

    assert len(plan.places) == 500
    assert perf_counter() - begun < 10

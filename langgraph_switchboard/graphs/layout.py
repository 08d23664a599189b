"""Layout: the second half of a layered drawing, where each box stands and how each line runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from langgraph_switchboard.graphs.layers import Layers, Line, Slot, layered
from langgraph_switchboard.graphs.placing import LANE, across

__all__ = ["Box", "Layout", "Line", "Place", "Route", "layout"]

FALL = 46.0
"""Between two layers, without room for words."""
WORDS = 17.0
"""The height of a line of words."""
MARGIN = 14.0


@dataclass(frozen=True, slots=True)
class Box:
    """A box to be placed.

    Args:
        name: What lines call it.
        width: Its width.
        height: Its height.
        flat: The share of its upper and lower edge, in the middle, that lines may meet.
    """

    name: str
    width: float
    height: float
    flat: float = 0.62


@dataclass(frozen=True, slots=True)
class Place:
    """Where a box stands: its middle, and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def top(self) -> float:
        """Its upper edge."""
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height / 2

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Route:
    """How a line runs.

    Args:
        path: The data of an SVG path.
        tip: Where it ends.
        heading: Which way it leads there: "down" or "left".
        words: The middle of its words, where it has any.
    """

    path: str
    tip: tuple[float, float]
    heading: str = "down"
    words: tuple[float, float] | None = None


@dataclass(frozen=True)
class Layout:
    """A finished layout.

    Args:
        places: The boxes by name.
        routes: The lines, in the order given.
        width: Of the whole.
        height: Of the whole.
    """

    places: Mapping[str, Place]
    routes: Sequence[Route]
    width: float
    height: float


def layout(boxes: Sequence[Box], lines: Sequence[Line]) -> Layout:
    """Place boxes in layers, and run the lines between them so that none runs through a box.

    Args:
        boxes: The boxes, the first at the top.
        lines: The lines; both ends of each are boxes.
    """
    return _Sheet(boxes, lines).finished()


@dataclass
class _Sheet:
    boxes: Sequence[Box]
    lines: Sequence[Line]
    places: dict[str, Place] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sizes = {box.name: box for box in self.boxes}
        self.layers: Layers = layered([box.name for box in self.boxes], self.lines)
        self.rank = {slot: rank for rank, row in enumerate(self.layers.rows) for slot in row}
        self.x = across(self.layers, self._width)
        self._words: dict[int, tuple[float, int]] = {}

    def finished(self) -> Layout:
        """All of it, moved so that nothing lies left of the margin."""
        falls = self._falls()
        self._stack(falls)
        self.right = max((place.right for place in self.places.values()), default=0.0)
        self.right = max([self.right, *(x for x in self.x.values())])
        lanes = self._lanes()
        routes = [
            self._up(number, lanes[number]) if number in lanes else self._down(number)
            for number in range(len(self.lines))
        ]
        over = max((lane + self.lines[number].label_width for number, lane in lanes.items()), default=0.0)
        words = [
            (route.words[0] + self.lines[number].label_width / 2) if route.words else 0.0
            for number, route in enumerate(routes)
        ]
        width = max([self.right, over, *words]) + MARGIN
        bottom = max((place.bottom for place in self.places.values()), default=0.0)
        return Layout(self.places, routes, width, bottom + MARGIN)

    def _width(self, slot: Slot) -> float:
        return self.sizes[slot].width if isinstance(slot, str) else LANE

    def _falls(self) -> list[float]:
        """The height of the gap under each layer: lines of words need room of their own."""
        rows_of_words = [0] * len(self.layers.rows)
        ends: list[list[float]] = [[] for _ in self.layers.rows]
        self._sort_ports()
        # From left to right; words that would touch go one line further down.
        worded = [n for n, line in enumerate(self.lines) if line.label_width and n not in self.layers.upward]
        for number in sorted(worded, key=lambda one: (self._leaves(one) + self._arrives_first(one)) / 2):
            line = self.lines[number]
            rank = self.rank[line.source]
            middle = (self._leaves(number) + self._arrives_first(number)) / 2
            left = middle - line.label_width / 2
            row = next((r for r, end in enumerate(ends[rank]) if end + 6 < left), len(ends[rank]))
            ends[rank][row : row + 1] = [left + line.label_width]
            self._words[number] = (middle, row)
            rows_of_words[rank] = max(rows_of_words[rank], row + 1)
        return [FALL + rows * WORDS for rows in rows_of_words]

    def _stack(self, falls: Sequence[float]) -> None:
        y = MARGIN
        least = min((self.x[slot] - self._width(slot) / 2 for slot in self.x), default=0.0)
        least = min([least, *(m - self.lines[n].label_width / 2 for n, (m, _) in self._words.items())])
        for slot in self.x:
            self.x[slot] += MARGIN - least
        self.bands: list[tuple[float, float]] = []
        for row, fall in zip(self.layers.rows, falls, strict=True):
            height = max((self.sizes[slot].height for slot in row if isinstance(slot, str)), default=0.0)
            for slot in row:
                if isinstance(slot, str):
                    box = self.sizes[slot]
                    self.places[slot] = Place(self.x[slot], y + height / 2, box.width, box.height)
            self.bands.append((y, y + height))
            y += height + fall

    def _sort_ports(self) -> None:
        """For each box, the lines that leave and reach it from left to right."""
        self.leaving: dict[str, list[int]] = {name: [] for name in self.sizes}
        self.reaching: dict[str, list[int]] = {name: [] for name in self.sizes}
        for number, line in enumerate(self.lines):
            if number not in self.layers.upward:
                self.leaving[line.source].append(number)
                self.reaching[line.target].append(number)
        for numbers in self.leaving.values():
            numbers.sort(key=lambda one: self.x[self._chain(one)[1]])
        for numbers in self.reaching.values():
            numbers.sort(key=lambda one: self.x[self._chain(one)[-2]])

    def _chain(self, number: int) -> list[Slot]:
        line = self.lines[number]
        between = range(self.rank[line.source] + 1, self.rank[line.target])
        return [line.source, *((number, rank) for rank in between), line.target]

    def _leaves(self, number: int) -> float:
        return self._port(self.lines[number].source, self.leaving[self.lines[number].source], number)

    def _arrives_first(self, number: int) -> float:
        """Where the line stands in the layer below the one that it leaves."""
        chain = self._chain(number)
        return self.x[chain[1]] if len(chain) > 2 else self._reaches(number)

    def _reaches(self, number: int) -> float:
        return self._port(self.lines[number].target, self.reaching[self.lines[number].target], number)

    def _port(self, box: str, numbers: Sequence[int], number: int) -> float:
        place, count = numbers.index(number), len(numbers)
        step = min(self.sizes[box].width * self.sizes[box].flat / max(count - 1, 1), 26.0)
        return self.x[box] + (place - (count - 1) / 2) * step

    def _down(self, number: int) -> Route:
        line = self.lines[number]
        source, target = self.places[line.source], self.places[line.target]
        x, y = self._leaves(number), source.bottom
        path = [f"M{x:.1f},{y:.1f}"]
        for slot in self._chain(number)[1:-1]:
            top, bottom = self.bands[self.rank[slot]]
            path += [_curve(x, y, self.x[slot], top), f"V{bottom:.1f}"]
            x, y = self.x[slot], bottom
        end = self._reaches(number)
        path.append(_curve(x, y, end, target.top - 1))
        words = None
        if number in self._words:
            first = self._arrives_first(number)
            below = self.bands[self.rank[line.source] + 1][0]
            high = source.bottom + 20 + self._words[number][1] * WORDS
            words = (_along(self._leaves(number), source.bottom, first, below, high), high)
        return Route("".join(path), (end, target.top - 1), "down", words)

    def _lanes(self) -> dict[int, float]:
        """Where the lines that lead up run: right of all that they pass, short ones inside."""
        lanes: dict[int, float] = {}
        taken: list[tuple[int, int, float]] = []
        spans = {
            number: (self.rank[self.lines[number].target], self.rank[self.lines[number].source])
            for number in self.layers.upward
        }
        for number in sorted(spans, key=lambda one: (spans[one][1] - spans[one][0], one)):
            first, last = spans[number]
            passed = [
                self.x[slot] + self._width(slot) / 2
                for row in self.layers.rows[max(first - 1, 0) : last + 2]
                for slot in row
            ]
            passed += [
                middle + self.lines[one].label_width / 2
                for one, (middle, _) in self._words.items()
                if first - 1 <= self.rank[self.lines[one].source] <= last
            ]
            beside = [end for low, high, end in taken if low <= last and first <= high]
            lane = max([*passed, *beside]) + LANE + 6
            lanes[number] = lane
            taken.append((first, last, lane + self.lines[number].label_width))
        return lanes

    def _up(self, number: int, lane: float) -> Route:
        """Out of the box on its right, or below it where something stands in the way, and up in the lane."""
        line = self.lines[number]
        source, target = self.places[line.source], self.places[line.target]
        # A line from a box to itself leaves lower than it comes in.
        aside = 10.0 if line.source == line.target else 0.0
        start, out = self._way_out(line.source, source, aside)
        end, into, heading = self._way_in(line.target, target, aside)
        path = f"{start}H{lane - 8:.1f}Q{lane:.1f},{out:.1f} {lane:.1f},{out - 8:.1f}"
        path += f"V{into + 8:.1f}Q{lane:.1f},{into:.1f} {lane - 8:.1f},{into:.1f}{end}"
        tip = (target.x + 10, target.top - 1) if heading == "down" else (target.right + 1, into)
        words = (lane + 4 + line.label_width / 2, (out + into) / 2) if line.label_width else None
        return Route(path, tip, heading, words)

    def _is_last(self, name: str) -> bool:
        return self.layers.rows[self.rank[name]][-1] == name

    def _way_out(self, name: str, place: Place, aside: float) -> tuple[str, float]:
        if self._is_last(name):
            y = place.y + (aside or 6)
            return f"M{place.right:.1f},{y:.1f}", y
        low = self.bands[self.rank[name]][1] + 12
        x = place.x + place.width * 0.36
        return f"M{x:.1f},{place.bottom:.1f}V{low - 6:.1f}Q{x:.1f},{low:.1f} {x + 6:.1f},{low:.1f}", low

    def _way_in(self, name: str, place: Place, aside: float) -> tuple[str, float, str]:
        if self._is_last(name):
            return f"H{place.right + 1:.1f}", place.y - aside, "left"
        high = self.bands[self.rank[name]][0] - 14
        x = place.x + 10
        return f"H{x + 6:.1f}Q{x:.1f},{high:.1f} {x:.1f},{high + 6:.1f}V{place.top - 1:.1f}", high, "down"


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    if abs(x - to_x) < 0.5:
        return f"V{to_y:.1f}"
    half = (y + to_y) / 2
    return f"C{x:.1f},{half:.1f} {to_x:.1f},{half:.1f} {to_x:.1f},{to_y:.1f}"


def _along(x: float, y: float, to_x: float, to_y: float, at: float) -> float:
    """Where a curve of `_curve` stands at a height, found by halving."""
    low, high = 0.0, 1.0
    for _ in range(20):
        t = (low + high) / 2
        half = (y + to_y) / 2
        height = (1 - t) ** 3 * y + 3 * (1 - t) * t * half + t**3 * to_y
        low, high = (t, high) if height < at else (low, t)
    return ((1 - t) ** 3 + 3 * (1 - t) ** 2 * t) * x + (3 * (1 - t) * t * t + t**3) * to_x

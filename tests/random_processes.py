"""Random structured processes: as real processes for the check, and walked path by path as its oracle.

The two readings share nothing but the blocks: the process is a flat graph with failures as edges, the
walk goes through the blocks as they are nested and keeps every set of fields that a case can have
come with.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from random import Random
from typing import Literal

from langgraph_switchboard.contracts import CaseState, Contract, Decision
from langgraph_switchboard.graphs import Process
from langgraph_switchboard.graphs.summary import summary_of
from langgraph_switchboard.nodes import (
    DEAD_LETTER,
    END,
    JOIN,
    OPEN,
    Each,
    Edge,
    Fork,
    Part,
    Review,
    Step,
    Take,
    Way,
)
from langgraph_switchboard.nodes.spec import Kind

FIELDS = ("a", "b", "c", "d")
INPUT = "asked"
DECLINED = "!declined"
"""Under this name a walk notes the sets with which a case was declined."""


class Note(Contract):
    """Something said."""

    text: str


class Case(CaseState):
    """A case whose fields are all alike."""

    asked: Note
    a: Note | None = None
    b: Note | None = None
    c: Note | None = None
    d: Note | None = None


class Wanting(CaseState):
    """The same, of which one field more comes from outside."""

    asked: Note
    a: Note
    b: Note | None = None
    c: Note | None = None
    d: Note | None = None


Had = frozenset[str]
Seen = dict[str, set[Had]]
"""For each step the sets of fields with which a case can come to it."""


@dataclass(frozen=True)
class DrawnWay:
    """A way as it is drawn, and what success would have written."""

    source: str
    way: Way
    to: str
    writes: Had
    gives: Had


@dataclass(frozen=True)
class End:
    """An end that hangs loose: where a case leaves a block."""

    source: str
    way: Way
    writes: Had = frozenset()
    gives: Had = frozenset()


@dataclass
class Drawing:
    """The flat form: the steps with what they need, the ways between them, and what is of a shape."""

    needs: dict[str, Had] = field(default_factory=dict)
    gives: dict[str, str | None] = field(default_factory=dict)
    ways: list[DrawnWay] = field(default_factory=list)
    forks: dict[str, Fork] = field(default_factory=dict)
    maps: dict[str, Each] = field(default_factory=dict)
    inside: dict[str, tuple[Process, Part]] = field(default_factory=dict)
    bounded: set[str] = field(default_factory=set)

    def add(self, name: str, needs: Had = frozenset(), gives: str | None = None) -> None:
        self.needs[name] = needs
        self.gives[name] = gives

    def tie(self, ends: Iterable[End], to: str) -> None:
        self.ways += [DrawnWay(end.source, end.way, to, end.writes, end.gives) for end in ends]

    def entry(self, name: str, drawn: int) -> str:
        """The first step behind `name` among the ways drawn since."""
        return next(one.to for one in self.ways[drawn:] if one.source == name)


class Block(ABC):
    """A part of a process with one way in.

    `draw` gives its loose ends, `walk` what leaves it, `writes` what it can leave behind.
    """

    @abstractmethod
    def draw(self, on: Drawing, ends: list[End]) -> list[End]: ...

    @abstractmethod
    def walk(self, had: Had, seen: Seen) -> set[Had]: ...

    @abstractmethod
    def writes(self) -> Had: ...


@dataclass
class Work(Block):
    """A step that gives a field, or fails: to the dead letter, or on to the next rung."""

    name: str
    needs: Had
    gives: str
    rung: Block | None = None

    def draw(self, on: Drawing, ends: list[End]) -> list[End]:
        on.add(self.name, self.needs, self.gives)
        on.tie(ends, self.name)
        wrote = frozenset({self.gives})
        done, failed = End(self.name, "then", wrote), End(self.name, "fallback", gives=wrote)
        if self.rung is None:
            on.tie([failed], DEAD_LETTER)
            return [done]
        return [done, *self.rung.draw(on, [failed])]

    def walk(self, had: Had, seen: Seen) -> set[Had]:
        seen.setdefault(self.name, set()).add(had)
        left = {had | {self.gives}}
        return left | self.rung.walk(had, seen) if self.rung else left

    def writes(self) -> Had:
        return frozenset({self.gives}) | (self.rung.writes() if self.rung else frozenset())


@dataclass
class Ask(Block):
    """A review: approved it writes subject and decision, rejected the decision, expired nothing.

    Rejected or expired the case ends as declined, or goes on.
    """

    name: str
    of: str
    decision: str
    ends_rejected: bool
    expires: bool

    def draw(self, on: Drawing, ends: list[End]) -> list[End]:
        on.add(self.name)
        on.tie(ends, self.name)
        both, one = frozenset({self.of, self.decision}), frozenset({self.decision})
        on.tie([End(self.name, "fallback", gives=both)], DEAD_LETTER)
        left = [End(self.name, "rejected", one)]
        left += [End(self.name, "expired", gives=both)] if self.expires else []
        if self.ends_rejected:
            on.tie(left, END)
            left = []
        return [End(self.name, "then", both), *left]

    def walk(self, had: Had, seen: Seen) -> set[Had]:
        seen.setdefault(self.name, set()).add(had)
        left = {had | {self.decision}} | ({had} if self.expires else set())
        if self.ends_rejected:
            seen.setdefault(DECLINED, set()).update(left)
            left = set()
        return left | {had | {self.of, self.decision}}

    def writes(self) -> Had:
        return frozenset({self.of, self.decision})


@dataclass
class Row(Block):
    """One block after the other."""

    blocks: Sequence[Block]

    def draw(self, on: Drawing, ends: list[End]) -> list[End]:
        for block in self.blocks:
            ends = block.draw(on, ends)
        return ends

    def walk(self, had: Had, seen: Seen) -> set[Had]:
        left = {had}
        for block in self.blocks:
            left = {after for before in left for after in block.walk(before, seen)}
        return left

    def writes(self) -> Had:
        return frozenset().union(*(block.writes() for block in self.blocks))


@dataclass
class Pick(Block):
    """A supervisor: one of several blocks, or, if it fails or is unsure, the last one."""

    name: str
    gives: str
    blocks: Sequence[Block]

    def draw(self, on: Drawing, ends: list[End]) -> list[End]:
        on.add(self.name, gives=self.gives)
        on.tie(ends, self.name)
        wrote = frozenset({self.gives})
        *agents, last = self.blocks
        left = [end for agent in agents for end in agent.draw(on, [End(self.name, "agent", wrote)])]
        unsure, failed = End(self.name, "unsure", wrote), End(self.name, "fallback", gives=wrote)
        return left + last.draw(on, [unsure, failed])

    def walk(self, had: Had, seen: Seen) -> set[Had]:
        seen.setdefault(self.name, set()).add(had)
        wrote = had | {self.gives}
        left = {after for block in self.blocks for after in block.walk(wrote, seen)}
        return left | self.blocks[-1].walk(had, seen)

    def writes(self) -> Had:
        return frozenset({self.gives}).union(*(block.writes() for block in self.blocks))


@dataclass
class Loop(Block):
    """A head, which may have a bound, a body, then a gate: once more, or on."""

    name: str
    needs: Had
    body: Block
    is_bounded: bool

    def draw(self, on: Drawing, ends: list[End]) -> list[End]:
        head = f"{self.name}_head"
        on.add(head)
        on.tie(ends, head)
        on.tie([End(head, "fallback")], DEAD_LETTER)
        on.add(self.name, self.needs)
        on.tie(self.body.draw(on, [End(head, "then")]), self.name)
        on.tie([End(self.name, "unsure")], head)
        on.tie([End(self.name, "fallback")], DEAD_LETTER)
        if not self.is_bounded:
            return [End(self.name, "sure")]
        on.bounded.add(head)
        return [End(self.name, "sure"), End(head, "exhausted")]

    def walk(self, had: Had, seen: Seen) -> set[Had]:
        rounds, waiting = set(), {had}
        left: set[Had] = set()
        while waiting:
            before = waiting.pop()
            rounds.add(before)
            seen.setdefault(f"{self.name}_head", set()).add(before)
            for after in self.body.walk(before, seen):
                seen.setdefault(self.name, set()).add(after)
                left.add(after)  # by the gate; and, where it is bounded, by the head that it comes round to
                waiting |= {after} - rounds
        return left

    def writes(self) -> Had:
        return self.body.writes()


@dataclass
class Together(Block):
    """Several blocks: all at once, those that a supervisor picks, or those in an order; then a merge."""

    name: str
    blocks: Sequence[Block]
    picks: Literal["all", "several", "sequence"]
    needs: Had

    def draw(self, on: Drawing, ends: list[End]) -> list[End]:
        on.add(self.name)
        on.tie(ends, self.name)
        on.tie([End(self.name, "fallback")], DEAD_LETTER)
        merge = f"{self.name}_merge"
        on.add(merge, self.needs)
        entries = []
        for block in self.blocks:
            drawn = len(on.ways)
            on.tie(block.draw(on, [End(self.name, "member")]), JOIN)
            entries.append(on.entry(self.name, drawn))
        on.forks[self.name] = Fork(tuple(entries), merge, self.picks)
        on.tie([End(merge, "fallback")], DEAD_LETTER)
        return [End(merge, "then")]

    def walk(self, had: Had, seen: Seen) -> set[Had]:
        seen.setdefault(self.name, set()).add(had)
        left = [block.walk(had, seen) for block in self.blocks]
        # In an order each member may be the first, and the last: whoever came before only adds to it.
        sizes = {"all": [len(left)], "several": range(1, len(left) + 1), "sequence": [1]}[self.picks]
        sets = [some for size in sizes for some in combinations(left, size)]
        apart = self.apart()
        merged = {had.union(*(end - apart for end in ends)) for some in sets for ends in product(*some)}
        seen.setdefault(f"{self.name}_merge", set()).update(merged)
        return merged

    def apart(self) -> Had:
        """What several members can write: each keeps it for itself."""
        if self.picks == "sequence":
            return frozenset()
        return frozenset(one for one in FIELDS if sum(one in block.writes() for block in self.blocks) > 1)

    def writes(self) -> Had:
        return frozenset().union(*(block.writes() for block in self.blocks)) - self.apart()


@dataclass
class ForEach(Block):
    """A map: its body is done for each item, of which there may be none; the join writes the results."""

    name: str
    needs: Had
    gives: str

    def draw(self, on: Drawing, ends: list[End]) -> list[End]:
        body, join = f"{self.name}_each", f"{self.name}_join"
        for name, needs, gives in ((self.name, frozenset(), None), (body, self.needs, None)):
            on.add(name, needs, gives)
            on.tie([End(name, "fallback")], DEAD_LETTER)
        on.add(join, gives=self.gives)
        on.tie(ends, self.name)
        on.tie([End(self.name, "member")], body)
        on.tie([End(body, "then")], JOIN)
        on.maps[self.name] = Each(INPUT, "items", Note, body, join)
        wrote = frozenset({self.gives})
        on.tie([End(join, "fallback", gives=wrote)], DEAD_LETTER)
        return [End(join, "then", wrote)]

    def walk(self, had: Had, seen: Seen) -> set[Had]:
        seen.setdefault(f"{self.name}_each", set()).add(had)
        return {had | {self.gives}}

    def writes(self) -> Had:
        return frozenset({self.gives})


@dataclass
class Inside(Block):
    """A blueprint inside, on a case of its own; where it ends, also declined, the case goes on."""

    name: str
    inner: Row
    case: type[CaseState]

    def draw(self, on: Drawing, ends: list[End]) -> list[End]:
        drawn = draw(self.inner)
        process = as_process(drawn, self.case)
        summary = summary_of(process)
        gives = {one: one for one in sorted(summary.writes)}
        on.add(self.name, self._inputs())
        on.needs |= {f"{self.name}.{step}": needs for step, needs in drawn.needs.items()}
        on.inside[self.name] = process, Part("inner", {one: one for one in sorted(self._inputs())}, gives)
        on.tie(ends, self.name)
        wrote = frozenset(gives)
        on.tie([End(self.name, "fallback", gives=wrote)], DEAD_LETTER)
        exits: dict[str, Way] = {"finished": "finished", "declined": "declined"}
        return [
            End(self.name, exits[name], written & wrote, wrote) for name, written in summary.exits.items()
        ]

    def walk(self, had: Had, seen: Seen) -> set[Had]:
        seen.setdefault(self.name, set()).add(had)
        within: Seen = {}
        left = self.inner.walk(self._inputs(), within)
        left |= within.pop(DECLINED, set())
        for step, comings in within.items():
            seen.setdefault(f"{self.name}.{step}", set()).update(comings)
        return {had | (end & self.writes()) for end in left}

    def writes(self) -> Had:
        return self.inner.writes()

    def _inputs(self) -> Had:
        return frozenset(name for name, one in self.case.fields().items() if one.is_input)


@dataclass
class Maker:
    """Makes random blocks.

    Args:
        random: Where chance comes from.
        shapes: Whether there is more in them than a line: sets, maps, blueprints inside.
    """

    random: Random
    shapes: bool
    made: int = 0

    def process(self) -> Row:
        return Row([self.block(2, ending=True) for _ in range(self.random.randint(1, 4))])

    def block(self, depth: int, ending: bool) -> Block:
        kinds: list[Callable[[int, bool], Block]] = [self._ladder, self._ladder, self._ask]
        if depth > 0:
            kinds += [self._loop, self._pick, self._row]
            kinds += [self._together, self._together, self._map, self._inside] if self.shapes else []
        return self.random.choice(kinds)(depth - 1, ending)

    def _ladder(self, depth: int, ending: bool) -> Block:
        rung = self.block(0, ending) if self.random.random() < 0.6 else None
        return Work(self._name("work"), self._needs(), self._field(), rung)

    def _ask(self, depth: int, ending: bool) -> Block:
        of, decision = self.random.sample(FIELDS, 2)
        ends = ending and self.random.random() < 0.5
        return Ask(self._name("review"), of, decision, ends, self.random.random() < 0.4)

    def _row(self, depth: int, ending: bool) -> Block:
        return Row([self.block(depth, ending) for _ in range(2)])

    def _pick(self, depth: int, ending: bool) -> Block:
        blocks = [self.block(depth, ending) for _ in range(self.random.randint(2, 3))]
        return Pick(self._name("supervisor"), self._field(), blocks)

    def _loop(self, depth: int, ending: bool) -> Block:
        bounded = self.random.random() < 0.5
        return Loop(self._name("gate"), self._needs(), self.block(depth, ending), bounded)

    def _together(self, depth: int, ending: bool) -> Block:
        # A branch that could end the case would never come to the merge; that is a fault of its own.
        blocks = [self.block(depth, ending=False) for _ in range(self.random.randint(2, 3))]
        picks: Literal["all", "several", "sequence"] = self.random.choice(("all", "several", "sequence"))
        return Together(self._name("together"), blocks, picks, self._needs())

    def _map(self, depth: int, ending: bool) -> Block:
        return ForEach(self._name("map"), self._needs(), self._field())

    def _inside(self, depth: int, ending: bool) -> Block:
        inner = Row([self.block(depth, ending=True) for _ in range(self.random.randint(1, 2))])
        return Inside(self._name("inside"), inner, self.random.choice((Case, Wanting)))

    def _name(self, kind: str) -> str:
        self.made += 1
        return f"{kind}{self.made}"

    def _field(self) -> str:
        return self.random.choice(FIELDS)

    def _needs(self) -> Had:
        return frozenset({self._field()} if self.random.random() < 0.2 else ())


def draw(block: Block) -> Drawing:
    """The flat form of a whole process."""
    on = Drawing()
    on.tie([End(OPEN, "fallback")], DEAD_LETTER)
    on.tie(block.draw(on, [End(OPEN, "then")]), END)
    return on


def as_process(drawing: Drawing, case: type[CaseState] = Case, credited: bool = False) -> Process:
    """The flat form as a real process; `credited` gives a failure what success would have written."""
    inputs = frozenset(name for name, one in case.fields().items() if one.is_input)
    edges: dict[str, list[Edge]] = {}
    for one in drawing.ways:
        writes = one.writes | one.gives if credited else one.writes
        writes |= inputs if one.source == OPEN and one.way == "then" else frozenset()
        edges.setdefault(one.source, []).append(Edge(one.way, one.to, writes))
    steps = {OPEN: Step(OPEN, "open", tuple(edges[OPEN]))}
    for name, drawn in edges.items():
        if name != OPEN:
            takes = tuple(Take(one, Note) for one in sorted(drawing.needs[name]))
            kind = _kind(name)
            steps[name] = Step(
                name, kind, tuple(drawn), takes, drawing.gives[name], owner="me",
                fork=drawing.forks.get(name), each=drawing.maps.get(name),
                part=drawing.inside[name][1] if name in drawing.inside else None,
                review=Review("a", Note, Decision, "b") if kind == "review" else None,
                max_visits=3 if name in drawing.bounded else None,
            )  # fmt: skip
    steps[DEAD_LETTER] = Step(DEAD_LETTER, "dead_letter", (Edge("then", END),))
    included = {name: process for name, (process, _) in drawing.inside.items()}
    return Process("random", 1, "me", case, steps, None, None, 10, is_bounded=True, included=included)


def _kind(name: str) -> Kind:
    kinds: Mapping[str, Kind] = {"supervisor": "supervisor", "review": "review", "gate": "gate"}
    return next((kind for start, kind in kinds.items() if name.startswith(start)), "step")


def can_be_missing(block: Block, needs: Mapping[str, Had]) -> set[tuple[str, str]]:
    """Every step and field of which some path shows that it is needed and not there: the exact answer."""
    seen: Seen = {}
    block.walk(frozenset({INPUT}), seen)
    return {
        (step, one)
        for step, comings in seen.items()
        if step != DECLINED
        for had in comings
        for one in needs[step] - had
    }

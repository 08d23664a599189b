"""Random structured processes: as arcs for the analysis, and walked path by path as its oracle.

The two readings share nothing but the blocks: the arcs are a flat graph with failures as
edges, the walk goes through the blocks as they are nested and keeps every set of fields
that a case can have come with.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from random import Random

from langgraph_switchboard.graphs.assignment import Arc
from langgraph_switchboard.nodes import DEAD_LETTER, END, OPEN
from langgraph_switchboard.nodes.spec import Way

FIELDS = ("a", "b", "c", "d")
INPUT = "asked"

Had = frozenset[str]
Seen = dict[str, set[Had]]
"""For each step the sets of fields with which a case can come to it."""


@dataclass(frozen=True)
class DrawnWay:
    """A way as it is drawn: an arc, what must have happened, and what success would have written."""

    arc: Arc
    way: Way
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
    """The flat form: the steps with what they need, and the ways between them."""

    needs: dict[str, Had] = field(default_factory=dict)
    gives: dict[str, str | None] = field(default_factory=dict)
    ways: list[DrawnWay] = field(default_factory=list)

    def add(self, name: str, needs: Had = frozenset(), gives: str | None = None) -> None:
        self.needs[name] = needs
        self.gives[name] = gives

    def tie(self, ends: Iterable[End], to: str, branch: str = "") -> None:
        for end in ends:
            arc = Arc(end.source, to, end.writes, branch)
            self.ways.append(DrawnWay(arc, end.way, end.gives))

    @property
    def arcs(self) -> list[Arc]:
        return [one.arc for one in self.ways]


class Block(ABC):
    """A part of a process with one way in; `draw` gives its loose ends, `walk` what leaves it."""

    @abstractmethod
    def draw(self, on: Drawing, ends: list[End], branch: str = "") -> list[End]: ...

    @abstractmethod
    def walk(self, had: Had, seen: Seen) -> set[Had]: ...


@dataclass
class Work(Block):
    """A step that gives a field, or fails: to the dead letter, or on to the next rung."""

    name: str
    needs: Had
    gives: str
    rung: Block | None = None

    def draw(self, on: Drawing, ends: list[End], branch: str = "") -> list[End]:
        on.add(self.name, self.needs, self.gives)
        on.tie(ends, self.name, branch)
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


@dataclass
class Ask(Block):
    """A review: approved it writes subject and decision, rejected the decision; then it ends or goes on."""

    name: str
    of: str
    decision: str
    ends_rejected: bool

    def draw(self, on: Drawing, ends: list[End], branch: str = "") -> list[End]:
        on.add(self.name)
        on.tie(ends, self.name, branch)
        both, one = frozenset({self.of, self.decision}), frozenset({self.decision})
        on.tie([End(self.name, "fallback", gives=both)], DEAD_LETTER)
        approved, rejected = End(self.name, "then", both), End(self.name, "rejected", one)
        if not self.ends_rejected:
            return [approved, rejected]
        on.tie([rejected], END)
        return [approved]

    def walk(self, had: Had, seen: Seen) -> set[Had]:
        seen.setdefault(self.name, set()).add(had)
        approved, rejected = had | {self.of, self.decision}, had | {self.decision}
        return {approved} if self.ends_rejected else {approved, rejected}


@dataclass
class Row(Block):
    """One block after the other."""

    blocks: Sequence[Block]

    def draw(self, on: Drawing, ends: list[End], branch: str = "") -> list[End]:
        for place, block in enumerate(self.blocks):
            ends = block.draw(on, ends, "" if place else branch)
        return ends

    def walk(self, had: Had, seen: Seen) -> set[Had]:
        left = {had}
        for block in self.blocks:
            left = {after for before in left for after in block.walk(before, seen)}
        return left


@dataclass
class Pick(Block):
    """A supervisor: one of several blocks, or, if it fails or is unsure, the last one."""

    name: str
    gives: str
    blocks: Sequence[Block]

    def draw(self, on: Drawing, ends: list[End], branch: str = "") -> list[End]:
        on.add(self.name, gives=self.gives)
        on.tie(ends, self.name, branch)
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


@dataclass
class Loop(Block):
    """A body, then a gate: once more, or on."""

    name: str
    needs: Had
    body: Block

    def draw(self, on: Drawing, ends: list[End], branch: str = "") -> list[End]:
        head = f"{self.name}_head"
        on.add(head)
        on.tie(ends, head, branch)
        on.tie([End(head, "fallback")], DEAD_LETTER)
        on.add(self.name, self.needs)
        on.tie(self.body.draw(on, [End(head, "then")]), self.name)
        on.tie([End(self.name, "unsure")], head)
        on.tie([End(self.name, "fallback")], DEAD_LETTER)
        return [End(self.name, "sure")]

    def walk(self, had: Had, seen: Seen) -> set[Had]:
        rounds, waiting = set(), {had}
        left: set[Had] = set()
        while waiting:
            before = waiting.pop()
            rounds.add(before)
            seen.setdefault(f"{self.name}_head", set()).add(before)
            for after in self.body.walk(before, seen):
                seen.setdefault(self.name, set()).add(after)
                left.add(after)
                waiting |= {after} - rounds
        return left


@dataclass
class Together(Block):
    """Several blocks at once: all of them, or the subset that a supervisor picks, then a merge."""

    name: str
    blocks: Sequence[Block]
    picks: bool
    needs: Had

    def draw(self, on: Drawing, ends: list[End], branch: str = "") -> list[End]:
        on.add(self.name)
        on.tie(ends, self.name, branch)
        on.tie([End(self.name, "fallback")], DEAD_LETTER)
        merge = f"{self.name}_merge"
        on.add(merge, self.needs)
        for place, block in enumerate(self.blocks):
            left = block.draw(on, [End(self.name, "agent")])
            on.tie(left, merge, "" if self.picks else f"branch {place}")
        on.tie([End(merge, "fallback")], DEAD_LETTER)
        return [End(merge, "then")]

    def walk(self, had: Had, seen: Seen) -> set[Had]:
        seen.setdefault(self.name, set()).add(had)
        left = [block.walk(had, seen) for block in self.blocks]
        sizes = range(1, len(left) + 1) if self.picks else [len(left)]
        sets = [some for size in sizes for some in combinations(left, size)]
        merged = {frozenset().union(*ends) for some in sets for ends in product(*some)}
        seen.setdefault(f"{self.name}_merge", set()).update(merged)
        return merged


@dataclass
class Maker:
    """Makes random blocks.

    Args:
        random: Where chance comes from.
        parallel: Whether several blocks may run at once.
    """

    random: Random
    parallel: bool
    made: int = 0

    def process(self) -> Row:
        return Row([self.block(2, ending=True) for _ in range(self.random.randint(1, 4))])

    def block(self, depth: int, ending: bool) -> Block:
        kinds: list[Callable[[int, bool], Block]] = [self._ladder, self._ladder, self._ask]
        if depth > 0:
            kinds += [self._loop, self._pick, self._row]
            kinds += [self._together] * 3 if self.parallel else []
        return self.random.choice(kinds)(depth - 1, ending)

    def _ladder(self, depth: int, ending: bool) -> Block:
        rung = self.block(0, ending) if self.random.random() < 0.6 else None
        return Work(self._name("work"), self._needs(), self._field(), rung)

    def _ask(self, depth: int, ending: bool) -> Block:
        of, decision = self.random.sample(FIELDS, 2)
        return Ask(self._name("review"), of, decision, ending and self.random.random() < 0.5)

    def _row(self, depth: int, ending: bool) -> Block:
        return Row([self.block(depth, ending) for _ in range(2)])

    def _pick(self, depth: int, ending: bool) -> Block:
        blocks = [self.block(depth, ending) for _ in range(self.random.randint(2, 3))]
        return Pick(self._name("supervisor"), self._field(), blocks)

    def _loop(self, depth: int, ending: bool) -> Block:
        return Loop(self._name("gate"), self._needs(), self.block(depth, ending))

    def _together(self, depth: int, ending: bool) -> Block:
        # A branch that could end the case would never come to the merge; that is a fault of its own.
        blocks = [self.block(depth, ending=False) for _ in range(2)]
        return Together(self._name("together"), blocks, self.random.random() < 0.5, self._needs())

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
    on.tie(block.draw(on, [End(OPEN, "then", frozenset({INPUT}))]), END)
    return on


def can_be_missing(block: Block, needs: Mapping[str, Had]) -> set[tuple[str, str]]:
    """Every step and field of which some path shows that it is needed and not there: the exact answer."""
    seen: Seen = {}
    block.walk(frozenset({INPUT}), seen)
    return {(step, one) for step, comings in seen.items() for had in comings for one in needs[step] - had}

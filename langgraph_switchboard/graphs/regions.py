"""Regions: which branch of which set each step stands in, found by following the ways.

A region begins at a member's first step and ends where its ways lead to `JOIN`. A step stands
in one region: what two members were to share would run twice at once under one name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from langgraph_switchboard.nodes import DEAD_LETTER, END, JOIN, OPEN, RESULT, Fork, Step


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch of a set.

    Args:
        of: The step where it parts from the others.
        member: Its first step.
    """

    of: str
    member: str


Home = tuple[Branch, ...]
"""The branches that a step stands in, the outermost first; none for a step of the process itself."""


class Regions:
    """Where each step of a process stands.

    Args:
        steps: All steps of the process.
    """

    def __init__(self, steps: Mapping[str, Step]) -> None:
        self._steps = steps
        self.homes: dict[str, Home] = {}
        self.twice: dict[str, tuple[Home, Home]] = {}
        """Steps that two regions lead to, with both."""
        self._kept: dict[str, frozenset[str]] = {}
        self._follow()

    def home(self, step: str) -> Home:
        """The branches that a step stands in; none where no way leads to it."""
        return self.homes.get(step, ())

    def join_of(self, step: str) -> str | None:
        """The step that `JOIN` means in this one; None outside any set."""
        home = self.home(step)
        return join_after(self._steps[home[-1].of]) if home else None

    def within(self, branch: Branch) -> tuple[str, ...]:
        """The steps of a branch, those of sets inside it too."""
        return tuple(name for name in self._steps if branch in self.home(name))

    def apart(self, of: str) -> frozenset[str]:
        """The fields that a set keeps for each member apart, for its joining step to merge.

        They are those that several members write, and those that the joining step asks for by member.
        """
        if of not in self._kept:
            self._kept[of] = self._apart(self._steps[of])
        return self._kept[of]

    def written(self, branch: Branch | None) -> frozenset[str]:
        """The fields that some step writes for those after it in its branch; without one, in the process."""
        found = frozenset[str]()
        for name in self._steps.keys() - {OPEN} if branch is None else self.within(branch):
            home = self.home(name)
            inside = home if branch is None else home[home.index(branch) + 1 :]
            kept = frozenset[str]().union(*(self.apart(one.of) for one in inside))
            found |= writes_of(self._steps[name]) - kept
        return found

    def _apart(self, step: Step) -> frozenset[str]:
        wrote = [self.written(Branch(step.name, member)) for member in members_of(step)]
        twice = {
            field for place, one in enumerate(wrote) for other in wrote[place + 1 :] for field in one & other
        }
        join = self._steps.get(join_after(step) or "")
        asked = {take.field for take in join.takes if take.of == "members"} if join else set[str]()
        is_in_turn = step.fork is not None and step.fork.picks == "sequence"
        return frozenset(asked if is_in_turn else twice | asked)

    def _follow(self) -> None:
        waiting: deque[tuple[str, Home]] = deque([(OPEN, ())])
        while waiting:
            name, home = waiting.popleft()
            if name in self.homes:
                if self.homes[name] != home:
                    self.twice.setdefault(name, (self.homes[name], home))
                continue
            self.homes[name] = home
            waiting.extend(self._next(self._steps[name], home))

    def _next(self, step: Step, home: Home) -> Iterator[tuple[str, Home]]:
        members = members_of(step)
        for edge in step.edges:
            if (
                edge.to in self._steps
                and edge.to not in (OPEN, DEAD_LETTER, END, JOIN)
                and edge.to not in members
            ):
                yield edge.to, home
        for member in members:
            if member in self._steps:
                yield member, (*home, Branch(step.name, member))
        join = join_after(step)
        if join is not None:
            yield join, home


def writes_of(step: Step) -> frozenset[str]:
    """The fields that a step writes on some way; of an included blueprint all that it may give back."""
    given_back = frozenset(step.part.gives if step.part is not None else ()) - {RESULT}
    return given_back.union(*(edge.writes for edge in step.edges))


def members_of(step: Step) -> tuple[str, ...]:
    """The first steps of the branches that begin at a step."""
    if step.fork is not None:
        return step.fork.members
    return (step.each.body,) if step.each is not None else ()


def join_after(step: Step) -> str | None:
    """The step where the branches that begin at a step come together."""
    parting: Fork | None = step.fork
    if parting is not None:
        return parting.join
    return step.each.join if step.each is not None else None

"""Scope: where in a process a step runs, and what its ways mean there.

A step of the process itself leads to other steps by their names. In a branch of a set `JOIN` ends
the branch, and the dead letter sets only the branch aside; in an included blueprint `END` ends
the blueprint and not the case. The step itself is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from langgraph_switchboard.contracts import Envelope
from langgraph_switchboard.nodes.forms import JOIN, RESULT
from langgraph_switchboard.nodes.spec import DEAD_LETTER, END


@dataclass(frozen=True, slots=True)
class Frame:
    """One set around a step.

    Args:
        of: The step where its branches part, by its full name.
        member: The branch's first step, by its full name.
        apart: The fields that are kept for each member apart.
        is_map: It is one of the items of a map.
        in_turn: Its members run one after the other, in the graph around them.
    """

    of: str
    member: str
    apart: frozenset[str] = frozenset()
    is_map: bool = False
    in_turn: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """Where in the process a step stands.

    Args:
        prefix: Its name is told with this in front: the step that includes its blueprint, and a dot.
        around: The sets around the included blueprint that it belongs to, the outermost first.
        frames: The sets around it within its blueprint, the outermost first.
        joins: The node that `JOIN` means here.
    """

    prefix: str = ""
    around: tuple[Frame, ...] = ()
    frames: tuple[Frame, ...] = ()
    joins: str = END

    @property
    def is_branch(self) -> bool:
        """Whether it stands in a graph of its branch: the dead letter there sets the branch aside."""
        return any(not frame.in_turn for frame in self.frames)

    @property
    def is_part(self) -> bool:
        """Whether it leaves an included blueprint at `END` and at the dead letter."""
        return bool(self.prefix) and not self.is_branch

    @property
    def hidden(self) -> frozenset[str]:
        """What a step gives here that is no field of the case: the result of an item."""
        return frozenset({RESULT}) if self.frames and self.frames[-1].is_map else frozenset()

    def full(self, name: str) -> str:
        """A step's name as it is told."""
        return name if name in (END, JOIN, DEAD_LETTER) else f"{self.prefix}{name}"

    def node(self, to: str) -> str:
        """The node that a full name means."""
        if to == JOIN:
            return self.joins
        return END if to == DEAD_LETTER and self.is_part else to

    def told(self, to: str) -> str:
        """A destination as the record tells it: whoever reads it knows no `JOIN`."""
        return f"{self.frames[-1].of}.join" if to == JOIN else to


@dataclass(frozen=True)
class Place:
    """A scope, in one case: which of the branches, in which round. It holds nothing of the case itself.

    Args:
        scope: Where in the process.
        indexes: The number of the item at work, by the map around.
        rounds: How often the case has come to each set.
    """

    scope: Scope = field(default_factory=Scope)
    indexes: Mapping[str, int] = field(default_factory=dict)
    rounds: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, scope: Scope, state: Mapping[str, Any]) -> Self:
        """The place of a step, from the state that it is given."""
        known = state.get("sets") or {}
        indexes = {of: int(one["item"]["index"]) for of, one in known.items() if "item" in one}
        return cls(scope, indexes, {of: int(one.get("round", 0)) for of, one in known.items()})

    @cached_property
    def branch(self) -> str:
        """The branch of the case that a step runs in, as a path; empty where there is only one."""
        frames = [frame for frame in self._frames if not frame.in_turn]
        return "/".join(f"{frame.of}:{self._which(frame)}" for frame in frames)

    @cached_property
    def items(self) -> tuple[int, ...]:
        """The numbers of the items that a step is at work on, those of outer maps first."""
        return tuple(int(self._which(frame)) for frame in self._frames if frame.is_map)

    def counted(self, step: str) -> str:
        """Under which name visits of a step are counted: those of each item by themselves."""
        if step == DEAD_LETTER and self.scope.is_branch:
            return f"{step}#{self.branch}"
        return "#".join((step, *map(str, self.items)))

    def apart(self, sealed: Mapping[str, Envelope]) -> dict[str, Any]:
        """What a step wrote of the fields that its sets keep for each member apart, as an update."""
        update: dict[str, Any] = {}
        left = dict(sealed)
        for frame in reversed(self.scope.frames):
            mine = {name: left.pop(name) for name in frame.apart & left.keys()}
            if frame.in_turn:
                left |= mine  # the field itself is written as well: the next in turn may read it
            if mine:
                parts = {self._which(frame): mine}
                update[frame.of] = {"round": self.rounds.get(frame.of, 0), "parts": parts}
        return update

    @property
    def map(self) -> str:
        """The innermost map around the step."""
        return next(frame.of for frame in reversed(self._frames) if frame.is_map)

    @property
    def _frames(self) -> tuple[Frame, ...]:
        return (*self.scope.around, *self.scope.frames)

    def _which(self, frame: Frame) -> str:
        return str(self.indexes[frame.of]) if frame.is_map else frame.member


def known_of(state: Mapping[str, Any], of: str) -> Mapping[str, Any]:
    """What the state knows of a set."""
    known: Mapping[str, Any] = (state.get("sets") or {}).get(of) or {}
    return known


def round_of(state: Mapping[str, Any], of: str) -> int:
    """How often the case has come to a set; what an earlier round left behind does not count."""
    return int(known_of(state, of).get("round", 0))


def parts_of(state: Mapping[str, Any], of: str) -> dict[str, dict[str, Envelope]]:
    """What each member of a set has written, by member and field."""
    return dict(known_of(state, of).get("parts") or {})

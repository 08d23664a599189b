"""Forms that a process takes besides a line: branches, a list, a blueprint inside, a wait.

Each says what one step of such a form needs to know; `Step` carries at most one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from langgraph_switchboard.contracts import Contract

JOIN = "__join__"
"""Where a member of a set has done its part; the set's own joining step comes next."""

RESULT = "result"
"""What the body of a map gives: one item's result, which is no field of the case."""

Picks = Literal["one", "sequence", "several"]
"""What a supervisor may pick: one agent, some in an order, or some at the same time."""

FINISHED = "finished"
"""The exit of an included blueprint whose case came to its end."""
DECLINED = "declined"
"""The exit of an included blueprint in which a person declined."""


@dataclass(frozen=True, slots=True)
class Fork:
    """Where a case parts into branches, or goes through several steps chosen on the spot.

    Args:
        members: The first step of each branch; nothing else is ever gone to.
        join: The step where the branches come together; it runs once.
        picks: `all` of them, the `several` that a supervisor picks, or those one after the other.
        concurrency: How many branches are at work at a time; None takes the blueprint's `max_parallel`.
    """

    members: tuple[str, ...]
    join: str
    picks: Literal["all", "several", "sequence"] = "all"
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class Each:
    """Where a case parts into one branch for each item of a list.

    Args:
        over: The field of the case that holds the list.
        items: The field of its contract that is the list.
        item: The contract of one item.
        body: The step that does one item.
        join: The step that collects what came of the items, in their order.
        concurrency: How many items are at work at a time.
        at_most: How long the list may be; a longer one fails the step, with the reason.
    """

    over: str
    items: str
    item: type[Contract]
    body: str
    join: str
    concurrency: int = 8
    at_most: int = 100


@dataclass(frozen=True, slots=True)
class Join:
    """Where branches come together.

    Args:
        of: The step where they parted.
        into: For a map: the field of the collecting contract that is the list of results.
        renamed: Former names of members, with their present ones.
    """

    of: str
    into: str | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """A blueprint as one step of another; the steps inside are named `step.inner`.

    Args:
        flow: The name of the blueprint inside.
        takes: Its input fields, each with the field of the case outside that it is given.
        gives: Fields outside, each with the field inside that it is given from.
        item: The input field that is given the item, where it is the body of a map.
    """

    flow: str
    takes: Mapping[str, str] = field(default_factory=dict)
    gives: Mapping[str, str] = field(default_factory=dict)
    item: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause on a timer.

    Args:
        until: How long, or a plain function of contracts that gives the moment.
        remind: How long before it is over the owner is reminded.
    """

    until: timedelta | Callable[..., object]
    remind: timedelta | None = None

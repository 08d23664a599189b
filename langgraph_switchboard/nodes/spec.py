"""What a step is, as plain data: the blueprint writes it, the check reads it, the node runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from langgraph_switchboard.contracts import Contract, Decision

END = "__end__"
"""Where a case ends; LangGraph's own name for it."""
OPEN = "open"
"""The built-in first step, which seals what comes from outside."""
DEAD_LETTER = "dead_letter"
"""The built-in last rung: the case is set aside for an operator, with everything it had."""

Kind = Literal["open", "step", "supervisor", "gate", "review", "effect", "dead_letter"]
Way = Literal["then", "fallback", "agent", "unsure", "sure", "rejected"]
"""How a step can be left: what happened in it."""


@dataclass(frozen=True, slots=True)
class Take:
    """One field that a step may see.

    Args:
        field: The field of the case.
        contract: The contract that it is opened as.
        optional: The step can do without it.
    """

    field: str
    contract: type[Contract]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """One way out of a step.

    Args:
        way: What must have happened.
        to: The step (or END) that is next.
        writes: The fields that are certainly written when this way is taken.
    """

    way: Way
    to: str
    writes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Choice:
    """A plain function that picks among declared destinations.

    Args:
        call: Takes contracts by field name, returns one of `names`; pure and quick.
        takes: The fields that it reads.
        names: The destinations that its `Literal[...]` return type declares.
    """

    call: Callable[..., str]
    takes: tuple[Take, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gate:
    """When a gate lets a case through without a person.

    Args:
        of: The field whose `confidence` is judged.
        threshold: From this confidence on (0 to 1) it may pass.
        always: Takes contracts by field name; returns a reason (or True) to ask a person
            whatever the confidence, else None or False.
        always_takes: The fields that `always` reads.
    """

    of: str
    threshold: float
    always: Callable[..., object] | None = None
    always_takes: tuple[Take, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """A question to a person.

    Args:
        of: The field that is decided on; a person may write it where no draft is there.
        subject: The contract of that field.
        decides: The contract of the answer.
        decision_field: The field that keeps the answer.
        within: How soon an answer is promised.
        responds: Makes the subject from a person's own words: `(message, draft) -> subject`.
    """

    of: str
    subject: type[Contract]
    decides: type[Decision]
    decision_field: str
    within: timedelta | None = None
    responds: Callable[[str, Any], Contract] | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """What a high-risk effect looks for before it acts.

    Args:
        review: The review step whose decision must stand.
        when: Takes contracts by field name; where it gives nothing, no approval is needed.
        when_takes: The fields that `when` reads.
    """

    review: str
    when: Callable[..., object] | None = None
    when_takes: tuple[Take, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One named place in a blueprint.

    Args:
        name: Persistent: open cases stand on it by this name.
        kind: What it is.
        edges: Every way out; the node goes nowhere else.
        takes: What it sees of the case.
        gives: The field that it writes, if it writes one.
        contract: The contract of that field.
        call: The async function that does the work, already bound to its kind's calling form.
        wants_context: Whether `call` takes the StepContext as `ctx`.
        owner: Who answers for it.
        timeout: Seconds for one attempt.
        then: The fixed next step, or the function that picks it.
        agents: A supervisor's agents.
        threshold: A supervisor's: below this confidence (0 to 1) nobody is picked.
        gate: A gate's rule.
        review: A review's question.
        approval: What a high-risk effect looks for before it acts.
        description: Its job, from the docstring.
    """

    name: str
    kind: Kind
    edges: tuple[Edge, ...]
    takes: tuple[Take, ...] = ()
    gives: str | None = None
    contract: type[Contract] | None = None
    call: Callable[..., Awaitable[object]] | None = None
    wants_context: bool = False
    owner: str = ""
    timeout: float | None = 30.0
    then: str | Choice = END
    agents: tuple[str, ...] = ()
    threshold: float = 0.0
    gate: Gate | None = None
    review: Review | None = None
    approval: Approval | None = None
    description: str = ""

    def way(self, way: Way) -> str | None:
        """Where this way leads, or None where the step does not have it."""
        return next((edge.to for edge in self.edges if edge.way == way), None)

    def destinations(self) -> tuple[str, ...]:
        """Every step that this one can go to, each once, in order."""
        return tuple(dict.fromkeys(edge.to for edge in self.edges))


@dataclass(frozen=True, slots=True)
class FlowInfo:
    """What every node of one blueprint needs to know about it.

    Args:
        name: The blueprint's name.
        version: Its version.
        digest: SHA-256 of its description.
        knowledge: Package that holds its help articles, or None.
        tables: Package that holds its `schema.sql`, `seed.sql` and `queries.sql`, or None.
        max_visits: How often one case may come to one step.
        inputs: The input contracts by field.
    """

    name: str
    version: int
    digest: str
    knowledge: str | None
    tables: str | None
    max_visits: int
    inputs: dict[str, type[Contract]]

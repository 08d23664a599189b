"""What a step is, as plain data: the blueprint writes it, the check reads it, the node runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from langgraph_switchboard.contracts import Contract, Decision
from langgraph_switchboard.limits import BreakerPolicy, Budget, Rate
from langgraph_switchboard.models import Tool
from langgraph_switchboard.nodes.forms import Each, Fork, Join, Part, Wait

END = "__end__"
"""Where a case ends; LangGraph's own name for it."""
OPEN = "open"
"""The built-in first step, which seals what comes from outside."""
DEAD_LETTER = "dead_letter"
"""The built-in last rung: the case is set aside for an operator, with everything it had."""

PATIENCE_IN_A_SET = 5.0
"""Seconds that a wait before another attempt may hold the process where others wait for the branch."""

Kind = Literal[
    "open", "step", "supervisor", "gate", "review", "effect", "dead_letter",
    "parallel", "map", "join", "include", "wait",
]  # fmt: skip
Way = Literal[
    "then", "fallback", "agent", "unsure", "sure", "rejected",
    "member", "exhausted", "expired", "finished", "declined", "over_budget",
]  # fmt: skip
"""How a step can be left: what happened in it. `member` leads into a branch of a set, `exhausted`
out of a step that the case came to more often than it may, `expired` out of a review that nobody
answered; `finished` and `declined` are how an included blueprint ended; `over_budget` leads to a
person, with a draft if there is one."""
Source = Literal["case", "item", "members"]
"""Where a step finds what it takes: the case; the item of a map; all members of a set, by member."""
Risk = Literal["low", "medium", "high"]
"""How much harm a wrong one does: who may decide it, and whether it may be decided in bulk."""
Expiry = Literal["decline", "escalate"]
"""What becomes of a review that nobody answers. It is never approved by time alone."""


@dataclass(frozen=True, slots=True)
class Take:
    """One field that a step may see.

    Args:
        field: The field of the case.
        contract: The contract that it is opened as.
        optional: The step can do without it.
        of: Where it is found. Of `members` the step gets `{member: contract}`, and of `item` the
            item under the name `field`, which is no field of the case.
    """

    field: str
    contract: type[Contract]
    optional: bool = False
    of: Source = "case"


@dataclass(frozen=True, slots=True)
class Edge:
    """One way out of a step.

    Args:
        way: What must have happened.
        to: The step (or END) that is next.
        writes: The fields that are certainly written when this way is taken.
        is_implied: The author did not say where it leads; it is the dead letter.
    """

    way: Way
    to: str
    writes: frozenset[str] = frozenset()
    is_implied: bool = False


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
class Retry:
    """How often a step is tried, and how long it waits in between.

    The wait before attempt n + 1 is `base * factor ** (n - 1)` seconds, at most `longest`, of which
    a random part between half and all is waited where `jitter` is set. A wait that a server asks
    for (Retry-After) takes its place, up to `longest`.

    Args:
        attempts: Attempts in all; 1 tries once and never again.
        base: Seconds before the second attempt.
        factor: By how much each wait is longer than the one before.
        longest: Seconds that a wait has at most, whatever a server asks for.
        jitter: Whether waits are spread at random, so that many cases do not come back at once.
    """

    attempts: int = 3
    base: float = 2.0
    factor: float = 2.0
    longest: float = 300.0
    jitter: bool = True


@dataclass(frozen=True, slots=True)
class Hooks:
    """A blueprint's own code at fixed places: plain async functions, timed and on the record.

    A hook that raises fails the step that it belongs to, loudly: it is never passed over.

    Args:
        before_routing: Before a supervisor's router: `(ctx) -> None`.
        before_agent: Before an agent of a step or effect: `(ctx) -> None`.
        after_agent: After it, with the contract that was accepted: `(contract, ctx) -> None`.
        before_effect: Before an effect acts: `(ctx) -> None`.
        on_failure: When a step has failed for good, with the failure's record: `(failure, ctx) -> None`.
    """

    before_routing: tuple[Callable[..., Awaitable[None]], ...] = ()
    before_agent: tuple[Callable[..., Awaitable[None]], ...] = ()
    after_agent: tuple[Callable[..., Awaitable[None]], ...] = ()
    before_effect: tuple[Callable[..., Awaitable[None]], ...] = ()
    on_failure: tuple[Callable[..., Awaitable[None]], ...] = ()


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
        expires: When a review that nobody answered ends by `on_expiry`; None waits for ever.
        on_expiry: What becomes of it then.
        remind: How long before `within` is over its owners are reminded.
        escalates_to: The group that it goes to when it is escalated; the owner unless given.
        risk: How much harm a wrong decision does.
        amount: Takes the subject; gives the amount of money at stake, or None. Roles may be bounded by it.
        people: How many different people must approve it.
        people_when: Takes contracts by field name and gives that number for this case, at least 1.
        people_when_takes: The fields that `people_when` reads.
        high_when: Takes contracts by field name; where it gives something, the case at hand is of high risk.
        high_when_takes: The fields that `high_when` reads.
        undo: How long a decision can be taken back before the case goes on with it; None leaves it to
            whoever serves the people.
    """

    of: str
    subject: type[Contract]
    decides: type[Decision]
    decision_field: str
    within: timedelta | None = None
    responds: Callable[[str, Any], Contract] | None = None
    expires: timedelta | None = None
    on_expiry: Expiry = "escalate"
    remind: timedelta | None = None
    escalates_to: str | None = None
    risk: Risk = "medium"
    amount: Callable[[Any], float | None] | None = None
    people: int = 1
    people_when: Callable[..., int] | None = None
    people_when_takes: tuple[Take, ...] = ()
    undo: timedelta | None = None
    high_when: Callable[..., object] | None = None
    high_when_takes: tuple[Take, ...] = ()


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
        retry: How often it is tried, and how long it waits in between.
        budget: What one case may spend in this step; None leaves it to the blueprint's budget.
        rate: How often its agent may be called, over all processes; None sets no bound.
        breaker: When its agent is left alone for a while; None never.
        risk: How much harm it does when it is wrong; an effect of high risk needs a review before it.
        history: How many of the last messages of the conversation its agent sees.
        max_visits: How often one case may come to it before it is left by its way `exhausted`;
            None leaves it to the blueprint's bound.
        fork: Where branches begin: a parallel set, or a supervisor that picks several.
        each: A map's list and body.
        join: What comes together in it.
        part: The blueprint that it includes.
        wait: A pause's length.
        implied_by: The step whose declaration made this one too: a set's join, a map's body.
        tools: What a model may call while it answers for its agent; nothing else.
        patience: Seconds that a wait before another attempt may hold the process; a longer one is a
            timer. Less in a set, where others wait for it.
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
    retry: Retry = Retry()
    budget: Budget | None = None
    rate: Rate | None = None
    breaker: BreakerPolicy | None = None
    risk: Risk = "low"
    history: int = 20
    max_visits: int | None = None
    fork: Fork | None = None
    each: Each | None = None
    join: Join | None = None
    part: Part | None = None
    wait: Wait | None = None
    implied_by: str = ""
    tools: tuple[Tool, ...] = ()
    patience: float = 60.0

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
        budget: What one case may spend in all; None sets no bound.
        hooks: The blueprint's own code at fixed places.
        max_hops: How many steps one case may take in all.
        max_parallel: How many members of a parallel set or map run at a time.
        reviews: The steps at which a person is asked.
        breakers: The breakers of its agents, by step.
        bounds: The budgets that hold for all its steps, the outermost first: those of the blueprints
            that it is included in, and its own; each with the step that includes it, "" outside any.
    """

    name: str
    version: int
    digest: str
    knowledge: str | None
    tables: str | None
    max_visits: int
    inputs: dict[str, type[Contract]]
    budget: Budget | None = None
    hooks: Hooks = Hooks()
    max_hops: int = 100
    max_parallel: int = 16
    reviews: frozenset[str] = frozenset()
    breakers: Mapping[str, BreakerPolicy] = field(default_factory=dict)
    bounds: tuple[tuple[str, Budget], ...] = ()

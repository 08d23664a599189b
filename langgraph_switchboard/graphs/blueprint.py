"""Blueprint: a process written down once, checked, and built into a `StateGraph`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from langgraph.graph import StateGraph

from langgraph_switchboard.contracts import CaseState, Contract, Decision
from langgraph_switchboard.errors import BlueprintError, ContractViolation
from langgraph_switchboard.graphs.build import build
from langgraph_switchboard.graphs.check import Finding, check
from langgraph_switchboard.graphs.drawing import mermaid
from langgraph_switchboard.graphs.making import Agent, Maker, needs, share, span
from langgraph_switchboard.graphs.options import StepOptions, Target, Unpack, name_of
from langgraph_switchboard.graphs.over_budget import with_ways_to_a_person
from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.graphs.said import Said, declares
from langgraph_switchboard.graphs.shapes import Shapes
from langgraph_switchboard.limits import Budget
from langgraph_switchboard.nodes import (
    DEAD_LETTER,
    END,
    JOIN,
    OPEN,
    Approval,
    Edge,
    Expiry,
    Gate,
    Hooks,
    Review,
    Risk,
    Step,
    Take,
    must_be_hooks,
    read_plain,
)

TAKEN = (OPEN, DEAD_LETTER, END, JOIN, "__start__")
"""Names that no step may have."""
_HERE = __name__.rpartition(".")[0]


class Blueprint(Shapes):
    """A process: who hands what to whom, who owns each step, and what happens when it cannot go on.

    The first step that is declared is where a case begins. Destinations are step names, the
    agents themselves, `END`, or a plain function whose `Literal[...]` return type names them;
    within a set also `JOIN`, where a branch has done its part.
    Two steps are built in: `open` seals the inputs, `dead_letter` keeps what cannot go on.

    Args:
        name: The flow's name; persistent.
        case: The case state that its steps share.
        version: Raise it when the process changes.
        owner: Who answers for steps that name nobody else.
        knowledge: Package that holds help articles, for `ctx.search`.
        tables: Package that holds `schema.sql`, `seed.sql` and `queries.sql`, for `ctx.rows`.
        max_visits: How often one case may come to one step before it is set aside: the bound of
            every loop that has none of its own. It is 10, and unsaid it bounds no loop in the check's eyes.
        renamed: Former names of steps, old to present: step names are persistent, since open
            cases stand on them.
        budget: What one case may spend in all.
        hooks: Code of your own at fixed places.
        max_hops: How many steps one case may take in all before it is set aside.
        max_parallel: How many members of a parallel set or a map run at a time.
    """

    def __init__(
        self,
        name: str,
        *,
        case: type[CaseState],
        version: int = 1,
        owner: str = "",
        knowledge: str | None = None,
        tables: str | None = None,
        max_visits: int | None = None,
        renamed: Mapping[str, str] | None = None,
        budget: Budget | None = None,
        hooks: Hooks | None = None,
        max_hops: int = 100,
        max_parallel: int = 16,
    ) -> None:
        self.name = name
        self.case = case
        self.version = version
        self.owner = owner
        self.knowledge = knowledge
        self.tables = tables
        self.max_visits = max_visits
        self.renamed = dict(renamed or {})
        self.budget = budget
        self.hooks = must_be_hooks(hooks or Hooks(), name)
        self.max_hops = max_hops
        self.max_parallel = max_parallel
        self.said: list[Said] = []
        self._make = Maker(case, owner)
        self.places: dict[str, str] = {}  # where a step is declared, as file:line(:column)
        self.called = ""  # the file that it was read from, as another one names it
        self._steps: dict[str, Step] = {}
        self._included: dict[str, Process] = {}
        case.fields()  # a case that cannot be kept is refused here, not at the first run

    @declares
    def step(
        self,
        agent: Agent,
        *,
        then: Target,
        name: str | None = None,
        takes: Iterable[str] | None = None,
        gives: str | None = None,
        fallback: Target | None = None,
        **options: Unpack[StepOptions],
    ) -> None:
        """Declare a step that an agent does.

        Args:
            agent: An async function of contracts, a compiled LangGraph graph, or a Runnable.
            then: Where the case goes next.
            name: The step's name; the function's own unless given. A Runnable needs one.
            takes: For a Runnable: the fields that it receives.
            gives: The field that it writes; for a function only where two fields hold its contract.
            fallback: Where the case goes when the agent fails; the dead letter unless given.
            **options: See `StepOptions`.

        Raises:
            BlueprintError: The agent's signature does not fit the case.
        """
        self._add(self._make.worker("step", agent, then, name, takes, gives, fallback, options))

    @declares
    def effect(
        self,
        agent: Agent,
        *,
        then: Target = END,
        name: str | None = None,
        gives: str | None = None,
        fallback: Target | None = None,
        approved: str | None = None,
        when: Callable[..., object] | None = None,
        risk: Risk = "low",
        **options: Unpack[StepOptions],
    ) -> None:
        """Declare a step that does something to the world; only it may use `ctx.outbox` and its like.

        Args:
            agent: An async function of contracts.
            then: Where the case goes next.
            name: The step's name; the function's own unless given.
            gives: The field that it writes, where two fields hold its contract.
            fallback: Where the case goes when it fails; the dead letter unless given.
            approved: For an effect with high stakes: the review whose decision must cover what
                it acts on. It looks for itself, right before it acts.
            when: A plain function of contracts; approval is needed only where it gives something.
            risk: How much harm it does when it is wrong; one of high risk needs a review before it.
            **options: See `StepOptions`.

        Raises:
            BlueprintError: The agent's signature does not fit the case.
        """
        step = replace(
            self._make.worker("effect", agent, then, name, None, gives, fallback, options), risk=risk
        )
        if approved is not None:
            reads = read_plain(when, self.case) if when else ()
            step = replace(step, approval=Approval(approved, when, reads))
        self._add(step)

    @declares
    def gate(
        self,
        name: str,
        *,
        of: str,
        sure: Target,
        unsure: Target,
        threshold: float = 0.7,
        always: Callable[..., object] | None = None,
        owner: str | None = None,
    ) -> None:
        """Declare a gate: on where the confidence is high enough, else to a person.

        Args:
            name: The step's name.
            of: The field whose `confidence` is judged.
            sure: Where the case goes when it passes.
            unsure: Where it goes when it does not.
            threshold: Confidence (0 to 1) from which it passes.
            always: A plain function of contracts that returns a reason to ask a person
                whatever the confidence, or None.
            owner: Who answers for it.

        Raises:
            BlueprintError: The field is unknown or its contract has no `confidence`.
        """
        contract = self._make.contract(of, name)
        needs(contract, ("confidence",), name)
        reads = read_plain(always, self.case) if always else ()
        takes = {take.field: take for take in (*reads, Take(of, contract))}
        to = name_of(unsure)
        edges = (Edge("sure", name_of(sure)), Edge("unsure", to), Edge("fallback", to))
        rule = Gate(of, share(threshold, name), always, reads)
        self._add(
            Step(name, "gate", edges, tuple(takes.values()), owner=owner or self.owner, gate=rule,
                 description=f"Passes `{of}` from confidence {threshold:g} on.")
        )  # fmt: skip

    @declares
    def review(
        self,
        name: str,
        *,
        of: str,
        decides: type[Decision],
        then: Target,
        rejected: Target = END,
        within: str | timedelta | None = None,
        responds: Callable[[str, Any], Contract] | None = None,
        owner: str | None = None,
        expires: str | timedelta | None = None,
        on_expiry: Expiry = "escalate",
        remind: str | timedelta | None = None,
        escalates_to: str | None = None,
        risk: Risk = "medium",
        amount: Callable[[Any], float | None] | None = None,
        people: int = 1,
        people_when: Callable[..., int] | None = None,
        high_when: Callable[..., object] | None = None,
        undo: str | timedelta | None = None,
    ) -> None:
        """Declare a review: the case waits for a person.

        Args:
            name: The step's name.
            of: The field that is decided on; where no draft is there a person writes it.
            decides: The contract of the answer, with `edited: Subject | None`.
            then: Where the case goes when it is approved, edited or answered.
            rejected: Where it goes when it is rejected; it ends as declined unless given.
            within: How soon an answer is promised: "4h", "30m"; shown, and marked when overdue.
            responds: Makes the subject from a person's own words: `(message, draft) -> subject`.
            owner: Who decides.
            expires: When a review that nobody answered ends by `on_expiry`: "3d"; never unless given.
            on_expiry: `decline` or `escalate`; time alone never approves.
            remind: How long before `within` is over its owners are reminded.
            escalates_to: The group that it goes to when it is escalated; the owner unless given.
            risk: How much harm a wrong decision does; one of high risk is never decided in bulk.
            amount: Takes the subject; gives the amount of money at stake, or None.
            people: How many different people must approve it.
            people_when: A plain function of contracts that gives that number for the case at hand.
            high_when: A plain function of contracts; where it gives something, the case at hand is of
                high risk, whatever `risk` says.
            undo: How long a decision can be taken back before the case goes on with it: "10s".

        Raises:
            BlueprintError: The answer's contract cannot edit the subject, or cannot decline by itself
                where time is to.
        """
        subject = self._make.contract(of, name)
        decision = self._make.field(decides, None, name)
        edited = decides.model_fields.get("edited")
        if edited is None or subject not in getattr(edited.annotation, "__args__", ()):
            raise BlueprintError(
                f"{decides.__name__} cannot edit what the review decides on",
                where=name,
                wanted=f"a field `edited: {subject.__name__} | None = None`",
            )
        if on_expiry == "decline":
            _can_decline(decides, name)
        both = frozenset({of, decision})
        edges = (
            Edge("then", name_of(then), both),
            Edge("rejected", name_of(rejected), frozenset({decision})),
            Edge("fallback", DEAD_LETTER, is_implied=True),
        )
        counted = read_plain(people_when, self.case) if people_when else ()
        weighed = read_plain(high_when, self.case) if high_when else ()
        seen = {take.field: take for take in (Take(of, subject, optional=True), *counted, *weighed)}
        self._add(
            Step(
                name, "review", edges, tuple(seen.values()), owner=owner or self.owner,
                timeout=None, risk=risk,
                review=Review(
                    of, subject, decides, decision, span(within, name), responds, span(expires, name),
                    on_expiry, span(remind, name), escalates_to, risk, amount, people, people_when, counted,
                    span(undo, name), high_when, weighed,
                ),
                description=f"A person decides on `{of}`.",
            )
        )  # fmt: skip

    def process(self) -> Process:
        """The blueprint as finished data.

        Raises:
            BlueprintError: It has no step.
        """
        if not self._steps:
            raise BlueprintError(
                f"the blueprint {self.name!r} has no step", mend="Declare one with .step(...)."
            )
        entry = next(iter(self._steps))
        inputs = frozenset(name for name, field in self.case.fields().items() if field.is_input)
        opening = Step(
            OPEN, "open", (Edge("then", entry, inputs), Edge("fallback", DEAD_LETTER)), owner=self.owner,
            timeout=None, then=entry, description="Seals what comes from outside.",
        )  # fmt: skip
        last = Step(
            DEAD_LETTER, "dead_letter", (Edge("then", END),), owner=self.owner, timeout=None,
            description="Keeps a case that cannot go on, for an operator.",
        )  # fmt: skip
        steps = with_ways_to_a_person({OPEN: opening, **self._steps, DEAD_LETTER: last}, self.budget)
        for old, new in self.renamed.items():
            if old in steps or new not in steps:
                raise BlueprintError(
                    f"the rename of {old!r} to {new!r} does not hold",
                    where=self.name,
                    wanted="a former name that is no step, and a present name that is one",
                )
        return Process(
            self.name,
            self.version,
            self.owner,
            self.case,
            steps,
            self.knowledge,
            self.tables,
            self.max_visits or 10,
            self.renamed,
            self.budget,
            self.hooks,
            self.max_hops,
            self.max_parallel,
            self.max_visits is not None,
            dict(self._included),
            dict(self.places),
        )

    def check(self) -> list[Finding]:
        """Everything that is wrong with the process before it runs; empty when it is sound."""
        return check(self.process())

    def mermaid(self) -> str:
        """The process as mermaid text, for Markdown; it can be drawn before it is sound."""
        return mermaid(self.process())

    def build(self) -> StateGraph[Any, Any, Any, Any]:
        """An ordinary `StateGraph`, uncompiled: the caller brings the checkpointer.

        Raises:
            BlueprintError: The check found errors; they are in `findings`.
        """
        process = self.process()
        errors = [finding for finding in check(process) if finding.is_error]
        if errors:
            raise BlueprintError(
                f"the blueprint {self.name!r} cannot work", mend="Mend these:", findings=errors
            )
        return build(process)

    def _add(self, step: Step) -> None:
        if step.name in self._steps or step.name in TAKEN:
            taken = "is declared twice" if step.name in self._steps else "is a name of the switchboard's own"
            raise BlueprintError(
                f"the step {step.name!r} {taken}", where=self.name, mend="Give it name='...'."
            )
        self._steps[step.name] = step
        self.places[step.name] = _declared_at()


def _can_decline(decides: type[Decision], step: str) -> None:
    try:
        decides.accept({"type": "reject", "message": "nobody answered in time"}, by=step)
    except ContractViolation as violation:
        first = violation.problems[0]
        raise BlueprintError(
            f"time cannot decline with {decides.__name__}: {first['at']} {first['says']}",
            where=step,
            mend="Give its further fields defaults, or let it escalate.",
        ) from None


def _declared_at() -> str:
    """The line of the author's that declares a step; empty where there is none."""
    frame = inspect.currentframe()
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(_HERE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else ""

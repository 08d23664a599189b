"""Blueprint: a process written down once, checked, and built into a `StateGraph`."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from langchain_core.runnables import Runnable
from langgraph.graph import StateGraph

from langgraph_switchboard.contracts import CaseState, Contract, Decision
from langgraph_switchboard.errors import BlueprintError
from langgraph_switchboard.graphs.build import build
from langgraph_switchboard.graphs.check import Finding, check
from langgraph_switchboard.graphs.drawing import mermaid
from langgraph_switchboard.graphs.durations import seconds_of
from langgraph_switchboard.graphs.options import StepOptions, Unpack, options_of
from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.graphs.said import Said, declares
from langgraph_switchboard.limits import Budget
from langgraph_switchboard.nodes import (
    DEAD_LETTER,
    END,
    OPEN,
    Approval,
    Choice,
    Edge,
    Expiry,
    Gate,
    Hooks,
    Review,
    Risk,
    Step,
    Take,
    as_agent,
    read_agent,
    read_choice,
    read_plain,
)

Agent = Callable[..., Awaitable[Contract]] | Runnable[Any, Any]
Target = str | Callable[..., Any]


class Blueprint:
    """A process: who hands what to whom, who owns each step, and what happens when it cannot go on.

    The first step that is declared is where a case begins. Destinations are step names, the
    agents themselves, `END`, or a plain function whose `Literal[...]` return type names them.
    Two steps are built in: `open` seals the inputs, `dead_letter` keeps what cannot go on.

    Args:
        name: The flow's name; persistent.
        case: The case state that its steps share.
        version: Raise it when the process changes.
        owner: Who answers for steps that name nobody else.
        knowledge: Package that holds help articles, for `ctx.search`.
        tables: Package that holds `schema.sql`, `seed.sql` and `queries.sql`, for `ctx.rows`.
        max_visits: How often one case may come to one step before it is set aside.
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
        max_visits: int = 10,
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
        self.hooks = hooks or Hooks()
        self.max_hops = max_hops
        self.max_parallel = max_parallel
        self.said: list[Said] = []
        self._steps: dict[str, Step] = {}
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
        self._add(self._worker("step", agent, then, name, takes, gives, fallback, options))

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
        step = replace(self._worker("effect", agent, then, name, None, gives, fallback, options), risk=risk)
        if approved is not None:
            reads = read_plain(when, self.case) if when else ()
            step = replace(step, approval=Approval(approved, when, reads))
        self._add(step)

    @declares
    def supervise(
        self,
        name: str,
        router: Callable[..., Awaitable[Contract]],
        *,
        agents: Sequence[Target],
        unsure: Target,
        threshold: float = 0.7,
        fallback: Target | None = None,
        **options: Unpack[StepOptions],
    ) -> None:
        """Declare a supervisor: a router that picks one of the declared agents, or nobody.

        Args:
            name: The step's name.
            router: An async function that gives a contract with the fields `agent` (a step's
                name, or None), `confidence` (0 to 1) and `reason`.
            agents: The steps that it may pick; nothing else is ever gone to.
            unsure: Where the case goes when nobody is picked.
            threshold: Below this confidence nobody is picked. 0.7 carries no promise: it is
                the customary figure for who has not measured yet.
            fallback: Where it goes when the router fails; `unsure` unless given.
            **options: See `StepOptions`.

        Raises:
            BlueprintError: The router's contract lacks one of the three fields.
        """
        signature = read_agent(router, self.case)
        _needs(signature.gives, ("agent", "confidence", "reason"), name)
        gives = self._field(signature.gives, None, name)
        names = tuple(_target(agent) for agent in agents)
        wrote = frozenset({gives})
        edges = [Edge("agent", agent, wrote) for agent in names]
        edges += [Edge("unsure", _target(unsure), wrote), Edge("fallback", _target(fallback or unsure))]
        self._add(
            Step(
                name, "supervisor", tuple(edges), signature.takes, gives, signature.gives, router,
                signature.wants_context, agents=names, threshold=_share(threshold, name),
                description=_doc(router), **options_of(options, self.owner, name),
            )
        )  # fmt: skip

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
        contract = self._contract(of, name)
        _needs(contract, ("confidence",), name)
        reads = read_plain(always, self.case) if always else ()
        takes = {take.field: take for take in (*reads, Take(of, contract))}
        to = _target(unsure)
        edges = (Edge("sure", _target(sure)), Edge("unsure", to), Edge("fallback", to))
        rule = Gate(of, _share(threshold, name), always, reads)
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

        Raises:
            BlueprintError: The answer's contract cannot edit the subject.
        """
        subject = self._contract(of, name)
        decision = self._field(decides, None, name)
        edited = decides.model_fields.get("edited")
        if edited is None or subject not in getattr(edited.annotation, "__args__", ()):
            raise BlueprintError(
                f"{decides.__name__} cannot edit what the review decides on",
                where=name,
                wanted=f"a field `edited: {subject.__name__} | None = None`",
            )
        both = frozenset({of, decision})
        edges = (
            Edge("then", _target(then), both),
            Edge("rejected", _target(rejected), frozenset({decision})),
            Edge("fallback", DEAD_LETTER),
        )
        counted = read_plain(people_when, self.case) if people_when else ()
        self._add(
            Step(
                name, "review", edges, (Take(of, subject, optional=True),), owner=owner or self.owner,
                timeout=None, risk=risk,
                review=Review(
                    of, subject, decides, decision, _span(within, name), responds, _span(expires, name),
                    on_expiry, _span(remind, name), escalates_to, risk, amount, people, people_when, counted,
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
        steps: Mapping[str, Step] = {OPEN: opening, **self._steps, DEAD_LETTER: last}
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
            self.max_visits,
            self.renamed,
            self.budget,
            self.hooks,
            self.max_hops,
            self.max_parallel,
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

    def _worker(
        self, kind: Any, agent: Agent, then: Target, name: str | None, takes: Iterable[str] | None,
        gives: str | None, fallback: Target | None, options: StepOptions,
    ) -> Step:  # fmt: skip
        if isinstance(agent, Runnable):
            return self._foreign(agent, then, name, takes, gives, fallback, options)
        signature = read_agent(agent, self.case)
        name = name or agent.__name__
        gives = self._field(signature.gives, gives, name)
        chosen, edges = self._ways(then, gives, fallback)
        return Step(
            name, kind, edges, signature.takes, gives, signature.gives, agent, signature.wants_context,
            then=chosen, description=_doc(agent), **options_of(options, self.owner, name),
        )  # fmt: skip

    def _foreign(
        self, agent: Runnable[Any, Any], then: Target, name: str | None, takes: Iterable[str] | None,
        gives: str | None, fallback: Target | None, options: StepOptions,
    ) -> Step:  # fmt: skip
        if name is None or takes is None or gives is None:
            raise BlueprintError(
                f"a {type(agent).__name__} has no signature to read",
                where=name or self.name,
                wanted="name=, takes= and gives=",
            )
        seen = tuple(Take(field, self._contract(field, name)) for field in takes)
        chosen, edges = self._ways(then, gives, fallback)
        return Step(
            name, "step", edges, seen, gives, self._contract(gives, name), as_agent(agent, gives), True,
            then=chosen, description=_doc(agent), **options_of(options, self.owner, name),
        )  # fmt: skip

    def _ways(
        self, then: Target, gives: str, fallback: Target | None
    ) -> tuple[str | Choice, tuple[Edge, ...]]:
        wrote = frozenset({gives})
        chosen = self._then(then)
        names = chosen.names if isinstance(chosen, Choice) else (chosen,)
        rung = Edge("fallback", _target(fallback) if fallback else DEAD_LETTER)
        return chosen, (*(Edge("then", to, wrote) for to in names), rung)

    def _then(self, then: Target) -> str | Choice:
        # An async function is a step; a plain one picks among steps.
        if isinstance(then, str) or inspect.iscoroutinefunction(then):
            return _target(then)
        return read_choice(then, self.case)

    def _field(self, contract: type[Contract], named: str | None, step: str) -> str:
        field = named or self.case.field_of(contract)
        if field is None or self.case.fields()[field].contract is not contract:
            raise BlueprintError(
                f"it is not clear which field of {self.case.__name__} keeps its {contract.__name__}",
                where=step,
                wanted="exactly one field of that contract, or gives='...'",
                came=", ".join(self.case.fields()),
            )
        return field

    def _contract(self, field: str, step: str) -> type[Contract]:
        fields = self.case.fields()
        if field not in fields:
            raise BlueprintError(
                f"{field!r} is no field of {self.case.__name__}",
                where=step,
                wanted=f"one of {', '.join(fields)}",
            )
        return fields[field].contract

    def _add(self, step: Step) -> None:
        if step.name in self._steps or step.name in (OPEN, DEAD_LETTER, END, "__start__"):
            taken = "is declared twice" if step.name in self._steps else "is a name of the switchboard's own"
            raise BlueprintError(
                f"the step {step.name!r} {taken}", where=self.name, mend="Give it name='...'."
            )
        self._steps[step.name] = step


def _target(target: Target) -> str:
    return target if isinstance(target, str) else target.__name__


def _span(said: str | timedelta | None, step: str) -> timedelta | None:
    return timedelta(seconds=seconds_of(said, step)) if isinstance(said, str) else said


def _doc(agent: object) -> str:
    return (inspect.getdoc(agent) or "").partition("\n")[0] if inspect.isfunction(agent) else ""


def _share(value: float, step: str) -> float:
    if not 0 <= value <= 1:
        raise BlueprintError("a threshold is a share", where=step, wanted="0 to 1", came=str(value))
    return value


def _needs(contract: type[Contract], names: tuple[str, ...], step: str) -> None:
    missing = [name for name in names if name not in contract.model_fields]
    if missing:
        raise BlueprintError(
            f"{contract.__name__} lacks {', '.join(missing)}",
            where=step,
            wanted=f"the fields {', '.join(names)}",
        )

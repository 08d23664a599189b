"""Process: a blueprint as finished data, which the check reads and the build compiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import timedelta
from functools import cached_property
from typing import Any

from langgraph_switchboard.contracts import CaseState, digest_of
from langgraph_switchboard.graphs.regions import Regions
from langgraph_switchboard.limits import BreakerPolicy, Budget, Rate
from langgraph_switchboard.nodes import JOIN, OPEN, Edge, FlowInfo, Hooks, Retry, Review, Step, Wait


@dataclass(frozen=True)
class Process:
    """Everything that a blueprint says, with the built-in steps `open` and `dead_letter` in it.

    Args:
        name: The flow's name.
        version: Whole number, raised when the process changes.
        owner: Who answers for it.
        case: The case state.
        steps: All steps by name, in the order in which they were declared; `open` first.
        knowledge: Package of its help articles, or None.
        tables: Package of its tables, or None.
        max_visits: How often one case may come to one step.
        renamed: Former names of steps: old name to present name.
        budget: What one case may spend in all; None sets no bound.
        hooks: The author's own code at fixed places.
        max_hops: How many steps one case may take in all.
        max_parallel: How many members of a parallel set or map run at a time.
        is_bounded: Whether the author said `max_visits`, so that every loop has a bound.
        included: The processes of the steps that include one, by step.
        places: Where each step is declared, as `file:line`; no part of what the process says.
    """

    name: str
    version: int
    owner: str
    case: type[CaseState]
    steps: Mapping[str, Step]
    knowledge: str | None
    tables: str | None
    max_visits: int
    renamed: Mapping[str, str] = field(default_factory=dict)
    budget: Budget | None = None
    hooks: Hooks = field(default_factory=Hooks)
    max_hops: int = 100
    max_parallel: int = 16
    is_bounded: bool = False
    included: Mapping[str, Process] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict, compare=False)

    def step(self, name: str) -> Step | None:
        """The step that a case stands on by this name, also by a former one; None if it is unknown.

        A step of an included process is known as `step.inner`.
        """
        found = self.steps.get(name) or self.steps.get(self.renamed.get(name, ""))
        if found is not None:
            return found
        inside = (
            inner.step(name.removeprefix(f"{step}."))
            for step, inner in self.included.items()
            if name.startswith(f"{step}.")
        )
        return next(filter(None, inside), None)

    def every_step(self) -> Iterator[tuple[str, Step]]:
        """All steps by the names that they are told by, those of included processes as well."""
        for name, step in self.steps.items():
            yield name, step
            if name in self.included:
                yield from ((f"{name}.{inner}", one) for inner, one in self.included[name].every_step())

    def leads_to(self, step: Step, edge: Edge) -> str:
        """Where a way leads; `JOIN` is the joining step of the set that the step stands in."""
        return (self.regions.join_of(step.name) or JOIN) if edge.to == JOIN else edge.to

    @cached_property
    def regions(self) -> Regions:
        """Which branch of which set each step stands in."""
        return Regions(self.steps)

    @property
    def inputs(self) -> frozenset[str]:
        """The fields that come from outside."""
        return frozenset(name for name, field in self.case.fields().items() if field.is_input)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the process says: the same process gives the same digest anywhere."""
        steps = [_plain(step) for step in self.steps.values()]
        fields = {
            name: [f.contract.contract_name, f.contract.contract_version]
            for name, f in self.case.fields().items()
        }
        packages = [self.knowledge, self.tables]
        said = {"name": self.name, "version": self.version, "fields": fields, "steps": steps}
        inside = {"included": {step: inner.digest for step, inner in self.included.items()}}
        bounds: dict[str, object] = {"budget": _bounds(self.budget)} if self.budget else {}
        hooks = {place: [_called(one) for one in some] for place, some in asdict(self.hooks).items() if some}
        bounds |= {"hooks": hooks} if hooks else {}
        more = {**(inside if self.included else {}), **bounds}
        return digest_of({**said, "packages": packages, "renamed": dict(self.renamed), **more})

    def flow(self) -> FlowInfo:
        """What its nodes need to know."""
        fields = self.case.fields()
        return FlowInfo(
            name=self.name,
            version=self.version,
            digest=self.digest,
            knowledge=self.knowledge,
            tables=self.tables,
            max_visits=self.max_visits,
            inputs={name: field.contract for name, field in fields.items() if field.is_input},
            budget=self.budget,
            hooks=self.hooks,
            max_hops=self.max_hops,
            max_parallel=self.max_parallel,
            reviews=frozenset(name for name, step in self.steps.items() if step.kind == "review"),
            breakers={name: step.breaker for name, step in self.steps.items() if step.breaker},
            bounds=(("", self.budget),) if self.budget else (),
        )

    @property
    def entry(self) -> str:
        """The first step that the author declared."""
        return self.steps[OPEN].way("then") or OPEN


def _plain(step: Step) -> dict[str, Any]:
    # A shape is told of only where there is one: a process without any keeps its digest.
    shapes: dict[str, object] = {
        "max_visits": step.max_visits,
        "fork": step.fork and asdict(step.fork),
        "each": step.each and [step.each.over, step.each.items, step.each.concurrency, step.each.at_most],
        "part": step.part and asdict(step.part),
        "wait": step.wait and _pauses(step.wait),
        "budget": step.budget and _bounds(step.budget),
        "rate": step.rate and _bounds(step.rate),
        "breaker": step.breaker and _bounds(step.breaker),
        "retry": _bounds(step.retry) or None,
        "tools": [[tool.name, tool.contract.contract_name, tool.risk] for tool in step.tools] or None,
    }
    return {**_line(step), **{name: said for name, said in shapes.items() if said is not None}}


def _bounds(policy: Budget | Rate | BreakerPolicy | Retry) -> dict[str, object]:
    """What a policy says otherwise than by default: one that learns a new word keeps its digest."""
    values = {one.name: (getattr(policy, one.name), one.default) for one in fields(policy)}
    return {name: value for name, (value, default) in values.items() if value != default}


def _pauses(wait: Wait) -> list[object]:
    until = wait.until.total_seconds() if isinstance(wait.until, timedelta) else _called(wait.until)
    return [until, wait.remind and wait.remind.total_seconds()]


def _line(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "kind": step.kind,
        "owner": step.owner,
        "takes": [[take.field, take.optional] for take in step.takes],
        "gives": step.gives,
        "timeout": step.timeout,
        "threshold": step.threshold if step.gate is None else step.gate.threshold,
        "edges": [[edge.way, edge.to] for edge in step.edges],
        "gate": step.gate and [step.gate.of, _called(step.gate.always)],
        "review": step.review and _asks(step.review),
        "approval": step.approval and [step.approval.review, _called(step.approval.when)],
    }


def _asks(review: Review) -> list[object]:
    within = review.within.total_seconds() if review.within else None
    asks: list[object] = [review.of, review.decides.contract_name, within, _called(review.responds)]
    limits = {
        "expires": review.expires and [review.expires.total_seconds(), review.on_expiry],
        "remind": review.remind and review.remind.total_seconds(),
        "undo": review.undo and review.undo.total_seconds(),
        "escalates_to": review.escalates_to,
        "risk": None if review.risk == "medium" else review.risk,
        "amount": _called(review.amount),
        "people": None if review.people == 1 else review.people,
        "people_when": _called(review.people_when),
        "high_when": _called(review.high_when),
    }
    # What is not said leaves no trace, so that a digest from before it could be said still holds.
    said = {name: value for name, value in limits.items() if value is not None}
    return [*asks, said] if said else asks


def _called(function: Callable[..., object] | None) -> str | None:
    # Its name stands for it: what it does inside is code, which a digest of the process does not follow.
    return None if function is None else getattr(function, "__qualname__", type(function).__name__)

"""Making steps: what an author says of a step, and what the case says, as a finished `Step`."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from langchain_core.runnables import Runnable

from langgraph_switchboard.contracts import CaseState, Contract
from langgraph_switchboard.errors import BlueprintError
from langgraph_switchboard.graphs.durations import seconds_of
from langgraph_switchboard.graphs.options import StepOptions, Target, name_of, options_of, way_out
from langgraph_switchboard.nodes import (
    DEAD_LETTER,
    JOIN,
    RESULT,
    Choice,
    Edge,
    Join,
    Step,
    Take,
    as_agent,
    read_agent,
    read_choice,
)

Agent = Callable[..., Awaitable[Contract]] | Runnable[Any, Any]
"""Who does a step: an async function of contracts, a compiled LangGraph graph, or a Runnable."""


class Maker:
    """Makes the steps of one blueprint.

    Args:
        case: The case state that they share.
        owner: Who answers for those that name nobody else.
    """

    def __init__(self, case: type[CaseState], owner: str) -> None:
        self.case = case
        self.owner = owner

    def worker(
        self, kind: Any, agent: Agent, then: Target, name: str | None, takes: Iterable[str] | None,
        gives: str | None, fallback: Target | None, options: StepOptions,
    ) -> Step:  # fmt: skip
        """A step at work: an agent between the fields that it takes and the field that it gives.

        Raises:
            BlueprintError: The agent's signature does not fit the case.
        """
        if isinstance(agent, Runnable):
            return self._foreign(agent, then, name, takes, gives, fallback, options)
        signature = read_agent(agent, self.case)
        name = name or name_of(agent)
        gives = self.field(signature.gives, gives, name)
        chosen, edges = self.ways(then, gives, fallback)
        return Step(
            name, kind, (*edges, *way_out(options)), signature.takes, gives, signature.gives, agent,
            signature.wants_context, then=chosen, description=doc_of(agent),
            **options_of(options, self.owner, name),
        )  # fmt: skip

    def _foreign(
        self, agent: Runnable[Any, Any], then: Target, name: str | None, takes: Iterable[str] | None,
        gives: str | None, fallback: Target | None, options: StepOptions,
    ) -> Step:  # fmt: skip
        if name is None or takes is None or gives is None:
            raise BlueprintError(
                f"a {type(agent).__name__} has no signature to read",
                where=name or self.case.__name__,
                wanted="name=, takes= and gives=",
            )
        seen = tuple(Take(field, self.contract(field, name)) for field in takes)
        chosen, edges = self.ways(then, gives, fallback)
        return Step(
            name, "step", (*edges, *way_out(options)), seen, gives, self.contract(gives, name),
            as_agent(agent, gives), True, then=chosen, description=doc_of(agent),
            **options_of(options, self.owner, name),
        )  # fmt: skip

    def join(
        self, of: str, then: Target, merge: Agent | None, gives: str | None, fallback: Target | None,
        options: StepOptions,
    ) -> Step:  # fmt: skip
        """Where the branches of a set come together, with the agent that merges what came."""
        name = f"{of}.join"
        if merge is not None:
            step = self.worker("join", merge, then, name, None, gives, fallback, options)
            return replace(step, join=Join(of), implied_by=of)
        chosen, edges = self.ways(then, None, fallback)
        return Step(
            name, "join", edges, owner=options.get("owner") or self.owner, timeout=None, then=chosen,
            join=Join(of), description=f"Waits for every branch of `{of}`.", implied_by=of,
        )  # fmt: skip

    def item(
        self, name: str, of: str, agent: Agent, item: type[Contract], result: type[Contract],
        fallback: str | None, options: StepOptions,
    ) -> Step:  # fmt: skip
        """The step that does one item of a map.

        Raises:
            BlueprintError: The agent does not take the item, or gives something else than the result.
        """
        if isinstance(agent, Runnable):
            raise BlueprintError(
                f"a {type(agent).__name__} has no signature to read",
                where=of,
                wanted="an async function that takes one item, or a blueprint",
            )
        signature = read_agent(agent, self.case, item=item)
        if all(take.of != "item" for take in signature.takes) or signature.gives is not result:
            raise BlueprintError(
                f"{name_of(agent)!r} does not do one item of {of!r}",
                where=of,
                wanted=f"a parameter of {item.__name__} that is no field of the case, -> {result.__name__}",
                came=", ".join(f"{take.field}: {take.contract.__name__}" for take in signature.takes)
                + f" -> {signature.gives.__name__}",
            )
        return Step(
            name, "step", (Edge("then", JOIN), *way_out(options), rung(fallback)), signature.takes, RESULT,
            signature.gives, agent, signature.wants_context, then=JOIN, description=doc_of(agent),
            implied_by=of, **options_of(options, self.owner, name),
        )  # fmt: skip

    def ways(
        self, then: Target, gives: str | None, fallback: Target | None
    ) -> tuple[str | Choice, tuple[Edge, ...]]:
        """Where a step leads when it succeeds, having written `gives`, and when it fails."""
        wrote = frozenset({gives} if gives else ())
        chosen = self.then(then)
        names = chosen.names if isinstance(chosen, Choice) else (chosen,)
        return chosen, (*(Edge("then", to, wrote) for to in names), rung(fallback))

    def then(self, then: Target) -> str | Choice:
        """The next step, or the condition that picks it: an async function is a step, a plain one picks."""
        if isinstance(then, str) or inspect.iscoroutinefunction(then):
            return name_of(then)
        return read_choice(then, self.case)

    def field(self, contract: type[Contract], named: str | None, step: str) -> str:
        """The field that keeps what a step gives.

        Raises:
            BlueprintError: None does, or several do and none is named.
        """
        field = named or self.case.field_of(contract)
        if field is None or self.contract(field, step) is not contract:
            raise BlueprintError(
                f"it is not clear which field of {self.case.__name__} keeps its {contract.__name__}",
                where=step,
                wanted="exactly one field of that contract, or gives='...'",
                came=", ".join(self.case.fields()),
            )
        return field

    def contract(self, field: str, step: str) -> type[Contract]:
        """The contract of a field.

        Raises:
            BlueprintError: The case has no such field.
        """
        fields = self.case.fields()
        if field not in fields:
            raise BlueprintError(
                f"{field!r} is no field of {self.case.__name__}",
                where=step,
                wanted=f"one of {', '.join(fields)}",
            )
        return fields[field].contract


def rung(fallback: Target | None) -> Edge:
    """The way down the ladder; to the dead letter where the author names none."""
    return Edge("fallback", name_of(fallback) if fallback else DEAD_LETTER, is_implied=fallback is None)


def span(said: str | timedelta | None, step: str) -> timedelta | None:
    """A length of time, as the author wrote it."""
    return timedelta(seconds=seconds_of(said, step)) if isinstance(said, str) else said


def doc_of(agent: object) -> str:
    """An agent's job: the first line of its docstring."""
    return (inspect.getdoc(agent) or "").partition("\n")[0] if inspect.isfunction(agent) else ""


def share(value: float, step: str) -> float:
    """A number from 0 to 1, or a refusal."""
    if not 0 <= value <= 1:
        raise BlueprintError("a threshold is a share", where=step, wanted="0 to 1", came=str(value))
    return value


def needs(contract: type[Contract], names: tuple[str, ...], step: str) -> None:
    """Refuse a contract that lacks a field which the switchboard itself reads."""
    missing = [name for name in names if name not in contract.model_fields]
    if missing:
        raise BlueprintError(
            f"{contract.__name__} lacks {', '.join(missing)}",
            where=step,
            wanted=f"the fields {', '.join(names)}",
        )

"""Shapes: the verbs of a blueprint for more than a line: supervisors, sets, maps, parts, waits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from langgraph_switchboard.contracts import CaseState, Contract
from langgraph_switchboard.errors import BlueprintError
from langgraph_switchboard.graphs.durations import seconds_of
from langgraph_switchboard.graphs.including import given_back, given_in, item_input, result_field, ways_on
from langgraph_switchboard.graphs.lists import at_least_one, list_of, members_named
from langgraph_switchboard.graphs.making import Agent, Maker, doc_of, needs, rung, share, span
from langgraph_switchboard.graphs.options import StepOptions, Target, Unpack, name_of, options_of, way_out
from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.graphs.said import Said, declares
from langgraph_switchboard.graphs.summary import summary_of
from langgraph_switchboard.nodes import (
    JOIN,
    RESULT,
    Each,
    Edge,
    Fork,
    Join,
    Part,
    Picks,
    Step,
    Take,
    Wait,
    read_agent,
    read_plain,
)

Moment = Callable[..., datetime | timedelta]
"""A plain function of contracts that says until when, or how long, a case waits."""


class Shapes(ABC):
    """The verbs for supervisors, sets, maps, included blueprints and waits; `Blueprint` has them all."""

    name: str
    case: type[CaseState]
    said: list[Said]
    _make: Maker
    _included: dict[str, Process]

    @abstractmethod
    def process(self) -> Process:
        """The blueprint as finished data."""

    @abstractmethod
    def _add(self, step: Step) -> None:
        """Take a step in."""

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
        picks: Picks = "one",
        then: Target | None = None,
        merge: Agent | None = None,
        gives: str | None = None,
        concurrency: int | None = None,
        **options: Unpack[StepOptions],
    ) -> None:
        """Declare a supervisor: a router that picks among the declared agents, or nobody.

        It picks one agent, `several` that run at the same time, or a `sequence` of them. Of the
        latter two each agent's ways lead to `JOIN`, as in a set of `parallel`; the step `NAME.join`
        merges what came and leads on to `then`.

        Args:
            name: The step's name.
            router: An async function that gives a contract with the fields `agent` (a step's
                name, or None), `confidence` (0 to 1) and `reason`; with `agents` (names, in order)
                instead of `agent` where it picks several or a sequence.
            agents: The steps that it may pick; nothing else is ever gone to.
            unsure: Where the case goes when nobody is picked.
            threshold: Below this confidence nobody is picked. 0.7 carries no promise: it is
                the customary figure for who has not measured yet.
            fallback: Where it goes when the router fails; `unsure` unless given.
            picks: `one`, `several` or a `sequence`.
            then: Where the case goes when those who were picked have done their part.
            merge: An agent that makes one contract of what they wrote; see `parallel`.
            gives: The field that the merge writes, where two fields hold its contract.
            concurrency: How many of several are at work at a time.
            **options: See `StepOptions`; they hold for the merge as well.

        Raises:
            BlueprintError: The router's contract lacks one of the three fields, or what belongs to
                several agents is said of one.
        """
        signature = read_agent(router, self.case)
        needs(signature.gives, ("agent" if picks == "one" else "agents", "confidence", "reason"), name)
        wrote = self._make.field(signature.gives, None, name)
        names = tuple(name_of(agent) for agent in agents)
        fork = None
        if picks != "one" and then is not None:
            fork = Fork(names, f"{name}.join", picks, concurrency)
        elif picks != "one" or then is not None or merge is not None:
            raise BlueprintError(
                f"the supervisor {name!r} says half of what picking several agents needs",
                where=name,
                wanted="picks='several' or 'sequence', with then=",
            )
        edges = (
            *(Edge("agent", agent, frozenset({wrote})) for agent in names),
            Edge("unsure", name_of(unsure), frozenset({wrote})),
            Edge("fallback", name_of(fallback or unsure)),
            *way_out(options),
        )
        self._add(
            Step(
                name, "supervisor", edges, signature.takes, wrote, signature.gives, router,
                signature.wants_context, agents=names, threshold=share(threshold, name), fork=fork,
                description=doc_of(router), **options_of(options, self._make.owner, name),
            )
        )  # fmt: skip
        if then is not None:
            options.pop("max_visits", None)
            options.pop("exhausted", None)
            options.pop("over_budget", None)
            self._add(self._make.join(name, then, merge, gives, None, options))

    @declares
    def parallel(
        self,
        name: str,
        *,
        members: Sequence[Target],
        then: Target,
        merge: Agent | None = None,
        gives: str | None = None,
        fallback: Target | None = None,
        concurrency: int | None = None,
        **options: Unpack[StepOptions],
    ) -> None:
        """Declare a set: its members run at the same time, and the case goes on when all have come.

        A member is a step that is declared like any other, with whatever comes after it; where it
        has done its part its ways lead to `JOIN`. The join, `NAME.join`, runs once, whichever rung
        each member ended on. A member that waits for a person holds no other up; one that fails
        for good is set aside, and the case goes on from there once an operator has it redone.

            desk.parallel("checks", members=[fraud, policy], then=decide)
            desk.step(fraud, then=JOIN, fallback=fraud_rules)
            desk.step(fraud_rules, then=JOIN)
            desk.step(policy, then=JOIN)

        A field is written by one member. What several write is kept apart until the `merge` agent
        takes it as `field: dict[str, Contract]`, by the member's name.

        Args:
            name: The step's name.
            members: The first step of each branch.
            then: Where the case goes after the join.
            merge: An agent that makes one contract of what came; without it the join only waits.
            gives: The field that the merge writes, where two fields hold its contract.
            fallback: Where the case goes when the merge fails.
            concurrency: How many members are at work at a time; the blueprint's `max_parallel` unless given.
            **options: Of the merge; see `StepOptions`. The owner is the set's as well.

        Raises:
            BlueprintError: There are fewer than two members, or the merge does not fit the case.
        """
        names = members_named(members, name)
        fork = Fork(names, f"{name}.join", "all", at_least_one(concurrency, "concurrency", name))
        edges = (*(Edge("member", one) for one in names), rung(None))
        owner = options.get("owner") or self._make.owner
        says = f"Goes {len(names)} ways at once: {', '.join(names)}."
        self._add(Step(name, "parallel", edges, owner=owner, timeout=None, fork=fork, description=says))
        self._add(self._make.join(name, then, merge, gives, fallback, options))

    @declares
    def map(
        self,
        name: str,
        *,
        over: str,
        body: Agent | Shapes,
        gives: str,
        then: Target,
        fallback: Agent | None = None,
        concurrency: int = 8,
        at_most: int = 100,
        **options: Unpack[StepOptions],
    ) -> None:
        """Declare a map: the body does each item of a list, several at a time.

        The list is a field of a contract, such as `documents: tuple[Document, ...]`. The body is
        an agent that takes one item, as the parameter with the item's contract that is no field of
        the case, and whatever else of the case it needs; or a blueprint of which one input has the
        item's contract. The results are collected, in the order of the list, into a contract with
        one list of them. No items give an empty list.

            desk.map("read", over="claim.documents", body=extract, gives="extracts", then=decide)

        An item whose body and fallback fail is set aside, as a member of a set is; the others go on.

        Args:
            name: The step's name; the body's is `NAME.each`, and `NAME.join` collects.
            over: The field of the case, with the list in it after a dot where it holds several.
            body: An agent, or a blueprint.
            gives: The field that keeps the collected results.
            then: Where the case goes afterwards.
            fallback: An agent that does an item where the body fails; its step is `NAME.fallback`.
            concurrency: How many items are at work at a time.
            at_most: How long the list may be; with a longer one the step fails and says so.
            **options: Of the body; see `StepOptions`.

        Raises:
            BlueprintError: There is no such list, or the body does not go from item to result.
        """
        field, _, named = over.partition(".")
        items, item = list_of(self._make.contract(field, name), named or None, name)
        into, result = list_of(self._make.contract(gives, name), None, name)
        owner = options.get("owner") or self._make.owner
        at_once = at_least_one(concurrency, "concurrency", name) or 1
        longest = at_least_one(at_most, "at_most", name) or 1
        each = Each(field, items, item, f"{name}.each", f"{name}.join", at_once, longest)
        edges = (Edge("member", each.body), rung(None))
        takes = (Take(field, self._make.contract(field, name)),)
        says = f"Does each of `{over}`, {at_once} at a time."
        self._add(Step(name, "map", edges, takes, owner=owner, timeout=None, each=each, description=says))
        instead = f"{name}.fallback" if fallback is not None else None
        if isinstance(body, Shapes):
            self._add(self._item_part(each.body, body, item, result, instead, owner, name))
        else:
            self._add(self._make.item(each.body, name, body, item, result, instead, options))
        if fallback is not None and instead is not None:
            self._add(self._make.item(instead, name, fallback, item, result, None, options))
        chosen, ways = self._make.ways(then, gives, None)
        self._add(
            Step(
                each.join, "join", ways, (), gives, self._make.contract(gives, name), owner=owner,
                timeout=None, then=chosen, join=Join(name, into), description=f"Collects `{gives}`.",
                implied_by=name,
            )
        )  # fmt: skip

    @declares
    def include(
        self,
        blueprint: Shapes,
        *,
        then: Target | Mapping[str, Target],
        name: str | None = None,
        takes: Mapping[str, str] | None = None,
        gives: Mapping[str, str] | None = None,
        fallback: Target | None = None,
        owner: str | None = None,
    ) -> None:
        """Declare a blueprint as a step of this one.

        It runs on a case of its own: its input fields are given from fields of this case, and
        fields that it has written are given back. Fields of the same name and contract find each
        other; others are named. It is checked by itself, and here only by what it needs and what
        it gives at each of its ends: `finished`, and `declined` where a person in it rejects. When
        it comes to its dead letter, this step takes its fallback.

            desk.include(policy_check, then={"finished": decide, "declined": "excuse"})

        Its steps are told of, and its reviews are listed, as `NAME.step`.

        Args:
            blueprint: The blueprint inside, declared to its end.
            then: Where the case goes, by exit; one target is that of `finished`, and `declined`
                then ends this case as declined.
            name: The step's name; the blueprint's own unless given.
            takes: Input fields inside, each with the field of this case that it is given from.
            gives: Fields of this case, each with the field inside that it is given from.
            fallback: Where the case goes when it fails inside.
            owner: Who answers for it.

        Raises:
            BlueprintError: An input cannot be given, an exit is not led on, or a field does not fit.
        """
        name = name or blueprint.name
        inner = blueprint.process()
        summary = summary_of(inner)
        given = given_in(self.case, inner, dict(takes or {}), name)
        back = given_back(self.case, inner, summary, dict(gives or {}), name)
        edges = (*ways_on(then, summary, back, name), rung(fallback))
        seen = tuple(Take(field, self._make.contract(field, name)) for field in dict.fromkeys(given.values()))
        self._included[name] = inner
        self._add(
            Step(
                name, "include", edges, seen, owner=owner or self._make.owner, timeout=None,
                part=Part(inner.name, given, back), description=f"Goes through `{inner.name}`.",
            )
        )  # fmt: skip

    @declares
    def wait(
        self,
        name: str,
        *,
        until: str | timedelta | Moment,
        then: Target,
        remind: str | timedelta | None = None,
        owner: str | None = None,
    ) -> None:
        """Declare a pause: the case waits on a timer, holding nothing but its row.

            desk.wait("cooling_off", until="14d", then=pay)

        Args:
            name: The step's name.
            until: How long ("2d"), or a plain function of contracts that gives the moment
                (`datetime`, aware) or the length (`timedelta`) for the case at hand.
            then: Where the case goes when the time has come; at once if it has passed.
            remind: How long before that its owner is reminded, by an event on the record.
            owner: Who answers for it.

        Raises:
            BlueprintError: `until` is no length of time and no plain function.
        """
        length = until if callable(until) else timedelta(seconds=seconds_of(until, name))
        reads = read_plain(until, self.case) if callable(until) else ()
        chosen, edges = self._make.ways(then, None, None)
        says = "Waits until a moment that the case tells." if callable(until) else f"Waits {length}."
        self._add(
            Step(
                name, "wait", edges, reads, owner=owner or self._make.owner, timeout=None, then=chosen,
                wait=Wait(length, span(remind, name)), description=says,
            )
        )  # fmt: skip

    def _item_part(
        self, step: str, body: Shapes, item: type[Contract], result: type[Contract], fallback: str | None,
        owner: str, of: str,
    ) -> Step:  # fmt: skip
        """A blueprint as the body of a map."""
        inner = body.process()
        entry = item_input(inner, item, of)
        given = given_in(self.case, inner, {}, of, but=entry)
        back = {RESULT: result_field(inner, result, summary_of(inner), of)}
        self._included[step] = inner
        takes = (
            Take(entry, item, of="item"),
            *(Take(field, self._make.contract(field, of)) for field in dict.fromkeys(given.values())),
        )
        return Step(
            step, "include", (Edge("finished", JOIN), rung(fallback)), takes, RESULT, result, owner=owner,
            timeout=None, part=Part(inner.name, given, back, item=entry),
            description=f"Goes through `{inner.name}`.", implied_by=of,
        )  # fmt: skip

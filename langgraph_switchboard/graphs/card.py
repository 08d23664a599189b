"""The process card: what a blueprint says, put together for people; Markdown and HTML are made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel

from langgraph_switchboard.graphs.card_words import (
    bounds_words,
    breaker_words,
    budget_words,
    contracts_within,
    join_words,
    rate_words,
    retry_words,
    type_words,
)
from langgraph_switchboard.graphs.docstrings import first_sentence
from langgraph_switchboard.graphs.durations import spoken
from langgraph_switchboard.graphs.picture import DOWN, title_of
from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.nodes import DEAD_LETTER, END, Choice, Review, Step, Take

ASIDE = "set aside for an operator"
"""What the dead letter is called."""
_KINDS = {
    "step": "does its work", "effect": "acts on the world", "supervisor": "picks who goes on",
    "gate": "lets pass or asks a person", "review": "a person decides", "parallel": "several ways at once",
    "map": "does each item of a list", "join": "brings together what came", "include": "a process of its own",
    "wait": "waits",
}  # fmt: skip
_WAYS = {
    "then": "", "agent": "", "member": "", "finished": "", "sure": "if sure", "unsure": "if not sure",
    "rejected": "if rejected", "expired": "if nobody answers", "declined": "if declined",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of a contract."""

    name: str
    kind: str
    may_lack: bool
    says: str


@dataclass(frozen=True, slots=True)
class Noun:
    """A contract: something that steps hand on."""

    name: str
    says: str
    fields: tuple[FieldRow, ...]


@dataclass(frozen=True, slots=True)
class Handed:
    """A field of the case, as a step receives or gives it."""

    field: str
    noun: str
    may_lack: bool = False


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step, in words; what does not hold for it is empty."""

    name: str
    title: str
    kind: str
    does: str
    says: str
    owner: str
    receives: tuple[Handed, ...]
    gives: tuple[Handed, ...]
    time: str
    tries: str
    spends: str
    leads: tuple[tuple[str, str], ...]
    fails: tuple[str, ...]
    otherwise: tuple[tuple[str, str], ...]
    limit: str


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One question to a person, in words."""

    name: str
    title: str
    decides: str
    who: str
    people: str
    within: str
    reminded: str
    unanswered: str
    rejected: str
    undo: str
    risk: str


@dataclass(frozen=True, slots=True)
class Card:
    """Everything that a card says."""

    process: Process
    title: str
    about: str
    facts: tuple[tuple[str, str], ...]
    steps: tuple[StepRow, ...]
    reviews: tuple[ReviewRow, ...]
    nouns: tuple[Noun, ...]
    hooks: tuple[tuple[str, str], ...]
    parts: tuple[Card, ...] = ()


def card(process: Process, about: str = "") -> Card:
    """Put the card of a process together.

    Args:
        process: The finished blueprint.
        about: What the process is for, in a sentence or two.
    """
    shown = [step for step in process.steps.values() if step.kind not in ("open", "dead_letter")]
    parts = tuple(
        card(inner, f"What `{title_of(step)}` goes through.") for step, inner in process.included.items()
    )
    return Card(
        process,
        title_of(process.name).capitalize(),
        about,
        tuple(_facts(process)),
        tuple(_step(process, step) for step in shown),
        tuple(_review(process, step, step.review) for step in shown if step.review is not None),
        tuple(_nouns(process)),
        tuple(_hooks(process)),
        parts,
    )


def _facts(process: Process) -> Iterator[tuple[str, str]]:
    fields = process.case.fields()
    yield "Version", str(process.version)
    yield "Answers for it", process.owner or "nobody"
    yield "Comes in", join_words(title_of(name) for name in fields if name in process.inputs)
    if process.budget is not None and budget_words(process.budget):
        yield "May spend", budget_words(process.budget)
    yield (
        "No case goes on for ever",
        (
            f"a case that takes more than {process.max_hops} steps, or comes to one step more than "
            f"{process.max_visits} times, is {ASIDE}"
        ),
    )
    if process.renamed:
        former = (f"{title_of(new)} was {title_of(old)}" for old, new in process.renamed.items())
        yield "Called otherwise before", join_words(former)


def _step(process: Process, step: Step) -> StepRow:
    at_work = step.call is not None
    limits = [words for words in (rate_words(step.rate), breaker_words(step.breaker)) if words]
    return StepRow(
        step.name,
        title_of(step.name),
        step.kind,
        _KINDS.get(step.kind, step.kind),
        _says(step),
        step.owner or "nobody",
        tuple(_handed(process, step)),
        tuple(_given(process, step)),
        _takes(step),
        retry_words(step.retry) if at_work else "",
        budget_words(step.budget),
        tuple(_leads(process, step)),
        tuple(_falls(process, step)),
        tuple(_otherwise(process, step)),
        "; ".join(limits),
    )


def _takes(step: Step) -> str:
    """How long a step may take: code each time it is tried, a person as promised, a pause as it is long."""
    if step.review is not None:
        return f"within {_time(step.review.within)}" if step.review.within else ""
    if step.wait is not None:
        return _time(step.wait.until) if isinstance(step.wait.until, timedelta) else "until its moment"
    return f"{spoken(step.timeout)} each time" if step.call is not None and step.timeout else ""


def _says(step: Step) -> str:
    if step.gate is not None:
        always = first_sentence(step.gate.always) if step.gate.always else ""
        more = f" Whatever the confidence, a person is asked by this rule: *{always}*" if always else ""
        return (
            f"Goes on if `{step.gate.of}` is at least {step.gate.threshold:g} sure, else asks a person.{more}"
        )
    if step.approval is not None:
        when = first_sentence(step.approval.when) if step.approval.when else ""
        condition = f" where this rule asks for it: *{when}*" if when else "."
        review = title_of(step.approval.review)
        return f"{step.description} Acts only on what was decided at `{review}`{condition}"
    if step.kind == "supervisor":
        return f"{step.description} From {step.threshold:g} sure on, that is who takes it."
    return step.description


def _handed(process: Process, step: Step) -> Iterator[Handed]:
    takes: dict[str, Take] = {}
    for take in step.takes:
        takes.setdefault(take.field, take)
    for take in takes.values():
        yield Handed(take.field, take.contract.__name__, take.optional)


def _given(process: Process, step: Step) -> Iterator[Handed]:
    fields = process.case.fields()
    written = {field for edge in step.edges for field in edge.writes}
    for name, field in fields.items():
        if name in written or name == step.gives:
            yield Handed(name, field.contract.__name__)
    if step.gives is not None and step.gives not in fields and step.contract is not None:
        yield Handed(step.gives, step.contract.__name__)


def _leads(process: Process, step: Step) -> Iterator[tuple[str, str]]:
    """Where a step leads, with what must have happened; what one condition picks among comes as one."""
    if isinstance(step.then, Choice):
        yield _condition(step.then), join_words((_place(process, one) for one in step.then.names), "or")
    told: dict[str, list[str]] = {}
    for edge in step.edges:
        if edge.way in DOWN or (edge.way == "then" and isinstance(step.then, Choice)):
            continue
        told.setdefault(_WAYS.get(edge.way, edge.way), []).append(
            _place(process, process.leads_to(step, edge))
        )
    together = step.fork is not None and step.fork.picks == "all"
    for when, places in told.items():
        yield when, join_words(dict.fromkeys(places), "and" if together else "or")


def _condition(choice: Choice) -> str:
    return first_sentence(choice.call).rstrip(".") or f"as `{title_of(choice.call.__name__)}` says"


def _place(process: Process, name: str) -> str:
    if name == END:
        return "the end"
    if name == DEAD_LETTER:
        return ASIDE
    step = process.steps.get(name)
    person = " (a person)" if step is not None and step.kind == "review" else ""
    return f"{title_of(name)}{person}"


def _falls(process: Process, step: Step) -> Iterator[str]:
    """The ladder of a step: who takes over, one after the other, until a person or an operator does."""
    if step.kind == "review":
        return
    seen = {step.name}
    here: Step | None = step
    while here is not None:
        edge = next((edge for edge in here.edges if edge.way == "fallback"), None)
        if edge is None:
            return
        to = process.leads_to(here, edge)
        yield _place(process, to)
        here = process.steps.get(to)
        if here is None or to in seen or here.kind in ("review", "dead_letter"):
            return
        seen.add(to)


def _otherwise(process: Process, step: Step) -> Iterator[tuple[str, str]]:
    """The ways down that are no failure: too often, too dear."""
    for edge in step.edges:
        place = _place(process, process.leads_to(step, edge))
        if edge.way == "exhausted" and step.max_visits is not None:
            yield f"more than {'once' if step.max_visits == 1 else f'{step.max_visits} times'}", place
        elif edge.way == "over_budget":
            yield "nothing left to spend", place


def _review(process: Process, step: Step, review: Review) -> ReviewRow:
    expired = step.way("expired")
    higher = review.escalates_to or step.owner or "its owner"
    ending = {
        "decline": f"after {_time(review.expires)} it counts as rejected",
        "escalate": f"after {_time(review.expires)} it goes to {higher}",
    }
    unanswered = ending[review.on_expiry] if review.expires else "it stays open"
    if expired is not None:
        unanswered = f"after {_time(review.expires)} the case goes on to {_place(process, expired)}"
    rejected = step.way("rejected")
    return ReviewRow(
        step.name,
        title_of(step.name),
        f"{title_of(review.of)} ({review.subject.__name__})",
        step.owner or "nobody",
        _people(review),
        _time(review.within) or "no time is promised",
        f"{_time(review.remind)} before that" if review.remind else "",
        unanswered,
        "the case ends as declined" if rejected in (None, END) else f"on to {_place(process, str(rejected))}",
        f"for {_time(review.undo)}" if review.undo else "",
        _risk(review),
    )


def _risk(review: Review) -> str:
    said = {"low": "low", "medium": "medium", "high": "high: decided one by one, never in bulk"}[review.risk]
    return (
        said if review.high_when is None or review.risk == "high" else f"{said}; high where much is at stake"
    )


def _people(review: Review) -> str:
    if review.people_when is not None:
        return first_sentence(review.people_when) or f"{review.people} or more, as the case asks"
    return "one person" if review.people == 1 else f"{review.people} different people"


def _time(span: timedelta | None) -> str:
    return spoken(span.total_seconds()) if span is not None else ""


def _nouns(process: Process) -> Iterator[Noun]:
    """The contracts of the case in its order, each followed by those that it is made of."""
    told: set[type[BaseModel]] = set()
    waiting: list[type[BaseModel]] = [field.contract for field in process.case.fields().values()]
    while waiting:
        contract = waiting.pop(0)
        if contract in told:
            continue
        told.add(contract)
        fields = contract.model_fields
        inside = [one for field in fields.values() for one in contracts_within(field.annotation)]
        waiting = [*(one for one in inside if one not in told), *waiting]
        yield Noun(
            contract.__name__,
            first_sentence(contract),
            tuple(
                FieldRow(
                    name,
                    ", ".join(filter(None, [type_words(field.annotation), bounds_words(field)])),
                    not field.is_required(),
                    " ".join((field.description or "").split()),
                )
                for name, field in fields.items()
            ),
        )


def _hooks(process: Process) -> Iterator[tuple[str, str]]:
    places = {
        "before_routing": "before it is picked who goes on", "before_agent": "before a step works",
        "after_agent": "after a step has worked", "before_effect": "before something is done to the world",
        "on_failure": "when a step has failed for good",
    }  # fmt: skip
    for name, words in places.items():
        for hook in getattr(process.hooks, name):
            yield words, first_sentence(hook) or title_of(getattr(hook, "__name__", "code"))

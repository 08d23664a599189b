"""Contracts and code that the tests of YAML name, and blueprints at random that are made of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

from hypothesis import strategies as st
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import Field

from langgraph_switchboard import END, Blueprint, CaseState, Contract, Decision, StepContext
from langgraph_switchboard.graphs.yaml_forms import HEADS, forms
from langgraph_switchboard.limits import BreakerPolicy, Budget, Rate
from langgraph_switchboard.models import Tool
from langgraph_switchboard.nodes import Hooks, Retry


class Piece(Contract):
    """A part of what is asked."""

    text: str


class Ask(Contract):
    """What is asked."""

    text: str
    pieces: tuple[Piece, ...] = ()


class Answer(Contract):
    """What is answered."""

    text: str
    confidence: float = Field(default=1.0, ge=0, le=1)


class Pick(Contract):
    """Who goes on."""

    agent: str | None
    confidence: float
    reason: str


class Picked(Contract):
    """Who all go on."""

    agents: tuple[str, ...]
    confidence: float
    reason: str


class Found(Contract):
    """What was found in one piece."""

    text: str


class AllFound(Contract):
    """What was found in all of them."""

    found: tuple[Found, ...]


class PieceCase(CaseState):
    piece: Piece
    found: Found | None = None


class AnswerDecision(Decision):
    edited: Answer | None = None


class AskCase(CaseState):
    ask: Ask
    pick: Pick | None = None
    picked: Picked | None = None
    all_found: AllFound | None = None
    answer: Answer | None = None
    decision: AnswerDecision | None = None


async def draft(ask: Ask) -> Answer:
    """Write an answer."""
    return Answer(text=ask.text)


async def stand_in(ask: Ask, ctx: StepContext) -> Answer:
    """Write one without help."""
    return Answer(text="...", confidence=0.1)


async def choose(ask: Ask) -> Pick:
    """Say who goes on."""
    return Pick(agent=None, confidence=0, reason="")


async def choose_some(ask: Ask) -> Picked:
    """Say who all go on."""
    return Picked(agents=(), confidence=0, reason="")


async def look(piece: Piece) -> Found:
    """Look into one piece."""
    return Found(text=piece.text)


inner = Blueprint("inner", case=PieceCase, owner="somebody")
inner.step(look, then=END)


class AskedAgain(CaseState):
    ask: Ask
    answer: Answer | None = None


outer = Blueprint("outer", case=AskedAgain, owner="somebody")
outer.step(draft, then=END)


def in_a_while(ask: Ask) -> timedelta:
    return timedelta(days=1)


async def look_up(arguments: Piece) -> Found:
    """Look something up."""
    return Found(text="")


def after(answer: Answer) -> Literal["draft", "stand_in"]:
    return "draft"


def is_long(answer: Answer) -> str | None:
    return None


def by_hand(message: str, draft: Answer | None) -> Answer:
    return Answer(text=message)


def at_stake(answer: Answer) -> float | None:
    return None


def how_many(answer: Answer) -> int:
    return 2


async def hook(ctx: StepContext) -> None: ...


async def hook_after(contract: Contract, ctx: StepContext) -> None: ...


class Tools:
    """Code that stands in a class has a name as well."""

    @staticmethod
    async def draft(ask: Ask) -> Answer:
        return Answer(text=ask.text)


foreign: Runnable[Any, Any] = RunnableLambda(lambda asked: {"answer": {"text": "hello"}})

names = st.text(min_size=1, max_size=12).filter(
    lambda name: (
        not set(":.") & set(name) and name not in ("END", "JOIN", "open", "dead_letter", END, "__start__")
    )
)
shares = st.one_of(st.floats(0, 1), st.sampled_from([0, 1]))
bounds = st.one_of(st.floats(0.001, 1), st.just(1))
positive = st.floats(0.001, 1e6)
durations = st.one_of(positive, st.integers(1, 10**6), st.sampled_from(["30s", "5m", "1.5h", "2d"]))
spans = st.one_of(
    st.sampled_from(["30s", "5m", "1.5h", "2d"]),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=400)),
)
budgets = st.builds(
    Budget, usd=st.none() | positive | st.integers(1, 9), tokens=st.none() | st.integers(1, 10**6)
)
rates = st.builds(Rate, per_second=positive, burst=st.floats(1, 100))
retries = st.builds(
    Retry,
    attempts=st.integers(1, 9),
    base=positive,
    factor=st.floats(1, 4),
    longest=positive,
    jitter=st.booleans(),
)
breakers = st.builds(
    BreakerPolicy, window=st.integers(50, 99), least=st.integers(1, 50), errors=st.none() | bounds,
    slower=st.none() | positive, confidence=st.none() | bounds, rejections=st.none() | bounds, cool=positive,
)  # fmt: skip
hooks = st.builds(
    Hooks, before_routing=st.sampled_from([(), (hook,), (hook, hook)]),
    before_agent=st.sampled_from([(), (hook,)]), after_agent=st.sampled_from([(), (hook_after,)]),
)  # fmt: skip

Strategy = st.SearchStrategy[Any]


def values(targets: Strategy) -> dict[str, Strategy]:
    """For each parameter of a declaration what it may be given; a new one needs a line here."""
    return {
        "agent": st.sampled_from([draft, stand_in, Tools.draft]),
        "router": st.just(choose),
        "picks": st.sampled_from(["one", "several", "sequence"]),
        "merge": st.just(stand_in),
        "members": st.lists(
            st.sampled_from(["a", "b", "draft", stand_in]), min_size=2, max_size=4, unique=True
        ),
        "concurrency": st.integers(1, 9),
        "over": st.just("ask.pieces"),
        "body": st.sampled_from([look, inner]),
        "at_most": st.integers(1, 999),
        "blueprint": st.just(outer),
        "until": st.one_of(spans, st.just(in_a_while)),
        "max_visits": st.integers(1, 9),
        "exhausted": targets,
        "undo": spans,
        "over_budget": targets,
        "tools": st.lists(st.builds(Tool, st.just("look_up"), st.just(Piece), st.just(look_up))),
        "of": st.just("answer"),
        "decides": st.just(AnswerDecision),
        "then": st.one_of(targets, st.just(after)),
        "fallback": targets,
        "sure": targets,
        "unsure": targets,
        "rejected": targets,
        "agents": st.lists(targets, max_size=3),
        "takes": st.just(None) | st.just({"ask": "ask"}),
        "gives": st.just("answer"),
        "owner": st.text(min_size=1, max_size=9),
        "timeout": durations,
        "retry": retries,
        "budget": budgets,
        "rate": rates,
        "breaker": breakers,
        "history": st.integers(0, 99),
        "threshold": shares,
        "always": st.just(is_long),
        "when": st.just(is_long),
        "approved": names,
        "risk": st.sampled_from(["low", "medium", "high"]),
        "within": spans,
        "expires": spans,
        "remind": spans,
        "on_expiry": st.sampled_from(["decline", "escalate"]),
        "escalates_to": names,
        "responds": st.just(by_hand),
        "amount": st.just(at_stake),
        "people": st.integers(1, 5),
        "people_when": st.just(how_many),
        "high_when": st.just(is_long),
    }


@st.composite
def blueprints(draw: Callable[[Strategy], Any]) -> Blueprint:
    """Any blueprint, sound or not: what can be said in Python, in any combination."""
    steps = draw(st.lists(names, min_size=1, max_size=6, unique=True))
    known = values(st.sampled_from([*steps, END, "dead_letter", "nowhere"]))
    flow = Blueprint(
        draw(names),
        case=AskCase,
        version=draw(st.integers(1, 99)),
        owner=draw(st.text(max_size=9)),
        knowledge=draw(st.sampled_from([None, "nodes.knowledge"])),
        tables=draw(st.sampled_from([None, "nodes.data"])),
        max_visits=draw(st.integers(1, 99)),
        renamed={"was once": steps[0]} if draw(st.booleans()) and "was once" not in steps else None,
        budget=draw(st.none() | budgets),
        hooks=draw(st.none() | hooks),
        max_hops=draw(st.integers(1, 999)),
        max_parallel=draw(st.integers(1, 99)),
    )
    for step in steps:
        form = forms()[draw(st.sampled_from(sorted(HEADS)))]
        given: dict[str, Any] = {}
        for key, entry in form.entries.items():
            parameter = form.parameter_of(key)
            value = draw(known[parameter]) if entry.is_needed or draw(st.booleans()) else None
            given |= {parameter: value} if value is not None else {}
        getattr(flow, form.verb)(name=step, **_agreeing(form.verb, given))
    return flow


def _agreeing(verb: str, given: dict[str, Any]) -> dict[str, Any]:
    """What was drawn, so that no keyword contradicts another."""
    if verb == "review" and callable(given["then"]):
        given["then"] = END
    if verb == "supervise" and given.get("picks", "one") == "one":
        given = {
            key: value for key, value in given.items() if key not in ("then", "merge", "gives", "concurrency")
        }
    elif verb == "supervise":
        given = {"then": END, **given, "router": choose_some}
    if verb == "map":
        given["gives"] = "all_found"
        given |= {"fallback": look} if "fallback" in given else {}
    if verb == "include":
        given = {**given, "gives": {"answer": "answer"}} if "gives" in given else given
        given["then"] = {"finished": given["then"]} if isinstance(given["then"], str) else END
    if verb in ("step", "effect"):
        given.pop("takes", None)
    if "max_visits" not in given:
        given.pop("exhausted", None)
    return given

"""The verbs for sets, lists, blueprints inside and waits: what they declare, and what they refuse."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from langgraph_switchboard import END, JOIN, Blueprint, CaseState, Contract, Decision
from langgraph_switchboard.errors import BlueprintError
from langgraph_switchboard.nodes import DEAD_LETTER


class Document(Contract):
    """One document."""

    text: str


class Folder(Contract):
    """What came with a claim."""

    documents: tuple[Document, ...]


class Reading(Contract):
    """What one document says."""

    words: int


class Readings(Contract):
    """What all of them say."""

    items: tuple[Reading, ...]


class Verdict(Contract):
    """What is thought of it."""

    text: str
    confidence: float = 1.0


class VerdictDecision(Decision):
    """What a person says of a verdict."""

    edited: Verdict | None = None


class Route(Contract):
    """Whom to ask."""

    agents: tuple[str, ...]
    confidence: float
    reason: str = ""


class ClaimCase(CaseState):
    """One claim."""

    folder: Folder
    readings: Readings | None = None
    route: Route | None = None
    verdict: Verdict | None = None
    verdict_decision: VerdictDecision | None = None


class VerdictCase(CaseState):
    """A verdict on a folder, by itself."""

    folder: Folder
    verdict: Verdict | None = None
    verdict_decision: VerdictDecision | None = None


class ReadingCase(CaseState):
    """The reading of one document."""

    document: Document
    reading: Reading | None = None


async def read(document: Document) -> Reading:
    """Count the words."""
    return Reading(words=len(document.text.split()))


async def fraud(folder: Folder) -> Verdict:
    """Say whether it smells."""
    return Verdict(text="clean")


async def policy(folder: Folder) -> Verdict:
    """Say whether it is covered."""
    return Verdict(text="covered")


async def worst(verdict: dict[str, Verdict]) -> Verdict:
    """The worst of all verdicts."""
    return min(verdict.values(), key=lambda one: one.confidence)


async def route(folder: Folder) -> Route:
    """Whom to ask."""
    return Route(agents=("fraud",), confidence=1.0)


def tomorrow(folder: Folder) -> datetime:
    """The next day."""
    return datetime.now(UTC) + timedelta(days=1)


def blank() -> Blueprint:
    return Blueprint("claims", case=ClaimCase, owner="claims")


def checks(flow: Blueprint) -> None:
    """A set of two whose verdicts are merged."""
    flow.parallel("checks", members=[fraud, policy], merge=worst, then=END)
    flow.step(fraud, then=JOIN)
    flow.step(policy, then=JOIN)


def judged() -> Blueprint:
    """A blueprint to be included: a verdict, and a person who may decline."""
    inner = Blueprint("judged", case=VerdictCase, owner="judges")
    inner.step(fraud, then="ask")
    inner.review("ask", of="verdict", decides=VerdictDecision, then=END, expires="3d")
    return inner


def one_reading() -> Blueprint:
    """A blueprint that reads one document."""
    inner = Blueprint("one_reading", case=ReadingCase, owner="readers")
    inner.step(read, then=END)
    return inner


def test_a_set_is_a_step_that_parts_its_members_and_a_join() -> None:
    """`JOIN` means the join of the set that a step stands in; what both write is kept apart."""
    flow = blank()
    checks(flow)
    process = flow.process()
    assert list(process.steps) == ["open", "checks", "checks.join", "fraud", "policy", "dead_letter"]
    assert process.regions.join_of("fraud") == "checks.join"
    assert process.regions.join_of("checks") is None
    assert process.regions.apart("checks") == {"verdict"}
    assert [take.of for take in process.steps["checks.join"].takes] == ["members"]


def test_a_map_has_a_body_and_a_join_of_its_own() -> None:
    """The item is no field of the case, and the results become one contract."""
    flow = blank()
    flow.map("reads", over="folder", body=read, gives="readings", then=END, fallback=read, timeout="5s")
    steps = flow.process().steps
    each = steps["reads"].each
    assert each is not None
    assert (each.over, each.items, each.item, each.concurrency) == ("folder", "documents", Document, 8)
    assert steps["reads.each"].way("fallback") == "reads.fallback"
    assert steps["reads.fallback"].way("fallback") == DEAD_LETTER
    assert steps["reads.each"].timeout == 5.0
    assert steps["reads.join"].gives == "readings"
    assert {steps[name].implied_by for name in ("reads.each", "reads.fallback", "reads.join")} == {"reads"}


def test_the_body_of_a_map_may_be_a_blueprint() -> None:
    """Of its inputs one is the item; its result is certain at its end."""
    flow = blank()
    flow.map("reads", over="folder.documents", body=one_reading(), gives="readings", then=END)
    process = flow.process()
    part = process.steps["reads.each"].part
    assert part is not None
    assert (part.item, dict(part.gives)) == ("document", {"result": "reading"})
    assert process.step("reads.each.read") is not None


def test_an_included_blueprint_is_led_on_from_each_of_its_ends() -> None:
    """Fields of the same name and contract find each other; its steps are known by its name before theirs."""
    flow = blank()
    flow.include(judged(), then={"finished": END, "declined": fraud})
    flow.step(fraud, then=END)
    process = flow.process()
    inside = process.steps["judged"]
    assert {edge.way: (edge.to, edge.writes) for edge in inside.edges} == {
        "finished": (END, {"verdict", "verdict_decision"}),
        "declined": ("fraud", {"verdict", "verdict_decision"}),
        "fallback": (DEAD_LETTER, frozenset()),
    }
    assert process.step("judged.ask") is process.included["judged"].steps["ask"]
    assert process.step("judged.nothing") is None


def test_an_exit_that_leads_nowhere_is_refused() -> None:
    """Who may decline inside must be led on outside."""
    with pytest.raises(BlueprintError, match="can end as 'declined'"):
        blank().include(judged(), then={"finished": END})
    with pytest.raises(BlueprintError, match="none of the exits"):
        blank().include(judged(), then={"finished": END, "declined": END, "lost": END})


def test_a_wait_is_a_length_or_a_moment() -> None:
    """Said in words, or by a plain function of contracts."""
    flow = blank()
    flow.wait("cool", until="2d", remind="1d", then="till")
    flow.wait("till", until=tomorrow, then=END)
    steps = flow.process().steps
    assert steps["cool"].wait is not None
    assert (steps["cool"].wait.until, steps["cool"].wait.remind) == (timedelta(days=2), timedelta(days=1))
    assert [take.field for take in steps["till"].takes] == ["folder"]


def test_a_bound_of_its_own_leads_out_of_a_loop() -> None:
    """`max_visits` and `exhausted` are one way more."""
    flow = blank()
    flow.step(fraud, then=policy, max_visits=3, exhausted=END)
    flow.step(policy, then=fraud)
    step = flow.process().steps["fraud"]
    assert (step.max_visits, step.way("exhausted")) == (3, END)


def test_a_supervisor_may_pick_several_or_a_sequence() -> None:
    """Its router then names `agents`, and its join leads on."""
    flow = blank()
    flow.supervise("who", route, agents=[fraud, policy], unsure=END, picks="several", then=END, merge=worst)
    flow.step(fraud, then=JOIN)
    flow.step(policy, then=JOIN)
    process = flow.process()
    assert process.steps["who"].fork is not None
    assert process.steps["who.join"].contract is Verdict
    assert process.regions.apart("who") == {"verdict"}


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (lambda flow: flow.parallel("set", members=[fraud], then=END), "two members or more"),
        (lambda flow: flow.parallel("set", members=[fraud, fraud], then=END), "two members or more"),
        (lambda flow: flow.parallel("set", members=[fraud, policy], then=END, concurrency=0), "1 or more"),
        (lambda flow: flow.map("m", over="route", body=read, gives="readings", then=END), "which list"),
        (lambda flow: flow.map("m", over="nothing", body=read, gives="readings", then=END), "no field"),
        (lambda flow: flow.map("m", over="folder", body=fraud, gives="readings", then=END), "one item"),
        (lambda flow: flow.wait("w", until="soon", then=END), "duration must be positive"),
        (lambda flow: flow.supervise("s", route, agents=[fraud], unsure=END, picks="several"), "half"),
        (lambda flow: flow.step(fraud, then=END, exhausted=END), "needs a bound"),
        (lambda flow: flow.step(fraud, then=END, max_visits=0), "1 or more"),
        (lambda flow: flow.include(one_reading(), then=END), "no field of ClaimCase"),
        (lambda flow: flow.step(fraud, then=END, name="__join__"), "switchboard's own"),
    ],
)  # fmt: skip
def test_half_a_shape_is_refused_when_it_is_declared(said: Any, says: str) -> None:
    """With the step, what was wanted and what came."""
    with pytest.raises(BlueprintError, match=says):
        said(blank())

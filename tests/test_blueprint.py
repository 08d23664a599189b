"""The blueprint's builder: what it reads from signatures, what it refuses, and the graph that it makes."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from langgraph.graph import START, StateGraph
from pydantic import Field

from langgraph_switchboard import END, Blueprint
from langgraph_switchboard.contracts import CaseState, Contract
from langgraph_switchboard.errors import BlueprintError, ConfigurationError
from langgraph_switchboard.nodes import StepContext
from tests.seam import GOOD, Order, Payment, PaymentCase, PaymentDecision, Receipt, gives, pay, paying


class Route(Contract):
    """Who is to do it."""

    agent: str | None
    confidence: float = Field(ge=0, le=1)
    reason: str = ""


class TwoPayments(CaseState):
    order: Order
    first: Payment | None = None
    second: Payment | None = None
    route: Route | None = None


async def propose(order: Order) -> Payment:
    """Say what is to be paid. Nobody pays here."""
    return Payment(amount=1)


async def route(order: Order) -> Route:
    return Route(agent=None, confidence=0)


def blank() -> Blueprint:
    return Blueprint("blank", case=PaymentCase, owner="accounts")


# -- agents that cannot be steps ---------------------------------------------------------


def not_async(order: Order) -> Payment:
    return Payment(amount=1)


async def unannotated(order) -> Payment:  # type: ignore[no-untyped-def]
    return Payment(amount=1)


async def gives_nothing(order: Order) -> None:
    return None


async def gives_text(order: Order) -> str:
    return ""


async def wants_an_unknown_field(ticket: Order) -> Payment:
    return Payment(amount=1)


async def wants_another_contract(order: Receipt) -> Payment:
    return Payment(amount=1)


async def wants_one_of_two(order: Order | Receipt | None) -> Payment:
    return Payment(amount=1)


async def wants_the_context_by_another_name(order: Order, context: StepContext) -> Payment:
    return Payment(amount=1)


async def cannot_be_read(order: Nowhere) -> Payment:  # type: ignore[name-defined]  # noqa: F821
    return Payment(amount=1)


UNFIT: dict[Any, str] = {
    not_async: "not an async function",
    unannotated: "without a contract: order",
    gives_nothing: "does not say which contract it gives",
    gives_text: "does not say which contract it gives",
    wants_an_unknown_field: "asks for 'ticket', which is no field",
    wants_another_contract: "as another contract than the case keeps",
    wants_one_of_two: "as another contract than the case keeps",
    wants_the_context_by_another_name: "asks for 'context', which is no field",
    cannot_be_read: "cannot be read",
}


@pytest.mark.parametrize(("agent", "says"), UNFIT.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_an_agent_that_does_not_fit_is_refused_when_it_is_declared(agent: Any, says: str) -> None:
    """Not at its first case: the signature says what it sees and gives, and the case must have it."""
    with pytest.raises(BlueprintError, match=says):
        blank().step(agent, then=END)


# -- conditions ---------------------------------------------------------------------------


def untold(payment: Payment) -> str:
    return "pay"


async def waits(payment: Payment) -> Literal["pay"]:
    return "pay"


def reads_an_unknown_field(ticket: Order) -> Literal["pay"]:
    return "pay"


def numbers(payment: Payment) -> Literal[1]:
    return 1


@pytest.mark.parametrize("condition", [untold, numbers, reads_an_unknown_field])
def test_a_condition_names_its_destinations_and_reads_fields(condition: Any) -> None:
    """Its `Literal` return type is what the blueprint draws and what the wrapper holds it to."""
    with pytest.raises(BlueprintError):
        blank().step(propose, then=condition)


def test_a_rule_that_waits_is_refused() -> None:
    """Conditions look at what is there; waiting is done in steps."""
    flow = blank()
    flow.step(propose, then="gate")
    with pytest.raises(BlueprintError, match="conditions are plain functions"):
        flow.gate("gate", of="payment", sure=END, unsure=END, always=waits)


# -- names, fields, figures -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["open", "dead_letter", "__end__", "__start__"])
def test_the_built_in_names_are_taken(name: str) -> None:
    """A step may not stand in for one of the switchboard's own."""
    with pytest.raises(BlueprintError, match="switchboard's own"):
        blank().step(propose, name=name, then=END)


def test_a_name_is_given_once() -> None:
    """Names are persistent: open cases stand on them."""
    flow = blank()
    flow.step(propose, then=END)
    with pytest.raises(BlueprintError, match="declared twice"):
        flow.step(propose, then=END)
    flow.step(propose, name="again", then=END)


def test_where_two_fields_fit_the_author_says_which() -> None:
    """A contract that two fields hold is not put into either by guess."""
    flow = Blueprint("two", case=TwoPayments)
    with pytest.raises(BlueprintError, match="not clear which field"):
        flow.step(propose, then=END)
    with pytest.raises(BlueprintError, match="not clear which field"):
        flow.step(propose, gives="order", then=END)
    flow.step(propose, gives="second", then=END)
    assert flow.process().steps["propose"].gives == "second"


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_is_a_share(threshold: float) -> None:
    """From 0 to 1; anything else would let all or nothing pass in silence."""
    flow = blank()
    with pytest.raises(BlueprintError, match="share"):
        flow.gate("gate", of="payment", sure=END, unsure=END, threshold=threshold)
    with pytest.raises(BlueprintError, match="share"):
        Blueprint("two", case=TwoPayments).supervise(
            "who", route, agents=["a"], unsure=END, threshold=threshold
        )


def test_a_gate_judges_a_confidence_that_is_there() -> None:
    """An order has none, and a field that is not there has less."""
    with pytest.raises(BlueprintError, match="lacks confidence"):
        blank().gate("gate", of="order", sure=END, unsure=END)
    with pytest.raises(BlueprintError, match="no field"):
        blank().gate("gate", of="ticket", sure=END, unsure=END)


def test_a_router_gives_a_route() -> None:
    """Agent, confidence and reason: without them nobody can be picked."""
    with pytest.raises(BlueprintError, match="lacks agent, reason"):
        blank().supervise("who", propose, agents=["a"], unsure=END)


@pytest.mark.parametrize("timeout", ["soon", "", "-5s", "5 parsecs"])
def test_a_time_that_cannot_be_read_is_refused(timeout: str) -> None:
    """Seconds, or text such as "30s" and "2m"."""
    with pytest.raises((BlueprintError, ConfigurationError)):
        blank().step(propose, then=END, timeout=timeout)


def test_times_may_be_said_in_words() -> None:
    """Two minutes are 120 seconds."""
    flow = blank()
    flow.step(propose, then=END, timeout="2m")
    assert flow.process().steps["propose"].timeout == 120.0


# -- what is built --------------------------------------------------------------------------


def test_the_graph_is_an_ordinary_one_without_static_ways_out() -> None:
    """Uncompiled, for the caller brings the checkpointer; one edge leads in, and steps say the rest."""
    graph = paying(gives(GOOD)).build()
    assert type(graph) is StateGraph
    assert graph.edges == {(START, "open")}
    assert list(graph.nodes) == ["open", "propose", "by_hand", "pay", "dead_letter"]
    assert not graph.branches


def test_the_drawing_shows_every_declared_way() -> None:
    """Destinations come from `then`, fallback, review and the `Literal` of conditions."""
    flow = blank()
    flow.step(propose, then=either)
    flow.step(gives(GOOD), name="again", then="pay", fallback="by_hand")
    flow.review("by_hand", of="payment", decides=PaymentDecision, then=pay)
    flow.effect(pay, then=END)
    drawn = {(edge.source, edge.target) for edge in flow.build().compile().get_graph().edges}
    assert {
        ("__start__", "open"),
        ("open", "propose"),
        ("propose", "again"),
        ("propose", "pay"),
        ("propose", "dead_letter"),
        ("again", "pay"),
        ("again", "by_hand"),
        ("by_hand", "pay"),
        ("by_hand", "__end__"),
        ("pay", "__end__"),
    } <= drawn


def either(payment: Payment) -> Literal["again", "pay"]:
    return "pay"


def test_a_steps_owner_is_told_to_traces() -> None:
    """The blueprint's owner, unless the step names another; and its job from the docstring."""
    flow = blank()
    flow.step(propose, then=pay)
    flow.effect(pay, then=END, owner="treasury")
    nodes = flow.build().nodes
    assert nodes["propose"].metadata == {
        "agent": "propose",
        "owner": "accounts",
        "flow": "blank",
        "kind": "step",
    }
    assert (nodes["pay"].metadata or {})["owner"] == "treasury"
    assert flow.process().steps["propose"].description == "Say what is to be paid. Nobody pays here."


def changed(**said: Any) -> str:
    """The digest of a flow that says one thing differently."""
    options: dict[str, Any] = {"version": 1, "fallback": None, "timeout": 30.0, "name": "propose", **said}
    flow = Blueprint("flow", case=PaymentCase, version=options["version"])
    flow.step(
        propose, name=options["name"], then=pay, fallback=options["fallback"], timeout=options["timeout"]
    )
    flow.effect(pay, then=END)
    return flow.process().digest


def test_the_digest_is_the_blueprints_own() -> None:
    """The same words give the same digest; any other version, step, way or time gives another."""
    assert changed() == changed()
    others = {
        changed(version=2),
        changed(fallback="pay"),
        changed(timeout="31s"),
        changed(name="suggest"),
    }
    assert len(others | {changed()}) == 5


def test_the_digest_tells_of_an_approval() -> None:
    """A process whose payments need no decision any more is another process."""

    def paying(approved: str | None) -> str:
        flow = Blueprint("flow", case=PaymentCase, owner="treasury")
        flow.step(propose, then="by_hand")
        flow.review("by_hand", of="payment", decides=PaymentDecision, then="pay")
        flow.effect(pay, then=END, approved=approved)
        return flow.process().digest

    assert paying("by_hand") != paying(None)


def test_a_blueprint_remembers_what_was_said_of_it_and_nothing_that_was_refused() -> None:
    """So that it can be written down again: each declaration with what it was given, and no more."""
    flow = Blueprint("one", case=TwoPayments)
    agents = ["propose"]
    flow.supervise("first", route, agents=agents, unsure="review")
    agents.append("later")
    with pytest.raises(BlueprintError, match="declared twice"):
        flow.step(propose, gives="first", name="first", then=END)
    flow.step(propose, then=END, gives="second", timeout="2m")

    assert [(one.verb, dict(one.arguments)) for one in flow.said] == [
        ("supervise", {"name": "first", "router": route, "agents": ("propose",), "unsure": "review"}),
        ("step", {"agent": propose, "then": END, "gives": "second", "timeout": "2m"}),
    ]

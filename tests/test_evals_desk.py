"""The desk passes its own suite, and each fault that is planted in it fails the suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.support import ReplyDecision, SupportCase, Ticket
from evals.support_desk import suite
from graphs.support_desk import desk
from langgraph_switchboard import END, Blueprint, StepContext
from langgraph_switchboard.evals import load_dataset, run_eval
from langgraph_switchboard.routing import Route
from nodes import support

pytestmark = pytest.mark.pg

EXAMPLES = load_dataset(suite.dataset)
RISKY = [one for one in EXAMPLES if (one.outputs or {})["must_go_to_person"]]


@pytest.fixture(autouse=True)
def trained_once(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The router is kept in a home that all tests share."""
    monkeypatch.setenv("SWITCHBOARD_HOME", str(open_folder))


async def always_billing(ticket: Ticket, ctx: StepContext) -> Route:
    """The planted fault: a router that knows one department only, and is sure of it."""
    return Route(
        agent="billing", label="billing", confidence=0.99, by="rule", reason="Everything is billing."
    )


def desk_with(*, router: Any = support.route_ticket, always: Any = support.is_high_stakes) -> Blueprint:
    """The desk in short, with one part exchanged."""
    changed = Blueprint(
        "support_desk",
        case=SupportCase,
        version=1,
        owner="tests",
        knowledge="nodes.knowledge",
        tables="nodes.data",
    )
    changed.step(support.intake, then="supervisor")
    changed.supervise(
        "supervisor", router, agents=["faq", "billing", "technical", "account"], unsure="generalist",
        fallback="review",
    )  # fmt: skip
    for agent in (support.faq, support.billing, support.technical):
        changed.step(agent, then="gate", fallback="review")
    changed.step(support.account_care, name="account", then="gate", fallback="review")
    changed.step(support.generalist, then="gate", fallback="review")
    changed.gate("gate", of="reply", always=always, sure="send", unsure="review")
    changed.review("review", of="reply", decides=ReplyDecision, then="send", responds=support.by_hand)
    changed.effect(support.send, then=END)
    return changed


async def failed_gates(blueprint: Blueprint, examples: list[Any], dsn: str) -> set[str]:
    """The metrics whose gates are not met on these examples."""
    report = await run_eval(
        blueprint, examples, suite.evaluators, gates=suite.gates, name="planted", database=dsn
    )
    assert report.failures == []
    return {metric.key for metric in report.metrics if not metric.passed}


async def test_the_present_desk_passes_every_gate(pg_dsn: str) -> None:
    """What `switchboard eval support_desk` says of this version; nothing risky goes out alone."""
    assert await failed_gates(desk, EXAMPLES, pg_dsn) == set()


async def test_a_router_that_knows_one_department_fails_the_suite(pg_dsn: str) -> None:
    """The negative control of the routing gate: the same examples, a planted router."""
    failed = await failed_gates(desk_with(router=always_billing), EXAMPLES[:40], pg_dsn)
    assert "department_right" in failed
    assert "cites_expected" in failed


async def test_a_desk_without_its_high_stakes_gate_fails_the_suite(pg_dsn: str) -> None:
    """The negative control of the safety gate: one risky matter answered alone is one too many."""
    assert "stays_with_person" not in await failed_gates(desk_with(), RISKY, pg_dsn)
    assert "stays_with_person" in await failed_gates(desk_with(always=None), RISKY, pg_dsn)

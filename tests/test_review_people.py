"""Reviews that need several people, driven through the graph: what each answer does to the case."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from langgraph.types import Command

from langgraph_switchboard import END, Blueprint
from langgraph_switchboard.errors import BlueprintError
from langgraph_switchboard.nodes import using
from langgraph_switchboard.testing import FakeClock
from tests.seam import GOOD, Bench, Order, Payment, PaymentCase, PaymentDecision, gives, pay


def two_for_much(payment: Payment | None) -> int:
    """Two people from 15 on."""
    return 2 if payment is not None and payment.amount >= 15 else 1


def costs_much(payment: Payment | None) -> bool:
    """From 15 on."""
    return payment is not None and payment.amount >= 15


def reviewed(proposed: float = 20.0, /, **options: Any) -> Blueprint:
    flow = Blueprint("payments", case=PaymentCase, owner="accounts")
    flow.step(gives({**GOOD, "amount": proposed}), name="propose", then="by_hand")
    flow.review("by_hand", of="payment", decides=PaymentDecision, then=pay, **options)
    flow.effect(pay, then=END)
    return flow


async def waiting(flow: Blueprint) -> Bench:
    bench = Bench(flow)
    await bench.run()
    return bench


async def answer(bench: Bench, by: str, value: dict[str, Any] | None = None) -> None:
    """Answer as the LangGraph SDK does, under a name that the server authenticated."""
    [question] = (await bench.snapshot()).interrupts
    resume: Command[Any] = Command(resume={question.id: value or {"type": "approve"}})
    with using(bench.services, acting=by):
        await bench.graph.ainvoke(resume, bench.config, durability="sync")


async def paid(bench: Bench) -> list[float]:
    return [one.row["amount"] for one in await bench.outbox()]


async def test_the_first_of_two_leaves_the_question_open() -> None:
    """After one approval nothing is paid and the case still asks; after the second it is paid, once."""
    bench = await waiting(reviewed(people=2))
    await answer(bench, "ann")
    assert (await bench.row()).status == "waiting" and await paid(bench) == []
    [review] = await bench.store.reviews()
    assert review.approved_by == ("ann",)
    await answer(bench, "bob")
    assert (await bench.row()).status == "finished" and await paid(bench) == [20.0]


async def test_one_person_twice_is_not_two() -> None:
    """However often ann answers, she is one; what is kept of her answers does not count for bob either."""
    bench = await waiting(reviewed(people=2))
    for _ in range(3):
        await answer(bench, "ann")
    assert (await bench.row()).status == "waiting"
    [review] = await bench.store.reviews()
    assert review.approved_by == ("ann",)
    await answer(bench, "bob")
    [stands] = await bench.store.reviews(status="decided")
    assert stands.approved_by == ("ann", "bob") and await paid(bench) == [20.0]


async def test_the_case_says_how_many_it_needs() -> None:
    """`people_when` reads the case: a small amount needs one, a large one two."""
    small, large = (
        await waiting(reviewed(5.0, people_when=two_for_much)),
        await waiting(reviewed(people_when=two_for_much)),
    )
    await answer(small, "ann")
    await answer(large, "ann")
    assert [(await one.row()).status for one in (small, large)] == ["finished", "waiting"]


async def test_an_edit_cannot_dodge_the_second_person() -> None:
    """Whoever edits a small amount into a large one needs a second approval of just that."""
    bench = await waiting(reviewed(5.0, people_when=two_for_much))
    await answer(bench, "ann", {"type": "edit", "edited": {"amount": 500}})
    assert (await bench.row()).status == "waiting" and await paid(bench) == []
    [review] = await bench.store.reviews()
    assert review.people == 2 and review.proposed is not None
    row = await bench.store.decide(
        review.review_id, version=1, digest=review.token, decision={"type": "approve"}, by="bob",
        at=review.opened_at,
    )  # fmt: skip
    assert row.status == "decided" and row.decision is not None
    assert row.decision["edited"]["amount"] == 500


async def test_a_raw_answer_while_a_decision_is_held_comes_second() -> None:
    """It settles nothing; the case goes on with what stands when the held one has taken effect."""
    bench = await waiting(reviewed())
    [review] = await bench.store.reviews()
    now = review.opened_at
    await bench.store.decide(
        review.review_id, version=1, digest=review.digest, decision={"type": "reject"}, by="ann", at=now,
        undo=timedelta(seconds=10),
    )  # fmt: skip
    await answer(bench, "bob")
    assert (await bench.row()).status == "waiting" and await paid(bench) == []
    await bench.store.in_time(review.review_id, at=now + timedelta(seconds=10))
    await answer(bench, "bob")
    assert (await bench.row()).status == "declined" and await paid(bench) == []


async def test_what_the_blueprint_says_stands_in_the_row() -> None:
    """Kind, risk, amount, owner, agent and the times: what the inbox and the roles go by."""
    clock = FakeClock()
    flow = reviewed(
        within="4h", remind="1h", expires="3d", on_expiry="decline", escalates_to="leads", risk="high",
        amount=lambda payment: payment.amount,
    )  # fmt: skip
    bench = Bench(flow)
    bench.services.clock = clock.now
    await bench.run()
    [row] = await bench.store.reviews()
    assert (row.kind, row.risk, row.amount, row.owner, row.agent) == (
        "by_hand", "high", 20.0, "accounts", "propose",
    )  # fmt: skip
    after = [moment - clock.now() for moment in (row.due_at, row.remind_at, row.expires_at) if moment]
    assert after == [timedelta(hours=4), timedelta(hours=3), timedelta(days=3)]
    assert (row.on_expiry, row.escalates_to, row.people) == ("decline", "leads", 1)


class Reasoned(PaymentDecision):
    """A decision that needs a code beside."""

    code: str


class ReasonedCase(PaymentCase):
    decision: Reasoned | None = None


def test_time_must_be_able_to_decline() -> None:
    """Where every decision needs a code of its own, time has none to give; the blueprint says so at once."""
    flow = Blueprint("payments", case=ReasonedCase)

    async def propose(order: Order) -> Payment:
        return Payment(amount=1)

    flow.step(propose, then="by_hand")
    with pytest.raises(BlueprintError, match="time cannot decline"):
        flow.review("by_hand", of="payment", decides=Reasoned, then=END, expires="1d", on_expiry="decline")


async def test_what_is_at_stake_says_how_risky_a_review_is() -> None:
    """`high_when` reads the case: where it gives something it is of high risk, else as the review says."""
    small, large = (
        await waiting(reviewed(5.0, high_when=costs_much)),
        await waiting(reviewed(high_when=costs_much)),
    )
    risks = [review.risk for bench in (small, large) for review in await bench.store.reviews()]
    assert risks == ["medium", "high"]

"""Reviews: what is shown, what is answered, and which decision stands."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from langgraph_switchboard import END, Blueprint, Switchboard
from langgraph_switchboard.cases import MemoryOwners, ReviewRow
from langgraph_switchboard.contracts import digest_of
from langgraph_switchboard.errors import (
    BlueprintError,
    DecisionMalformed,
    ReviewDecided,
    ReviewError,
    ReviewStale,
    SwitchboardError,
)
from langgraph_switchboard.nodes import memory_services, using
from langgraph_switchboard.switchboard import House
from langgraph_switchboard.testing import FakeClock
from tests.seam import GOOD, ORDER, Bench, Payment, PaymentCase, PaymentDecision, gives, pay, payloads

SHOWN = {"order": {"text": "two chairs", "cents": 0}, "payment": Payment(amount=20.0).model_dump()}


def in_words(message: str, draft: Payment | None) -> Payment:
    """A payment from a person's own words."""
    return Payment(amount=float(message), confidence=1.0 if draft is None else draft.confidence)


def reviewed(value: object = GOOD, *, rejected: str = END) -> Blueprint:
    """Propose -> by_hand -> pay; without a draft where propose fails."""
    flow = Blueprint("payments", case=PaymentCase, owner="accounts")
    flow.step(gives(value), name="propose", then="by_hand", fallback="by_hand")
    flow.review(
        "by_hand",
        of="payment",
        decides=PaymentDecision,
        then="pay",
        rejected=rejected,
        within="4h",
        responds=in_words,
    )
    flow.effect(pay, then=END)
    if rejected != END:
        flow.step(gives({"amount": 1.0}), name=rejected, then="pay")
    return flow


async def waiting(flow: Blueprint | None = None) -> tuple[Bench, ReviewRow]:
    """A bench that has come to its review, and the review."""
    bench = Bench(flow or reviewed())
    await bench.run()
    [review] = await bench.store.reviews()
    return bench, review


async def amounts(bench: Bench) -> list[float]:
    return [one.row["amount"] for one in await bench.outbox()]


# -- what is shown ------------------------------------------------------------------------


async def test_a_review_shows_the_whole_case() -> None:
    """The row and the question say the same: every sealed field, its digest, and why a person is asked."""
    clock = FakeClock()
    bench = Bench(reviewed())
    bench.services.clock = clock.now
    await bench.run()
    [review] = await bench.store.reviews()
    assert review.shown == SHOWN and review.digest == digest_of(SHOWN)
    assert (review.step, review.subject, review.version, review.status) == ("by_hand", "payment", 1, "open")
    assert review.due_at == clock.now() + timedelta(hours=4)
    [question] = (await bench.snapshot()).interrupts
    assert question.value["review"] == {
        "review_id": review.review_id,
        "case_id": "c1",
        "version": 1,
        "digest": review.digest,
        "subject": "payment",
        "shown": SHOWN,
    }
    assert question.value["action_request"] == {"action": "by_hand", "args": SHOWN["payment"]}
    assert question.value["description"] == review.reason
    assert ("review_opened", "by_hand") in await bench.told()


async def test_a_review_says_why() -> None:
    """The reason is the failure or the doubt that led here."""
    _, review = await waiting(reviewed(RuntimeError("no model")))
    assert review.reason == "RuntimeError: no model"
    assert "payment" not in review.shown


async def test_a_case_that_comes_again_asks_again() -> None:
    """A second visit is a review of its own; the first decision stays with the first."""
    bench, first = await waiting(to_and_fro())
    await bench.answer({"type": "reject", "message": "too dear"})
    [second] = await bench.store.reviews()
    assert second.review_id != first.review_id
    assert second.shown["payment"]["amount"] == 20.0
    await bench.answer({"type": "approve"})
    assert (await bench.row()).status == "finished"


def to_and_fro() -> Blueprint:
    """Propose -> by_hand, and back to propose when it is rejected."""
    flow = Blueprint("again", case=PaymentCase)
    flow.step(gives(GOOD), name="propose", then="by_hand")
    flow.review("by_hand", of="payment", decides=PaymentDecision, then=pay, rejected="propose")
    flow.effect(pay, then=END)
    return flow


def test_a_decision_must_be_able_to_edit_the_subject() -> None:
    """Otherwise people could only say yes or no to what is nearly right."""
    flow = Blueprint("payments", case=PaymentCase)
    with pytest.raises(BlueprintError, match="cannot edit"):
        flow.review("by_hand", of="order", decides=PaymentDecision, then=END)


# -- the four verbs ------------------------------------------------------------------------

VERBS: dict[str, tuple[dict[str, Any], str, list[float]]] = {
    "approve": ({"type": "approve"}, "finished", [20.0]),
    "edit": ({"type": "edit", "edited": {"amount": "7"}}, "finished", [7.0]),
    "respond": ({"type": "respond", "message": "8"}, "finished", [8.0]),
    "reject": ({"type": "reject", "message": "too dear"}, "declined", []),
}


@pytest.mark.parametrize(("answer", "status", "paid"), VERBS.values(), ids=VERBS.keys())
async def test_what_is_decided_is_what_runs(answer: dict[str, Any], status: str, paid: list[float]) -> None:
    """Approve goes on with the draft, edit and respond with the person's own, reject ends it."""
    bench, review = await waiting()
    with using(bench.services, acting="ann"):
        await bench.graph.ainvoke(Command(resume=answer), bench.config, durability="sync")
    assert (await bench.row()).status == status
    assert await amounts(bench) == paid
    decided = await bench.store.review(review.review_id)
    assert decided is not None
    assert decided.status == "decided" and decided.decision is not None
    assert decided.decision["type"] == answer["type"]
    values = await bench.values()
    assert values["decision"]["payload"] == decided.decision
    if answer["type"] in ("edit", "respond"):
        assert values["payment"]["by"] == decided.decided_by
    if status == "declined":
        assert str((await bench.row()).reason).endswith("too dear")


async def test_a_rejection_may_lead_on() -> None:
    """Where the blueprint says so, a rejected case goes to another step instead of its end."""
    bench, _ = await waiting(reviewed(rejected="cheaper"))
    await bench.answer({"type": "reject"})
    assert (await bench.row()).status == "finished"
    assert await amounts(bench) == [1.0]


async def test_nothing_can_be_approved_where_nothing_is_shown() -> None:
    """Without a draft the person writes it: an approval is refused, and the review stays open."""
    bench, review = await waiting(reviewed("bad"))
    with pytest.raises(ValueError, match="no draft to approve"):
        await bench.answer({"type": "approve"})
    assert (await bench.store.review(review.review_id)) == review
    await bench.answer({"type": "respond", "message": "5"})
    assert await amounts(bench) == [5.0]


async def test_a_free_answer_needs_somebody_to_read_it() -> None:
    """Where the blueprint has no `responds`, a response is refused and the review stays open."""
    bench, _ = await waiting(to_and_fro())
    with pytest.raises(ValueError, match="takes no free answer"):
        await bench.answer({"type": "respond", "message": "5"})
    await bench.answer({"type": "approve"})
    assert await amounts(bench) == [20.0]


async def test_words_that_cannot_be_read_are_set_aside_with_the_review_kept() -> None:
    """A `responds` that fails is the blueprint's fault: the dead letter, with the decision on record."""
    bench, review = await waiting()
    await bench.answer({"type": "respond", "message": "eight"})
    assert (await bench.row()).status == "dead_lettered"
    kinds = [kind for kind, step in await bench.told() if step == "by_hand"]
    assert kinds[0] == "review_opened" and "step_failed" in kinds
    stands = await bench.store.review(review.review_id)
    assert stands is not None and stands.status == "decided"


# -- malformed answers -----------------------------------------------------------------------

MALFORMED: dict[str, Any] = {
    "text": "approve",
    "an unknown verb": {"type": "maybe"},
    "an edit out of bounds": {"type": "edit", "edited": {"amount": -7}},
    "Agent Inbox's shape, out of bounds": [
        {"type": "edit", "args": {"action": "by_hand", "args": {"amount": "-7"}}}
    ],
    "LangChain's shape, with two decisions": {"decisions": [{"type": "approve"}, {"type": "approve"}]},
    "nothing in it": {"decision": None},
    "who decided": {"type": "approve", "by": "root"},
}


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_answer_leaves_the_review_open(answer: Any) -> None:
    """Through the raw graph and through the switchboard alike; the right answer then works."""
    bench, review = await waiting()
    for _ in range(2):
        with pytest.raises(ValueError, match="validation error"):
            await bench.answer(answer)
    assert await bench.store.reviews() == [review]
    await bench.answer({"type": "approve"})
    assert await amounts(bench) == [20.0]

    async with Switchboard.open("memory") as switchboard:
        await switchboard.run(reviewed(), ORDER, case_id="c1")
        [open_one] = await switchboard.reviews()
        with pytest.raises(DecisionMalformed, match="does not fit the review") as caught:
            await switchboard.decide(open_one.review_id, answer, by="ann")
        assert caught.value.fields["problems"]
        assert await switchboard.reviews() == [open_one]
        row = await switchboard.decide(open_one.review_id, {"type": "approve"}, by="ann")
        assert row.status == "finished"


SDK: dict[str, Any] = {
    "ours": {"type": "edit", "edited": {"amount": "7"}},
    "ours, naming what was shown": {
        "decision": {"type": "edit", "edited": {"amount": "7"}},
        "version": 1,
        "digest": digest_of(SHOWN),
    },
    "LangChain": {
        "decisions": [{"type": "edit", "edited_action": {"name": "by_hand", "args": {"amount": "7"}}}]
    },
    "Agent Inbox": [{"type": "edit", "args": {"action": "by_hand", "args": {"amount": "7"}}}],
}


@pytest.mark.parametrize("answer", SDK.values(), ids=SDK.keys())
async def test_every_known_shape_resumes_the_raw_graph(answer: Any) -> None:
    """As the SDK, LangChain's clients and Agent Inbox send it; what is kept is the number, not its text."""
    bench, _ = await waiting()
    await bench.answer(answer)
    assert payloads(await bench.values())["payment"]["amount"] == 7.0
    assert await amounts(bench) == [7.0]


async def test_clients_are_shown_the_form_of_the_decision() -> None:
    """The question's schema is the decision's own, not our wrapping."""
    bench, _ = await waiting()
    [question] = (await bench.snapshot()).interrupts
    schema = question.response_schema
    assert isinstance(schema, dict)
    assert {"type", "message", "edited"} <= set(schema["properties"])


# -- which decision stands ---------------------------------------------------------------------


async def test_the_second_to_decide_is_told_who_was_first() -> None:
    """One decision stands; the other is refused with the winner's name and verb."""
    async with Switchboard.open("memory") as switchboard:
        await switchboard.run(reviewed(), ORDER, case_id="c1")
        [review] = await switchboard.reviews()
        await switchboard.decide(review.review_id, {"type": "reject"}, by="ann")
        with pytest.raises(ReviewDecided, match="ann decided first: reject") as caught:
            await switchboard.decide(review.review_id, {"type": "approve"}, by="bob")
        assert (caught.value.by, caught.value.decision) == ("ann", "reject")
        assert (await switchboard.case("c1")).status == "declined"


async def test_of_many_who_decide_at_once_one_wins() -> None:
    """The row decides, not who resumed the graph; what stands is what runs, once."""
    async with Switchboard.open("memory") as switchboard:
        await switchboard.run(reviewed(), ORDER, case_id="c1")
        [review] = await switchboard.reviews()

        async def decide(amount: int) -> int | SwitchboardError:
            answer = {"type": "edit", "edited": {"amount": amount}}
            try:
                await switchboard.decide(review.review_id, answer, by=f"reviewer {amount}")
            except SwitchboardError as error:
                return error
            return amount

        outcomes = await asyncio.gather(*(decide(amount) for amount in range(1, 6)))
        [won] = [one for one in outcomes if isinstance(one, int)]
        assert sum(isinstance(one, ReviewDecided) for one in outcomes) == 4
        assert [one.row["amount"] for one in await switchboard.services.store.outbox()] == [float(won)]
        [stands] = (await switchboard.case("c1")).reviews
        assert stands.decided_by == f"reviewer {won}"


@pytest.mark.parametrize("answer", [one for one, _, _ in VERBS.values()], ids=VERBS.keys())
async def test_a_decision_survives_a_crash_before_the_resume(answer: dict[str, Any]) -> None:
    """It stands in its row; whoever resumes the case finds it there and goes on with it."""
    async with Switchboard.open("memory") as switchboard:
        await switchboard.run(reviewed(), ORDER, case_id="c1")
        [review] = await switchboard.reviews()
        decision = PaymentDecision.accept(answer, by="ann").model_dump(mode="json")
        await switchboard.services.store.decide(
            review.review_id,
            version=review.version,
            digest=review.digest,
            decision=decision,
            by="ann",
            at=switchboard.services.clock(),
        )
        assert (await switchboard.case("c1")).status == "waiting"
        assert await switchboard.resume_all() == {}
        view = await switchboard.case("c1")
        assert view.status == VERBS[answer["type"]][1]
        assert view.state.decision is not None  # type: ignore[attr-defined]
        assert [one.decided_by for one in view.reviews] == ["ann"]


async def test_resuming_without_a_decision_asks_on() -> None:
    """A case that waits for a person stays so, however often it is resumed."""
    async with Switchboard.open("memory") as switchboard:
        await switchboard.run(reviewed(), ORDER, case_id="c1")
        before = await switchboard.case("c1")
        await switchboard.resume("c1")
        await switchboard.resume_all()
        assert await switchboard.case("c1") == before


class ForgetsTheQuestion(InMemorySaver):
    """A saver that is away when the question is to be kept, as after a crash between row and question."""

    away = True

    async def aput_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        self._refuse(channel for channel, _ in writes)
        await super().aput_writes(config, writes, task_id, task_path)

    def _refuse(self, channels: Iterable[str]) -> None:
        if self.away and "__interrupt__" in channels:
            raise ConnectionError("the saver is away")


async def test_a_review_whose_question_was_lost_can_be_decided() -> None:
    """The row is there and the graph knows of no question: it asks again, under the same id."""
    saver = ForgetsTheQuestion()
    switchboard = Switchboard(House(memory_services(), saver, MemoryOwners()))
    flow = reviewed()
    with pytest.raises(ConnectionError):
        await switchboard.run(flow, ORDER, case_id="c1")
    saver.away = False
    [review] = await switchboard.reviews()
    row = await switchboard.decide(review.review_id, {"type": "approve"}, by="ann")
    assert row.status == "finished"
    assert len((await switchboard.case("c1")).reviews) == 1


# -- what was shown is what is decided on ---------------------------------------------------------


async def test_a_decision_on_something_else_is_refused() -> None:
    """A digest of what is no longer shown is stale; the review stays open, and the right one is taken."""
    async with Switchboard.open("memory") as switchboard:
        await switchboard.run(reviewed(), ORDER, case_id="c1")
        [review] = await switchboard.reviews()
        with pytest.raises(ReviewStale, match="changed since it was shown"):
            await switchboard.decide(review.review_id, {"type": "approve"}, by="ann", digest="0" * 64)
        assert await switchboard.reviews() == [review]
        row = await switchboard.decide(review.review_id, {"type": "approve"}, by="ann", digest=review.digest)
        assert row.status == "finished"


@pytest.mark.parametrize("stale", [{"digest": "0" * 64}, {"version": 2}], ids=["digest", "version"])
async def test_a_stale_answer_through_the_raw_graph_is_refused(stale: dict[str, Any]) -> None:
    """The same check stands in the step: whoever resumes names what he was shown."""
    bench, review = await waiting()
    answer = {"decision": {"type": "approve"}, "version": 1, "digest": review.digest}
    with pytest.raises(ReviewStale):
        await bench.answer(answer | stale)
    assert await bench.store.reviews() == [review]
    assert await bench.outbox() == []
    await bench.answer(answer)
    assert await amounts(bench) == [20.0]


# -- who decides -------------------------------------------------------------------------------


async def test_who_decided_comes_from_the_caller_and_not_from_the_answer() -> None:
    """The switchboard names whom its caller authenticated; an answer cannot."""
    async with Switchboard.open("memory") as switchboard:
        await switchboard.run(reviewed(), ORDER, case_id="c1")
        [review] = await switchboard.reviews()
        await switchboard.decide(review.review_id, {"type": "edit", "edited": GOOD}, by="ann")
        view = await switchboard.case("c1")
        assert [one.decided_by for one in view.reviews] == ["ann"]
        [decided] = [one.event for one in view.story if one.event.kind == "review_decided"]
        assert decided.data["by"] == "ann"


async def test_an_unknown_review_is_told() -> None:
    """No review, no decision; and a way to find those that wait."""
    async with Switchboard.open("memory") as switchboard:
        with pytest.raises(ReviewError, match="no review 'rv-0'"):
            await switchboard.decide("rv-0", {"type": "approve"}, by="ann")

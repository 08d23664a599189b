"""The claims desk on Postgres: what is paid, who is asked, what waits, and what happens when a part fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from contracts.claims import Claim, Document, FraudScreen, Letter, Particulars, Policy, Request, Settlement
from evals.claims import suite
from graphs.claims import claims
from langgraph_switchboard import Switchboard
from langgraph_switchboard.errors import DecisionMalformed, ModelDown, ReviewNotYours
from langgraph_switchboard.evals import load_dataset, run_eval
from langgraph_switchboard.models import Question
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.switchboard import CaseView
from langgraph_switchboard.testing import ScriptedModel
from tests.claims.helpers import ESTIMATE, EXAMPLES, FORM, claim_of, example

pytestmark = pytest.mark.pg

Line = Callable[[Question[Any]], Any]


def steps(view: CaseView) -> list[str]:
    """The steps that the case went through, in order."""
    return [entry.event.step for entry in view.story if "goto" in entry.event.data]


async def payments(pool: Pool) -> list[tuple[str, str, Decimal, str]]:
    """What stands in the books."""
    async with pool.connection() as connection:
        cursor = await connection.execute("select case_id, payee, amount, currency from larkcover.payments")
        return [tuple(row.values()) for row in await cursor.fetchall()]


async def letters(switchboard: Switchboard, case_id: str) -> list[str]:
    """The letters of a case, in order."""
    return [str(one.row["text"]) for one in await switchboard.services.store.outbox(case_id)]


async def test_a_clear_claim_is_paid_and_told_without_a_person(pg_dsn: str, pg_pool: Pool) -> None:
    """The straight way: read, checked, paid once, and a letter that says so."""
    async with Switchboard.open(pg_dsn) as switchboard:
        view = await switchboard.run(claims, example("L-0001"), case_id="c-1")
        (letter,) = await letters(switchboard, "c-1")
        again = await switchboard.resume("c-1")
    assert (view.status, again.status) == ("finished", "finished")
    assert await payments(pg_pool) == [("c-1", "Anneke de Groot", Decimal("1180.00"), "EUR")]
    assert "We pay 1180.00 EUR" in letter
    assert view.reviews == []


async def test_all_examples_meet_every_gate_offline(pg_dsn: str) -> None:
    """What `switchboard eval claims` says of this version, with plain code alone."""
    report = await run_eval(
        claims, load_dataset(suite.dataset), suite.evaluators, gates=suite.gates, database=pg_dsn
    )
    assert len(EXAMPLES) >= 60
    assert report.failures == []
    assert {one.key for one in report.metrics if not one.passed} == set()


def reader(question: Question[Any]) -> Particulars:
    """A model that reads every claim as its label says."""
    (one,) = [row for row in EXAMPLES if row["inputs"]["claim"]["text"] == question.facts["claim"]]
    line = {"burglary": "home", "theft": "motor", "death": "life"}
    read = one["outputs"]["particulars"]
    kind = one["metadata"]["line"]
    return Particulars.model_validate(
        {**read, "line": kind if kind != "unknown" else line[read["peril"]], "confidence": 0.97}
    )


def no_suspicion(question: Question[Any]) -> FraudScreen:
    """A model that sees nothing; what the rules saw stays."""
    return FraudScreen(score=0.0)


def own_words(question: Question[Any]) -> Letter:
    """A model that says in other words what was decided."""
    return Letter(text=f"Hello!\n{question.facts['decision']}\nAll the best.")


async def test_all_examples_come_out_right_with_a_model_that_reads(pg_dsn: str) -> None:
    """Letters in prose, which plain code leaves to a person, are settled too; no gate gives way."""
    # Lines of one contract are used up in whatever order the claims come; each looks at its question.
    lines: dict[Any, list[Line]] = {
        Particulars: [reader] * len(EXAMPLES),
        FraudScreen: [no_suspicion] * sum(row["outputs"]["outcome"] != "claimant" for row in EXAMPLES),
        Letter: [own_words] * sum(row["outputs"]["outcome"] in ("paid", "declined") for row in EXAMPLES),
    }
    async with ScriptedModel(by_contract=lines) as models:
        report = await run_eval(
            claims, load_dataset(suite.dataset), suite.evaluators, database=pg_dsn, models=models
        )
    assert report.failures == []
    assert {one.key: one.value for one in report.metrics} == dict.fromkeys(suite.gates, 1.0)


async def test_a_wrong_reading_of_a_model_pays_nothing_alone(pg_dsn: str, pg_pool: Pool) -> None:
    """A made-up amount and a made-up policy come to a person, whatever confidence the model gave."""
    claim = claim_of(FORM, ESTIMATE)
    wrong = Particulars(
        line="motor", peril="collision", policy_number="MOT-2023-1001", claimant="Anneke de Groot",
        loss_date=date(2026, 10, 20), amount="4480.00", currency="EUR", confidence=1.0,
    )  # fmt: skip
    async with (
        ScriptedModel(wrong, FraudScreen(score=0)) as models,
        Switchboard.open(pg_dsn, models=models) as switchboard,
    ):
        view = await switchboard.run(claims, claim)
    assert (view.status, view.row.step) == ("waiting", "review")
    assert "the amount 4480.00 stands in no paper" in str(view.row.reason)
    assert await payments(pg_pool) == []


async def test_a_model_that_is_down_leaves_everything_to_plain_code(pg_dsn: str, pg_pool: Pool) -> None:
    """Extraction, fraud and letter each have plain code behind them; a lower confidence asks a person."""
    down = ModelDown("the server failed", retryable=False)
    async with (
        ScriptedModel(down, down) as models,
        Switchboard.open(pg_dsn, models=models) as switchboard,
    ):
        view = await switchboard.run(claims, example("L-0001"), case_id="c-1")
        assert (view.status, view.row.step) == ("waiting", "review")
        assert view.state.settlement.amount == "1180.00"  # type: ignore[attr-defined]
        assert "confidence 0.76" in str(view.row.reason)
    assert await payments(pg_pool) == []


async def test_a_letter_that_names_another_amount_is_not_sent(pg_dsn: str) -> None:
    """The template goes out instead, and the record says so."""
    wrong = Letter(text="Dear customer, we pay 9,999.00 EUR. Enjoy it.")
    lines: dict[Any, list[Any]] = {
        Particulars: [reader],
        FraudScreen: [no_suspicion],
        Letter: [wrong],
    }
    async with (
        ScriptedModel(by_contract=lines) as models,
        Switchboard.open(pg_dsn, models=models) as switchboard,
    ):
        view = await switchboard.run(claims, example("L-0001"), case_id="c-1")
        (letter,) = await letters(switchboard, "c-1")
    assert view.status == "finished"
    assert "9,999" not in letter
    assert "We pay 1180.00 EUR" in letter
    (told,) = [
        one.event.data for one in view.story if one.event.step == "notify" and "goto" in one.event.data
    ]
    assert "another amount" in told["letter"]


# -- what is missing ---------------------------------------------------------------------------


async def test_a_missing_paper_is_asked_for_and_the_claim_goes_on_when_it_comes(
    pg_dsn: str, pg_pool: Pool
) -> None:
    """The case waits for the claimant, not for us; with the paper it is decided as if it had been there."""
    paper = Document(name="police.txt", text="POLICE REPORT\nDate: 2026-10-26\nReported by: T. Zielinski")
    async with Switchboard.open(pg_dsn) as switchboard:
        view = await switchboard.run(claims, claim_without(ESTIMATE), case_id="c-1")
        assert (view.status, view.row.step) == ("waiting", "documents")
        (review,) = view.reviews
        assert review.shown["request"]["question"] == "Please send us the invoice or an estimate of the cost."
        asked = Request(question=review.shown["request"]["question"], documents=(paper, ESTIMATE))
        await switchboard.decide(
            review.review_id, {"type": "edit", "edited": asked.model_dump()}, by="anneke"
        )
        view = await switchboard.case("c-1")
        first, second = await letters(switchboard, "c-1")
    assert view.status == "finished"
    assert "Please send us the invoice" in first
    assert "We pay 1180.00 EUR" in second
    assert [amount for _, _, amount, _ in await payments(pg_pool)] == [Decimal("1180.00")]
    assert steps(view).count("extract") == 2


def claim_without(paper: Document) -> Claim:
    """The form's claim, whose paper is still to come."""
    claim = claim_of(FORM)
    assert paper not in claim.documents
    return claim


async def test_what_the_claimant_writes_is_a_paper_too(pg_dsn: str) -> None:
    """An answer in words brings the fact that lacked."""
    text = FORM.replace("Date of loss: 2026-10-20\n", "")
    async with Switchboard.open(pg_dsn) as switchboard:
        view = await switchboard.run(claims, claim_of(text, ESTIMATE))
        (review,) = view.reviews
        assert "the day on which it happened" in review.shown["request"]["question"]
        said = "CLAIM FORM\nDate of loss: 2026-10-20"
        await switchboard.decide(review.review_id, {"type": "respond", "message": said}, by="anneke")
        view = await switchboard.case(view.row.case_id)
    assert view.status == "finished"
    assert view.state.payment.amount == "1180.00"  # type: ignore[attr-defined]


async def test_after_two_letters_a_person_decides_with_what_is_there(pg_dsn: str) -> None:
    """Nobody is asked for ever: the third time it is a question to us."""
    async with Switchboard.open(pg_dsn) as switchboard:
        view = await switchboard.run(claims, claim_of(FORM))
        for _ in range(2):
            (review,) = [one for one in view.reviews if one.status == "open"]
            assert review.step == "documents"
            await switchboard.decide(review.review_id, {"type": "approve"}, by="anneke")
            view = await switchboard.case(view.row.case_id)
        assert (view.status, view.row.step) == ("waiting", "review")
        assert "Can it be decided without what is missing?" in str(view.row.reason)
        assert len(await letters(switchboard, view.row.case_id)) == 2


async def test_a_claim_that_is_withdrawn_ends_declined(pg_dsn: str, pg_pool: Pool) -> None:
    """A claimant who says no is believed; nothing is paid."""
    async with Switchboard.open(pg_dsn) as switchboard:
        view = await switchboard.run(claims, claim_of(FORM))
        (review,) = view.reviews
        await switchboard.decide(
            review.review_id, {"type": "reject", "message": "I found it again."}, by="anneke"
        )
        view = await switchboard.case(view.row.case_id)
    assert (view.status, view.row.reason) == ("declined", "declined by anneke: I found it again.")


# -- people -----------------------------------------------------------------------------------


async def test_suspected_fraud_waits_for_a_person_who_may_refuse(pg_dsn: str, pg_pool: Pool) -> None:
    """The question says what was seen; a refusal pays nothing and is told with its reason."""
    async with Switchboard.open(pg_dsn) as switchboard:
        view = await switchboard.run(claims, example("L-0008"), case_id="c-1")
        assert (view.status, view.row.step) == ("waiting", "review")
        assert "3200.00 are claimed, the papers show 1900.00" in str(view.row.reason)
        (review,) = view.reviews
        await switchboard.decide(
            review.review_id, {"type": "reject", "message": "The damage is old."}, by="maria"
        )
        view = await switchboard.case("c-1")
        (letter,) = await letters(switchboard, "c-1")
    assert view.status == "finished"
    assert "- The damage is old." in letter
    assert await payments(pg_pool) == []


async def test_a_person_pays_what_is_over_the_first_limit(pg_dsn: str, pg_pool: Pool) -> None:
    """Approved as proposed, it is booked once; the payee is who stands on the policy."""
    async with Switchboard.open(pg_dsn) as switchboard:
        view = await switchboard.run(claims, example("L-0010"), case_id="c-1")
        assert "20500.00 USD is over 5500" in str(view.row.reason)
        (review,) = view.reviews
        await switchboard.decide(review.review_id, {"type": "approve"}, by="maria")
        await switchboard.resume("c-1")
    assert await payments(pg_pool) == [("c-1", "Dolores Ibarra", Decimal("20500.00"), "USD")]


async def test_a_person_may_pay_another_amount_than_was_proposed(pg_dsn: str, pg_pool: Pool) -> None:
    """An edit is checked by the same contract: money that is no money is refused."""
    async with Switchboard.open(pg_dsn) as switchboard:
        view = await switchboard.run(claims, example("L-0008"), case_id="c-1")
        (review,) = view.reviews
        proposed = review.shown["settlement"]
        with pytest.raises(DecisionMalformed):
            wrong = {"type": "edit", "edited": {**proposed, "amount": "-5"}}
            await switchboard.decide(review.review_id, wrong, by="maria")
        less = Settlement.model_validate({**proposed, "amount": "900.00", "grounds": ["As agreed."]})
        await switchboard.decide(review.review_id, {"type": "edit", "edited": less.model_dump()}, by="maria")
    assert [amount for _, _, amount, _ in await payments(pg_pool)] == [Decimal("900.00")]


async def test_above_the_second_limit_two_different_people_approve(pg_dsn: str, pg_pool: Pool) -> None:
    """One approval pays nothing, and the same person does not count twice."""
    async with Switchboard.open(pg_dsn) as switchboard:
        view = await switchboard.run(claims, example("L-0014"), case_id="c-1")
        (review,) = view.reviews
        assert review.people == 2
        await switchboard.decide(review.review_id, {"type": "approve"}, by="maria")
        assert (await switchboard.case("c-1")).status == "waiting"
        with pytest.raises(ReviewNotYours, match="maria has approved it already"):
            await switchboard.decide(review.review_id, {"type": "approve"}, by="maria")
        assert await payments(pg_pool) == []
        await switchboard.decide(review.review_id, {"type": "approve"}, by="jonas")
        assert (await switchboard.case("c-1")).status == "finished"
    assert await payments(pg_pool) == [("c-1", "Ingrid Solberg", Decimal("47500.00"), "EUR")]


async def test_who_raises_the_sum_over_the_second_limit_needs_another_person(
    pg_dsn: str, pg_pool: Pool
) -> None:
    """The number of people goes by what would be paid, not by what was proposed."""
    async with Switchboard.open(pg_dsn) as switchboard:
        view = await switchboard.run(claims, example("L-0010"), case_id="c-1")
        (review,) = view.reviews
        assert review.people == 1
        more = {**review.shown["settlement"], "amount": "39000.00"}
        await switchboard.decide(review.review_id, {"type": "edit", "edited": more}, by="maria")
        assert (await switchboard.case("c-1")).status == "waiting"
        assert await payments(pg_pool) == []
        await switchboard.decide(review.review_id, {"type": "approve"}, by="jonas")
    assert [amount for _, _, amount, _ in await payments(pg_pool)] == [Decimal("39000.00")]


# -- what fails -------------------------------------------------------------------------------


async def test_tables_that_cannot_be_read_bring_a_person_in(pg_dsn: str, pg_pool: Pool) -> None:
    """The look-up fails for good: the claim goes on without the policy, and nobody is paid by rule."""
    async with Switchboard.open(pg_dsn) as switchboard:
        await switchboard.run(claims, example("L-0002"))  # makes the tables
        async with pg_pool.connection() as connection:
            await connection.execute("alter table larkcover.policies rename to gone")
        view = await switchboard.run(claims, example("L-0001"), case_id="c-1")
    assert (view.status, view.row.step) == ("waiting", "review")
    assert "Our tables could not be read" in str(view.row.reason)
    assert {"policy_unread", "fraud_by_rules"} <= set(steps(view))
    assert Policy.model_validate(view.state.policy).status == "unread"  # type: ignore[attr-defined]


def test_every_state_has_an_owner_a_time_and_a_way_down() -> None:
    """Extraction, fraud, policy, decision and notice: each is bounded, and each has its rung."""
    process = claims.process()
    rungs = {
        "extract": "read_form", "detect_fraud": "fraud_by_rules", "look_up_policy": "policy_unread",
        "decide": "review", "settle": "review", "notify": "notify_plainly",
    }  # fmt: skip
    for name, rung in rungs.items():
        step = process.steps[name]
        assert (step.way("fallback"), bool(step.owner), bool(step.timeout)) == (rung, True, True)
    assert claims.check() == []

"""Money is decided by rule: to the cent, at the limits, and never against a plain fact of the policy."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.claims import Document, FraudScreen, Missing, Payment, Settlement, SettlementDecision, Signal
from nodes.claims import _no_less, _standing_in, needs_person, people_needed
from nodes.claims_fraud import SUSPECTED, score_of, screen
from nodes.claims_letters import notice_letter, says_what_was_decided
from nodes.claims_rules import UNSURE, settle_by_rule
from tests.claims.helpers import (
    CLEAN,
    ESTIMATE,
    FORM,
    NOTHING_MISSING,
    RECEIVED,
    claim_of,
    file_of,
    particulars,
    policy,
)

HISTORY = [
    {
        "begins": "2023-03-01", "holder": "Anneke de Groot", "beneficiary": None, "id": None, "peril": None,
        "loss_date": None,
    }
]  # fmt: skip


def settled(
    file: Any = None, fraud: FraudScreen = CLEAN, missing: Missing = NOTHING_MISSING, **changed: Any
) -> Settlement:
    """The settlement of the form's claim, with changes of its particulars (`p_`) or its policy."""
    of_claim = {key[2:]: value for key, value in changed.items() if key.startswith("p_")}
    of_policy = {key: value for key, value in changed.items() if not key.startswith("p_")}
    return settle_by_rule(
        claim_of(), file or file_of(ESTIMATE), particulars(**of_claim), missing, policy(**of_policy), fraud
    )


def test_what_is_claimed_and_shown_is_paid_less_the_deductible() -> None:
    """1,480.00 less 300.00, with the grounds in words."""
    paid = settled()
    assert (paid.outcome, paid.amount, paid.currency, paid.question) == ("pay", "1180.00", "EUR", "")
    assert paid.grounds[-1] == "You bear 300.00 of every loss yourself."


@given(
    claimed=st.integers(1, 10**7),
    limit=st.integers(0, 10**7),
    total=st.integers(1, 10**7),
    own=st.integers(0, 10**6),
)
def test_never_more_is_paid_than_any_bound_allows(claimed: int, limit: int, total: int, own: int) -> None:
    """Whatever the figures: within the claim, the cover's limit and the sum insured, less the deductible."""

    def money(cents: int) -> str:
        return f"{Decimal(cents) / 100:.2f}"

    paid = settled(
        file_of(), p_amount=money(claimed), sum_insured=money(total), deductible=money(own),
        covers=[{"peril": "collision", "limit": money(limit)}],
    )  # fmt: skip
    due = max(0, min(claimed, limit, total) - own)
    assert paid.amount == money(due)
    assert (paid.outcome == "pay") == (due > 0)


@pytest.mark.parametrize(
    ("changed", "ground"),
    [
        ({"status": "lapsed", "ends": date(2026, 5, 31)}, "lapsed on 2026-05-31"),
        ({"begins": date(2026, 10, 21)}, "lies before 2026-10-21"),
        ({"covers": [{"peril": "glass"}]}, "does not insure against this (collision)"),
        ({"deductible": "1480.00"}, "You bear 1480.00"),
    ],
)
def test_a_plain_fact_of_the_policy_declines_a_claim(changed: dict[str, Any], ground: str) -> None:
    """Without a person, for nobody could decide otherwise; the letter says why."""
    declined = settled(**changed)
    assert (declined.outcome, declined.amount, declined.question) == ("decline", "0.00", "")
    assert ground in " ".join(declined.grounds)
    assert needs_person(declined) is None


@pytest.mark.parametrize("day", ["begins", "ends"])
def test_the_first_and_the_last_day_are_covered(day: str) -> None:
    """The bounds of the cover belong to it."""
    held = policy()
    assert settled(p_loss_date=getattr(held, day), file=file_of()).outcome == "pay"


@pytest.mark.parametrize(
    ("changed", "asks"),
    [
        ({"found": False, "status": "unknown"}, "not stand in our books"),
        ({"found": False, "status": "unread"}, "could not be read"),
        ({"exclusions": ("Racing is excluded.",)}, "Does an exclusion apply? Racing is excluded."),
        ({"currency": "GBP"}, "The claim is in EUR, the policy in GBP"),
        ({"line": "home"}, "The claim is about motor, the policy about home"),
        ({"p_loss_date": RECEIVED + timedelta(days=1)}, "lies after the day"),
        ({"p_doubts": ("the amount stands in no paper",), "p_confidence": 0.5}, "Is the claim read rightly?"),
        ({"fraud": FraudScreen(score=0.6)}, "Is the claim true?"),
        ({"fraud": FraudScreen(score=0.1, complete=False)}, "history of the policy could not be read"),
        ({"missing": Missing(question="Please send us the invoice.")}, "without what is missing"),
    ],
)
def test_what_no_rule_can_decide_is_asked(changed: dict[str, Any], asks: str) -> None:
    """A person gets the question in words, and the proposal is never sure enough to go alone."""
    proposed = settled(**changed)
    assert asks in proposed.question
    assert proposed.confidence <= UNSURE
    assert asks in str(needs_person(proposed))


@pytest.mark.parametrize(
    ("amount", "currency", "alone", "people"),
    [
        ("5000.00", "EUR", True, 1), ("5000.01", "EUR", False, 1), ("25000.00", "EUR", False, 1),
        ("25000.01", "EUR", False, 2), ("22000.01", "GBP", False, 2), ("5500.00", "USD", True, 1),
        ("0.01", "CHF", False, 2),
    ],
)  # fmt: skip
def test_the_limits_hold_to_the_cent(amount: str, currency: str, alone: bool, people: int) -> None:
    """Over the first a person, over the second two; in a currency that we do not know always two."""
    one = Settlement(outcome="pay", amount=amount, currency=currency, grounds=("due",), confidence=0.95)
    assert (needs_person(one) is None, people_needed(one)) == (alone, people)


def screened(history: Any = HISTORY, papers: Any = ESTIMATE, **changed: Any) -> FraudScreen:
    return screen(particulars(**changed), file_of(papers), RECEIVED, history)


def test_an_honest_claim_raises_no_signal() -> None:
    """Nothing seen is nothing said."""
    assert screened() == FraudScreen(score=0.0)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"amount": "1700.00"}, "more_than_shown"),
        ({"loss_date": date(2026, 10, 24)}, "paper_before_loss"),
        ({"loss_date": date(2026, 11, 11)}, "future_loss"),
        ({"loss_date": date(2026, 8, 1)}, "late"),
        ({"loss_date": date(2023, 3, 10)}, "early"),
        ({"claimant": "Bo Svensson"}, "stranger"),
        ({"history": [{**HISTORY[0], "peril": "collision", "loss_date": "2026-10-18"}]}, "same_loss"),
        ({"history": [{**HISTORY[0], "peril": "glass", "loss_date": "2026-02-01"}] * 3}, "many"),
    ],
)
def test_each_rule_sees_what_it_is_for(changed: dict[str, Any], code: str) -> None:
    """By code, so that a report can count them."""
    assert code in {one.code for one in screened(**changed).signals}


def test_a_history_that_could_not_be_read_is_said_to_be_missing() -> None:
    """Silence of the tables is not innocence."""
    assert screened(history=None).complete is False


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0, 1))
def test_a_model_adds_suspicion_and_takes_none_away(weights: list[float], judged: float) -> None:
    """Whatever it says, the score is at least that of the rules, and their signals stay."""
    signals = tuple(Signal(code=f"s{n}", says="seen", weight=weight) for n, weight in enumerate(weights))
    by_rules = FraudScreen(score=score_of(signals), signals=signals, complete=False)
    both = _no_less(by_rules, FraudScreen(score=judged, signals=(Signal(code="m", says="odd", weight=0.1),)))
    assert both.score == max(by_rules.score, judged)
    assert set(signals) < set(both.signals)
    assert both.complete is False
    assert SUSPECTED == 0.5


@pytest.mark.parametrize(
    ("changed", "doubt"),
    [
        ({"policy_number": "MOT-2023-7777"}, "the policy number MOT-2023-7777 stands in no paper"),
        ({"amount": "9480.00"}, "the amount 9480.00 stands in no paper"),
    ],
)
def test_a_figure_that_a_model_made_up_is_doubted(changed: dict[str, Any], doubt: str) -> None:
    """What stands in no paper brings a person in, however sure the model was."""
    kept = _standing_in(particulars(**changed), claim_of(FORM, ESTIMATE), file_of(ESTIMATE))
    assert doubt in kept.doubts
    assert kept.confidence == 0.5
    assert _standing_in(particulars(), claim_of(), file_of()) == particulars()


PAID = Payment(paid=True, payment_id="PAY-1", amount="1180.00", currency="EUR")


@pytest.mark.parametrize(
    ("letter", "payment", "fits"),
    [
        ("We pay 1,180.00 EUR.", PAID, True),
        ("We pay EUR 1180.00, that is all.", PAID, True),
        ("We pay 1,480.00 EUR.", PAID, False),
        ("We pay 1,180.00 EUR and perhaps 50.00 EUR later.", PAID, False),
        ("We pay what is due.", PAID, False),
        ("We pay nothing.", Payment(paid=False), True),
        ("We pay 10.00 EUR.", Payment(paid=False), False),
    ],
)
def test_a_letter_says_the_amount_that_was_decided_and_no_other(
    letter: str, payment: Payment, fits: bool
) -> None:
    """Otherwise the template goes out instead."""
    assert says_what_was_decided(letter, payment) is fits


def test_the_template_says_what_was_decided() -> None:
    """Amount and claim in the first sentence, the grounds below; the template needs no check."""
    letter = notice_letter(claim_of(), settled(), PAID, None)
    assert "We pay 1180.00 EUR for your claim L-1." in letter
    assert "- You bear 300.00 of every loss yourself." in letter


def test_a_person_who_rejects_is_quoted_in_the_letter() -> None:
    """The proposal's grounds no longer hold then."""
    refused = SettlementDecision(type="reject", message="The photos show an old dent.")
    letter = notice_letter(claim_of(), settled(), None, refused)
    assert "We cannot pay" in letter
    assert "- The photos show an old dent." in letter
    assert "You bear" not in letter


def test_an_invoice_without_a_total_line_counts_with_its_highest_amount() -> None:
    """A bill of several lines is worth its total, wherever that stands."""
    bill = Document(name="b.txt", text="INVOICE\nlabour 200.00 EUR\nparts 300.00 EUR\nto pay 500.00 EUR")
    assert settled(file_of(bill)).amount == "200.00"

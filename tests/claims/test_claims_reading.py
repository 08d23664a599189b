"""Money, days and forms are read as they stand, and what is doubtful is said to be."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.claims import Document
from nodes.claims_forms import LEAST, SURE, labelled_lines, read_claim
from nodes.claims_papers import kind_of, missing_of
from nodes.claims_reading import as_money, day_in, sums_in
from tests.claims.helpers import ESTIMATE, FORM, claim_of, file_of

CENTS = st.integers(min_value=0, max_value=10**9).map(lambda cents: Decimal(cents) / 100)


@given(CENTS, st.sampled_from(["{:,.2f} EUR", "EUR {:.2f}", "${:,.2f}", "£{:.2f}"]))
def test_an_amount_is_read_back_to_the_cent(amount: Decimal, written: str) -> None:
    """However it is written, no cent is lost: money never passes through a binary fraction."""
    (read,) = sums_in(written.format(amount))
    assert read.amount == amount
    assert as_money(read.amount) == f"{amount:.2f}"


@given(CENTS)
def test_the_continental_way_of_writing_is_read_too(amount: Decimal) -> None:
    """1.240,50 and 1,240.50 are the same money."""
    written = f"{amount:,.2f} EUR".translate(str.maketrans(",.", ".,"))
    assert [one.amount for one in sums_in(written)] == [amount]


@pytest.mark.parametrize(
    "text", ["MOT-2024-1001", "call 555 0147", "on 2026-10-20 at 14:32", "LIP-2019-087234", "page 3 of 4"]
)
def test_a_number_without_a_currency_is_no_money(text: str) -> None:
    """A policy number or a telephone number must never become an amount."""
    assert sums_in(text) == []


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2060, 12, 31)))
def test_a_day_is_read_in_every_common_writing(day: date) -> None:
    """Where the month is a word, or the year comes first, there is no doubt."""
    for written in (f"{day}", f"{day:%d %B %Y}", f"{day:%B %d, %Y}", f"{day:%d.%m.%Y}"):
        read = day_in(f"It was on {written}, I think.")
        assert read is not None
        assert (read.day, read.sure) == (day, True)


@pytest.mark.parametrize(
    ("text", "day", "sure"),
    [
        ("02/25/2026", date(2026, 2, 25), True),
        ("25/02/2026", date(2026, 2, 25), True),
        ("03/04/2026", date(2026, 4, 3), False),
        ("05/05/2026", date(2026, 5, 5), True),
    ],
)
def test_a_day_whose_order_is_open_is_doubted(text: str, day: date, sure: bool) -> None:
    """03/04 is the third of April here and the fourth of March elsewhere."""
    read = day_in(text)
    assert read is not None
    assert (read.day, read.sure) == (day, sure)


@pytest.mark.parametrize("text", ["31 April 2026", "2026-13-01", "no day at all", "99/99/2026"])
def test_an_impossible_day_is_none(text: str) -> None:
    """Nobody knows what was meant; it is asked for."""
    assert day_in(text) is None


def test_a_form_is_read_by_its_labels_without_a_doubt() -> None:
    """Every fact stands behind its label."""
    read = read_claim(claim_of(FORM, ESTIMATE), file_of(ESTIMATE))
    assert (read.line, read.peril) == ("motor", "collision")
    assert (read.policy_number, read.claimant) == ("MOT-2023-1001", "Anneke de Groot")
    assert (read.loss_date, read.amount, read.currency) == (date(2026, 10, 20), "1480.00", "EUR")
    assert (read.doubts, read.confidence) == ((), SURE)


def test_a_letter_is_read_with_doubts() -> None:
    """Prose gives the same facts, each with a doubt, so that a person looks."""
    letter = "On 20 October 2026 a van bumped into my car (MOT-2023-1001). It costs EUR 1,480.00."
    read = read_claim(claim_of(letter), file_of())
    assert (read.policy_number, read.amount, read.peril) == ("MOT-2023-1001", "1480.00", "collision")
    assert len(read.doubts) == 5
    assert read.confidence < 0.5


@given(st.text(max_size=2000))
def test_any_text_at_all_is_read_without_a_crash(text: str) -> None:
    """What people send is not what forms expect; the reading stays within its contract."""
    read = read_claim(claim_of(text or "x"), file_of())
    assert LEAST <= read.confidence <= SURE


def test_a_value_goes_on_in_lines_that_are_set_in() -> None:
    """An address or a name over two lines is one value."""
    text = "Address:     142 Maple Avenue\n             West Hartford\nName: Ada\n\nnothing here"
    assert list(labelled_lines(text)) == [("address", "142 Maple Avenue West Hartford"), ("name", "Ada")]


def test_an_amount_on_an_invoice_is_not_the_claimed_amount() -> None:
    """Other papers have dates and amounts of their own."""
    bill = Document(name="bill.txt", text="INVOICE\nDate: 2026-01-01\nAmount: 9,999.00 EUR")
    read = read_claim(claim_of(FORM.replace("Amount claimed: 1480.00 EUR\n", ""), bill), file_of(bill))
    assert read.amount is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("STATE OF X\nCERTIFICATE OF DEATH\n", "death_certificate"),
        ("Garage Smit\nINVOICE 2026-11", "invoice"),
        ("Cost estimate for the bumper", "estimate"),
        ("POLICE REPORT 4711", "police_report"),
        ("Notes about a dog", "other"),
    ],
)
def test_a_paper_is_sorted_by_what_it_says_of_itself(text: str, kind: str) -> None:
    """At its top; a name alone is believed only where the text is silent."""
    assert kind_of(Document(name="scan-1.txt", text=text)) == kind


def test_the_question_names_every_paper_and_fact_that_lacks() -> None:
    """One letter asks for all of it, in whole sentences."""
    read = read_claim(claim_of("My car was stolen."), file_of())
    missing = missing_of(read, file_of())
    assert missing.documents == ("police_report",)
    assert missing.question == (
        "Please send us the report to the police. Please tell us the number of the policy, the day on "
        "which it happened and the amount of money that is claimed."
    )

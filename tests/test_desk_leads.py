"""What the desk reads from a ticket before it judges, and what the customer's rows add to it."""

from __future__ import annotations

from decimal import Decimal
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes import router
from nodes.high_stakes import HIGH_STAKES_TOPICS
from nodes.leads import ELSEWHERE, Lead, lead_of
from nodes.router import decide
from nodes.wording import AMOUNT, amounts_in, asks_in_general, plain, reads_as_english, says_day
from tests.desk_context import Row


def payment(status: str = "declined", **changed: str) -> Row:
    return {
        "id": "TX-1",
        "kind": "card_payment",
        "counterparty": "Blue Door Deli",
        "amount": "48.20",
        "currency": "GBP",
        "status": status,
        "at": "2026-11-03T12:00:00Z",
        **changed,
    }


FEE: Row = {
    "id": "CH-1", "kind": "transfer_fee", "amount": "3.75", "currency": "GBP", "at": "2026-11-03T12:00:00Z",
    "reason": "a fee",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sums"),
    [
        ("12.50 on 3 May", {"12.50"}),
        ("1,234 crowns and \u00a37", {"1234"}),
        ("the 7,25 of the 12th at 18:30", {"7.25"}),
        ("card ending 4242, CH-20311", set()),
        ("two of 5", set()),
    ],
)
def test_sums_are_told_from_days_hours_and_numbers(text: str, sums: set[str]) -> None:
    """A day that is taken for a sum would find a row that nobody meant."""
    assert amounts_in(text) == {Decimal(one) for one in sums}


@pytest.mark.parametrize("said", ["3 November", "the 3rd", "Nov 3", "the third of November", "2026-11-03"])
def test_a_day_is_known_however_it_is_written(said: str) -> None:
    """And another day is not."""
    assert says_day(f"It was on {said}, I think", payment())
    assert not says_day(f"It was on {said}, I think", payment(at="2026-11-23T12:00:00Z"))


def test_a_ticket_reads_alike_whatever_the_sum_the_day_and_the_name() -> None:
    """The classifier sees what is asked, not about how much."""
    here = plain("Why was 48.20 at Blue Door Deli on 3 November declined?", [payment()])
    there = plain("Why was 7.00 at Moss & Fern on 12 May declined?", [payment(counterparty="Moss & Fern")])
    assert here == there
    assert AMOUNT.strip() in here


@given(st.text(max_size=300))
def test_any_text_has_a_plain_form(text: str) -> None:
    """Reading never fails, and never leaves nothing."""
    assert plain(text, [payment(), FEE])
    amounts_in(text)
    asks_in_general(text)


@pytest.mark.parametrize("piece", ["1,", "1.1", "3 may ", "the ", "12:", "at 1", "z\u0142 ", "48.20 on 3 "])
def test_no_text_makes_reading_slow(piece: str) -> None:
    """A ticket of 20,000 characters made to hurt is read within half a second."""
    text = (piece * 20_000)[:20_000]
    start = perf_counter()
    plain(text, [payment()])
    lead_of(text, {"transaction": [payment()]})
    assert perf_counter() - start < 0.5


@pytest.mark.parametrize(
    "text", ["48.20, what is up?", "Blue Door Deli on the 3rd", "TX-1 please", "what about the 48.20 pounds"]
)
def test_a_named_row_speaks_for_the_topic_of_its_state(text: str) -> None:
    """By id, by sum, or by name and day."""
    lead = lead_of(text, {"transaction": [payment()]})
    assert lead
    assert lead.topics["declined_card_payment"] == 1.0
    assert "pending_card_payment" not in lead.topics


@pytest.mark.parametrize("text", ["Blue Door Deli?", "on the 3rd", "48.21", "TX-11", "Hello"])
def test_a_row_that_is_not_named_says_nothing(text: str) -> None:
    """A name alone, a day alone or another sum is no lead."""
    assert lead_of(text, {"transaction": [payment()], "charge": [FEE]}) is None


@given(st.lists(st.floats(0.01, 1), min_size=4, max_size=4), st.booleans())
def test_a_payment_in_the_tables_makes_no_high_stakes_topic_less_likely(raw: list[float], fee: bool) -> None:
    """It may still be one that the customer never made; only a fee of our own is nobody else's."""
    names = ("declined_card_payment", "change_pin", "lost_or_stolen_card", "card_payment_not_recognised")
    before = {name: chance / sum(raw) for name, chance in zip(names, raw, strict=True)}
    weights = Lead({"declined_card_payment": 1.0}, fee=fee).weights(before)
    after = {name: before[name] * weights[name] for name in names}
    whole = sum(after.values())
    for name in names:
        if name in HIGH_STAKES_TOPICS and not (fee and name.endswith("_not_recognised")):
            assert after[name] / whole >= before[name] - 1e-9
    assert after["change_pin"] / after["declined_card_payment"] == pytest.approx(
        before["change_pin"] / before["declined_card_payment"] * ELSEWHERE
    )


async def test_the_rows_of_the_customer_settle_what_the_words_leave_open() -> None:
    """The same few words, asked about a declined and about a pending payment, and by a stranger."""
    text = "Please explain the 48.20 at Blue Door Deli on 3 November, I have been waiting."
    declined = await decide(text, {"transaction": [payment()]})
    pending = await decide(text, {"transaction": [payment("pending")]})
    assert declined.topic == "declined_card_payment"
    assert pending.topic == "pending_card_payment"
    stranger = await decide(text)  # the control: the words alone say neither
    assert stranger.topic not in {"declined_card_payment", "pending_card_payment"}


async def test_another_language_is_left_to_a_person_though_it_names_a_row() -> None:
    """The desk answers in English only, so being at home in the tables is not enough."""
    said = "Pourquoi 48.20 chez Blue Door Deli ?"
    assert not reads_as_english(said)
    assert (await decide(said, {"transaction": [payment()]})).agent is None


def test_what_asks_in_general_names_nothing_and_tells_nothing() -> None:
    """Else a row may be what it is about."""
    assert asks_in_general("How much cash can one take out for free?")
    assert not asks_in_general("Why was I charged for taking out cash?")
    assert not asks_in_general("What is the 48.20?")


def test_one_classifier_serves_every_customer() -> None:
    """What is trained once is shared; only the rows differ."""
    reader = router.desk_cascade().classifier
    assert isinstance(reader, router.Reader)
    assert reader.tables == {}

"""What leaves the process is redacted, and what a person needs to read stays readable."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langgraph_switchboard.ledger.redaction import DEEPEST, redact

PERSONAL = [
    ("write to jane.doe+x@mail.example.co.uk now", "write to <email> now"),
    ("müller@exämple.de", "<email>"),
    ("card 4111 1111 1111 1111 12/27", "card <card> 12/27"),
    ("4111-1111-1111-1111", "<card>"),
    ("4111.1111.1111.1111", "<card>"),
    ("5555555555554444,", "<card>,"),
    ("7,4111111111111111,12.50", "7,<card>,12.50"),
    ("amex 3782 822463 10005", "amex <card>"),
    ("DE89 3704 0044 0532 0130 00 is mine", "<iban> is mine"),
    ("gb29nwbk60161331926819.", "<iban>."),
    ("GB82 WEST 1234 5698 7654 32 AND THANKS", "<iban> AND THANKS"),
    ("+49 30 1234567", "<phone>"),
    ("+44 (0)20 7946 0958", "<phone>"),
    ("0049 30 1234567", "<phone>"),
    ("(030) 123 4567", "<phone>"),
    ("07700 900123", "<phone>"),
    ("(555) 123-4567 or 555-123-4567", "<phone> or <phone>"),
    ("call me on 5551234567", "call me on <phone>"),
]

SECRETS = [
    ("Authorization: Bearer abc123def456ghi7", "Authorization: <secret>"),
    ("sent Bearer eyJhbGciOi1.eyJzdWIiOi2.c2lnbmF0", "sent <secret>"),
    ("sk-proj-abcdefghijklmnop1234", "<secret>"),
    ("ghp_0123456789abcdefghij", "<secret>"),
    ("AKIAIOSFODNN7EXAMPLE", "<secret>"),
    ("my password: hunter2 ok", "my password: <secret> ok"),
    ("{'password': 'a b c', \"api_key\": \"k-1\"}", "{'password': '<secret>', \"api_key\": \"<secret>\"}"),
    ("MY_SERVICE_TOKEN=abc&next=1", "MY_SERVICE_TOKEN=<secret>&next=1"),
    ("postgresql://app:p%40ss@db.internal/desk", "postgresql://<secret>@db.internal/desk"),
    ("-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY----- end", "<secret> end"),
]

HARMLESS = [
    "1,234,567.89 EUR and 1 000 000.00 and +1 000 000.00",
    "3.14159265358979",
    "2024-01-15 2024-02-15 12:30:00",
    "15.01.2024, 01-02-2024, 2024-01-15T10:00:00+00:00",
    "order 4111111111111112",
    "reference 0123456789",
    "1700000000000",
    "KB-017, CH-20311, C-1007, charge:CH-20311",
    "550e8400-e29b-41d4-a716-446655440000",
    "input_tokens=512 max_tokens: 4000",
    "the token expired, the password is wrong",
    "basic understanding of things 12345678",
    "pk_cases_by_customer_and_status",
    "DE89 what is this",
    "GB12 ABCD 1234",
    "192.168.10.10 port 55432",
]


@pytest.mark.parametrize(("text", "clean"), PERSONAL + SECRETS)
def test_personal_marks_and_secrets_are_replaced_by_their_kind(text: str, clean: str) -> None:
    """Law 11: no secret and no personal data leaves unredacted."""
    assert redact(text) == clean


@pytest.mark.parametrize("text", HARMLESS)
def test_amounts_dates_and_ids_stay_readable(text: str) -> None:
    """A number is taken for a card or an account only if its checksum says so."""
    assert redact(text) == text


def test_values_under_the_name_of_a_secret_are_blanked_whatever_they_are() -> None:
    """A secret has no form of its own; its name gives it away."""
    given: dict[str, Any] = {
        "password": "x",
        "apiKey": 12,
        "X-Api-Key": ["a"],
        "refresh_token": {"deep": 1},
        "secret": None,
        "input_tokens": 5,
        "outbox_key": "t-1:reply",
    }
    assert redact(given) == {
        "password": "<secret>",
        "apiKey": "<secret>",
        "X-Api-Key": "<secret>",
        "refresh_token": "<secret>",
        "secret": None,
        "input_tokens": 5,
        "outbox_key": "t-1:reply",
    }


def test_nested_data_is_redacted_in_keys_and_values_and_the_original_is_left_alone() -> None:
    """Wherever a mark lies, in a key, a list or a number, it is found."""
    # given
    data = {
        "a@b.example": [{"card": 4111111111111111, "sum": 12.5, "paid": True}],
        "note": ("ok", "x@y.example"),
    }
    # when
    clean = redact(data)
    # then
    assert clean == {"<email>": [{"card": "<card>", "sum": 12.5, "paid": True}], "note": ("ok", "<email>")}
    assert data["note"] == ("ok", "x@y.example")


def test_foreign_objects_become_text_before_they_are_redacted() -> None:
    """Nothing passes unseen: an exception or a decimal leaves as redacted text."""
    assert redact(ValueError("no account for x@y.example")) == "no account for <email>"
    assert redact({"amount": Decimal("12.50")}) == {"amount": "12.50"}


def test_what_lies_too_deep_is_dropped_rather_than_passed_on() -> None:
    """A depth bomb neither crashes the redaction nor slips through it."""
    deep: Any = "x@y.example"
    for _ in range(5_000):
        deep = [deep]
    clean = redact(deep)
    for _ in range(DEEPEST):
        clean = clean[0]
    assert clean == "<too deep>"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([text for text, _ in PERSONAL + SECRETS] + HARMLESS), max_size=4),
    st.sampled_from([" ", ", ", ",", ";", "\n", "|", "\t", ": "]),
)
def test_redacting_twice_is_redacting_once(parts: list[str], between: str) -> None:
    """Several places may redact the same text on its way out."""
    once = redact(between.join(parts))
    assert redact(once) == once

"""Matters that always go to a person."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from contracts.support import Ticket
from langgraph_switchboard.routing.decision import Route
from nodes.high_stakes import HIGH_STAKES_TOPICS, high_stakes_wording, is_high_stakes

REFUNDS = {"request_refund", "Refund_not_showing_up"}


def route(topic: str | None) -> Route:
    return Route(
        agent="account", label="account", topic=topic, confidence=0.99, by="classifier", reason="test"
    )


def messages(data_dir: Path, split: str) -> list[dict[str, Any]]:
    lines = (data_dir / "banking77" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def stakes(data_dir: Path) -> set[str]:
    return set(
        json.loads((data_dir / "banking77" / "desk_map.json").read_text(encoding="utf-8"))["high_stakes"]
    )


@pytest.mark.parametrize("topic", [*HIGH_STAKES_TOPICS, "Refund_not_showing_up"])
def test_a_high_stakes_topic_is_enough_whatever_the_words(topic: str) -> None:
    """The topic alone sends a case to a person."""
    assert is_high_stakes(Ticket(id="T-1", text="Hello, one thing please."), route(topic))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Somebody stole my handbag and the card was in it", "a lost or stolen card or phone"),
        ("My phone was taken on the train this morning", "a lost or stolen card or phone"),
        ("I can\u2019t find my card anywhere", "a lost or stolen card or phone"),
        ("Someone else is paying with my details", "a compromised card"),
        (
            "There is a payment of 40 euros that I do not recognise",
            "something that the customer does not recognise",
        ),
        (
            "The statement lists a withdrawal in Porto. I never made it.",
            "something that the customer does not recognise",
        ),
        ("Please shut down my account for good", "closing an account"),
        ("I want a refund for this fee", "a refund"),
        ("Reimburse me at once", "a refund"),
        ("You will hear from my solicitor", "a threat of legal action"),
        ("My husband passed away and the app was his", "a vulnerable customer"),
    ],
)
def test_the_wording_is_enough_where_the_topic_is_wrong(text: str, reason: str) -> None:
    """A classifier that errs cannot keep a high-stakes matter from a person."""
    assert is_high_stakes(Ticket(id="T-1", text=text), route("exchange_rate")) == reason


@pytest.mark.parametrize(
    "text",
    [
        "How do I change my PIN?",
        "What are the weekend exchange rates?",
        "My top-up is still pending, when will it arrive?",
        "Which countries do you deliver cards to?",
        "My transfer was declined. Why?",
    ],
)
def test_an_everyday_question_is_no_high_stakes_matter(text: str) -> None:
    """The rule would be useless if it held for everything."""
    assert is_high_stakes(Ticket(id="T-1", text=text), route("change_pin")) is None


@pytest.mark.data
def test_the_rule_and_the_true_topic_miss_no_high_stakes_message(data_dir: Path) -> None:
    """With the true topic every message of the high-stakes intents is found."""
    wanted = stakes(data_dir) | REFUNDS
    found = [
        is_high_stakes(Ticket(id=one["id"], text=one["text"]), route(one["intent"]))
        for one in messages(data_dir, "train")
        if one["intent"] in wanted
    ]
    assert len(found) > 900
    assert all(found)


@pytest.mark.data
@pytest.mark.parametrize(("split", "least"), [("train", 0.93), ("test", 0.91)])
def test_the_wording_alone_finds_nine_in_ten_and_seldom_cries_wolf(
    data_dir: Path, split: str, least: float
) -> None:
    """The words were chosen on the training set; the test set shows that they hold elsewhere."""
    wanted = stakes(data_dir)
    rows = messages(data_dir, split)
    high = [high_stakes_wording(one["text"]) is not None for one in rows if one["intent"] in wanted]
    refunds = [high_stakes_wording(one["text"]) is not None for one in rows if one["intent"] in REFUNDS]
    others = [
        high_stakes_wording(one["text"]) is not None for one in rows if one["intent"] not in wanted | REFUNDS
    ]
    assert sum(high) / len(high) >= least
    assert sum(refunds) / len(refunds) >= 0.9
    assert sum(others) / len(others) <= 0.05


@pytest.mark.data
def test_without_their_words_a_wrong_topic_would_miss_them_all(data_dir: Path) -> None:
    """Negative control: it is the wording that finds them; blank it, and a wrong topic finds none."""
    wanted = stakes(data_dir)
    blanked = [
        is_high_stakes(Ticket(id=one["id"], text="-" * len(one["text"])), route("exchange_rate"))
        for one in messages(data_dir, "test")
        if one["intent"] in wanted
    ]
    assert blanked
    assert not any(blanked)


@pytest.mark.parametrize(
    "piece", ["card,", "card ", "not ", "someone ", "I didn't the ", "where is payment ", "a", " ", "cash "]
)
def test_no_text_makes_the_rule_slow(piece: str) -> None:
    """A ticket of 20,000 characters made to hurt is judged within half a second."""
    text = (piece * 20_000)[:20_000]
    start = perf_counter()
    high_stakes_wording(text)
    assert perf_counter() - start < 0.5

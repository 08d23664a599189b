"""The files that the router learns from and the desk is scored by keep their word."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from langgraph_switchboard.knowledge import load_articles

ROOT = Path(__file__).parent.parent
DATASETS = ROOT / "evals" / "datasets"
DEPARTMENTS = {"billing", "technical", "account"}
CUSTOMER = re.compile(r"C-10(0[1-9]|[123]\d|40)")


def rows_of(name: str) -> list[dict[str, Any]]:
    lines = (DATASETS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def folded(text: str) -> str:
    """The text without the differences that nobody would call a difference: case and spacing."""
    return " ".join(text.casefold().split())


def repeated(texts: list[str]) -> list[str]:
    return [text for text, count in Counter(map(folded, texts)).items() if count > 1]


def all_texts() -> list[str]:
    return [
        *(row["text"] for row in rows_of("topics")),
        *(row["text"] for row in rows_of("demo_tickets")),
        *(row["inputs"]["ticket"]["text"] for row in rows_of("support_desk")),
    ]


def test_the_router_has_enough_tickets_of_each_topic() -> None:
    """At least sixty topics with ten tickets each, and a topic belongs to one department."""
    rows = rows_of("topics")

    topics = Counter(row["topic"] for row in rows)

    assert len(topics) >= 60
    assert min(topics.values()) >= 10
    assert {row["department"] for row in rows} == DEPARTMENTS
    assert len({(row["topic"], row["department"]) for row in rows}) == len(topics)
    assert all(set(row) == {"text", "topic", "department"} for row in rows)


def test_no_ticket_is_written_twice_in_any_file_or_across_files() -> None:
    """A ticket that is learned from and scored by would flatter the score."""
    assert repeated(all_texts()) == []


def test_a_repeated_ticket_would_be_noticed() -> None:
    """The check above can fail: other case and spacing do not hide a repetition."""
    assert repeated(["Close my account.", "close  MY account. "]) == ["close my account."]


def test_every_demo_ticket_names_its_sender_and_the_desk_it_should_reach() -> None:
    """240 tickets, numbered without a gap; a sender is a known customer number or nobody."""
    rows = rows_of("demo_tickets")

    assert [row["id"] for row in rows] == [f"T-{number:04d}" for number in range(1, 241)]
    assert {row["expect"] for row in rows} == DEPARTMENTS
    assert all(row["customer"] is None or CUSTOMER.fullmatch(row["customer"]) for row in rows)
    assert 0.05 <= sum(row["customer"] is None for row in rows) / len(rows) <= 0.10


def test_every_example_can_be_scored() -> None:
    """120 examples; each says where it goes, how it ends, and what an answer may rest on."""
    rows = rows_of("support_desk")
    articles = {article.id for article in load_articles(ROOT / "nodes" / "knowledge")}

    outcomes = [row["outputs"] for row in rows]

    assert len({row["inputs"]["ticket"]["id"] for row in rows}) == len(rows) == 120
    assert {outcome["department"] for outcome in outcomes} == DEPARTMENTS
    assert {cited for outcome in outcomes for cited in outcome["cites_any_of"]} <= articles
    assert all((outcome["outcome"] == "answered") == bool(outcome["cites_any_of"]) for outcome in outcomes)
    assert all(outcome["outcome"] == "person" for outcome in outcomes if outcome["must_go_to_person"])
    assert {row["metadata"]["kind"] for row in rows} == {"simple", "lookup", "high_stakes", "odd"}


def test_topics_and_departments_are_the_same_in_every_file() -> None:
    """What an example calls a topic is one that the router knows, under the same department."""
    known = {row["topic"]: row["department"] for row in rows_of("topics")}

    wrong = [row for row in rows_of("support_desk") if row["metadata"]["topic"] not in known]
    moved = [
        row
        for row in rows_of("support_desk")
        if row["metadata"]["kind"] != "odd"
        and known[row["metadata"]["topic"]] != row["outputs"]["department"]
    ]

    assert (wrong, moved) == ([], [])


@pytest.mark.data
def test_departments_follow_the_public_intents(data_dir: Path) -> None:
    """Every topic is one of the 77 published intents, all are there, grouped as the desk groups them."""
    desk = json.loads((data_dir / "banking77" / "desk_map.json").read_text(encoding="utf-8"))

    expected = {topic: department for department in DEPARTMENTS for topic in desk[department]}

    assert {row["topic"]: row["department"] for row in rows_of("topics")} == expected


@pytest.mark.data
@pytest.mark.parametrize("split", ["train", "test"])
def test_no_ticket_is_a_message_of_the_public_data(data_dir: Path, split: str) -> None:
    """The router is judged on messages that nobody here wrote, so none of ours may be one of them."""
    lines = (data_dir / "banking77" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()

    theirs = {folded(json.loads(line)["text"]) for line in lines}

    assert [text for text in all_texts() if folded(text) in theirs] == []

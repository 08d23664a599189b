"""The process card: what it says, that it says all of it, and that a stale one is noticed."""

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner, Result

from graphs.support_desk import desk
from langgraph_switchboard import END, Blueprint, Contract
from langgraph_switchboard.cli.card import about_of, card
from langgraph_switchboard.graphs import card as card_of
from langgraph_switchboard.graphs import card_html, card_markdown
from langgraph_switchboard.graphs.card_words import (
    bounds_words,
    breaker_words,
    budget_words,
    rate_words,
    retry_words,
    type_words,
)
from langgraph_switchboard.limits import BreakerPolicy, Budget, Rate
from langgraph_switchboard.nodes import JOIN, Hooks, Retry
from tests.yaml_parts import (
    Answer,
    AnswerDecision,
    AskCase,
    Found,
    draft,
    hook,
    is_long,
    look,
    outer,
    stand_in,
)

ROOT = Path(__file__).parent.parent
VOID = {"meta", "circle", "path", "rect", "polygon"}


class Page(HTMLParser):
    """A page as its text and its tags; that every tag is closed is seen on the way."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        assert self.open == []

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def whole() -> Blueprint:
    """A process with a bit of everything."""
    flow = Blueprint(
        "refunds", case=AskCase, owner="back office", budget=Budget(usd=2), hooks=Hooks(before_agent=(hook,))
    )
    flow.map("read", over="ask.pieces", body=look, gives="all_found", then="checks")
    flow.parallel("checks", members=["fraud", "limits"], then="gate")
    flow.step(draft, name="fraud", then=JOIN, fallback="rules", retry=Retry(attempts=1), owner="risk")
    flow.step(
        stand_in,
        name="rules",
        then=JOIN,
        max_visits=2,
        exhausted="limits",
        over_budget="limits",
        timeout="2m",
        budget=Budget(tokens=900),
    )
    flow.wait("limits", until="2d", then=JOIN)
    flow.gate("gate", of="answer", sure="inside", unsure="ask_people", threshold=0.9, always=is_long)
    flow.review(
        "ask_people", of="answer", decides=AnswerDecision, then="inside", within="4h", expires="3d",
        on_expiry="escalate", escalates_to="head of office", remind="30m", people=2, risk="high", undo="10m",
    )  # fmt: skip
    flow.include(outer, name="inside", then={"finished": "pay"})
    flow.effect(
        draft, name="pay", then=END, approved="ask_people", when=is_long, rate=Rate(2),
        breaker=BreakerPolicy(errors=0.5),
    )  # fmt: skip
    return flow


def words_of(flow: Blueprint) -> Iterator[str]:
    """Both forms of a card as plain words."""
    made = card_of(flow.process(), "Money goes back.")
    yield Page(card_html(made)).text.replace("\u00a0", " ")
    yield card_markdown(made)


@pytest.mark.parametrize(
    "says",
    [
        "Money goes back.",
        "back office",
        "risk",
        "at most $2 for one case",
        "30 s each time",
        "2 min each time",
        "tried once",
        "tried up to 3 times, 2 s and 4 s apart",
        "at most 900 tokens for one case",
        "4 h",
        "reminded 30 min before that",
        "after 3 d it goes to head of office",
        "2 different people",
        "more than 2 times: limits",
        "nothing left to spend: limits",
        "can be taken back for 10 min",
        "high: decided one by one, never in bulk",
        "the case ends as declined",
        "set aside for an operator",
        "if sure",
        "if not sure",
        "at most 2 calls a second",
        "left alone for 30 s when 50% of calls fail",
        "A spending limit is reached",
        "Inside: Outer",
        "fraud and limits",
        "before a step works",
        "Write an answer.",
        "Somebody who answers is in trouble",
        "answer",
        "What is answered.",
        "0 to 1",
        "list of Piece",
        "may lack",
        "each item of a list",
    ],
)
def test_all_that_the_blueprint_says_is_on_both_cards(says: str) -> None:
    """Owner, contracts, time, tries, money, the ladder, people and their time: in words."""
    for words in words_of(whole()):
        assert says in words


def test_the_ladder_of_a_step_is_told_to_its_end() -> None:
    """Who takes over, then who takes over from them, until a person or an operator does."""
    rows = {step.name: step for step in card_of(desk.process()).steps}

    assert rows["billing"].fails == ("generalist", "review (a person)")
    assert rows["intake"].fails == ("supervisor", "review (a person)")
    assert rows["review"].fails == ()
    assert {step.name: step.fails for step in card_of(whole().process()).steps}["fraud"] == (
        "rules", "set aside for an operator",
    )  # fmt: skip


def test_every_step_every_field_and_every_owner_of_the_desk_is_told_of() -> None:
    """Nothing of the process is left out of its card."""
    made = card_of(desk.process())

    assert {step.name for step in made.steps} == set(desk.process().steps) - {"open", "dead_letter"}
    fields = {(noun.name, field.name) for noun in made.nouns for field in noun.fields}
    for field in desk.process().case.fields().values():
        assert {(field.contract.__name__, name) for name in field.contract.model_fields} <= fields
    assert ("Card", "last4") in fields  # a noun inside another one
    assert "Calibrated: of replies marked 0.9, nine in ten are approved unchanged." in card_markdown(made)


def test_the_page_loads_nothing_and_every_link_leads_somewhere() -> None:
    """It can be mailed: no script, no address, no font."""
    page = card_html(card_of(whole().process()))
    tags = Page(page).tags

    assert {tag for tag, _ in tags} & {"script", "link", "img", "iframe"} == set()
    assert set(re.findall(r"https?://[^\"'<]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in page
    anchors = {str(attrs["id"]) for _, attrs in tags if "id" in attrs}
    links = [str(attrs["href"]) for tag, attrs in tags if tag == "a"]
    assert links
    assert {link for link in links if link.removeprefix("#") not in anchors} == set()


def test_names_and_docstrings_are_text_and_never_markup() -> None:
    """Whatever stands in a blueprint, the page shows it."""
    evil = "<script>alert(1)</script>"
    flow = Blueprint(evil, case=AskCase, owner=evil)
    flow.step(draft, name=evil, then=END)
    page = card_html(card_of(flow.process(), evil))

    assert "<script" not in page
    assert evil in Page(page).text
    assert "<script" not in card_markdown(card_of(flow.process(), evil)).replace("```mermaid", "")


def test_the_cards_of_this_repository_are_those_of_its_blueprints() -> None:
    """A change of a blueprint or of a docstring brings its card along: `switchboard card`."""
    result = call("--check", "-o", str(ROOT / "docs" / "cards"))
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_stale_card_is_named_and_makes_the_exit_code_1(tmp_path: Path) -> None:
    """And the command that mends it is told; a card that is not there is stale."""
    assert call("graphs.support_desk:desk", "-o", str(tmp_path)).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["support_desk.html", "support_desk.md"]
    assert call("graphs.support_desk:desk", "-o", str(tmp_path), "--check").exit_code == 0

    page = tmp_path / "support_desk.md"
    page.write_text(page.read_text(encoding="utf-8").replace("| 4 h |", "| 3 h |"), encoding="utf-8")
    (tmp_path / "support_desk.html").unlink()
    result = call("graphs.support_desk:desk", "-o", str(tmp_path), "--check")

    assert result.exit_code == 1
    assert "support_desk.md" in result.stderr
    assert "support_desk.html" in result.stderr
    assert "switchboard card graphs.support_desk:desk" in result.stderr
    assert "| 3 h |" in page.read_text(encoding="utf-8")


def test_what_a_process_is_for_comes_from_its_module_or_from_the_remarks_of_its_file(tmp_path: Path) -> None:
    """The first paragraph; the line for the editor is none of it."""
    file = tmp_path / "one.yaml"
    file.write_text(
        "# yaml-language-server: $schema=s.json\n# Money goes\n# back.\n#\n# Later.\nblueprint: x\n"
    )

    assert about_of(str(file)) == "Money goes back."
    assert about_of("graphs.support_desk:desk").startswith("The support desk: a ticket comes in")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (str, "text"),
        (bool, "yes or no"),
        (Decimal, "decimal number"),
        (timedelta, "length of time"),
        (Literal["a", "b"], "one of a, b"),
        (Literal["a"], "always a"),
        (tuple[int, ...], "list of whole numbers"),
        (list[Found] | None, "list of Found"),
        (int | str, "whole number or text"),
        (dict[str, float], "table of numbers"),
        (Any, "anything"),
        (Answer, "Answer"),
    ],
)
def test_types_are_told_as_people_call_them(kind: Any, words: str) -> None:
    """No word of Python is left, but for the names of the contracts."""
    assert type_words(kind) == words


def test_bounds_and_policies_are_told_in_words() -> None:
    """Each says what holds, and is empty where nothing does."""

    class Bounded(Contract):
        share: float = Field(ge=0, le=1)
        name: str = Field(min_length=1, max_length=4000)
        least: int = Field(gt=0)
        most: tuple[int, ...] = Field(max_length=5)

    told = {name: bounds_words(field) for name, field in Bounded.model_fields.items()}
    assert told == {
        "share": "0 to 1",
        "name": "at most 4,000 letters",
        "least": "from 0",
        "most": "at most 5 items",
    }
    assert (
        retry_words(Retry(attempts=6, base=1, factor=3)) == "up to 6 times, 1 s, 3 s and 9 s and longer apart"
    )
    assert retry_words(Retry(attempts=3, factor=1)) == "up to 3 times, 2 s apart"
    assert budget_words(None) == budget_words(Budget()) == rate_words(None) == breaker_words(None) == ""
    assert breaker_words(BreakerPolicy(errors=None)) == ""
    assert budget_words(Budget(usd=0.05, tokens=9000, usd_per_day=10)) == (
        "at most $0.05 and 9,000 tokens for one case; at most $10 on one day"
    )


def call(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(card)
    return CliRunner().invoke(app, list(arguments))

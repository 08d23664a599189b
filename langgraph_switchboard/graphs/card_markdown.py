"""The process card as Markdown, with the drawing as mermaid text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from langgraph_switchboard.graphs.card import Card, Handed, Noun, ReviewRow, StepRow
from langgraph_switchboard.graphs.card_failures import failures
from langgraph_switchboard.graphs.drawing import mermaid

NOTE = "<!-- Made by `switchboard card`; change the blueprint, not this file. -->"

_STEP = (
    "Step", "What it does", "Who answers for it", "Receives", "Gives", "Time and tries", "Then",
    "If it fails",
)  # fmt: skip
_REVIEW = (
    "Question", "Decided on", "By whom", "Within", "If nobody answers", "If rejected", "Harm if wrong",
)  # fmt: skip


def card_markdown(card: Card) -> str:
    """The card as a Markdown page; the same card gives the same text.

    Args:
        card: What it says.
    """
    lines = [NOTE, "", f"# {_text(card.title)}", ""]
    lines += [_text(card.about), ""] if card.about else []
    lines += [*_body(card, "##"), ""]
    for part in card.parts:
        lines += [f"## Inside: {_text(part.title)}", "", _text(part.about), "", *_body(part, "###"), ""]
    return "\n".join(lines).rstrip() + "\n"


def _body(card: Card, level: str) -> Iterator[str]:
    yield from (f"- **{_text(name)}:** {_text(says)}" for name, says in card.facts)
    yield from ("", f"{level} The way of a case", "", "```mermaid", mermaid(card.process).rstrip(), "```", "")
    yield "A dashed line is taken only when a step fails."
    yield from ("", f"{level} Step by step", "")
    yield from _table(
        [
            "Step",
            "What it does",
            "Who answers for it",
            "Receives",
            "Gives",
            "Time and tries",
            "Then",
            "If it fails",
        ],
        (_step(step) for step in card.steps),
    )
    if card.hooks:
        yield from ("", "At fixed places more is done:", "")
        yield from (f"- {_text(when)}: {_text(says)}" for when, says in card.hooks)
    if card.reviews:
        yield from ("", f"{level} Where people decide", "")
        yield from _table(
            [
                "Question",
                "Decided on",
                "By whom",
                "Within",
                "If nobody answers",
                "If rejected",
                "Harm if wrong",
            ],
            (_review(review) for review in card.reviews),
        )
    yield from ("", f"{level} What happens when something goes wrong", "")
    yield from _table(["What happens", "What becomes of the case"], failures(card))
    yield from ("", f"{level} What is handed on", "")
    for noun in card.nouns:
        yield from _noun(noun, level)


def _step(step: StepRow) -> list[str]:
    worth = [step.time, f"tried {step.tries}" if step.tries else "", step.spends, step.limit]
    ways = "; ".join(f"{when}: {place}" if when else place for when, place in step.leads)
    return [
        f"**{_text(step.title)}**",
        f"{_text(step.says)} *({step.does})*" if step.says else f"*{step.does}*",
        _text(step.owner),
        _handed(step.receives),
        _handed(step.gives),
        _text("; ".join(filter(None, worth))),
        _text(ways),
        _text(_ladder(step)),
    ]


def _ladder(step: StepRow) -> str:
    others = [f"{when}: {place}" for when, place in step.otherwise]
    return "; ".join(filter(None, [", then ".join(step.fails), *others]))


def _handed(handed: Sequence[Handed]) -> str:
    return ", ".join(
        f"{_text(one.field)} ([{one.noun}](#{one.noun.lower()}){', if there' if one.may_lack else ''})"
        for one in handed
    )


def _review(review: ReviewRow) -> list[str]:
    within = f"{review.within}; reminded {review.reminded}" if review.reminded else review.within
    undo = f"; can be taken back {review.undo}" if review.undo else ""
    return [
        f"**{_text(review.title)}**",
        _text(review.decides),
        _text(f"{review.who}: {review.people}{undo}"),
        _text(within),
        _text(review.unanswered),
        _text(review.rejected),
        _text(review.risk),
    ]


def _noun(noun: Noun, level: str) -> Iterator[str]:
    yield from (f"{level}# {noun.name}", "")
    if noun.says:
        yield from (_text(noun.says), "")
    yield from _table(
        ["Field", "What it is", "What it means"],
        (
            [
                _text(field.name),
                _text(field.kind + (" (may lack)" if field.may_lack else "")),
                _text(field.says),
            ]
            for field in noun.fields
        ),
    )
    yield ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"


def _text(words: str) -> str:
    """Words as Markdown shows them: no markup of HTML, no line breaks."""
    plain = " ".join(words.split()).replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\[\]])", r"\\\1", plain)

"""The process card as one HTML page that loads nothing: to be mailed, printed and shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files

from langgraph_switchboard.graphs.card import Card, Handed, Noun, ReviewRow, StepRow
from langgraph_switchboard.graphs.card_failures import failures
from langgraph_switchboard.graphs.picture import picture, title_of
from langgraph_switchboard.graphs.svg import svg

_LEGEND = {
    "step": "a step", "supervisor": "a choice", "gate": "a check of how sure", "review": "a person",
    "effect": "acts on the world", "map": "each of a list", "parallel": "several at once",
    "join": "all together again", "include": "a process of its own", "wait": "a wait",
}  # fmt: skip


def card_html(card: Card) -> str:
    """The card as a page, light and dark, for a wide screen, a phone and paper.

    Args:
        card: What it says.
    """
    style = files("langgraph_switchboard.graphs").joinpath("card.css").read_text(encoding="utf-8")
    about = f'<p class="about">{_text(card.about)}</p>' if card.about else ""
    parts = [
        "<!doctype html>",
        "<!-- Made by `switchboard card`; change the blueprint, not this file. -->",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{escape(card.title)}: the process card</title>",
        f"<style>{style}</style></head><body><main>",
        f'<header><p class="kicker">Process card</p><h1>{escape(card.title)}</h1>{about}</header>',
        *_body(card, ""),
    ]
    for step, part in zip(card.process.included, card.parts, strict=True):
        parts += [f'<section class="part"><h2>Inside: {escape(part.title)}</h2><p>{_text(part.about)}</p>']
        parts += [*_body(part, f"{step}."), "</section>"]
    return "\n".join([*parts, "</main></body></html>"]) + "\n"


def _body(card: Card, prefix: str) -> Iterator[str]:
    yield '<dl class="facts">'
    yield from (f"<div><dt>{escape(name)}</dt><dd>{_text(says)}</dd></div>" for name, says in card.facts)
    yield "</dl>"
    yield from ("<section><h2>The way of a case</h2>", _drawing(card, prefix), _legend(card), "</section>")
    yield "<section><h2>Step by step</h2>"
    yield from _table(
        ["Step", "Who answers for it", "Receives and gives", "Time, tries, spending", "Then", "If it fails"],
        (_step(step, prefix) for step in card.steps),
        [_anchor(prefix + step.name) for step in card.steps],
    )
    if card.hooks:
        yield "<p>At fixed places more is done:</p><ul>"
        yield from (f"<li>{_text(when)}: {_text(says)}</li>" for when, says in card.hooks)
        yield "</ul>"
    yield "</section>"
    if card.reviews:
        yield "<section><h2>Where people decide</h2>"
        yield from _table(
            ["Question", "By whom", "Within", "If nobody answers", "If rejected", "Harm if wrong"],
            (_review(review) for review in card.reviews),
        )
        yield "</section>"
    yield "<section><h2>What happens when something goes wrong</h2>"
    rows = ([f"<b>{_text(what)}</b>", _text(becomes)] for what, becomes in failures(card))
    yield from _table(["What happens", "What becomes of the case"], rows)
    yield '</section><section><h2>What is handed on</h2><div class="nouns">'
    for noun in card.nouns:
        yield from _noun(noun, prefix)
    yield "</div></section>"


def _drawing(card: Card, prefix: str) -> str:
    links = {step.name: f"#{_anchor(prefix + step.name)}" for step in card.steps}
    drawing = svg(card.process, links=links)
    width = re.search(r'width="(\d+)"', drawing)
    return f'<div class="drawing" style="--w:{width[1] if width else 600}px">{drawing}</div>'


def _legend(card: Card) -> str:
    shown = picture(card.process)
    kinds = [words for kind, words in _LEGEND.items() if any(figure.kind == kind for figure in shown.figures)]
    said = [f'<span class="key key-{_key(words)}">{words}</span>' for words in kinds]
    if any(tie.is_fallback for tie in shown.ties):
        said.append('<span class="key key-dashed">only when a step fails</span>')
    if any(figure.falls for figure in shown.figures):
        said.append('<span class="key key-aside">what fails here is set aside for an operator</span>')
    return f'<p class="legend">{"".join(said)}</p>'


def _key(words: str) -> str:
    return next(kind for kind, said in _LEGEND.items() if said == words)


def _step(step: StepRow, prefix: str) -> list[str]:
    says = f"<p>{_text(step.says)}</p>" if step.says else ""
    worth = [
        f"{step.time}" if step.time else "",
        f"tried {step.tries}" if step.tries else "",
        step.spends,
        step.limit,
    ]
    ways = [f"<i>{_text(when)}:</i> {_text(place)}" if when else _text(place) for when, place in step.leads]
    others = [f"<i>{_text(when)}:</i> {_text(place)}" for when, place in step.otherwise]
    ladder = "".join(f"<li>{_text(one)}</li>" for one in step.fails)
    return [
        f'<b>{escape(step.title)}</b> <span class="kind key-{step.kind}">{escape(step.does)}</span>{says}',
        _text(step.owner),
        _handed("receives", step.receives, prefix) + _handed("gives", step.gives, prefix),
        _lines(_text(one) for one in worth if one),
        _lines(ways),
        (f'<ol class="ladder">{ladder}</ol>' if ladder else "") + _lines(others),
    ]


def _handed(what: str, handed: Sequence[Handed], prefix: str) -> str:
    if not handed:
        return ""
    names = ", ".join(
        f'<a href="#{_anchor(prefix + one.noun)}">{escape(title_of(one.field))}</a>'
        + " (if there)" * one.may_lack
        for one in handed
    )
    return f'<div><span class="small">{what}</span> {names}</div>'


def _review(review: ReviewRow) -> list[str]:
    undo = f"can be taken back {review.undo}" if review.undo else ""
    reminded = f"reminded {review.reminded}" if review.reminded else ""
    return [
        f"<b>{escape(review.title)}</b><p>decides on {_text(review.decides)}</p>",
        _lines(_text(one) for one in (review.who, review.people, undo) if one),
        _lines(_text(one) for one in (review.within, reminded) if one),
        _text(review.unanswered),
        _text(review.rejected),
        _text(review.risk),
    ]


def _noun(noun: Noun, prefix: str) -> Iterator[str]:
    says = f"<p>{_text(noun.says)}</p>" if noun.says else ""
    yield f'<article class="noun" id="{_anchor(prefix + noun.name)}"><h3>{escape(noun.name)}</h3>{says}'
    yield from _table(
        ["Field", "What it is", "What it means"],
        (
            [
                f"<b>{escape(title_of(field.name))}</b>",
                f"{_text(field.kind)}{' <i>may lack</i>' * field.may_lack}",
                _text(field.says),
            ]
            for field in noun.fields
        ),
    )
    yield "</article>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], anchors: Sequence[str] = ()) -> Iterator[str]:
    looks = ' class="steps"' if anchors else ""
    yield f"<table{looks}><thead><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr></thead><tbody>"
    for number, row in enumerate(rows):
        anchor = f' id="{anchors[number]}"' if anchors else ""
        cells = [
            f'<td data-head="{head}">{cell}</td>' if cell else '<td class="none"></td>'
            for head, cell in zip(heads, row, strict=True)
        ]
        yield f"<tr{anchor}>{''.join(cells)}</tr>"
    yield "</tbody></table>"


def _lines(words: Iterable[str]) -> str:
    return "".join(f"<div>{one}</div>" for one in words)


def _anchor(name: str) -> str:
    return "s-" + re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()


def _text(words: str) -> str:
    """Words as a page shows them; what stands in backquotes is a name, what stands in stars is stressed."""
    words = re.sub(r"(\d) (s|min|h|d)\b", "\\1\u00a0\\2", words)  # a figure keeps its unit beside it
    safe = re.sub(r"`([^`]+)`", r'<span class="name">\1</span>', escape(words, quote=False))
    return re.sub(r"\*([^*]+)\*", r"<i>\1</i>", safe)

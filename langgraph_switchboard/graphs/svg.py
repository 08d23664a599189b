"""A drawing of a process as a static SVG with nothing to load: for the card and the page of a case."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from html import escape
from itertools import groupby

from langgraph_switchboard.graphs.layout import Box, Line, Place, Route, layout
from langgraph_switchboard.graphs.picture import Figure, Tie, box_of, picture
from langgraph_switchboard.graphs.process import Process

_TITLE, _NOTE, _WORD = 7.7, 6.3, 6.4
"""Width of a letter of each size, on the generous side: the reader's font is not known here."""

_BARS = ("parallel", "join")
"""Where branches begin and come together; each has a bar on that side."""

STYLE = """
.sb-drawing{--sb-ink:#1d2733;--sb-soft:#5b6775;--sb-line:#6b7785;--sb-paper:#fff;--sb-box:#f3f6fa;\
--sb-edge:#8a97a6;--sb-person:#fff3c4;--sb-person-edge:#b7791f;--sb-act:#e3f4e8;--sb-act-edge:#2f855a;\
--sb-choose:#e6edff;--sb-choose-edge:#4a63c9;--sb-fail:#fbe3e3;--sb-fail-edge:#b23a3a;--sb-went:#0b62d6;\
font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
@media (prefers-color-scheme:dark){.sb-drawing{--sb-ink:#e8edf3;--sb-soft:#a6b2c0;--sb-line:#8592a1;\
--sb-paper:#14191f;--sb-box:#222b35;--sb-edge:#5f6d7c;--sb-person:#4a3c12;--sb-person-edge:#d9a441;\
--sb-act:#173624;--sb-act-edge:#5cb886;--sb-choose:#222d52;--sb-choose-edge:#8298ec;--sb-fail:#47201f;\
--sb-fail-edge:#e07a7a;--sb-went:#6aaeff}}
.sb-drawing text{text-anchor:middle;fill:var(--sb-ink);font-size:14px}
.sb-drawing .sb-note,.sb-drawing .sb-words{font-size:11.5px;fill:var(--sb-soft)}
.sb-drawing .sb-words{paint-order:stroke;stroke:var(--sb-paper);stroke-width:5px;stroke-linejoin:round}
.sb-drawing .sb-way{fill:none;stroke:var(--sb-line);stroke-width:1.4}
.sb-drawing .sb-tip{fill:var(--sb-line)}
.sb-drawing .sb-fallback .sb-way{stroke-dasharray:5 4;stroke:var(--sb-fail-edge)}
.sb-drawing .sb-fallback .sb-tip{fill:var(--sb-fail-edge)}
.sb-drawing .sb-taken .sb-way{stroke:var(--sb-went);stroke-width:3}
.sb-drawing .sb-taken .sb-tip{fill:var(--sb-went)}
.sb-drawing .sb-shape{fill:var(--sb-box);stroke:var(--sb-edge);stroke-width:1.4}
.sb-drawing .sb-inner{fill:none;stroke:var(--sb-edge);stroke-width:1.2}
.sb-drawing .sb-bar{stroke:var(--sb-ink);stroke-width:4}
.sb-drawing .sb-supervisor .sb-shape,.sb-drawing .sb-gate .sb-shape{fill:var(--sb-choose);\
stroke:var(--sb-choose-edge)}
.sb-drawing .sb-review .sb-shape{fill:var(--sb-person);stroke:var(--sb-person-edge)}
.sb-drawing .sb-effect .sb-shape{fill:var(--sb-act)}
.sb-drawing .sb-effect .sb-shape,.sb-drawing .sb-effect .sb-inner{stroke:var(--sb-act-edge)}
.sb-drawing .sb-dead_letter .sb-shape{fill:var(--sb-fail);stroke:var(--sb-fail-edge)}
.sb-drawing .sb-dead_letter .sb-inner{stroke:var(--sb-fail-edge)}
.sb-drawing .sb-unknown .sb-shape{stroke:var(--sb-fail-edge);stroke-width:3}
.sb-drawing .sb-step-taken .sb-shape{stroke:var(--sb-went);stroke-width:2.6}
.sb-drawing .sb-here .sb-shape{stroke:var(--sb-went);stroke-width:4.5}
.sb-drawing .sb-pin{fill:var(--sb-went);stroke:var(--sb-paper);stroke-width:2}
.sb-drawing .sb-falls{fill:var(--sb-fail);stroke:var(--sb-fail-edge);stroke-width:1.4}
.sb-drawing .sb-falls-sign{stroke:var(--sb-fail-edge);stroke-width:1.6;fill:none}
.sb-drawing .sb-head{fill:var(--sb-person-edge)}
""".strip()
"""The looks, light and dark. A page may set the variables on `.sb-drawing` by its own rules."""


def svg(
    process: Process,
    *,
    taken: Sequence[str] = (),
    here: Collection[str] = (),
    links: Mapping[str, str] | None = None,
) -> str:
    """Draw a process: kinds by shape, fallbacks dashed, the way of a case in colour and in bold.

    The same process gives the same text. It holds no script and loads nothing; all names are escaped.

    Args:
        process: The finished blueprint; it need not be sound.
        taken: The steps that a case went through, in order; the lines between them stand out.
        here: The steps that it stands on now; each has a pin.
        links: Where a click on a step leads, by step.
    """
    # A stay inside an included process is one stay in its box.
    went = [name for name, _ in groupby(box_of(process, one) for one in taken)]
    stands = {box_of(process, one) for one in here}
    shown = picture(process, went)
    sizes = [_box(figure) for figure in shown.figures]
    lines = [
        Line(tie.source, tie.target, tie.is_fallback, len(tie.words) * _WORD if tie.words else 0.0)
        for tie in shown.ties
    ]
    plan = layout(sizes, lines)
    drawn = sorted(zip(shown.ties, plan.routes, strict=True), key=lambda pair: pair[0].is_taken)
    parts = [_head(process, plan.width, plan.height)]
    parts += [_way(tie, route) for tie, route in drawn]
    parts += [_words(tie, route) for tie, route in drawn if route.words]
    for figure in shown.figures:
        place, link = plan.places[figure.name], (links or {}).get(figure.name)
        parts.append(_step(figure, place, figure.name in went, figure.name in stands, link))
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _head(process: Process, width: float, height: float) -> str:
    name = escape(process.name.replace("_", " "))
    return (
        f'<svg class="sb-drawing" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="The process {name}">\n'
        f"<style>{STYLE}</style>"
    )


def _box(figure: Figure) -> Box:
    wide = max(len(figure.title) * _TITLE, len(figure.note) * _NOTE)
    width, height, flat = wide + 30, 54.0 if figure.note else 40.0, 0.62
    if figure.kind == "gate":
        width, height, flat = wide + 62, 62.0, 0.44
    elif figure.kind in ("supervisor", "review", "wait"):
        width += 26
    elif figure.kind == "end":
        width, height = 58.0, 34.0
    return Box(figure.name, max(round(width), 58), height, flat)


def _way(tie: Tie, route: Route) -> str:
    x, y = route.tip
    tip = f"{x:.1f},{y:.1f} {x - 4.5:.1f},{y - 8:.1f} {x + 4.5:.1f},{y - 8:.1f}"
    if route.heading == "left":
        tip = f"{x:.1f},{y:.1f} {x + 8:.1f},{y - 4.5:.1f} {x + 8:.1f},{y + 4.5:.1f}"
    looks = "sb-tie" + " sb-fallback" * tie.is_fallback + " sb-taken" * tie.is_taken
    line = f'<path class="sb-way" d="{route.path}"/><polygon class="sb-tip" points="{tip}"/>'
    return f'<g class="{looks}">{line}</g>'


def _words(tie: Tie, route: Route) -> str:
    assert route.words is not None
    x, y = route.words
    return f'<text class="sb-words" x="{x:.1f}" y="{y + 4:.1f}">{escape(tie.words)}</text>'


def _step(figure: Figure, place: Place, went: bool, stands: bool, link: str | None) -> str:
    looks = f"sb-step sb-{figure.kind}" + " sb-step-taken" * went + " sb-here" * stands
    parts = [_shape(figure.kind, place)]
    title = place.y - 3 if figure.note else place.y + 5
    parts.append(f'<text x="{place.x:.1f}" y="{title:.1f}">{escape(figure.title)}</text>')
    if figure.note:
        parts.append(
            f'<text class="sb-note" x="{place.x:.1f}" y="{place.y + 14:.1f}">{escape(figure.note)}</text>'
        )
    if figure.falls:
        parts.append(_falls(place))
    if stands:
        parts.append(
            f'<circle class="sb-pin" cx="{place.x - place.width / 2:.1f}" cy="{place.top:.1f}" r="7"/>'
        )
    said = "".join(parts)
    if link is not None:
        said = f'<a href="{escape(link)}">{said}</a>'
    return f'<g class="{looks}" data-step="{escape(figure.name)}">{said}</g>'


def _falls(place: Place) -> str:
    """The mark that what fails here is set aside: a small cross in a circle on the lower right corner."""
    x, y = place.right - 4, place.bottom - 2
    cross = f"M{x - 3:.1f},{y - 3:.1f}l6,6m0,-6l-6,6"
    return (
        f'<circle class="sb-falls" cx="{x:.1f}" cy="{y:.1f}" r="7"/><path class="sb-falls-sign" d="{cross}"/>'
    )


def _shape(kind: str, place: Place) -> str:
    left, top, right, bottom = place.x - place.width / 2, place.top, place.right, place.bottom
    if kind in ("supervisor", "gate"):
        cut = 14.0 if kind == "supervisor" else place.width * 0.26
        points = [
            (left, place.y), (left + cut, top), (right - cut, top),
            (right, place.y), (right - cut, bottom), (left + cut, bottom),
        ]  # fmt: skip
        return _polygon(points)
    if kind == "review":
        person = f'<circle class="sb-head" cx="{left + 17:.1f}" cy="{place.y - 7:.1f}" r="4.4"/>'
        person += f'<path class="sb-head" d="M{left + 9:.1f},{place.y + 10:.1f}a8,9 0 0 1 16,0z"/>'
        return _rectangle(left, top, place, 6) + person
    shape = _rectangle(left, top, place, place.height / 2 if kind in ("open", "end") else 6)
    if kind == "map":  # one for each item: a pile
        shape = _rectangle(left + 5, top + 5, place, 6) + shape
    if kind == "effect":
        sides = f"M{left + 6:.1f},{top:.1f}V{bottom:.1f}M{right - 6:.1f},{top:.1f}V{bottom:.1f}"
        shape += f'<path class="sb-inner" d="{sides}"/>'
    if kind in _BARS:
        y = bottom - 2 if kind == "parallel" else top + 2
        shape += f'<path class="sb-bar" d="M{left + 3:.1f},{y:.1f}H{right - 3:.1f}"/>'
    if kind == "wait":
        x = left + 15
        shape += f'<circle class="sb-inner" cx="{x:.1f}" cy="{place.y:.1f}" r="7.5"/>'
        shape += f'<path class="sb-inner" d="M{x:.1f},{place.y - 5:.1f}V{place.y:.1f}h4"/>'
    if kind == "include":
        shape += _rectangle(
            left + 4, top + 4, replace(place, width=place.width - 8, height=place.height - 8), 4
        )
    if kind == "dead_letter":
        shape += f'<path class="sb-inner" d="M{left:.1f},{top + 7:.1f}H{right:.1f}"/>'
    return shape


def _rectangle(left: float, top: float, place: Place, corner: float) -> str:
    return (
        f'<rect class="sb-shape" x="{left:.1f}" y="{top:.1f}" width="{place.width:.1f}" '
        f'height="{place.height:.1f}" rx="{corner:g}"/>'
    )


def _polygon(points: Sequence[tuple[float, float]]) -> str:
    return f'<polygon class="sb-shape" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'

"""A case's story for people: who got what, gave what, decided what, how sure, how long, at what cost."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping
from typing import Any

from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from langgraph_switchboard.cases.branches import PARTED
from langgraph_switchboard.cli.screen import program
from langgraph_switchboard.ledger import Event
from langgraph_switchboard.nodes import END
from langgraph_switchboard.switchboard import CaseView
from langgraph_switchboard.switchboard.telling import words_of

_STYLES = {
    "finished": "green",
    "declined": "yellow",
    "waiting": "yellow",
    "delayed": "yellow",
    "dead_lettered": "red",
    "running": "cyan",
    "accepted": "cyan",
}


_OF_REVIEW = {"review_opened": "yellow", "review_refused": "red", "review_expired": "yellow"}


def story(view: CaseView, *, width: int = 100, full: bool = False) -> list[RenderableType]:
    """The case as lines for the screen.

    Args:
        view: The case.
        width: Columns to fit.
        full: Show texts whole; else each is cut to a few lines.
    """
    row = view.row
    head = Text.assemble(
        (row.case_id, "bold"),
        f"  {row.flow} v{row.blueprint_version}  ",
        (row.status, _STYLES.get(row.status, "")),
    )
    if row.reason:
        head.append(f": {row.reason}")
    # Times are the reader's own; the zone is said once.
    head.append(f"\naccepted {row.created_at.astimezone():%Y-%m-%d %H:%M:%S %Z}", style="dim")
    shown: list[RenderableType] = [head]
    for field, payload in row.input.items():
        shown.append(Panel(fields(payload, full=full), title=field, title_align="left", width=width))
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, width=width)
    for name in ("time", "step"):
        table.add_column(name, no_wrap=True)
    table.add_column("what", ratio=1)
    table.add_column("took", justify="right", no_wrap=True)
    for entry in view.story:
        event = entry.event
        table.add_row(f"{event.at.astimezone():%H:%M:%S}", event.step, _what(event, full), _took(event))
    shown.append(table)
    for path, branch in sorted(row.branches.items()):
        if path and branch["status"] != PARTED:
            said = f"branch {path}: {branch['status']} at {branch['step']}"
            shown.append(Text(said, style=_STYLES.get(branch["status"], "")))
    for review in view.reviews:
        if review.status == "open":
            said = f"waits for a person: {program()} reviews {review.review_id}"
            shown.append(Text(said, style="yellow"))
    return shown


def fields(payload: Mapping[str, Any], *, full: bool, told: Collection[str] = ()) -> Text:
    """The fields of a payload, one a line; empty ones are left out.

    Args:
        payload: JSON-plain fields by name.
        full: Show texts whole, and the router's further opinions; else each is cut to a few lines.
        told: Fields left out since they were told already.
    """
    lines = []
    for name, value in payload.items():
        if value in (None, "", [], {}) or name in told or (name == "opinions" and not full):
            continue
        said = _plain(value)
        lines.append(f"{name}: {said if full else textwrap.shorten(said, 300, placeholder=' …')}")
    return Text("\n".join(lines))


def _what(event: Event, full: bool) -> Text:
    data = event.data
    if event.kind.startswith("review_") or event.kind == "operated":
        return Text(words_of(event), style=_OF_REVIEW.get(event.kind, "bold"))
    match event.kind:
        case "effect_recorded":
            return Text(words_of(event), style="green")
        case "dead_letter_redriven" | "dead_letter_discarded":
            return Text(words_of(event), style="bold")
        case "forked":
            parts = f"{data['items']} items" if "items" in data else data.get("goto")
            return Text(f"goes on at once as {parts}")
        case "branch_set_aside":
            return Text(f"sets the branch {data.get('branch')} aside: {data.get('reason')}", style="red")
        case "branch_taken_up":
            return Text(f"takes the branch {data.get('branch')} up again at {data.get('goto')}", style="bold")
        case "case_ended":
            return Text(f"ends: {data.get('outcome')}", style=_STYLES.get(str(data.get("outcome")), ""))
        case "attempt_failed":
            return _attempt(data)
        case "budget_exceeded":
            left = f" ({data.get('wanted')} wanted, {data.get('left')})" if data.get("left") else ""
            return Text(f"may spend no more: {data.get('why')}{left}", style="yellow")
        case "breaker_opened":
            of, name = data.get("of"), data.get("breaker")
            return Text(f"the {of} {name!r} is left alone: {data.get('why')}", style="red")
        case "breaker_closed":
            return Text(f"the {data.get('of')} {data.get('breaker')!r} is trusted again", style="green")
        case "timer_set":
            return Text(f"waits ({data.get('kind')}) until {data.get('due_at')}", style="yellow")
        case "timer_fired":
            return Text(f"goes on: {data.get('kind')} is over")
        case "step_failed":
            return _failed(data)
        case _:
            return _done(event, full)


def _attempt(data: Mapping[str, Any]) -> Text:
    failure = data.get("failure") or {}
    text = Text(
        f"attempt {data.get('attempt')} of {data.get('of')} fails: {failure.get('problem')}", style="red"
    )
    text.append(f"\nagain in {float(data.get('wait') or 0):.1f} s", style="dim")
    return text


def _failed(data: Mapping[str, Any]) -> Text:
    failure = data.get("failure") or {}
    text = Text(f"fails: {failure.get('problem')}", style="red")
    text.append(f"\n-> {_place(data.get('goto'))}")
    if data.get("quarantined"):
        text.append("\nwhat it gave is kept in the ledger, out of the case", style="dim")
    return text


def _done(event: Event, full: bool) -> Text:
    data, text = event.data, Text()
    if got := data.get("got"):
        text.append(f"got {', '.join(got)}; ")
    gave = data.get("gave") or {}
    if gave:
        text.append(f"gave {', '.join(gave)}; ")
    if data.get("confidence") is not None:
        text.append(f"confidence {float(data['confidence']):.2f}")
        text.append(f" (needs {float(data['threshold']):.2f}); " if "threshold" in data else "; ")
    text.append(f"-> {_place(data.get('goto'))}", style="bold")
    if data.get("reason"):
        text.append(f"\n{data['reason']}", style="yellow")
    if data.get("answered_by"):
        text.append(f"\n{_by(data)}", style="dim")
    if event.step != "open":  # the input stands above already
        for envelope in gave.values():
            payload = envelope.get("payload", {})
            told = {name for name in ("reason", "confidence") if data.get(name) == payload.get(name)}
            if rest := fields(payload, full=full, told=told):
                rest.stylize("dim")
                text.append("\n").append(rest)
    return text


def _by(data: Mapping[str, Any]) -> str:
    who = f"answered by {data.get('model') or 'plain code'}"
    if data.get("fallback_reason"):
        who = f"answered by plain code, since {data.get('model')} failed ({data['fallback_reason']})"
    if data.get("input_tokens") or data.get("output_tokens"):
        who += f", {data.get('input_tokens', 0):,} + {data.get('output_tokens', 0):,} tokens"
    cost = data.get("cost_usd")
    return f"{who}, cost {'unknown' if cost is None else f'${cost:.4f}'}"


def _plain(value: object) -> str:
    """A JSON value as a person would write it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.2f}"
        case dict():
            return " ".join(_plain(one) for one in value.values() if one not in (None, "", [], {}))
        case list():
            return ", ".join(map(_plain, value))
        case _:
            return str(value)


def _took(event: Event) -> str:
    if event.seconds is None:
        return ""
    return f"{event.seconds:.1f} s" if event.seconds >= 1 else f"{1000 * event.seconds:.1f} ms"


def _place(goto: object) -> str:
    return "end" if goto == END else str(goto)

"""Picture: what is drawn of a process, as boxes and lines with their words, before anything is placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from langgraph_switchboard.graphs.durations import spoken
from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.nodes import DEAD_LETTER, END, OPEN, Choice, Step

QUIET_WAYS = ("then", "agent", "member", "fallback", "finished")
"""Ways whose name says nothing that the line does not say."""
DOWN = frozenset({"fallback", "exhausted", "over_budget"})
"""Ways of what does not succeed."""


_NOTES = {
    "open": "comes in",
    "supervisor": "picks who goes on",
    "effect": "acts",
    "dead_letter": "for an operator",
    "parallel": "all at once",
    "include": "a process of its own",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One box.

    Args:
        name: The step, `END`, or a destination that is no step.
        kind: The step's kind, "end", or "unknown".
        title: What stands in it.
        note: A second, smaller line; may be empty.
        falls: What fails here is set aside: it has no other way down.
    """

    name: str
    kind: str
    title: str
    note: str = ""
    falls: bool = False


@dataclass(frozen=True, slots=True)
class Tie:
    """One line.

    Args:
        source: The box that it leaves.
        target: The box that it leads to.
        words: The ways that it stands for, where they say something.
        is_fallback: It is taken on failure only.
        is_taken: A case went along it.
    """

    source: str
    target: str
    words: str = ""
    is_fallback: bool = False
    is_taken: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """The boxes and lines of a process."""

    figures: tuple[Figure, ...]
    ties: tuple[Tie, ...]


def picture(process: Process, taken: Sequence[str] = ()) -> Picture:
    """What is to be drawn.

    That a step falls to the dead letter is a mark on its box: as lines, the most common of all ways
    would hide the others. A case that went there is shown with that line.

    Args:
        process: The finished blueprint; it need not be sound.
        taken: The steps that a case went through, in order.
    """
    went = _went(process, taken)
    ties = [tie for step in process.steps.values() for tie in _ties(process, step, went)]
    ends = dict.fromkeys(name for tie in ties for name in (tie.source, tie.target))
    figures = [
        _figure(process, step)
        for step in process.steps.values()
        if step.name != DEAD_LETTER or DEAD_LETTER in ends
    ]
    figures += [Figure(name, "unknown", name, "no such step") for name in ends if _is_strange(name, process)]
    if END in ends:
        figures.append(Figure(END, "end", "end"))
    return Picture(tuple(figures), tuple(ties))


def box_of(process: Process, name: str) -> str:
    """The box in which a step is drawn: a step of an included process stands in the step that includes it."""
    while name not in process.steps and name not in process.renamed and "." in name:
        name = name.rpartition(".")[0]
    return process.renamed.get(name, name)


def title_of(name: str) -> str:
    """A step's name as people read it."""
    plain = name.replace(".join", ": together").replace(".each", ": one").replace(".", ": ")
    return plain.replace("_", " ").strip()


def _ties(process: Process, step: Step, went: frozenset[tuple[str, str]]) -> list[Tie]:
    """The ways of a step, those to one place as one line."""
    ways: dict[str, list[str]] = {}
    for edge in step.edges:
        ways.setdefault(process.leads_to(step, edge), []).append(edge.way)
    ties = []
    for to, names in ways.items():
        is_taken = (step.name, to) in went
        falls = DOWN.issuperset(names)
        if step.name == DEAD_LETTER or (to == DEAD_LETTER and falls and not is_taken):
            continue
        said = [_words(step, way) for way in dict.fromkeys(names) if way not in QUIET_WAYS]
        ties.append(Tie(step.name, to, " or ".join(said), falls, is_taken))
    return ties


def _words(step: Step, way: str) -> str:
    if way == "exhausted" and step.max_visits is not None:
        return "after once" if step.max_visits == 1 else f"after {step.max_visits} times"
    return title_of(way)


def _went(process: Process, taken: Sequence[str]) -> frozenset[tuple[str, str]]:
    """The lines that a case went along: each step was come to from the latest one that leads to it."""
    went = set()
    for place, name in enumerate(taken):
        for before in reversed(taken[:place]):
            step = process.steps.get(before)
            if step is not None and any(process.leads_to(step, edge) == name for edge in step.edges):
                went.add((before, name))
                break
    return frozenset(went)


def _figure(process: Process, step: Step) -> Figure:
    falls = step.way("fallback") == DEAD_LETTER and step.kind not in ("open", "review", "wait", "join")
    return Figure(step.name, step.kind, _title(process, step), _note(process, step), falls)


def _title(process: Process, step: Step) -> str:
    if step.name == OPEN:
        return " and ".join(title_of(name) for name in process.case.fields() if name in process.inputs)
    return "set aside" if step.name == DEAD_LETTER else title_of(step.name)


def _note(process: Process, step: Step) -> str:
    if step.review is not None:
        within = step.review.within
        return f"a person, within {spoken(within.total_seconds())}" if within else "a person"
    if step.gate is not None:
        return f"confidence {step.gate.threshold:g}?"
    if step.wait is not None:
        until = step.wait.until
        return f"for {spoken(until.total_seconds())}" if isinstance(until, timedelta) else "until its moment"
    if step.each is not None:
        return f"each of {title_of(step.each.items)}"
    if step.join is not None:
        source = process.steps.get(step.join.of)
        return (
            "of all"
            if source is None or source.fork is None or source.fork.picks == "all"
            else "of those picked"
        )
    if isinstance(step.then, Choice):
        return f"{title_of(step.then.call.__name__)}?"
    return _NOTES.get(step.kind, "")


def _is_strange(name: str, process: Process) -> bool:
    return name not in process.steps and name != END

"""The laws that a sweep judges by: what one trial must not show."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from langgraph_switchboard.testing.chaos.subject import ENDS

LAWS = ("lost", "doubled", "wrong", "disagree", "early", "rung", "broke")
"""lost: no outcome at the end; doubled: an effect done twice under one key; wrong: another end than
the undisturbed run's; disagree: ledger and state tell different things, after a kill or at the end;
early: a body began on a checkpoint that the kill took back; rung: a failure did not end on its declared
rung; broke: the recovery itself failed."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How one case of a trial ended.

    Args:
        status: Its status.
        outcome: The outcome in its state.
        rest: What is compared with the undisturbed run.
        effects: Keys that the database holds.
        happened: Keys that the world was told of.
        disagree: Where ledger and state differed, after each kill and at the end.
        early: What began too early.
        rungs: Failures that did not end on their declared rung.
    """

    status: str
    outcome: str | None
    rest: dict[str, Any]
    effects: list[str]
    happened: list[str]
    disagree: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    rungs: list[str] = field(default_factory=list)


def varying(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    """What differs between two undisturbed runs, as dotted names: it is not compared."""
    return {name for name, value in _leaves(one).items() if _leaves(other).get(name) != value}


def judge(ending: Ending, undisturbed: Ending, varies: set[str]) -> dict[str, str]:
    """The laws that one ending breaks, each with what shows it."""
    broken: dict[str, str] = {}
    if ending.status not in ENDS and ending.status != undisturbed.status:
        broken["lost"] = f"status {ending.status!r}"
    twice = _twice(ending.effects) | _twice(ending.happened)
    if twice:
        broken["doubled"] = ", ".join(sorted(twice))
    if "lost" not in broken and (differs := _differences(ending, undisturbed, varies)):
        broken["wrong"] = "; ".join(differs[:3])
    disagree = list(ending.disagree)
    if ending.status in ENDS and ending.outcome != ending.status:
        disagree.append(f"the case's row says {ending.status!r}, its state {ending.outcome!r}")
    if disagree:
        broken["disagree"] = "; ".join(disagree[:3])
    if ending.rungs:
        broken["rung"] = "; ".join(ending.rungs[:3])
    if ending.early:
        broken["early"] = ", ".join(ending.early)
    return broken


def _done(ending: Ending) -> str:
    return json.dumps(sorted(set(ending.happened)))


def _twice(keys: Sequence[str]) -> set[str]:
    return {key for key, times in Counter(keys).items() if times > 1}


def _differences(ending: Ending, undisturbed: Ending, varies: set[str]) -> list[str]:
    here = _leaves({"status": ending.status, **ending.rest})
    there = _leaves({"status": undisturbed.status, **undisturbed.rest})
    here["happened"], there["happened"] = (
        json.dumps(sorted(set(one.happened))) for one in (ending, undisturbed)
    )
    return [
        f"{name}: {here.get(name)} instead of {there.get(name)}"
        for name in sorted(here.keys() | there.keys())
        if name not in varies and here.get(name) != there.get(name)
    ]


def _leaves(value: dict[str, Any], prefix: str = "") -> dict[str, str]:
    leaves: dict[str, str] = {}
    for name, one in value.items():
        if isinstance(one, dict):
            leaves |= _leaves(one, f"{prefix}{name}.")
        else:
            leaves[f"{prefix}{name}"] = json.dumps(one, sort_keys=True)
    return leaves

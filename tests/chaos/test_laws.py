"""How a sweep judges one trial."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from langgraph_switchboard.testing.chaos.laws import Ending, judge, varying

CALM = Ending(
    "finished", "finished", {"state": {"offer": {"cents": 7}}, "story": ["a", "b"]}, ["parcel"], ["mail"]
)


def other(**changes: Any) -> dict[str, str]:
    """What is found where one thing is otherwise than in the undisturbed run."""
    return judge(replace(CALM, **changes), CALM, set())


def test_an_ending_like_the_undisturbed_one_breaks_no_law() -> None:
    """Nothing differs, so nothing is found."""
    assert other() == {}


@pytest.mark.parametrize(
    "law, changes",
    [
        ("lost", {"status": "running"}),
        ("doubled", {"effects": ["parcel", "parcel"]}),
        ("doubled", {"happened": ["mail", "mail"]}),
        ("wrong", {"status": "dead_lettered", "outcome": "dead_lettered"}),
        ("wrong", {"rest": {"state": {"offer": {"cents": 8}}, "story": ["a", "b"]}}),
        ("wrong", {"rest": {"state": {"offer": {"cents": 7}}, "story": ["a"]}}),
        ("wrong", {"happened": []}),
        ("disagree", {"outcome": None}),
        ("disagree", {"disagree": ["ledger only: task 1"]}),
        ("early", {"early": ["entry ship"]}),
    ],
)
def test_each_law_is_found_broken_by_itself(law: str, changes: dict[str, Any]) -> None:
    """One thing is otherwise, one law is named."""
    assert list(other(**changes)) == [law]


def test_what_differs_between_undisturbed_runs_is_not_compared() -> None:
    """A time or a number drawn at random proves nothing about a crash."""
    once: dict[str, Any] = {"state": {"at": 1, "offer": 7}}
    again: dict[str, Any] = {"state": {"at": 2, "offer": 7}}
    calm = replace(CALM, rest=once)

    assert varying(once, again) == {"state.at"}
    assert judge(replace(CALM, rest=again), calm, {"state.at"}) == {}
    assert list(judge(replace(CALM, rest=again), calm, set())) == ["wrong"]


def test_a_failure_on_another_rung_than_the_declared_one_is_found() -> None:
    """Law 9, as a sweep judges it; the calm ending declares nothing and breaks nothing."""
    strayed = replace(CALM, rungs=["breaks: on None in the state, declared fallback"])

    assert judge(strayed, CALM, set()) == {"rung": "breaks: on None in the state, declared fallback"}
    assert judge(CALM, CALM, set()) == {}

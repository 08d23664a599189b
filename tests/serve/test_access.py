"""Who may decide what: roles, scopes, and those who had a hand in the case."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_switchboard import Switchboard
from langgraph_switchboard.cases.access import (
    REQUESTER,
    ROLES,
    Actor,
    Matter,
    Role,
    Scope,
    refusal,
    roles_of,
)
from langgraph_switchboard.errors import ConfigurationError, ReviewDecided, ReviewNotYours
from tests.seam import ORDER
from tests.serve.served import amount_of, payments

MATTER = Matter("payments", "by_hand", "medium", 20.0, "rita", frozenset({"propose"}))
APPROVE = {"type": "approve"}


def actor(*roles: Role, name: str = "ann", **scope: Any) -> Actor:
    return Actor(name, frozenset(roles), Scope.of(scope))


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (actor("reviewer"), None),
        (actor("reviewer", "viewer"), None),
        (actor("reviewer", "auditor"), None),
        (actor("viewer"), "a viewer"),
        (actor("auditor"), "an auditor"),
        (actor("operator"), "an operator, who never decides"),
        (actor("admin"), "an admin, who never decides"),
        (actor("reviewer", "operator"), "never decides"),
        (actor("reviewer", "admin"), "never decides"),
        (actor(), "nobody"),
        (actor("reviewer", name="rita"), "handed this case in"),
        (actor("reviewer", name="propose"), "an agent of this flow"),
        (actor("reviewer", flows=["payments"]), None),
        (actor("reviewer", flows=["claims"]), "the flow 'payments'"),
        (actor("reviewer", flows=[]), "the flow 'payments'"),
        (actor("reviewer", kinds=["by_hand"]), None),
        (actor("reviewer", kinds=["refund"]), "the kind 'by_hand'"),
        (actor("reviewer", risk="medium"), None),
        (actor("reviewer", risk="low"), "above low risk"),
        (actor("reviewer", amount=20), None),
        (actor("reviewer", amount=19.99), "up to 19.99"),
        (Actor.local("ann"), None),
        (Actor.local("rita"), "handed this case in"),
        (Actor.local("propose"), "an agent of this flow"),
    ],
)
def test_a_review_is_decided_only_by_whom_it_is_for(who: Actor, why: str | None) -> None:
    """Operators and admins never decide; neither do requester and agents, nor who is out of scope."""
    said = refusal(who, MATTER)
    assert said is None if why is None else why in str(said)


def test_every_role_may_read_and_only_reviewers_decide() -> None:
    """The table of rights, whole."""
    rights = ("read", "decide", "start", "operate", "manage")
    assert {role: [right for right in rights if actor(role).may(right)] for role in ROLES} == {  # type: ignore[arg-type]
        "viewer": ["read"],
        "reviewer": ["read", "decide"],
        "operator": ["read", "start", "operate"],
        "auditor": ["read"],
        "admin": ["read", "manage"],
    }


@pytest.mark.parametrize("names", [[], ["root"], ["reviewer", "operator"], ["admin", "reviewer"]])
def test_roles_that_exclude_each_other_are_not_given(names: list[str]) -> None:
    """Nobody gets both to run cases and to decide on them."""
    with pytest.raises(ConfigurationError):
        roles_of(names)


@pytest.mark.parametrize(
    "said", [{"risk": "huge"}, {"flow": ["a"]}, {"flows": "payments"}, {"amount": "12"}, {"kinds": 3}]
)
def test_a_scope_that_says_something_else_is_refused(said: dict[str, Any]) -> None:
    """A bound that is misspelt must not become no bound."""
    with pytest.raises(ConfigurationError, match="no scope"):
        Scope.of(said)


def test_a_scope_survives_being_stored() -> None:
    """What is read back bounds as much as what was written."""
    scope = Scope(frozenset({"a", "b"}), frozenset(), "low", 12.5)
    assert Scope.of(scope.as_json()) == scope
    assert Scope.of({}) == Scope() and Scope().as_json() == {}


async def refused(switchboard: Switchboard, case_id: str) -> list[dict[str, Any]]:
    story = await switchboard.services.store.story(case_id)
    return [entry.event.data for entry in story if entry.event.kind == "review_refused"]


@pytest.mark.parametrize("where", ["memory", pytest.param("postgres", marks=pytest.mark.pg)])
async def test_every_attempt_is_on_the_ledger_refused_ones_too(
    where: str, request: pytest.FixtureRequest
) -> None:
    """Who tried, on what, and why it was refused; the review stays open, and the right one still decides."""
    dsn = "memory" if where == "memory" else request.getfixturevalue("pg_dsn")
    flow = payments(risk="high", amount=amount_of)
    async with Switchboard.open(dsn, flows=[flow]) as switchboard:
        # given
        await switchboard.run(flow, ORDER, case_id="c1", labels={REQUESTER: "rita"})
        [review] = await switchboard.reviews()
        # when
        wrong = [
            actor("viewer", name="vic"),
            actor("operator", name="otto"),
            actor("admin", name="adam"),
            actor("reviewer", name="rita"),
            actor("reviewer", name="propose"),
            actor("reviewer", name="low", risk="medium"),
            actor("reviewer", name="poor", amount=5),
        ]
        for one in wrong:
            with pytest.raises(ReviewNotYours) as caught:
                await switchboard.decide(review.review_id, APPROVE, by=one)
            assert caught.value.fields["by"] == one.name
        assert await switchboard.reviews() == [review]
        row = await switchboard.decide(review.review_id, APPROVE, by=actor("reviewer", amount=20))
        with pytest.raises(ReviewDecided, match="ann decided first"):
            await switchboard.decide(review.review_id, APPROVE, by="bob")
        # then
        assert row.status == "finished"
        told = await refused(switchboard, "c1")
        assert [one["by"] for one in told] == [*(one.name for one in wrong), "bob"]
        assert {one["code"] for one in told} == {"review_not_yours", "review_decided"}
        assert all(one["review_id"] == review.review_id and one["why"] for one in told)
        lines = (await switchboard.case("c1")).story_lines()
        assert any("refuses vic: vic is a viewer" in line for line in lines)


async def test_an_edit_must_not_outgrow_who_makes_it() -> None:
    """What a reviewer writes counts as much as what was shown: else a bound is none."""
    flow = payments(amount=amount_of)
    async with Switchboard.open("memory", flows=[flow]) as switchboard:
        await switchboard.run(flow, ORDER, case_id="c1")
        [review] = await switchboard.reviews()
        larger = {"type": "edit", "edited": {"amount": 5_000}}
        with pytest.raises(ReviewNotYours, match=r"up to 50\.00"):
            await switchboard.decide(review.review_id, larger, by=actor("reviewer", amount=50))
        row = await switchboard.decide(review.review_id, larger, by=actor("reviewer", amount=5_000))
        assert row.status == "finished"
        assert [one["by"] for one in await refused(switchboard, "c1")] == ["ann"]

"""What people and time do with a review: one suite over both forms of the store."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from langgraph_switchboard.cases import CaseQuery, InboxQuery, MemoryStore, PostgresStore, ReviewRow
from langgraph_switchboard.contracts import digest_of
from langgraph_switchboard.errors import (
    ReviewClosed,
    ReviewDecided,
    ReviewNotYours,
    ReviewStale,
    SwitchboardError,
)
from tests.case_builders import Store, a_case, a_review, an_event, change, minutes, opens, settle, task

APPROVE = {"type": "approve"}
EDIT = {"type": "edit", "edited": {"text": "Sorry. It is on its way."}}
TEN = timedelta(seconds=10)


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.pg)])
def store(request: pytest.FixtureRequest) -> Store:
    return MemoryStore() if request.param == "memory" else PostgresStore(request.getfixturevalue("pg_pool"))


async def asked(store: Store, review_id: str = "r1", case_id: str = "c1", **changed: Any) -> ReviewRow:
    """A review that waits, of a case that is there."""
    await store.accept([a_case(case_id, status="waiting")])
    review = a_review(review_id, case_id, **changed)
    await settle(store, task(review_id, case_id), an_event("review_opened"), opens(review))
    return review


async def say(
    store: Store, row: ReviewRow, decision: dict[str, Any], by: str, at: float = 1, **options: Any
) -> ReviewRow:
    seen = {"version": row.version, "digest": row.token, **options}
    return await store.decide(row.review_id, decision=decision, by=by, at=minutes(at), **seen)


async def told(store: Store, case_id: str = "c1") -> list[str]:
    """The kinds of the events after the question."""
    return [str(entry.event.kind) for entry in await store.story(case_id)][1:]


# -- several people ------------------------------------------------------------------------


async def test_two_different_people_must_approve(store: Store) -> None:
    """The first approval is recorded and leaves the review open; the second lets it stand."""
    review = await asked(store, people=2)
    first = await say(store, review, APPROVE, "ann")
    assert first.status == "open" and first.approved_by == ("ann",)
    second = await say(store, first, APPROVE, "bob", at=2)
    assert second.status == "decided" and second.decided_by == "bob"
    assert second.decision == APPROVE and second.approved_by == ("ann", "bob")
    [event] = [one.event for one in await store.story("c1") if one.event.kind == "review_approved"]
    assert (event.data["by"], event.data["approved"], event.data["needed"]) == ("ann", 1, 2)


async def test_one_person_does_not_approve_twice(store: Store) -> None:
    """Two approvals of one person are one: the second is refused, and nothing changes."""
    review = await asked(store, people=2)
    first = await say(store, review, APPROVE, "ann")
    with pytest.raises(ReviewNotYours, match="2 different people"):
        await say(store, first, APPROVE, "ann", at=2)
    assert await store.review("r1") == first


async def test_an_edit_voids_the_approval_of_what_it_replaces(store: Store) -> None:
    """What ann approved is not what bob proposes: ann has to approve that anew, and then it stands."""
    review = await asked(store, people=2)
    first = await say(store, review, APPROVE, "ann")
    edited = await say(store, first, EDIT, "bob", at=2)
    assert edited.status == "open" and edited.approved_by == ("bob",) and edited.proposed == EDIT
    with pytest.raises(ReviewStale):
        await say(store, edited, APPROVE, "ann", at=3, digest=review.digest)
    stands = await say(store, edited, APPROVE, "ann", at=3)
    assert stands.status == "decided" and stands.decision == EDIT and stands.decided_by == "ann"


async def test_anyone_of_them_may_reject(store: Store) -> None:
    """Two people are needed for a yes; one no is a no."""
    review = await asked(store, people=2)
    first = await say(store, review, APPROVE, "ann")
    row = await say(store, first, {"type": "reject", "message": "no"}, "bob", at=2)
    assert row.status == "decided" and row.decided_by == "bob"


async def test_what_is_decided_can_raise_how_many_must_approve(store: Store) -> None:
    """An edit over the limit needs two people, although the draft needed one."""
    review = await asked(store)
    row = await say(store, review, EDIT, "ann", people=2)
    assert row.status == "open" and row.people == 2 and row.approved_by == ("ann",)


async def test_an_answer_heard_twice_counts_once(store: Store) -> None:
    """A step that runs again says the first person's approval again, under whoever drives it then."""
    review = await asked(store, people=2)
    first = await say(store, review, APPROVE, "ann", source="t1:1")
    again = await say(store, first, APPROVE, "somebody", at=2, source="t1:1")
    assert again == first


async def test_of_many_approvals_at_once_exactly_two_count(store: Store) -> None:
    """Eight people at once on a review that needs two: two count, and the rest are told who was first."""
    review = await asked(store, people=2)
    rows = await asyncio.gather(*(say(store, review, APPROVE, f"person {n}", at=n) for n in range(8)))
    stands = await store.review("r1")
    assert stands is not None and stands.status == "decided" and len(set(stands.approved_by)) == 2
    assert sum(row.decided_by in (None, stands.decided_by) for row in rows) == 8


# -- taking back -----------------------------------------------------------------------------


async def test_a_held_decision_can_be_taken_back(store: Store) -> None:
    """Until its time is over it is not decided: who made it takes it back, and the review is open."""
    review = await asked(store)
    held = await say(store, review, APPROVE, "ann", undo=TEN)
    assert held.status == "held" and held.effective_at == minutes(1) + TEN
    with pytest.raises(ReviewNotYours):
        await store.undo("r1", by="bob", at=minutes(1))
    row = await store.undo("r1", by="ann", at=minutes(1))
    assert (row.status, row.decision, row.decided_by, row.effective_at) == ("open", None, None, None)
    assert await told(store) == ["review_held", "review_undone"]
    assert (await say(store, row, EDIT, "bob", at=2)).status == "decided"


async def test_a_decision_cannot_be_taken_back_later(store: Store) -> None:
    """When its time is over it takes effect, once; from then on it stands."""
    await say(store, await asked(store), APPROVE, "ann", undo=TEN)
    assert (await store.in_time("r1", at=minutes(1))).status == "held"
    late = minutes(1) + TEN
    with pytest.raises(ReviewClosed, match="too late"):
        await store.undo("r1", by="ann", at=late)
    assert (await store.in_time("r1", at=late)).status == "decided"
    with pytest.raises(ReviewClosed, match="too late"):
        await store.undo("r1", by="ann", at=late)


async def test_who_comes_while_it_is_held_is_second(store: Store) -> None:
    """A held decision is one: another does not take its place."""
    held = await say(store, await asked(store), APPROVE, "ann", undo=TEN)
    assert await say(store, held, EDIT, "bob") == held


async def test_taking_back_the_last_approval_leaves_the_first(store: Store) -> None:
    """Bob takes back his own word, not ann's."""
    first = await say(store, await asked(store, people=2), APPROVE, "ann")
    await say(store, first, APPROVE, "bob", at=2, undo=TEN)
    row = await store.undo("r1", by="bob", at=minutes(2))
    assert row.status == "open" and row.approved_by == ("ann",)


async def test_undo_and_effect_do_not_both_happen(store: Store) -> None:
    """Of an undo and the end of its time, whoever is first wins; the other finds it done."""
    await say(store, await asked(store), APPROVE, "ann", undo=TEN)

    async def undo() -> ReviewRow | SwitchboardError:
        try:
            return await store.undo("r1", by="ann", at=minutes(1))
        except SwitchboardError as error:
            return error

    undone, _ = await asyncio.gather(undo(), store.in_time("r1", at=minutes(2)))
    row = await store.review("r1")
    assert row is not None
    assert row.status == ("decided" if isinstance(undone, ReviewClosed) else "open")


# -- who looks at it, and who is to ----------------------------------------------------------------


async def test_a_review_is_claimed_and_taken_over(store: Store) -> None:
    """Claiming says who looks at it; a colleague may take over, and the record says from whom."""
    await asked(store)
    assert (await store.claim("r1", by="ann", at=minutes(1))).assigned_to == "ann"
    assert (await store.claim("r1", by="ann", at=minutes(2))).assigned_at == minutes(1)
    assert (await store.claim("r1", by="bob", at=minutes(3))).assigned_to == "bob"
    assert (await store.release("r1", by="ann", at=minutes(4))).assigned_to == "bob"
    assert (await store.release("r1", by="bob", at=minutes(5))).assigned_to is None
    assert await told(store) == ["review_claimed", "review_claimed", "review_released"]
    last = [one.event.data for one in await store.story("c1") if one.event.kind == "review_claimed"][-1]
    assert (last["by"], last["from"]) == ("bob", "ann")


async def test_an_escalated_review_asks_another_group_with_a_new_promise(store: Store) -> None:
    """It stays open, belongs to the other group, and that group gets as much time as the first."""
    await asked(store, owner="desk", escalates_to="leads", remind_at=minutes(200), expires_at=minutes(600))
    row = await store.escalate("r1", by="ann", at=minutes(60), message="not mine")
    assert (row.status, row.owner, row.escalated_at) == ("open", "leads", minutes(60))
    assert (row.due_at, row.remind_at, row.expires_at) == (minutes(300), minutes(260), minutes(660))
    again = await store.escalate("r1", by="lea", at=minutes(100), to="board")
    assert again.owner == "board" and again.due_at == minutes(340)
    [first, _] = [one.event.data for one in await store.story("c1") if one.event.kind == "review_escalated"]
    assert (first["from"], first["to"], first["message"]) == ("desk", "leads", "not mine")


async def test_what_is_decided_is_neither_claimed_nor_escalated(store: Store) -> None:
    """Who comes late is told who was first."""
    await say(store, await asked(store), APPROVE, "ann")
    with pytest.raises(ReviewDecided, match="ann decided first"):
        await store.claim("r1", by="bob", at=minutes(2))
    with pytest.raises(ReviewDecided):
        await store.escalate("r1", by="bob", at=minutes(2))


# -- time --------------------------------------------------------------------------------------


async def test_owners_are_reminded_once(store: Store) -> None:
    """However often time passes over it, one reminder is told, and the review stays as it was."""
    await asked(store, owner="desk", remind_at=minutes(30))
    assert await store.due_reviews(minutes(29)) == []
    for moment in (30, 31, 32):
        await store.in_time("r1", at=minutes(moment))
    assert await store.due_reviews(minutes(33)) == []
    assert await told(store) == ["review_reminded"]
    row = await store.review("r1")
    assert row is not None and row.status == "open" and row.reminded_at == minutes(30)


async def test_time_escalates_once(store: Store) -> None:
    """At the end of its time it goes to another group; from there on it waits, overdue, for people."""
    await asked(store, owner="desk", escalates_to="leads", expires_at=minutes(60))
    [due] = await store.due_reviews(minutes(60))
    assert due.review_id == "r1"
    for moment in (60, 600, 6000):
        row = await store.in_time("r1", at=minutes(moment))
        assert (row.status, row.owner) == ("open", "leads")
    assert await told(store) == ["review_escalated"]


async def test_time_declines_and_never_approves(store: Store) -> None:
    """At the end of its time it is rejected, by nobody's hand; an approval needs a person."""
    await asked(store, on_expiry="decline", expires_at=minutes(60))
    row = await store.in_time("r1", at=minutes(60))
    assert row.status == "decided" and row.decided_by == "switchboard"
    assert row.decision == {"type": "reject", "message": "nobody answered in time"}
    assert await told(store) == ["review_expired"]
    assert await store.in_time("r1", at=minutes(61)) == row


async def test_a_first_approval_does_not_keep_time_from_declining(store: Store) -> None:
    """One of two approvals is none: the review expires all the same."""
    review = await asked(store, people=2, on_expiry="decline", expires_at=minutes(60))
    await say(store, review, APPROVE, "ann")
    row = await store.in_time("r1", at=minutes(60))
    assert row.decision is not None and row.decision["type"] == "reject"


async def test_a_decision_whose_case_still_waits_is_found(store: Store) -> None:
    """A crash between decision and resume: it is found until the case has gone on, and then never again."""
    await say(store, await asked(store), APPROVE, "ann", at=1)

    async def found(before: float) -> list[str]:
        await store.went_on(minutes(before), before=minutes(before))
        return [row.review_id for row in await store.not_gone_on(after=minutes(0), before=minutes(before))]

    assert await found(1) == []
    assert await found(2) == ["r1"]
    await settle(store, task("on"), an_event(), change(status="running", updated_at=minutes(3)))
    assert await found(4) == []
    row = await store.review("r1")
    assert row is not None and row.went_on_at == minutes(4)


# -- the inbox ------------------------------------------------------------------------------------


async def some(store: Store) -> None:
    """Four that wait, one that is held and one that is decided."""
    await asked(store, "r1", "c1", risk="high", owner="leads", reason="a stolen card")
    await asked(store, "r2", "c2", opened_at=minutes(1), due_at=minutes(5), kind="refund")
    await asked(store, "r3", "c3", opened_at=minutes(2), flow="claims", shown={"claim": {"nr": "K-77"}})
    await asked(store, "r4", "c4", opened_at=minutes(3), due_at=None)
    await say(store, await asked(store, "r5", "c5", opened_at=minutes(4)), APPROVE, "ann", undo=TEN)
    await say(store, await asked(store, "r6", "c6", opened_at=minutes(5)), APPROVE, "ann", at=9)
    await store.claim("r4", by="bob", at=minutes(6))


async def test_the_inbox_is_filtered_and_searched(store: Store) -> None:
    """What is decided is gone; what is held is still there; filters narrow down together."""
    await some(store)

    async def ids(**wanted: Any) -> list[str]:
        return [row.review_id for row in await store.inbox(InboxQuery(**wanted))]

    assert await ids() == ["r1", "r2", "r3", "r4", "r5"]
    assert await ids(risk="high") == ["r1"]
    assert await ids(flow="claims") == ["r3"]
    assert await ids(kind="refund") == ["r2"]
    assert await ids(owner="leads") == ["r1"]
    assert await ids(assigned_to="bob") == ["r4"]
    assert await ids(overdue_at=minutes(60)) == ["r2"]
    assert await ids(words="stolen card") == ["r1"]
    assert await ids(words="K-77") == ["r3"]
    assert await ids(words="c2") == ["r2"]
    assert await ids(words="stolen", risk="low") == []
    assert await ids(words="nothing of the kind") == []


async def test_the_inbox_goes_page_by_page(store: Store) -> None:
    """Each page begins after the last one's end; none is left out, none comes twice."""
    await some(store)
    seen: list[str] = []
    after = None
    while page := await store.inbox(InboxQuery(limit=2, after=after)):
        seen += [row.review_id for row in page]
        after = (page[-1].opened_at, page[-1].review_id)
    assert seen == ["r1", "r2", "r3", "r4", "r5"]


async def test_the_inbox_says_how_many_wait(store: Store) -> None:
    """By flow, kind, risk and group, with those that are overdue."""
    await some(store)
    counts = await store.inbox_counts(minutes(60))
    assert sum(one.waiting for one in counts) == 5 and sum(one.overdue for one in counts) == 1
    [high] = [one for one in counts if one.risk == "high"]
    assert (high.owner, high.waiting, high.overdue, high.oldest) == ("leads", 1, 0, minutes(0))


async def test_figures_tell_how_it_went(store: Store) -> None:
    """Decisions in all, by agent and by kind; the median time; the share that was approved unchanged."""
    answers: list[tuple[str, dict[str, Any], str, int]] = [
        ("r1", APPROVE, "faq", 2),
        ("r2", APPROVE, "faq", 4),
        ("r3", EDIT, "faq", 9),
        ("r4", EDIT, "x", 300),
    ]
    for review_id, decision, agent, at in answers:
        await say(store, await asked(store, review_id, agent=agent, kind="review"), decision, "ann", at=at)
    [every] = [one for one in await store.figures(minutes(0)) if one.by == "all"]
    assert (every.decided, every.types["approve"], every.types["edit"], every.late) == (4, 2, 2, 1)
    assert every.median_seconds == 390 and every.unchanged == 0.5
    agents = {one.name: one for one in await store.figures(minutes(0)) if one.by == "agent"}
    assert list(agents) == ["faq", "x"] and agents["faq"].unchanged == pytest.approx(2 / 3)
    assert await store.figures(minutes(500)) == []


async def test_cases_are_listed_page_by_page_and_found(store: Store) -> None:
    """Newest first, by the beginning of an id, a label, a status, a flow."""
    await store.accept(
        [
            a_case("k-1", labels={"batch": "a"}),
            a_case("k-2", created_at=minutes(1), status="dead_lettered"),
            a_case("m_1%", created_at=minutes(1), flow="claims"),
        ]
    )

    async def ids(**wanted: Any) -> list[str]:
        return [row.case_id for row in await store.cases_page(CaseQuery(**wanted))]

    assert await ids() == ["m_1%", "k-2", "k-1"]
    assert await ids(limit=1, before=(minutes(1), "m_1%")) == ["k-2"]
    assert await ids(prefix="k-") == ["k-2", "k-1"]
    assert await ids(prefix="m_1%") == ["m_1%"] and await ids(prefix="k_") == []
    assert await ids(labels={"batch": "a"}) == ["k-1"]
    assert await ids(status="dead_lettered") == ["k-2"] and await ids(flow="claims") == ["m_1%"]


def test_what_is_seen_has_a_name_of_its_own() -> None:
    """A proposal is part of what a person sees; whoever saw only the draft names something else."""
    review = a_review()
    assert review.token == review.digest == digest_of(review.shown)
    assert a_review(proposed=EDIT).token != review.token

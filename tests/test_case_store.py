"""The case store and the journal: one suite over both forms, and what only Postgres can show."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from langgraph_switchboard.cases import MemoryStore, PostgresStore, ReviewRow, TimerRow, as_values
from langgraph_switchboard.errors import EffectConflict, InputRefused, ReviewError, ReviewStale, StoreError
from langgraph_switchboard.ledger.events import Event
from langgraph_switchboard.ledger.journal import Entry, Row
from tests.case_builders import (
    NOON,
    Store,
    a_case,
    a_review,
    an_event,
    an_outbox_row,
    change,
    decide,
    minutes,
    opens,
    puts,
    settle,
    task,
)


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.pg)])
def store(request: pytest.FixtureRequest) -> Store:
    return MemoryStore() if request.param == "memory" else PostgresStore(request.getfixturevalue("pg_pool"))


async def everything(store: Store) -> tuple[object, ...]:
    return (await store.case("c1"), await store.story("c1"), await store.reviews(), await store.outbox())


async def steps(store: Store, case_id: str = "c1") -> list[str]:
    return [entry.event.step for entry in await store.story(case_id)]


# -- cases ---------------------------------------------------------------------------


async def test_a_case_comes_back_as_it_went_in(store: Store) -> None:
    """The store gives back the very row that was accepted."""
    case = a_case(labels={"line": 7, "expected": "card_arrival"}, reason="why")
    assert await store.accept([case]) == {"c1"}
    assert await store.case("c1") == case
    assert await store.case("c2") is None


async def test_accepting_twice_keeps_the_first(store: Store) -> None:
    """A case that is there stays as it is, also when it comes twice in one call."""
    assert await store.accept([a_case(), a_case(step="other"), a_case("c2")]) == {"c1", "c2"}
    assert await store.accept([a_case(step="other"), a_case("c3")]) == {"c3"}
    assert await store.accept([]) == set()
    first = await store.case("c1")
    assert first is not None and first.step == "intake"
    assert await store.story("c1") == []


async def test_thousands_are_accepted_at_once(store: Store) -> None:
    """One call takes thousands of cases."""
    rows = [a_case(f"c{number:04}") for number in range(3000)]
    assert len(await store.accept(rows)) == 3000
    assert sum((await store.counts()).values()) == 3000


@pytest.mark.parametrize(
    "labels",
    [{"note": "a\x00b"}, {"no\x00te": 1}, {"note": "\ud800"}, {"share": float("nan")}, {"when": NOON}],
    ids=["nul", "nul-in-a-name", "surrogate", "nan", "not-json"],
)
async def test_labels_that_cannot_be_stored_are_refused(store: Store, labels: dict[str, Any]) -> None:
    """What Postgres cannot keep is refused before anything is taken, and the case is named."""
    with pytest.raises(InputRefused, match="case c2"):
        await store.accept([a_case(), a_case("c2", labels=labels)])
    assert await store.case("c1") is None


async def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    """A naive time means another moment on another machine."""
    with pytest.raises(InputRefused, match="zone"):
        await store.accept([a_case(created_at=NOON.replace(tzinfo=None))])


async def test_cases_are_found_by_flow_status_and_labels(store: Store) -> None:
    """Filters narrow down together; newest come first, as many as were asked for."""
    await store.accept(
        [
            a_case("c1", labels={"batch": "a", "line": 1}),
            a_case("c2", labels={"batch": "a", "line": 2}, created_at=minutes(1), status="waiting"),
            a_case("c3", labels={"batch": "b", "tags": ["x", "y"]}, created_at=minutes(2)),
            a_case("c4", flow="claims", created_at=minutes(3)),
        ]
    )

    async def ids(**wanted: Any) -> list[str]:
        return [row.case_id for row in await store.cases(**wanted)]

    assert await ids() == ["c4", "c3", "c2", "c1"]
    assert await ids(limit=2) == ["c4", "c3"]
    assert await ids(limit=None) == ["c4", "c3", "c2", "c1"]
    assert await ids(flow="desk", status=["accepted"]) == ["c3", "c1"]
    assert await ids(status=["waiting", "accepted"], labels={"batch": "a"}) == ["c2", "c1"]
    assert await ids(labels={"batch": "a", "line": 1.0}) == ["c1"]
    assert await ids(labels={"line": True}) == []
    assert await ids(labels={"tags": ["y"]}) == ["c3"]
    assert await ids(labels={"tags": "y"}) == []
    assert await ids(labels={"missing": None}) == []


async def test_counts_say_every_status(store: Store) -> None:
    """A status in which no case stands counts zero."""
    await store.accept([a_case("c1"), a_case("c2", status="waiting"), a_case("c3", flow="claims")])
    none = dict.fromkeys(
        ["accepted", "running", "waiting", "delayed", "finished", "declined", "dead_lettered"], 0
    )
    assert await store.counts() == none | {"accepted": 2, "waiting": 1}
    assert await store.counts(flow="desk") == none | {"accepted": 1, "waiting": 1}
    assert await store.counts(labels={"batch": 1}) == none


# -- the journal ---------------------------------------------------------------------


async def test_a_settle_writes_everything_that_was_attached(store: Store) -> None:
    """Events, the review, the outbox row and the change of the case leave together."""
    await store.accept([a_case()])
    key = task()
    store.attach(
        key,
        [
            an_event(step="faq", gave={"reply": {"text": "é 💳"}}),
            opens(a_review()),
            puts(an_outbox_row()),
            change(status="running", updated_at=minutes(1)),
            change(status="waiting", step="review", reason="unsure", updated_at=minutes(2)),
            an_event("review_opened", "review"),
        ],
    )
    assert await store.story("c1") == []
    await store.settle(key)
    story = await store.story("c1")
    assert [(entry.ordinal, entry.event.kind) for entry in story] == [
        (0, "step_finished"),
        (1, "review_opened"),
    ]
    assert story[0].event == an_event(step="faq", gave={"reply": {"text": "é 💳"}})
    assert (story[0].case_id, story[0].namespace, story[0].task_id) == ("c1", "", "t1")
    assert await store.review("r1") == a_review()
    assert await store.outbox("c1") == [an_outbox_row()]
    expected = a_case(status="waiting", step="review", reason="unsure", updated_at=minutes(2))
    assert await store.case("c1") == expected


async def test_a_change_leaves_what_it_does_not_name(store: Store) -> None:
    """Only the named columns change, None included; the fixed ones never do."""
    await store.accept([a_case(reason="because", labels={"line": 1})])
    await settle(store, task("t1"), an_event(), change(step="gate", updated_at=minutes(1)))
    assert await store.case("c1") == a_case(
        reason="because", labels={"line": 1}, step="gate", updated_at=minutes(1)
    )
    whole = as_values(a_case(status="finished", step="send", ended_at=minutes(2), updated_at=minutes(2)))
    await settle(store, task("t2"), an_event(), Row("cases", whole))
    assert await store.case("c1") == a_case(
        labels={"line": 1}, status="finished", step="send", ended_at=minutes(2), updated_at=minutes(2)
    )


async def test_a_case_that_nobody_accepted_is_made_by_its_first_step(store: Store) -> None:
    """A whole row makes the case; a partial one without a case is refused, with its events."""
    await settle(store, task(), an_event(), Row("cases", as_values(a_case(status="running"))))
    assert await store.case("c1") == a_case(status="running")
    with pytest.raises(StoreError, match="case c2"):
        await settle(store, task(case_id="c2"), an_event(), change(status="running", updated_at=NOON))
    assert await store.story("c2") == []


async def test_settling_the_same_task_again_changes_nothing(store: Store) -> None:
    """A step that ran again after a crash says the same in the same places, later by the clock."""
    await store.accept([a_case()])
    said: list[Entry] = [an_event(step="faq"), opens(a_review()), puts(an_outbox_row())]
    await settle(store, task(), *said, change(status="waiting", updated_at=minutes(1)))
    await settle(store, task("t2"), an_event(step="send"), change(status="finished", updated_at=minutes(2)))
    before = await everything(store)
    again = replace(an_event(step="faq"), at=minutes(9))
    late: list[Entry] = [again, opens(a_review(opened_at=minutes(9))), puts(an_outbox_row(at=minutes(9)))]
    await settle(store, task(), *late, change(status="waiting", updated_at=minutes(9)))
    assert await everything(store) == before
    await settle(store, task("another"), *late)  # the control: elsewhere the same is told again
    assert len(await store.story("c1")) == 3


async def test_a_task_that_settles_twice_adds_what_is_new(store: Store) -> None:
    """A review step says its opening again in front and adds the decision."""
    await store.accept([a_case()])
    opened: list[Entry] = [an_event("review_opened", "review"), opens(a_review())]
    await settle(store, task(), *opened, change(status="waiting", updated_at=minutes(1)))
    await settle(store, task(), *opened, an_event("review_decided", "review"), change(status="running"))
    assert [entry.event.kind for entry in await store.story("c1")] == ["review_opened", "review_decided"]
    case = await store.case("c1")
    assert case is not None and case.status == "running"


async def test_what_is_attached_again_replaces_and_leaves_once(store: Store) -> None:
    """Entries of a broken-off run do not leave with those of the next; settled ones are gone."""
    store.attach(task(), [an_event(step="broken off")])
    store.attach(task(), [an_event(step="faq")])
    await store.settle(task())
    await store.settle(task())
    await store.settle(task("never attached"))
    assert await steps(store) == ["faq"]


async def test_the_journal_keeps_what_it_was_told_not_what_became_of_it(store: Store) -> None:
    """A dict that is changed after the settle does not change the record."""
    data = {"route": "faq"}
    await settle(store, task(), Event("routed", "supervisor", NOON, data))
    data["route"] = "billing"
    assert (await store.story("c1"))[0].event.data == {"route": "faq"}


async def test_an_outbox_key_that_is_taken_by_another_row_refuses_the_whole_settle(store: Store) -> None:
    """One key, two different rows: a conflict, and nothing of that settle is written."""
    await store.accept([a_case()])
    await settle(store, task("t1"), puts(an_outbox_row()))
    key = task("t2")
    store.attach(
        key,
        [
            an_event(),
            opens(a_review()),
            puts(an_outbox_row("other")),
            puts(an_outbox_row(text="Something else.")),
            change(status="finished", updated_at=minutes(1)),
        ],
    )
    for _ in range(2):  # it stays attached, and stays refused
        with pytest.raises(EffectConflict) as refused:
            await store.settle(key)
        assert refused.value.fields == {"case": "c1", "key": "reply"}
    assert await store.outbox() == [an_outbox_row()]
    assert await store.story("c1") == [] and await store.reviews() == []
    assert await store.case("c1") == a_case()
    await settle(store, key, an_event("step_failed"))
    assert len(await store.story("c1")) == 1


async def test_one_settle_may_not_put_two_rows_under_one_key(store: Store) -> None:
    """The same row twice leaves once; another row under its key is a conflict."""
    await settle(store, task("t1"), puts(an_outbox_row()), puts(an_outbox_row()))
    assert len(await store.outbox()) == 1
    with pytest.raises(EffectConflict, match="'other'"):
        await settle(
            store, task("t2"), puts(an_outbox_row("other")), puts(an_outbox_row("other", text="No."))
        )
    assert len(await store.outbox()) == 1


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (Event("routed", "s", NOON, {"note": "a\x00b"}), "ledger.data.note"),
        (Event("routed", "s", NOON.replace(tzinfo=None)), "zone"),
        (change(status="done"), "dead_lettered"),
        (change(status="waiting", colour="red"), "colour"),
        (Row("outbox", {"key": "reply"}), "digest"),
        (Row("reviews", as_values(a_review(case_id="c2"))), "own case"),
    ],
    ids=["nul", "naive", "status", "unknown-column", "missing-column", "other-case"],
)
async def test_an_entry_that_cannot_be_stored_refuses_the_settle(
    store: Store, entry: Entry, says: str
) -> None:
    """The message names the place; nothing of the settle is written."""
    with pytest.raises(InputRefused, match=says):
        await settle(store, task(), an_event(), entry)
    assert await store.story("c1") == []


async def test_a_story_is_told_in_the_order_in_which_its_steps_settled(store: Store) -> None:
    """By settle and ordinal, whatever the clock and the task ids say; other cases stay out."""
    for number in range(12):
        name = f"t{97 - number * 7:02}"
        first, second = an_event(step=f"{number}a"), replace(an_event(step=f"{number}b"), at=minutes(-number))
        await asyncio.gather(
            settle(store, task(name), first, second), settle(store, task(name, "c2"), an_event(step="other"))
        )
    assert await steps(store) == [f"{number}{part}" for number in range(12) for part in "ab"]
    both = await store.stories(["c1", "c2"])
    assert len(both) == 36
    assert [entry for entry in both if entry.case_id == "c1"] == await store.story("c1")
    assert await store.stories([]) == []


async def test_settles_of_one_case_leave_in_order(store: Store) -> None:
    """Parallel branches settle at once; the last word on the case's row is the last one's."""
    await store.accept([a_case()])
    await asyncio.gather(
        *(
            settle(store, task(f"t{n}"), an_event(step=str(n)), change(step=str(n), updated_at=minutes(n)))
            for n in range(5)
        )
    )
    assert await steps(store) == ["0", "1", "2", "3", "4"]
    assert await store.case("c1") == a_case(step="4", updated_at=minutes(4))


async def test_the_outbox_is_read_oldest_first(store: Store) -> None:
    """Over all cases, or of one, as many as were asked for."""
    await settle(store, task(), puts(an_outbox_row("late", at=minutes(5))), puts(an_outbox_row("soon")))
    await settle(store, task(case_id="c2"), puts(an_outbox_row("mid", "c2", at=minutes(3))))
    assert [row.key for row in await store.outbox()] == ["soon", "mid", "late"]
    assert [row.key for row in await store.outbox(limit=2)] == ["soon", "mid"]
    assert [row.key for row in await store.outbox("c1", limit=None)] == ["soon", "late"]


# -- reviews -------------------------------------------------------------------------


async def test_reviews_are_read_by_who_has_waited_longest(store: Store) -> None:
    """Open ones by default, oldest first; by flow, case and status."""
    await settle(store, task(case_id="c1"), opens(a_review("r1", opened_at=minutes(2))))
    await settle(store, task(case_id="c2"), opens(a_review("r2", "c2", opened_at=minutes(1))))
    await settle(store, task(case_id="c3"), opens(a_review("r3", "c3", flow="claims", due_at=None)))
    await decide(store, a_review("r2"))

    async def ids(**wanted: Any) -> list[str]:
        return [row.review_id for row in await store.reviews(**wanted)]

    assert await ids() == ["r3", "r1"]
    assert await ids(status=None) == ["r3", "r2", "r1"]
    assert await ids(status="decided") == ["r2"]
    assert await ids(flow="desk") == ["r1"]
    assert await ids(case_id="c2", status=None) == ["r2"]
    assert await ids(status=None, limit=1) == ["r3"]
    assert await store.review("r9") is None


async def test_a_decision_stands_and_the_second_caller_sees_it(store: Store) -> None:
    """The first decision is written; whoever comes later gets the row as it stands."""
    review = a_review()
    await settle(store, task(), opens(review))
    decided = replace(
        review,
        status="decided",
        decision={"type": "approve", "by": "ann"},
        decided_by="ann",
        decided_at=minutes(5),
        revision=1,
    )
    assert await decide(store, review, "ann") == decided
    assert await decide(store, review, "bob") == decided
    assert await decide(store, review, "bob", digest="of something else") == decided
    await settle(store, task(), an_event("review_decided"), opens(review))
    assert await store.review("r1") == decided


async def test_a_decision_on_what_is_not_shown_any_more_is_refused(store: Store) -> None:
    """A decision names what was shown; the review stays open if something else is shown by now."""
    review = a_review(version=2)
    await settle(store, task(), opens(review))
    with pytest.raises(ReviewStale, match="version 2; came one on version 1"):
        await decide(store, review, version=1)
    with pytest.raises(ReviewStale, match="another content"):
        await decide(store, review, digest="0" * 64)
    assert await store.review("r1") == review


async def test_an_unknown_review_cannot_be_decided(store: Store) -> None:
    """The id is named, and how to find the right one."""
    with pytest.raises(ReviewError, match=r"'r1'.*switchboard reviews"):
        await decide(store, a_review())


async def test_a_decision_that_cannot_be_stored_is_refused(store: Store) -> None:
    """The review stays open."""
    await settle(store, task(), opens(a_review()))
    with pytest.raises(InputRefused, match="review r1"):
        await decide(store, a_review(), by="an\x00n")
    assert await store.reviews() == [a_review()]


async def test_of_many_deciders_one_wins_and_all_see_who(store: Store) -> None:
    """50 reviews, 8 deciders each, all at once: 50 winners, and every loser is shown the winner."""
    reviews = [a_review(f"r{number}", f"c{number}") for number in range(50)]
    await asyncio.gather(*(settle(store, task(case_id=one.case_id), opens(one)) for one in reviews))
    names = [f"person {number}" for number in range(8)]

    async def all_decide(review: ReviewRow) -> tuple[int, int]:
        seen = await asyncio.gather(*(decide(store, review, name) for name in names))
        winners = sum(row.decided_by == name for row, name in zip(seen, names, strict=True))
        return winners, len({row.decided_by for row in seen})

    assert await asyncio.gather(*(all_decide(review) for review in reviews)) == [(1, 1)] * 50
    assert await store.reviews() == []


# -- timers --------------------------------------------------------------------------


def sets(timer: TimerRow) -> Row:
    return Row("timers", as_values(timer))


def a_timer(timer_id: str = "t1", case_id: str = "c1", **changed: Any) -> TimerRow:
    timer = TimerRow(timer_id, case_id, "desk", "faq", "backoff", minutes(5), NOON, {"attempt": 1})
    return replace(timer, **changed)


async def test_a_timer_is_set_and_fires_once(store: Store) -> None:
    """When it is due is set once; of what a step says later only that it fired counts."""
    await store.accept([a_case()])
    await settle(store, task(), sets(a_timer()), an_event("timer_set"))
    assert await store.timers() == [a_timer()]
    assert await store.timers(due=minutes(4)) == []
    fired = a_timer(due_at=minutes(9), status="fired", fired_at=minutes(6))
    await settle(store, task(), sets(a_timer()), sets(fired), an_event("timer_set"), an_event("timer_fired"))
    assert await store.timers() == []
    assert await store.timers(status=None) == [a_timer(status="fired", fired_at=minutes(6))]


async def test_timers_come_in_the_order_in_which_they_are_due(store: Store) -> None:
    """All that are due, or those of one case; a cancelled one is due no more."""
    await store.accept([a_case("c1"), a_case("c2")])
    late, soon = a_timer("t1", due_at=minutes(9)), a_timer("t2", due_at=minutes(3))
    other = a_timer("t3", "c2")
    await settle(store, task(), sets(late), sets(soon), an_event("timer_set"))
    await settle(store, task(case_id="c2"), sets(other), an_event("timer_set"))
    assert await store.timers(due=minutes(6)) == [soon, other]
    assert await store.timers(case_id="c1") == [soon, late]
    assert await store.timers(limit=1) == [soon]
    assert await store.cancel_timers(["t2", "t9"]) == 1
    assert await store.cancel_timers(["t2"]) == 0
    assert await store.timers(case_id="c1") == [late]
    assert await store.timers(case_id="c1", status="cancelled") == [replace(soon, status="cancelled")]

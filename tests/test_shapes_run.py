"""Branches, lists, blueprints inside, loops and waits as they run, on both forms of the store."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from langgraph_switchboard import END, JOIN, Blueprint, CaseState, CaseView, StepContext, Switchboard
from langgraph_switchboard.cli.story import story
from langgraph_switchboard.errors import CaseStranded, ModelBusy
from langgraph_switchboard.switchboard.ticker import Ticker
from langgraph_switchboard.testing import FakeClock
from tests.shape_flows import (
    Done,
    Gate,
    Line,
    Opinion,
    OpinionDecision,
    Order,
    Price,
    PriceDecision,
    Prices,
    Route,
    a_set,
    blank,
    both,
    breaks,
    finish,
    left,
    right,
    until,
)

ORDER = Order(text="lamps", lines=tuple(Line(text="x" * n) for n in range(1, 6)))
APPROVE = {"type": "approve"}


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.pg)])
def database(request: pytest.FixtureRequest) -> str:
    """Both forms: what is kept in the process, and what Postgres keeps."""
    return "memory" if request.param == "memory" else str(request.getfixturevalue("pg_dsn"))


async def decide_all(switchboard: Switchboard, case: CaseView) -> CaseView:
    """A person approves whatever is asked, one after the other; who has no draft is written one."""
    while case.status == "waiting":
        review = next(one for one in case.reviews if one.status == "open")
        drafted = review.shown.get(review.subject) is not None
        answer: dict[str, Any] = APPROVE if drafted else {"type": "edit", "edited": {"says": "by hand"}}
        await switchboard.decide(review.review_id, answer, by="ada")
        case = await switchboard.case(case.row.case_id)
    return case


def steps_of(case: CaseView) -> Counter[str]:
    """How often each step finished."""
    return Counter(one.event.step for one in case.story if one.event.kind == "step_finished")


def done_of(case: CaseView) -> str:
    done = getattr(case.state, "done", None)
    assert isinstance(done, Done)
    return done.text


@pytest.mark.parametrize(
    ("flow", "says"),
    [
        (a_set(), "left says left, right says right"),
        (a_set(breaks, fallback="spare"), "left says left, right says right"),
        (a_set(breaks, fallback="ask"), "left says by hand, right says right"),
        (a_set(breaks, fallback="spare", reviewed=True), "left says left, right says right"),
        (a_set(reviewed=True, right_reviewed=True), "left says left, right says right"),
    ],
    ids=["at once", "fallback", "person", "fallback, then a person", "two people"],
)
async def test_a_join_runs_once_whichever_rung_a_branch_ends_on(
    database: str, flow: Blueprint, says: str
) -> None:
    """Law 9: every join fires once, with what every branch brought."""
    async with Switchboard.open(database) as switchboard:
        case = await decide_all(switchboard, await switchboard.run(flow, ORDER))

        assert (case.status, done_of(case)) == ("finished", says)
        assert steps_of(case)["views.join"] == steps_of(case)["finish"] == 1
        assert case.row.branches == {}
        assert len(await switchboard.services.store.outbox(case.row.case_id)) == 1


async def test_a_branch_that_waits_holds_no_other_up_and_the_row_says_what_is_true(database: str) -> None:
    """While one branch is at work the case is running, though another waits for a person."""
    gate = Gate()

    async def slow(order: Order) -> Opinion:
        await gate.through()
        return Opinion(says="slow")

    flow = a_set(slow, right_reviewed=True)
    async with Switchboard.open(database) as switchboard:
        row = await switchboard.start(flow, ORDER)
        running = asyncio.create_task(switchboard.resume(row.case_id))
        await until(switchboard.reviews)
        at_work = await switchboard.case(row.case_id)
        assert (at_work.status, at_work.row.step) == ("running", "left")
        assert at_work.row.branches == {
            "": {"status": "parted", "step": "views"},
            "views:left": {"status": "running", "step": "left"},
            "views:right": {"status": "waiting", "step": "ask_too"},
        }

        gate.open.set()
        await running
        waits = await switchboard.case(row.case_id)
        assert (waits.status, waits.row.step) == ("waiting", "ask_too")
        case = await decide_all(switchboard, waits)
        assert (case.status, steps_of(case)["views.join"]) == ("finished", 1)


async def test_a_decision_made_while_another_branch_is_at_work_is_taken_up_by_its_driver(
    database: str,
) -> None:
    """Nobody has to wait with a decision until the other branches rest."""
    gate = Gate()

    async def slow(order: Order) -> Opinion:
        await gate.through()
        return Opinion(says="slow")

    async with Switchboard.open(database) as switchboard:
        row = await switchboard.start(a_set(slow, right_reviewed=True), ORDER)
        running = asyncio.create_task(switchboard.resume(row.case_id))
        asked = await until(switchboard.reviews)
        deciding = asyncio.create_task(switchboard.decide(asked[0].review_id, APPROVE, by="ada"))

        async def decided() -> bool:
            return not await switchboard.reviews()

        await until(decided)
        gate.open.set()
        await asyncio.gather(running, deciding)
        case = await switchboard.case(row.case_id)
        assert (case.status, done_of(case)) == ("finished", "left says slow, right says right")


async def test_several_questions_of_one_case_are_decided_one_by_one(database: str) -> None:
    """In any order; the case waits until the last one is answered."""
    async with Switchboard.open(database) as switchboard:
        case = await switchboard.run(a_set(reviewed=True, right_reviewed=True), ORDER)
        first, second = sorted(case.reviews, key=lambda one: one.step, reverse=True)
        row = await switchboard.decide(first.review_id, APPROVE, by="ada")
        assert (row.status, row.step, list(row.branches)) == ("waiting", "ask", ["", "views:left"])
        row = await switchboard.decide(second.review_id, APPROVE, by="bert")
        assert row.status == "finished"


async def test_a_branch_that_broke_off_goes_on_though_another_waits(database: str) -> None:
    """A crash in one branch and a question in another: the resume does what is left, and asks on."""
    gate = Gate()

    async def dies(order: Order) -> Opinion:
        if not gate.open.is_set():
            gate.entered.set()
            await asyncio.Event().wait()
        return Opinion(says="back")

    flow = a_set(dies, right_reviewed=True)
    async with Switchboard.open(database) as switchboard:
        row = await switchboard.start(flow, ORDER)
        running = asyncio.create_task(switchboard.resume(row.case_id))
        await until(switchboard.reviews)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        gate.open.set()
        assert await switchboard.resume_all() == {}
        case = await switchboard.case(row.case_id)
        assert (case.status, len(case.reviews)) == ("waiting", 1)
        case = await decide_all(switchboard, case)
        assert (case.status, done_of(case)) == ("finished", "left says back, right says right")


def priced(body: Any, **said: Any) -> Blueprint:
    """A map over the lines of the order, then the end."""
    flow = blank()
    flow.map("price", over="order.lines", body=body, gives="prices", then=finish, **said)
    flow.effect(finish)
    return flow


async def test_a_map_does_each_item_and_keeps_their_order(database: str) -> None:
    """The later ones may be the quicker ones; no item sees another."""
    seen: list[int | None] = []

    async def price(line: Line, ctx: StepContext) -> Price:
        seen.append(ctx.item)
        await asyncio.sleep(0.002 * (5 - len(line.text)))
        return Price(cents=len(line.text))

    async with Switchboard.open(database) as switchboard:
        case = await switchboard.run(priced(price), ORDER)
        assert case.status == "finished"
        assert getattr(case.state, "prices") == Prices(items=tuple(Price(cents=n) for n in range(1, 6)))  # noqa: B009
        assert sorted(n for n in seen if n is not None) == [0, 1, 2, 3, 4]
        assert Counter(one.event.kind for one in case.story)["joined"] == 1


@pytest.mark.parametrize("at_once", [1, 2, 4])
async def test_a_map_does_no_more_items_at_once_than_it_may(at_once: int) -> None:
    """LangGraph would begin them all."""
    inside = peak = 0

    async def price(line: Line) -> Price:
        nonlocal inside, peak
        inside, peak = inside + 1, max(peak, inside + 1)
        await asyncio.sleep(0.001)
        inside -= 1
        return Price(cents=1)

    order = Order(text="many", lines=tuple(Line(text="x") for _ in range(12)))
    async with Switchboard.open("memory") as switchboard:
        case = await switchboard.run(priced(price, concurrency=at_once), order)
        assert (case.status, peak) == ("finished", at_once)


async def test_a_map_over_nothing_gives_an_empty_list(database: str) -> None:
    """The join runs all the same, once."""

    async def price(line: Line) -> Price:
        raise AssertionError("there is nothing to price")

    async with Switchboard.open(database) as switchboard:
        case = await switchboard.run(priced(price), Order(text="nothing"))
        assert (case.status, getattr(case.state, "prices")) == ("finished", Prices(items=()))  # noqa: B009


async def test_a_list_that_is_too_long_fails_the_step_with_the_reason() -> None:
    """A fan-out has a bound, which a case meets as any failure: down the ladder, in words."""

    async def price(line: Line) -> Price:
        return Price(cents=1)

    async with Switchboard.open("memory") as switchboard:
        case = await switchboard.run(priced(price, at_most=4), ORDER)
        assert case.status == "dead_lettered"
        assert "5 items" in str(case.row.reason)
        assert "at most 4" in str(
            next(one.event.data for one in case.story if one.event.kind == "step_failed")
        )


async def test_an_item_that_fails_is_done_by_the_fallback_of_the_map(database: str) -> None:
    """Only that item goes down the ladder."""

    async def price(line: Line) -> Price:
        if len(line.text) == 3:
            raise RuntimeError("no price")
        return Price(cents=len(line.text))

    async def guess(line: Line, order: Order) -> Price:
        return Price(cents=1000)

    async with Switchboard.open(database) as switchboard:
        case = await switchboard.run(priced(price, fallback=guess), ORDER)
        prices = getattr(case.state, "prices")  # noqa: B009
        assert [one.cents for one in prices.items] == [1, 2, 1000, 4, 5]
        assert steps_of(case)["price.fallback"] == 1


def judged(agent: Any = left, *, reviewed: bool = True) -> Blueprint:
    """A blueprint to be included: a view, and perhaps a person."""
    inner = blank("judged")
    inner.step(agent, name="judge", then="ask" if reviewed else END)
    if reviewed:
        inner.review("ask", of="opinion", decides=OpinionDecision, then=END)
    return inner


def including(inner: Blueprint, declined: str = "excuse", **said: Any) -> Blueprint:
    flow = blank()
    then: Any = {"finished": "finish", "declined": declined} if len(inner.said) > 1 else finish
    flow.include(inner, then=then, **said)
    if declined == "excuse" and len(inner.said) > 1:
        flow.step(right, name="excuse", then=finish, gives="opinion")
    flow.effect(finish)
    return flow


@pytest.mark.parametrize(
    ("answer", "says"), [(APPROVE, "left"), ({"type": "reject"}, "right")], ids=["finished", "declined"]
)
async def test_a_case_goes_on_from_the_end_that_the_blueprint_inside_came_to(
    database: str, answer: dict[str, Any], says: str
) -> None:
    """Its steps are told by its name before theirs, and its reviews are the case's."""
    async with Switchboard.open(database) as switchboard:
        case = await switchboard.run(including(judged()), ORDER)
        assert (case.status, case.row.step) == ("waiting", "judged.ask")
        [review] = case.reviews
        assert (review.flow, review.step) == ("shapes", "judged.ask")
        await switchboard.decide(review.review_id, answer, by="ada")
        case = await switchboard.case(case.row.case_id)
        assert (case.status, done_of(case)) == ("finished", says)
        assert [one.event.step for one in case.story[:3]] == ["open", "judged.judge", "judged.ask"]


async def test_a_blueprint_inside_that_fails_is_a_step_that_fails(database: str) -> None:
    """Its dead letter takes the fallback outside."""
    flow = blank()
    flow.include(judged(breaks, reviewed=False), then=finish, fallback="spare")
    flow.step(left, name="spare", then=finish)
    flow.effect(finish)
    async with Switchboard.open(database) as switchboard:
        case = await switchboard.run(flow, ORDER)
        assert (case.status, done_of(case)) == ("finished", "left")
        failed = [one.event.step for one in case.story if one.event.kind == "step_failed"]
        assert failed == ["judged.judge", "judged"]


async def test_a_declined_blueprint_inside_may_end_the_case_as_declined() -> None:
    """Where nothing else is said of that exit."""
    flow = blank()
    flow.include(judged(), then=finish)
    flow.effect(finish)
    async with Switchboard.open("memory") as switchboard:
        case = await switchboard.run(flow, ORDER)
        row = await switchboard.decide(case.reviews[0].review_id, {"type": "reject"}, by="ada")
        assert (row.status, row.step) == ("declined", "judged")


def supervised(picks: Any, *agents: str, confidence: float = 1.0) -> Blueprint:
    """A supervisor that picks these agents, in this order."""

    async def pick(order: Order) -> Route:
        return Route(agents=agents, confidence=confidence)

    flow = blank()
    flow.supervise(
        "who", pick, agents=["left", "right", "third"], unsure="nobody", picks=picks, merge=both, then=finish
    )
    for name in ("left", "right", "third"):
        flow.step(left if name == "left" else right, name=name, then=JOIN)
    flow.step(left, name="nobody", then=finish)
    flow.effect(finish)
    return flow


@pytest.mark.parametrize(
    ("picked", "says"),
    [
        (("left",), "left says left"),
        (("right", "left"), "left says left, right says right"),
        (("left", "right", "third"), "left says left, right says right, third says right"),
    ],
    ids=["one", "two", "all"],
)
async def test_a_supervisor_picks_several_and_their_join_waits_for_those_alone(
    database: str, picked: tuple[str, ...], says: str
) -> None:
    """Who was not picked is over at once; the join runs once."""
    async with Switchboard.open(database) as switchboard:
        case = await switchboard.run(supervised("several", *picked), ORDER)
        assert (case.status, done_of(case)) == ("finished", says)
        finished = steps_of(case)
        assert finished["who.join"] == 1
        assert {name for name in ("left", "right", "third") if finished[name]} == set(picked)


async def test_a_supervisor_picks_a_sequence_and_it_is_kept(database: str) -> None:
    """One after the other, in its order, and then the merge."""
    async with Switchboard.open(database) as switchboard:
        case = await switchboard.run(supervised("sequence", "third", "left"), ORDER)
        assert (case.status, done_of(case)) == ("finished", "left says left, third says right")
        told = [one.event.step for one in case.story if one.event.kind in ("step_finished", "routed")]
        assert told[1:] == ["who", "third", "left", "who.join", "finish"]


@pytest.mark.parametrize("picks", ["several", "sequence"])
async def test_a_supervisor_that_picks_nobody_or_is_not_sure_takes_its_unsure_way(picks: str) -> None:
    """And one that picks somebody undeclared has failed."""
    async with Switchboard.open("memory") as switchboard:
        for flow in (supervised(picks), supervised(picks, "left", confidence=0.2), supervised(picks, "me")):
            case = await switchboard.run(
                flow, ORDER, case_id=f"{picks}-{flow.process().digest[:8]}-{id(flow)}"
            )
            assert (case.status, done_of(case)) == ("finished", "left")
            assert steps_of(case)["nobody"] == 1


async def test_a_loop_is_left_by_its_bound(database: str) -> None:
    """Law 8: after so many rounds the case takes the declared way out, with the reason."""
    rounds: list[int] = []

    async def again(order: Order, ctx: StepContext) -> Opinion:
        rounds.append(ctx.visit)
        return Opinion(says=f"try {ctx.visit}", confidence=0.1)

    flow = blank()
    flow.step(again, then="good_enough", max_visits=3, exhausted=finish)
    flow.gate("good_enough", of="opinion", sure=finish, unsure=again)
    flow.effect(finish)
    async with Switchboard.open(database) as switchboard:
        case = await switchboard.run(flow, ORDER)
        assert (case.status, done_of(case), rounds) == ("finished", "try 3", [1, 2, 3])
        assert "more than 3 times" in str(case.row.reason)


async def test_a_set_that_is_come_to_again_begins_anew() -> None:
    """What a round before has brought does not count, and every round has its join."""

    async def enough(opinion: Opinion, ctx: StepContext) -> Opinion:
        return Opinion(says=f"{opinion.says}, {ctx.visit}", confidence=0.2 if ctx.visit < 3 else 1.0)

    flow = blank(max_visits=5)
    flow.parallel("views", members=["left", "right"], merge=both, then="enough")
    flow.step(left, then=JOIN)
    flow.step(right, then=JOIN)
    flow.step(enough, then="good")
    flow.gate("good", of="opinion", sure=finish, unsure="views")
    flow.effect(finish)
    async with Switchboard.open("memory") as switchboard:
        case = await switchboard.run(flow, ORDER)
        assert (case.status, steps_of(case)["views.join"]) == ("finished", 3)
        assert done_of(case) == "left says left, right says right, 3"


async def test_a_wait_lets_go_and_a_timer_takes_the_case_on(database: str) -> None:
    """Its length counts from when the case came to it, and a reminder on the way is on the record."""
    clock = FakeClock()
    flow = blank()
    flow.step(left, then="cool")
    flow.wait("cool", until="2d", remind="1d", then=finish)
    flow.effect(finish)
    async with Switchboard.open(database, flows=[flow], clock=clock.now) as switchboard:
        case = await switchboard.run(flow, ORDER)
        assert (case.status, case.row.step) == ("delayed", "cool")
        ticker = Ticker(switchboard)
        for hours, status in ((23, "delayed"), (2, "delayed"), (22, "delayed"), (2, "finished")):
            clock.advance(timedelta(hours=hours).total_seconds())
            await ticker.tick()
            assert (await switchboard.case(case.row.case_id)).status == status
        case = await switchboard.case(case.row.case_id)
        events = (one.event for one in case.story)
        timers = [(one.kind, one.data["kind"]) for one in events if "timer" in one.kind]
        assert timers == [
            ("timer_set", "remind"),
            ("timer_fired", "remind"),
            ("timer_set", "wait"),
            ("timer_fired", "wait"),
        ]


async def test_a_branch_waits_on_a_timer_while_the_other_asks_a_person(database: str) -> None:
    """The case waits for the person as long as one is asked, and is delayed afterwards."""
    clock = FakeClock()
    flow = blank()
    flow.parallel("views", members=["cool", "left"], then=finish)
    flow.wait("cool", until="1d", then=JOIN)
    flow.step(left, then="ask")
    flow.review("ask", of="opinion", decides=OpinionDecision, then=JOIN, rejected=JOIN)
    flow.effect(finish)
    async with Switchboard.open(database, flows=[flow], clock=clock.now) as switchboard:
        case = await switchboard.run(flow, ORDER)
        assert (case.status, case.row.step) == ("waiting", "ask")
        row = await switchboard.decide(case.reviews[0].review_id, APPROVE, by="ada")
        assert (row.status, row.step) == ("delayed", "cool")
        clock.advance(timedelta(days=2).total_seconds())
        await Ticker(switchboard).tick()
        assert (await switchboard.case(row.case_id)).status == "finished"


async def test_sets_maps_and_blueprints_stand_within_each_other(database: str) -> None:
    """A map of blueprints with a set in each, in a branch of a set; every join runs once for each."""

    async def price(line: Line) -> Price:
        return Price(cents=len(line.text))

    flow = blank()
    flow.parallel("outer", members=["price", "views"], then=finish)
    flow.map("price", over="order.lines", body=price, gives="prices", then=JOIN)
    flow.parallel("views", members=["left", "right"], merge=both, then=JOIN)
    flow.step(left, then=JOIN)
    flow.step(right, then="ask")
    flow.review("ask", of="opinion", decides=OpinionDecision, then=JOIN, rejected=JOIN)
    flow.effect(finish)
    async with Switchboard.open(database) as switchboard:
        case = await switchboard.run(flow, ORDER)
        assert case.status == "waiting"
        case = await decide_all(switchboard, case)
        assert (case.status, done_of(case)) == ("finished", "left says left, right says right")
        assert getattr(case.state, "prices").items[-1].cents == 5  # noqa: B009
        assert Counter(one.event.step for one in case.story if one.event.kind == "joined") == {
            "outer.join": 1,
            "price.join": 1,
        }


async def test_a_dead_letter_in_a_branch_rests_and_a_redrive_still_reaches_the_join(database: str) -> None:
    """The other branch goes on; the case is set aside only when nobody is at work or asked any more."""
    broken = True

    async def fails(order: Order) -> Opinion:
        if broken:
            raise RuntimeError("out of order")
        return Opinion(says="mended")

    async with Switchboard.open(database) as switchboard:
        case = await switchboard.run(a_set(fails, right_reviewed=True), ORDER)
        assert (case.status, case.row.step) == ("waiting", "ask_too")
        row = await switchboard.decide(case.reviews[0].review_id, APPROVE, by="ada")
        assert (row.status, row.branches["views:left"]["status"]) == ("dead_lettered", "dead_lettered")
        [letter] = await switchboard.dead_letters()
        assert (letter.step, letter.branch) == ("left", "views:left")

        row = await switchboard.redrive(letter.letter_id, by="otto")
        assert row.status == "dead_lettered"  # it failed again, and rests again
        broken = False
        [letter] = await switchboard.dead_letters()
        row = await switchboard.redrive(letter.letter_id, by="otto")
        case = await switchboard.case(row.case_id)
        assert (case.status, done_of(case)) == ("finished", "left says mended, right says right")
        assert steps_of(case)["views.join"] == steps_of(case)["right"] == 1


async def test_an_item_of_a_map_is_redriven_alone(database: str) -> None:
    """Nineteen of twenty are done; the twentieth is done again, and the list is whole."""
    broken, seen = True, Counter[int]()

    async def price(line: Line, ctx: StepContext) -> Price:
        seen[len(line.text)] += 1
        if broken and len(line.text) == 7:
            raise RuntimeError("no price")
        return Price(cents=len(line.text))

    order = Order(text="many", lines=tuple(Line(text="x" * n) for n in range(1, 21)))
    async with Switchboard.open(database) as switchboard:
        case = await switchboard.run(priced(price), order)
        assert (case.status, case.row.branches["price:6"]["status"]) == ("dead_lettered", "dead_lettered")
        broken = False
        [letter] = await switchboard.dead_letters()
        row = await switchboard.redrive(letter.letter_id, by="otto")
        case = await switchboard.case(row.case_id)
        assert case.status == "finished"
        assert [one.cents for one in getattr(case.state, "prices").items] == list(range(1, 21))  # noqa: B009
        assert seen == {n: 2 if n == 7 else 1 for n in range(1, 21)}


async def test_the_story_of_a_case_tells_where_each_branch_stands() -> None:
    """On the screen, too: what began at once, what rests, and what each branch waits for."""

    def told(case: CaseView) -> str:
        screen = Console(file=io.StringIO(), width=120)
        for line in story(case):
            screen.print(line)
        assert isinstance(screen.file, io.StringIO)
        return screen.file.getvalue()

    async with Switchboard.open("memory") as switchboard:
        case = await switchboard.run(a_set(breaks, right_reviewed=True), ORDER)
        screen = told(case)
        assert "goes on at once as left, right" in screen
        assert "sets the branch views:left aside: RuntimeError: out of order" in screen
        assert "branch views:left: dead_lettered at dead_letter" in screen
        assert "branch views:right: waiting at ask_too" in screen
        assert "parts: left, right" in "\n".join(case.story_lines())
        [letter] = await switchboard.dead_letters()
        row = await switchboard.redrive(letter.letter_id, by="otto")
        assert "takes the branch views:left up again at left" in told(await switchboard.case(row.case_id))


def renamed_set(names: dict[str, str]) -> Blueprint:
    """The set with two people in it, some steps by other names, in a later version."""

    def now(name: str) -> str:
        return names.get(name, name)

    flow = blank(version=2, renamed=names)
    flow.parallel(now("views"), members=[now("left"), now("right")], merge=both, then=finish)
    flow.step(left, name=now("left"), then=now("ask"))
    flow.step(right, name=now("right"), then="look")
    flow.step(right, name="look", then=now("ask_too"))
    for name in ("ask", "ask_too"):
        flow.review(now(name), of="opinion", decides=OpinionDecision, then=JOIN, rejected=JOIN)
    flow.effect(finish)
    return flow


@pytest.mark.parametrize(
    "names", [{"ask": "judge"}, {"left": "port"}, {"ask": "judge", "left": "port"}], ids=str
)
async def test_a_case_goes_on_in_a_branch_whose_steps_were_renamed(
    database: str, names: dict[str, str]
) -> None:
    """Law 2: deployed over while it waits in two branches, it is decided under the new names."""
    if database == "memory":
        async with Switchboard.open("memory") as switchboard:
            await goes_on_renamed(switchboard, switchboard, names)
    else:
        async with Switchboard.open(database) as before, Switchboard.open(database) as after:
            await goes_on_renamed(before, after, names)


async def goes_on_renamed(before: Switchboard, after: Switchboard, names: dict[str, str]) -> None:
    case = await before.run(a_set(reviewed=True, right_reviewed=True), ORDER)
    assert case.status == "waiting"
    after.flow(renamed_set(names))
    for review in case.reviews:
        edited = {"type": "edit", "edited": {"says": f"{review.shown['opinion']['says']}, edited"}}
        await after.decide(review.review_id, edited, by="ada")
    case = await after.case(case.row.case_id)
    assert (case.status, steps_of(case)["views.join"], case.row.branches) == ("finished", 1, {})
    member = names.get("left", "left")
    # What the member had written before it was renamed is not another member's.
    assert set(done_of(case).split(" says ")[0::2]) <= {member, "right", "right, edited"}
    assert f"{member} says left, edited" in done_of(case)
    assert "right says right, edited" in done_of(case)


async def test_a_case_in_a_set_that_is_gone_is_stranded_and_not_merged_wrongly(database: str) -> None:
    """A set under another name would not find what its members wrote: the case is left standing, and told."""
    async with Switchboard.open(database) as switchboard:
        case = await switchboard.run(a_set(reviewed=True, right_reviewed=True), ORDER)
        other = blank(version=2, renamed={"views": "others"})
        other.parallel("others", members=["left", "right"], merge=both, then=finish)
        other.step(left, then="ask")
        other.step(right, then="look")
        other.step(right, name="look", then="ask_too")
        for name in ("ask", "ask_too"):
            other.review(name, of="opinion", decides=OpinionDecision, then=JOIN, rejected=JOIN)
        other.effect(finish)
        switchboard.flow(other)
        with pytest.raises(CaseStranded, match="where this version has it not"):
            await switchboard.resume(case.row.case_id)
        switchboard.flow(a_set(reviewed=True, right_reviewed=True))
        assert (await decide_all(switchboard, case)).status == "finished"


async def test_a_long_wait_before_another_attempt_holds_no_branch_up(database: str) -> None:
    """In a set a wait over five seconds is a timer; the other branch goes on to its question meanwhile."""
    clock, tries = FakeClock(), 0

    async def flaky(order: Order) -> Opinion:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ModelBusy("too many requests", retry_after=4.0 if tries == 1 else 20.0)
        return Opinion(says="third time")

    flow = a_set(flaky, right_reviewed=True)
    async with Switchboard.open(database, flows=[flow], clock=clock.now, sleep=clock.sleep) as switchboard:
        case = await switchboard.run(flow, ORDER)
        stands = {path: one["status"] for path, one in case.row.branches.items() if path}
        assert (tries, stands) == (2, {"views:left": "delayed", "views:right": "waiting"})
        await switchboard.decide(case.reviews[0].review_id, APPROVE, by="ada")
        clock.advance(30)
        await Ticker(switchboard).tick()
        case = await switchboard.case(case.row.case_id)
        assert (case.status, done_of(case)) == ("finished", "left says third time, right says right")


async def test_each_item_of_a_map_may_ask_a_person(database: str) -> None:
    """A blueprint as the body: five questions of one case, answered one by one and in any order."""

    class LineCase(CaseState):
        """The pricing of one line."""

        line: Line
        price: Price | None = None
        price_decision: PriceDecision | None = None

    async def guess(line: Line, ctx: StepContext) -> Price:
        return Price(cents=len(line.text))

    inner = Blueprint("pricing", case=LineCase, owner="shop")
    inner.step(guess, then="ask")
    inner.review("ask", of="price", decides=PriceDecision, then=END, rejected="ask_again")
    inner.review("ask_again", of="price", decides=PriceDecision, then=END, rejected="dead_letter")
    async with Switchboard.open(database) as switchboard:
        case = await switchboard.run(priced(inner, concurrency=2), ORDER)
        assert (case.status, len(case.reviews), len(case.row.branches)) == ("waiting", 5, 6)
        assert {one.step for one in case.reviews} == {"price.each.ask"}
        for review in sorted(case.reviews, key=lambda one: one.shown["price"]["cents"], reverse=True):
            edited = {"cents": 10 * review.shown["price"]["cents"]}
            await switchboard.decide(review.review_id, {"type": "edit", "edited": edited}, by="ada")
        case = await switchboard.case(case.row.case_id)
        assert case.status == "finished"
        assert [one.cents for one in getattr(case.state, "prices").items] == [10, 20, 30, 40, 50]  # noqa: B009


async def test_a_set_in_a_blueprint_in_an_item_in_a_branch_comes_together(database: str) -> None:
    """Four shapes within each other, with a question at the bottom of each item; every name says where."""

    class LineCase(CaseState):
        """The pricing of one line by two."""

        line: Line
        price: Price | None = None
        price_decision: PriceDecision | None = None

    async def low(line: Line, ctx: StepContext) -> Price:
        return Price(cents=len(line.text))

    async def high(line: Line) -> Price:
        return Price(cents=100 + len(line.text))

    async def top(price: dict[str, Price]) -> Price:
        assert list(price) == ["high", "low"]
        return max(price.values(), key=lambda one: one.cents)

    inner = Blueprint("pricing", case=LineCase, owner="shop")
    inner.parallel("two", members=[low, high], merge=top, then=END)
    inner.step(low, then=JOIN)
    inner.step(high, then="ask")
    inner.review("ask", of="price", decides=PriceDecision, then=JOIN, rejected=JOIN)
    flow = blank()
    flow.parallel("outer", members=["price", "left"], then=finish)
    flow.map("price", over="order.lines", body=inner, gives="prices", then=JOIN)
    flow.step(left, then=JOIN)
    flow.effect(finish)
    order = Order(text="two", lines=(Line(text="a"), Line(text="bb")))
    async with Switchboard.open(database) as switchboard:
        case = await switchboard.run(flow, order)
        assert {path for path, one in case.row.branches.items() if one["status"] == "waiting"} == {
            f"outer:price/price:{n}/price.each.two:price.each.high" for n in (0, 1)
        }
        assert {one.step for one in case.reviews} == {"price.each.ask"}
        for review in case.reviews:
            await switchboard.decide(review.review_id, APPROVE, by="ada")
        case = await switchboard.case(case.row.case_id)
        assert (case.status, case.row.branches) == ("finished", {})
        assert [one.cents for one in getattr(case.state, "prices").items] == [101, 102]  # noqa: B009
        assert steps_of(case)["price.each.two.join"] == 2


async def test_a_wait_may_be_told_its_moment_by_the_case() -> None:
    """A plain function gives a moment or a length; one that has passed is over at the next tick."""
    clock = FakeClock()

    def by_text(order: Order) -> datetime | timedelta:
        return clock.now() - timedelta(days=1) if order.text == "late" else timedelta(hours=3)

    flow = blank()
    flow.wait("cool", until=by_text, then=finish)
    flow.effect(finish)
    async with Switchboard.open("memory", flows=[flow], clock=clock.now) as switchboard:
        late = await switchboard.run(flow, Order(text="late"))
        lamps = await switchboard.run(flow, Order(text="lamps"))
        await Ticker(switchboard).tick()
        assert (await switchboard.case(late.row.case_id)).status == "finished"
        assert (await switchboard.case(lamps.row.case_id)).status == "delayed"
        clock.advance(3 * 3600 + 1)
        await Ticker(switchboard).tick()
        assert (await switchboard.case(lamps.row.case_id)).status == "finished"

"""The switchboard: one suite in memory and on Postgres, the services behind it, and kills in between."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import pytest

from langgraph_switchboard import END, Blueprint, Switchboard
from langgraph_switchboard.cases import ENDED
from langgraph_switchboard.errors import (
    BlueprintError,
    CaseError,
    ConfigurationError,
    ContractViolation,
    InputRefused,
    ReviewDecided,
    StoreUnavailable,
    SwitchboardError,
)
from langgraph_switchboard.nodes import Services, current, memory_services, register, using
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.switchboard import NewCase
from tests.seam import CANARY, GOOD, ORDER, Order, Payment, PaymentCase, Receipt, gives, pay, paying

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.pg)])
def database(request: pytest.FixtureRequest) -> str:
    return "memory" if request.param == "memory" else request.getfixturevalue("pg_dsn")


async def steps(switchboard: Switchboard, case_id: str) -> list[str]:
    """The steps of a case's story, each run once."""
    return [
        one.event.step for one in (await switchboard.case(case_id)).story if one.event.kind == "step_finished"
    ]


# -- one case ------------------------------------------------------------------------------


async def test_a_case_runs_to_its_end(database: str) -> None:
    """What comes back is the row, the typed state, the story and the reviews."""
    async with Switchboard.open(database) as switchboard:
        view = await switchboard.run(paying(gives(GOOD)), Order(text="two chairs"), labels={"line": 7})
        assert view.status == view.row.status == "finished"
        assert view.state == PaymentCase.model_construct(
            order=Order(text="two chairs"),
            payment=Payment(amount=20.0),
            decision=None,
            receipt=Receipt(key=f"{view.row.case_id}/payment"),
        )
        assert [one.event.kind for one in view.story] == [
            "step_finished",
            "step_finished",
            "effect_recorded",
            "step_finished",
            "case_ended",
        ]
        assert view.reviews == [] and view.row.labels == {"line": 7} and view.row.ended_at is not None
        assert [one.row for one in await switchboard.services.store.outbox()] == [{"amount": 20.0}]


async def test_a_started_case_waits_to_be_driven(database: str) -> None:
    """Accepted is safe, not run; resuming drives it, and again changes nothing."""
    async with Switchboard.open(database) as switchboard:
        row = await switchboard.start(paying(gives(GOOD)), ORDER, case_id="c1")
        assert row.status == "accepted"
        view = await switchboard.case("c1")
        assert (view.status, view.story) == ("accepted", [])
        assert (await switchboard.resume("c1")).status == "finished"
        before = await switchboard.case("c1")
        assert (await switchboard.resume("c1")).status == "finished"
        assert await switchboard.case("c1") == before


async def test_the_same_id_is_the_same_case(database: str) -> None:
    """Handed in twice it is one case; under another input or flow the id is refused."""
    flow = paying(gives(GOOD))
    async with Switchboard.open(database) as switchboard:
        await switchboard.run(flow, ORDER, case_id="c1")
        view = await switchboard.run(flow, Order(text="two chairs"), case_id="c1")
        assert await steps(switchboard, "c1") == ["open", "propose", "pay"]
        assert len(await switchboard.cases()) == 1 and view.status == "finished"
        with pytest.raises(CaseError, match="belongs to another case"):
            await switchboard.start(flow, {"order": {"text": "a table"}}, case_id="c1")
        with pytest.raises(CaseError, match="belongs to another case"):
            await switchboard.start(paying(gives(GOOD), name="others"), ORDER, case_id="c1")
        assert (await switchboard.case("c1")).row == view.row


WRONG: dict[str, tuple[Any, type[SwitchboardError]]] = {
    "nothing": ({}, InputRefused),
    "a field too many": ({"order": {"text": "x"}, "payment": GOOD}, InputRefused),
    "another contract": (Payment(amount=1), InputRefused),
    "an empty text": ({"order": {"text": ""}}, ContractViolation),
    "a NUL": ({"order": {"text": "a\x00b"}}, ContractViolation),
    "an unknown key": ({"order": {"text": "x", "note": CANARY}}, ContractViolation),
}


@pytest.mark.parametrize(("given", "error"), WRONG.values(), ids=WRONG.keys())
async def test_a_wrong_input_is_refused_before_it_is_a_case(
    given: Any, error: type[SwitchboardError]
) -> None:
    """The caller is told, and there is no case."""
    async with Switchboard.open("memory") as switchboard:
        with pytest.raises(error):
            await switchboard.start(paying(gives(GOOD)), given)
        assert await switchboard.cases() == []


async def test_an_unknown_case_is_told(database: str) -> None:
    """Neither shown nor resumed: there is none."""
    async with Switchboard.open(database) as switchboard:
        for ask in (switchboard.case, switchboard.resume):
            with pytest.raises(CaseError, match="no case 'c9'"):
                await ask("c9")


@pytest.mark.pg
async def test_a_bad_output_is_nowhere_in_the_database(pg_dsn: str, pg_pool: Pool) -> None:
    """On Postgres too: no checkpoint, no write and no blob holds it; the quarantine does."""
    async with Switchboard.open(pg_dsn) as switchboard:
        await switchboard.run(paying(gives({"amount": 5, "note": CANARY})), ORDER, case_id="c1")
        assert (await switchboard.case("c1")).status == "waiting"
    assert await tables_with(pg_pool, CANARY) == {"switchboard.ledger"}


async def tables_with(pool: Pool, text: str) -> set[str]:
    """The tables in which any row holds a text, in whatever column."""
    found = set()
    async with pool.connection() as connection:
        names = await (
            await connection.execute(
                "select schemaname || '.' || tablename as name from pg_tables"
                " where schemaname in ('public', 'switchboard')"
            )
        ).fetchall()
        for name in [row["name"] for row in names]:
            as_text = f"select 1 from {name} t where t::text like %s or t::text like %s limit 1"
            asked = [f"%{text}%", f"%{text.encode().hex()}%"]
            if await (await connection.execute(as_text.encode(), asked)).fetchone():
                found.add(name)
    return found


# -- people ----------------------------------------------------------------------------------


async def test_a_case_waits_for_a_person_and_goes_on(database: str) -> None:
    """It is among the reviews until somebody decides; the second is told who was first."""
    async with Switchboard.open(database) as switchboard:
        view = await switchboard.run(paying(gives("bad")), ORDER, case_id="c1")
        assert (view.status, view.row.step) == ("waiting", "by_hand")
        [review] = await switchboard.reviews()
        assert (review.case_id, review.step, review.subject) == ("c1", "by_hand", "payment")
        answer = {"type": "edit", "edited": {"amount": "7"}}
        row = await switchboard.decide(review.review_id, answer, by="ann", digest=review.digest)
        assert row.status == "finished"
        assert await switchboard.reviews() == []
        with pytest.raises(ReviewDecided, match="ann decided first"):
            await switchboard.decide(review.review_id, answer, by="bob")
        assert [one.row for one in await switchboard.services.store.outbox()] == [{"amount": 7.0}]


async def test_a_rejected_case_is_declined(database: str) -> None:
    """It ends with who declined it and why, and nothing leaves."""
    async with Switchboard.open(database) as switchboard:
        await switchboard.run(paying(gives("bad")), ORDER, case_id="c1")
        [review] = await switchboard.reviews()
        row = await switchboard.decide(review.review_id, [{"type": "ignore", "args": None}], by="ann")
        assert (row.status, row.reason) == ("declined", "declined by ann")
        assert await switchboard.services.store.outbox() == []


# -- many cases --------------------------------------------------------------------------------


def many(count: int) -> list[NewCase]:
    return [NewCase({"order": {"text": "x", "cents": n}}, f"c{n}", {"n": n}) for n in range(count)]


class Rough:
    """Agents that meet a store which is away, a loop without end, or a bug; by the order's number."""

    def __init__(self) -> None:
        self.calm = False

    def flow(self) -> Blueprint:
        flow = Blueprint("rough", case=PaymentCase, max_visits=1_000)
        flow.step(self.propose_on(), name="propose", then=around)
        flow.effect(pay, then=END)
        return flow

    def propose_on(self) -> Any:
        async def propose(order: Order) -> Payment:
            if order.cents == 1 and not self.calm:
                raise StoreUnavailable("Postgres is away")
            if order.cents == 2 and not self.calm:
                return Payment(amount=0.5)
            if order.cents == 3:
                raise ZeroDivisionError("a bug")
            return Payment(amount=order.cents + 1)

        return propose


def around(payment: Payment) -> Literal["propose", "pay"]:
    return "propose" if payment.amount < 1 else "pay"


async def test_one_cases_failure_stops_no_other(database: str) -> None:
    """A store that is away is told; all others come to rest, also one that goes round."""
    rough, rested = Rough(), list[object]()
    async with Switchboard.open(database) as switchboard:
        flow = rough.flow()
        broken = await switchboard.run_many(flow, many(8), concurrency=3, on_case=rested.append)
        assert set(broken) == {"c1"}
        assert all(isinstance(one, SwitchboardError) for one in broken.values())
        assert len(rested) == 7
        counts = await switchboard.services.store.counts()
        assert (counts["finished"], counts["dead_lettered"], counts["running"]) == (5, 2, 1)

        rough.calm = True
        assert await switchboard.resume_all() == {}
        counts = await switchboard.services.store.counts()
        assert (counts["finished"], counts["dead_lettered"], counts["running"]) == (6, 2, 0)
        sent = Counter(one.case_id for one in await switchboard.services.store.outbox())
        assert len(sent) == 6 and set(sent.values()) == {1}


async def test_what_is_known_is_not_run_again(database: str) -> None:
    """A batch handed in twice is one batch."""
    async with Switchboard.open(database) as switchboard:
        flow = paying(gives(GOOD))
        for _ in range(2):
            assert await switchboard.run_many(flow, many(4)) == {}
        assert [await steps(switchboard, f"c{n}") for n in range(4)] == [["open", "propose", "pay"]] * 4
        assert len(await switchboard.services.store.outbox()) == 4


async def test_a_batch_with_a_wrong_input_is_refused_whole(database: str) -> None:
    """Nothing of it is accepted, so that it can be mended and handed in again."""
    async with Switchboard.open(database) as switchboard:
        wrong = NewCase({"order": {"text": ""}}, "wrong", {})
        with pytest.raises(ContractViolation):
            await switchboard.run_many(paying(gives(GOOD)), [*many(2), wrong])
        assert await switchboard.cases() == []


async def test_cases_are_listed_by_flow_and_status(database: str) -> None:
    """Newest first, as many as asked for."""
    async with Switchboard.open(database) as switchboard:
        await switchboard.run(paying(gives(GOOD), name="good"), ORDER, case_id="c1")
        await switchboard.run(paying(gives("bad"), name="bad"), ORDER, case_id="c2")
        await switchboard.start(paying(gives(GOOD), name="good"), ORDER, case_id="c3")

        async def ids(**asked: Any) -> list[str]:
            return [row.case_id for row in await switchboard.cases(**asked)]

        assert await ids() == ["c3", "c2", "c1"]
        assert await ids(flow="good") == ["c3", "c1"]
        assert await ids(status=["waiting"]) == ["c2"]
        assert await ids(status=ENDED) == ["c1"]
        assert await ids(limit=1) == ["c3"]
        assert [one.case_id for one in await switchboard.reviews(flow="bad")] == ["c2"]
        assert await switchboard.reviews(flow="good") == []


# -- flows --------------------------------------------------------------------------------------


async def test_a_flow_is_found_by_module_and_name() -> None:
    """By text, by itself, and by its name once it is known."""
    async with Switchboard.open("memory", flows=["tests.killed_batches:flow"]) as switchboard:
        known = switchboard.flow("killed")
        assert switchboard.flow("tests.killed_batches:flow") is known


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere", "names no flow"),
        ("tests.nowhere:flow", "no module 'tests.nowhere'"),
        ("tests.killed_batches:flwo", "Did you mean tests.killed_batches:flow"),
        ("tests.killed_batches:batch", "is no Blueprint"),
    ],
)
async def test_a_flow_that_cannot_be_found_is_told(name: str, says: str) -> None:
    """The message says what is there instead."""
    with pytest.raises(ConfigurationError, match=says):
        async with Switchboard.open("memory", flows=[name]):
            pass


async def test_a_flow_that_cannot_work_is_refused() -> None:
    """A blueprint without a step has no beginning."""
    async with Switchboard.open("memory") as switchboard:
        with pytest.raises(BlueprintError, match="no step"):
            await switchboard.run(Blueprint("empty", case=PaymentCase), ORDER)


@pytest.mark.pg
async def test_another_process_takes_a_case_up(pg_dsn: str) -> None:
    """What one switchboard has left, another shows, decides and drives on."""
    flow = paying(gives("bad"))
    async with Switchboard.open(pg_dsn) as first:
        await first.run(flow, ORDER, case_id="c1")
        await first.start(flow, ORDER, case_id="c2")
        left = await first.case("c1")
    async with Switchboard.open(pg_dsn, flows=[flow]) as second:
        assert await second.case("c1") == left
        assert await second.resume_all() == {}
        assert (await second.case("c2")).status == "waiting"
        [review, _] = await second.reviews()
        row = await second.decide(review.review_id, {"type": "edit", "edited": GOOD}, by="ann")
        assert row.status == "finished"


# -- services ---------------------------------------------------------------------------------------


async def test_without_a_switchboard_there_are_services_in_memory() -> None:
    """A graph in a notebook finds some, the same ones throughout its loop."""
    services = current()
    assert services is current() and not services.durable
    await paying(gives(GOOD)).build().compile().ainvoke(ORDER)
    assert len(await services.store.outbox()) == 1


@pytest.mark.parametrize("value", ["1", "true", "yes"])
async def test_services_in_memory_can_be_forbidden(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Where Postgres is required, a graph that is driven without it fails; also after it has run."""
    graph = paying(gives(GOOD)).build().compile()
    await graph.ainvoke(ORDER)
    monkeypatch.setenv("SWITCHBOARD_REQUIRE_POSTGRES", value)
    with pytest.raises(ConfigurationError, match="SWITCHBOARD_REQUIRE_POSTGRES"):
        await graph.ainvoke(ORDER)
    monkeypatch.setenv("SWITCHBOARD_REQUIRE_POSTGRES", "0")
    await graph.ainvoke(ORDER)


async def test_an_open_switchboard_offers_its_services_to_its_loop() -> None:
    """Graphs driven by themselves find them, also where some in memory were made before."""
    made = current()
    async with Switchboard.open("memory") as switchboard:
        assert current() is switchboard.services is not made
        async with Switchboard.open("memory") as other:
            assert current() is switchboard.services, "whoever comes first stays"
            await other.run(paying(gives(GOOD)), ORDER, case_id="c1")
            assert await switchboard.services.store.case("c1") is None, "each runs its own cases"
        assert current() is switchboard.services
    assert current() is made


async def test_every_loop_has_services_of_its_own() -> None:
    """What is bound to one event loop is not handed to another."""
    there: list[Services] = []

    async def look() -> None:
        there.append(current())

    here = memory_services()
    withdraw = register(here)
    thread = threading.Thread(target=lambda: asyncio.run(look()))
    thread.start()
    thread.join()
    assert current() is here
    assert there[0] is not here
    withdraw()
    withdraw()
    assert current() is not here


async def test_services_in_use_come_before_those_of_the_loop() -> None:
    """A block's own services hold inside it, and in the tasks that it starts."""
    mine = memory_services()
    with using(mine, acting="ann"):
        assert await asyncio.create_task(_current()) is mine
    assert current() is not mine


async def _current() -> Services:
    return current()


# -- kills -------------------------------------------------------------------------------------------

KILLS = 20


@pytest.mark.pg
async def test_a_batch_that_is_killed_goes_on_and_nothing_is_sent_twice(pg_dsn: str, pg_pool: Pool) -> None:
    """Twenty processes are killed with SIGKILL amid their batches, and one more finishes them.

    Every case is finished or waits for a person, and each finished one has left exactly one row.
    The control: the same step appends to a plain table of its own, and that has doubles.
    """
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tests.killed_batches", pg_dsn, str(KILLS)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["killed"] == KILLS

    async with pg_pool.connection() as connection:
        rows = await (await connection.execute("select case_id, status from switchboard.cases")).fetchall()
        sent = await (await connection.execute("select case_id from switchboard.outbox")).fetchall()
        naive = await (await connection.execute("select case_id from naive")).fetchall()
        asked = await (
            await connection.execute("select case_id from switchboard.reviews where status = 'open'")
        ).fetchall()
    by_status: dict[str, set[str]] = {}
    for row in rows:
        by_status.setdefault(row["status"], set()).add(row["case_id"])
    assert set(by_status) == {"finished", "waiting"}
    assert {row["case_id"] for row in asked} == by_status["waiting"]
    assert Counter(row["case_id"] for row in sent) == dict.fromkeys(by_status["finished"], 1)
    assert by_status["waiting"] == {name for name in by_status["waiting"] if int(name[-2:]) % 4 == 3}

    doubled = [name for name, times in Counter(row["case_id"] for row in naive).items() if times > 1]
    assert doubled, "the control shows that kills came between an effect and its commit"

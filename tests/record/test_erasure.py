"""Erasing a person's data: nothing of it is left, and the ledger still holds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from langgraph_switchboard.cases import CaseStatus
from langgraph_switchboard.cases.audit import seal, verify
from langgraph_switchboard.cases.retention import cases_of, erase
from langgraph_switchboard.checkpoints.journal import OUTBOX
from langgraph_switchboard.errors import CaseError, InputRefused, Superseded
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.postgres.parts import Guard, Held, PartRows
from langgraph_switchboard.postgres.writer import GroupCommitWriter
from tests.record.entries import rows
from tests.record.states import Desk, tables_with
from tests.test_case_store_postgres import one_that_waits_for_a_lock

pytestmark = pytest.mark.pg

CANARY = "canary-C-1007-Zoë"
ENDED = datetime(2026, 4, 1, tzinfo=UTC)
PERSON = f"ticket.customer={CANARY}"


@pytest.fixture
async def desk(pg_pool: Pool) -> Desk:
    """Two cases of one person, one of another."""
    await AsyncPostgresSaver(pg_pool).setup()
    desk = Desk(pg_pool)
    await desk.case("c1", "finished", ENDED, said=CANARY)
    await desk.case("c2", "dead_lettered", ENDED, said=CANARY)
    await desk.case("other", "finished", ENDED, said="somebody else")
    await seal(pg_pool)
    return desk


async def test_after_an_erasure_no_table_holds_a_word_of_the_person(desk: Desk) -> None:
    """Every column of every table is searched, bytes too; before (the control) eight tables hold them."""
    assert (await tables_with(desk.pool, CANARY)).keys() == {
        "switchboard.cases",
        "switchboard.ledger",
        "switchboard.reviews",
        "switchboard.outbox",
        "switchboard.messages",
        "public.checkpoints",
        "public.checkpoint_writes",
        "public.checkpoint_blobs",
    }
    others = await tables_with(desk.pool, "somebody else")
    found = await cases_of(desk.pool, PERSON)
    erased = await erase(desk.pool, found, by="dpo")
    assert await tables_with(desk.pool, CANARY) == {}
    assert await tables_with(desk.pool, "somebody else") == others
    assert erased.case_ids == ("c1", "c2")
    assert (erased.ended, erased.entries, erased.reviews, erased.outbox) == (0, 4, 2, 2)
    assert erased.checkpoints > 10


async def test_the_ledger_still_holds_and_says_who_erased(desk: Desk) -> None:
    """Erased payloads are told as erased, not as damage; kinds, steps and times stay in the story."""
    await erase(desk.pool, ["c1", "c2"], by="dpo")
    result = await verify(desk.pool)
    assert result.holds and (result.entries, result.erased) == (8, 4)
    story = await desk.store.story("c1")
    assert [entry.event.kind for entry in story] == ["step_finished", "case_ended", "payload_erased"]
    assert [entry.event.data for entry in story[:2]] == [{}, {}]
    assert story[2].event.data["by"] == "dpo" and story[2].event.data["entries"] == 2
    assert await cases_of(desk.pool, PERSON) == []


async def test_no_bill_changes(desk: Desk) -> None:
    """What was spent moves into the entry that tells of the erasure."""
    costs = "select * from switchboard.costs order by day, agent, flow, case_id"
    before = await rows(desk.pool, costs)
    assert sum(cost for *_, cost, _, _ in before) == pytest.approx(0.75)
    await erase(desk.pool, ["c1", "c2"], by="dpo")
    await erase(desk.pool, ["c1"], by="dpo")
    assert await rows(desk.pool, costs) == before


async def test_erasing_again_does_no_harm(desk: Desk) -> None:
    """There is nothing left to erase, and that is what the ledger then says."""
    await erase(desk.pool, ["c1"], by="dpo")
    again = await erase(desk.pool, ["c1"], by="dpo")
    assert (again.entries, again.outbox, again.checkpoints) == (0, 0, 0)
    assert (await desk.store.story("c1"))[-1].event.data["entries"] == 0
    assert (await verify(desk.pool)).holds


@pytest.mark.parametrize("status", ["accepted", "running", "waiting"])
async def test_an_open_case_is_refused_unless_forced(desk: Desk, status: CaseStatus) -> None:
    """All or none: the ended case beside it keeps its data too. Forced, the case ends as declined."""
    await desk.case("open", status, said=CANARY)
    with pytest.raises(CaseError, match="still open") as caught:
        await erase(desk.pool, ["c1", "open"], by="dpo")
    assert caught.value.fields["cases"] == ["open"]
    assert len(await cases_of(desk.pool, PERSON)) == 3
    erased = await erase(desk.pool, ["c1", "c2", "open"], by="dpo", force=True)
    assert erased.ended == 1
    row = await desk.store.case("open")
    assert row is not None and (row.status, row.reason, row.input) == ("declined", "erased", {})
    assert row.ended_at is not None
    assert await desk.store.reviews() == []  # nobody is asked about what is gone
    assert await tables_with(desk.pool, CANARY) == {}
    assert (await verify(desk.pool)).holds


async def test_a_driver_of_a_case_that_is_erased_writes_nothing_more(desk: Desk) -> None:
    """His epoch is an old one; the same write without an erasure (the control) goes through."""
    await desk.case("open", "running", said=CANARY)
    await rows(desk.pool, "insert into switchboard.case_owner values ('open', 3, 'run', 1, 'infinity')")
    writer = GroupCommitWriter(desk.pool, guard=Guard("switchboard.case_owner", "case_id", "epoch"))

    def row(key: str) -> list[PartRows]:
        return [PartRows(OUTBOX, [OUTBOX.row("open", key, "send", f'{{"to": "{CANARY}"}}', "d", ENDED)])]

    await writer.enter("open", lambda: row("control"), held=Held("open", 3))
    await erase(desk.pool, ["c1", "c2", "open"], by="dpo", force=True)
    with pytest.raises(Superseded):
        await writer.enter("open", lambda: row("late"), held=Held("open", 3))
    await writer.aclose()
    assert await tables_with(desk.pool, CANARY) == {}


async def test_a_case_that_opens_meanwhile_is_not_erased(desk: Desk) -> None:
    """A dead letter is driven on between the look and the erasure: it is refused under the lock."""
    async with desk.pool.connection() as other, other.transaction():
        await other.execute(
            "update switchboard.cases set status = 'running', ended_at = null where case_id = 'c2'"
        )
        erasing = asyncio.create_task(erase(desk.pool, ["c1", "c2"], by="dpo"))
        await one_that_waits_for_a_lock(desk.pool)
    with pytest.raises(CaseError, match="still open"):
        await erasing
    assert len(await cases_of(desk.pool, PERSON)) == 2


async def test_a_case_that_is_not_there_is_told(desk: Desk) -> None:
    """A slip of the pen must not look like an erasure."""
    with pytest.raises(CaseError, match="not there"):
        await erase(desk.pool, ["c1", "c99"], by="dpo")
    assert len(await cases_of(desk.pool, PERSON)) == 2


@pytest.mark.parametrize("person", ["", "C-1007", "ticket.customer=", "=C-1007", "ticket..customer=C-1007"])
async def test_a_person_is_named_by_a_path_and_a_value(pg_pool: Pool, person: str) -> None:
    """Whatever else is refused, never taken for everybody or nobody."""
    with pytest.raises(InputRefused, match="path=value"):
        await cases_of(pg_pool, person)

"""The Postgres form: cases in tables, and a journal that writes beside LangGraph's own saver."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

import psycopg

from langgraph_switchboard.cases import refusals
from langgraph_switchboard.cases.branches import Standing
from langgraph_switchboard.cases.conversations import Conversation, conversation_of
from langgraph_switchboard.cases.faults import may_pass, store_fault
from langgraph_switchboard.cases.lane import Lane
from langgraph_switchboard.cases.letters import Letter, LetterStatus, RungCount, settling
from langgraph_switchboard.cases.packing import Packed, array, check_status, pack, record
from langgraph_switchboard.cases.review_postgres import REVIEW_STATEMENTS, PostgresReviews
from langgraph_switchboard.cases.rows import (
    STATUSES,
    CaseRow,
    MessageRow,
    OutboxRow,
    ReviewRow,
    TimerRow,
    TimerStatus,
    as_values,
    columns,
)
from langgraph_switchboard.errors import StoreUnavailable
from langgraph_switchboard.ledger.events import Event, EventKind, LedgerEntry
from langgraph_switchboard.ledger.journal import Entry, TaskKey
from langgraph_switchboard.postgres import Pool, load_queries
from langgraph_switchboard.postgres.bounded import BoundedCalls

_SQL = {**load_queries("langgraph_switchboard.cases"), **REVIEW_STATEMENTS}
_GRACE = 1.0
"""Seconds that a statement has to be taken back when its time is over; a dead network never answers."""

R = TypeVar("R", CaseRow, ReviewRow, OutboxRow, TimerRow, MessageRow)


class PostgresStore(PostgresReviews):
    """`CaseStore` and `Journal` in Postgres; it belongs to the event loop of its pool.

    The journal writes apart: what a step attached is committed when it settles, before
    LangGraph's saver hears of the step's result. A crash between the two makes the step
    run again, and what it says again falls on the same places. Concurrent settles
    share one statement and one commit; nobody is acknowledged before it.

    Args:
        pool: The database, migrated.
        timeout: Seconds that a statement may take with its second try; then, within a second more,
            `StoreUnavailable`. A settle may also wait for the batch before its own.
    """

    def __init__(self, pool: Pool, *, timeout: float = 30.0) -> None:
        self._pool = pool
        self._timeout = timeout
        self._calls = BoundedCalls(timeout + _GRACE)
        self._attached: dict[TaskKey, tuple[Entry, ...]] = {}
        self._lane = Lane(self._send)

    def attach(self, task: TaskKey, entries: Sequence[Entry]) -> None:
        """Keep the entries of this task until it settles; see `Journal`."""
        self._attached[task] = tuple(entries)

    async def settle(self, task: TaskKey) -> None:
        """Let this task's entries leave, all or none; see `Journal`."""
        entries = self._attached.get(task)
        if entries:
            await self._lane.put(pack(task, entries))
        if self._attached.get(task) is entries:
            self._attached.pop(task, None)

    async def _send(self, batch: Sequence[Packed]) -> None:
        # In the order of the cases: two processes that write the same ones wait instead of deadlocking.
        batch = sorted(batch, key=lambda one: one.key)
        values = {
            "ledger": array(text for one in batch for text in one.ledger),
            "reviews": array(text for one in batch for text in one.reviews),
            "outbox": array(text for one in batch for text in one.outbox),
            "timers": array(text for one in batch for text in one.timers),
            "messages": array(text for one in batch for text in one.messages),
        }
        await self._run("settle", values, case=batch[0].key if len(batch) == 1 else "")

    async def accept(self, rows: Sequence[CaseRow]) -> set[str]:
        """Take cases in, thousands in one statement; see `CaseStore`."""
        for row in rows:
            check_status("cases", {"status": row.status})
        texts = [record(as_values(row), f"case {row.case_id}") for row in rows]
        new = await self._run("accept", {"cases": array(texts)}) if texts else []
        return {row["case_id"] for row in new}

    async def case(self, case_id: str) -> CaseRow | None:
        """One case, or None."""
        rows = await self._run("case_by_id", {"case_id": case_id})
        return _row(CaseRow, rows[0]) if rows else None

    async def cases(
        self,
        *,
        flow: str | None = None,
        status: Sequence[str] = (),
        labels: Mapping[str, Any] | None = None,
        case_ids: Sequence[str] | None = None,
        limit: int | None = 100,
    ) -> list[CaseRow]:
        """Cases, newest first; see `CaseStore`."""
        wanted = {
            "flow": flow,
            "status": list(status) or None,
            "labels": _json(labels),
            "case_ids": None if case_ids is None else list(case_ids),
            "limit": limit,
        }
        return [_row(CaseRow, row) for row in await self._run("cases", wanted)]

    async def counts(
        self, *, flow: str | None = None, labels: Mapping[str, Any] | None = None
    ) -> dict[str, int]:
        """How many cases stand in each status; every status is there."""
        rows = await self._run("counts", {"flow": flow, "labels": _json(labels)})
        return dict.fromkeys(STATUSES, 0) | {row["status"]: row["cases"] for row in rows}

    async def standing(self, flow: str) -> list[Standing]:
        """On which steps the open cases of a flow stand; see `CaseStore`."""
        return [Standing(**row) for row in await self._run("standing", {"flow": flow})]

    async def story(self, case_id: str) -> list[LedgerEntry]:
        """Everything that happened to a case, in order."""
        return await self.stories([case_id])

    async def note(self, case_id: str, events: Sequence[Entry]) -> None:
        """Add facts that belong to no step; see `CaseStore`."""
        await self._lane.put(pack(TaskKey(case_id, "", f"note {uuid4().hex}"), events))

    async def stories(self, case_ids: Sequence[str]) -> list[LedgerEntry]:
        """The entries of several cases, each case's in order."""
        return [_entry(row) for row in await self._run("stories", {"case_ids": list(case_ids)})]

    async def letters(
        self,
        *,
        letter_id: str | None = None,
        case_id: str | None = None,
        flow: str | None = None,
        status: LetterStatus | None = "open",
        limit: int | None = 100,
    ) -> list[Letter]:
        """Dead letters, the oldest first; see `Letters`."""
        asked = {"letter_id": letter_id, "case_id": case_id, "flow": flow, "status": status, "limit": limit}
        return [Letter(**row) for row in await self._run("letters", asked)]

    async def settle_letter(
        self,
        letter: Letter,
        kind: EventKind,
        *,
        by: str,
        at: datetime,
        why: str = "",
        moves: Mapping[str, Any] | None = None,
    ) -> Letter:
        """Say in the ledger that an operator settled a letter; see `Letters`."""
        await self._lane.put(pack(*settling(letter, kind, by, at, why, moves)))
        [stands] = await self.letters(letter_id=letter.letter_id, case_id=letter.case_id, status=None)
        return stands

    async def rungs(self) -> list[RungCount]:
        """How failures ended; see `Letters`."""
        return [RungCount(**row) for row in await self._run("rungs", {})]

    async def attempts(self, task: TaskKey) -> list[Event]:
        """The failed attempts of one run of a step, in order; see `CaseStore`."""
        asked = {"case_id": task.case_id, "namespace": task.namespace, "task_id": task.task_id}
        return [_entry(row).event for row in await self._run("attempts", asked)]

    async def review(self, review_id: str) -> ReviewRow | None:
        """One review, or None."""
        rows = await self._run("review_by_id", {"review_id": review_id})
        return _row(ReviewRow, rows[0]) if rows else None

    async def reviews(
        self,
        *,
        flow: str | None = None,
        status: str | None = "open",
        case_id: str | None = None,
        limit: int | None = 100,
    ) -> list[ReviewRow]:
        """Reviews, oldest first; see `CaseStore`."""
        wanted = {"flow": flow, "status": status, "case_id": case_id, "limit": limit}
        return [_row(ReviewRow, row) for row in await self._run("reviews", wanted)]

    async def timers(
        self,
        *,
        due: datetime | None = None,
        case_id: str | None = None,
        status: TimerStatus | None = "set",
        limit: int | None = 100,
    ) -> list[TimerRow]:
        """Timers, those due first in front; see `CaseStore`."""
        wanted = {"due": due, "case_id": case_id, "status": status, "limit": limit}
        return [_row(TimerRow, row) for row in await self._run("timers", wanted)]

    async def cancel_timers(self, timer_ids: Sequence[str]) -> int:
        """Cancel timers that are set; see `CaseStore`."""
        return len(await self._run("cancel_timers", {"timer_ids": list(timer_ids)}))

    async def conversation(self, case_id: str, *, last: int | None = None) -> Conversation:
        """What was said in a case; see `CaseStore`."""
        rows = await self._run("conversation", {"case_id": case_id, "last": last})
        first = min((row["number"] for row in rows if row["role"] != "summary"), default=1)
        return conversation_of((_row(MessageRow, row) for row in rows), skipped=first - 1)

    async def outbox(self, case_id: str | None = None, *, limit: int | None = 100) -> list[OutboxRow]:
        """What steps have put into the outbox, oldest first."""
        return [
            _row(OutboxRow, row) for row in await self._run("outbox", {"case_id": case_id, "limit": limit})
        ]

    async def refuse_conflicts(self, case_id: str, keys: Mapping[str, str]) -> None:
        """Refuse outbox keys of a case that stand with another digest already.

        Raises:
            EffectConflict: One does.
        """
        asked = {"case_id": case_id, "keys": list(keys), "digests": list(keys.values())}
        for row in await self._run("conflicts", asked):
            raise refusals.effect_conflict(case_id, row["key"])

    async def _run(self, name: str, values: Mapping[str, Any], *, case: str = "") -> list[dict[str, Any]]:
        """Run a named statement as one transaction; once more on another connection if the first is lost.

        Every statement here may be sent again when nobody knows whether it was committed:
        the second time finds what the first left, and leaves it. (Only `accept` then takes
        for known what is new.)
        """
        try:
            return await self._calls.run(self._twice(name, values), name)
        except TimeoutError:
            raise StoreUnavailable(
                f"Postgres did not answer within {self._timeout:g} s", where=name, mend="Try again."
            ) from None
        except psycopg.Error as error:
            # From None: psycopg's own message repeats the values of the row that was refused.
            raise store_fault(error, name, case) from None

    async def _twice(self, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        async with asyncio.timeout(self._timeout):
            try:
                return await self._execute(name, values)
            except psycopg.Error as error:
                if not may_pass(error):
                    raise
                await self._pool.check()
                return await self._execute(name, values)

    async def _execute(self, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        async with self._pool.connection() as connection:
            # A plan of `settle` that was kept from when the tables were empty reads them whole later on;
            # one of the inbox has to know which filters are set.
            kept = False if name == "settle" or name in REVIEW_STATEMENTS else None
            cursor = await connection.execute(_SQL[name], values, prepare=kept)
            rows = await cursor.fetchall() if cursor.description else []
        return [{name: _utc(value) for name, value in row.items()} for row in rows]


def _row(kind: type[R], values: Mapping[str, Any]) -> R:
    return kind(**{name: values[name] for name in columns(kind)})


def _entry(values: Mapping[str, Any]) -> LedgerEntry:
    event = Event(values["kind"], values["step"], values["at"], values["data"], values["seconds"])
    return LedgerEntry(values["case_id"], values["namespace"], values["task_id"], values["ordinal"], event)


def _json(labels: Mapping[str, Any] | None) -> str | None:
    return record(dict(labels), "labels") if labels else None


def _utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value

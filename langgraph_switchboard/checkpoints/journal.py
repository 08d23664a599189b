"""The journal that rides: a step's events and rows leave in the commit of the step's own writes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from langgraph.checkpoint.serde.types import ERROR, RESUME

from langgraph_switchboard.cases import Gathered, PostgresStore, gather, record, waits
from langgraph_switchboard.checkpoints.rows import TaskKey as SavedTask
from langgraph_switchboard.ledger import Entry, TaskKey
from langgraph_switchboard.postgres.packed import FLOAT8, INT4, JSONB, TEXT, TIMESTAMPTZ
from langgraph_switchboard.postgres.parts import Part, PartRows, columns

_KEPT = 100_000


LEDGER = Part(
    "switchboard.ledger",
    columns(
        case_id=TEXT, namespace=TEXT, task_id=TEXT, ordinal=INT4, kind=TEXT, step=TEXT,
        at=TIMESTAMPTZ, seconds=FLOAT8, data=JSONB, moves=JSONB,
    ),
    keys=4,
)  # fmt: skip
REVIEWS = Part(
    "switchboard.reviews",
    columns(
        review_id=TEXT, case_id=TEXT, flow=TEXT, step=TEXT, version=INT4, subject=TEXT, shown=JSONB,
        digest=TEXT, reason=TEXT, status=TEXT, opened_at=TIMESTAMPTZ, due_at=TIMESTAMPTZ, kind=TEXT,
        risk=TEXT, amount=FLOAT8, owner=TEXT, agent=TEXT, expires_at=TIMESTAMPTZ, on_expiry=TEXT,
        remind_at=TIMESTAMPTZ, escalates_to=TEXT, people=INT4,
    ),
    keys=1,
)  # fmt: skip
OUTBOX = Part(
    "switchboard.outbox",
    columns(case_id=TEXT, key=TEXT, step=TEXT, row=JSONB, digest=TEXT, created_at=TIMESTAMPTZ),
    keys=2,
    conflict=("digest",),  # the trigger outbox_once lets an equal digest through and refuses another
)
TIMERS = Part(
    "switchboard.timers",
    columns(
        timer_id=TEXT, case_id=TEXT, flow=TEXT, step=TEXT, kind=TEXT, due_at=TIMESTAMPTZ,
        set_at=TIMESTAMPTZ, payload=JSONB, status=TEXT, fired_at=TIMESTAMPTZ,
    ),
    keys=1,
    conflict=("status", "fired_at"),
)  # fmt: skip
MESSAGES = Part(
    "switchboard.messages",
    columns(
        case_id=TEXT, key=TEXT, role=TEXT, text=TEXT, step=TEXT, said_at=TIMESTAMPTZ, ordinal=INT4,
        covers=INT4,
    ),
    keys=2,
)  # fmt: skip


class RidingJournal:
    """The Postgres form of the Journal that shares the saver's commit.

    What a step attaches waits in process under its task; the saver asks for it when it
    saves what the task wrote, result or interrupt alike, and puts both into one
    operation: ledger and state never disagree. A case that another saver keeps, or
    none, is written apart.

    Args:
        apart: The store that writes what cannot ride.
    """

    def __init__(self, apart: PostgresStore) -> None:
        self._apart = apart
        self._riding: OrderedDict[str, None] = OrderedDict()
        self._attached: OrderedDict[tuple[str, str], list[PartRows]] = OrderedDict()
        self._keys: dict[tuple[str, str], dict[str, str]] = {}

    def rides(self, thread_id: str) -> None:
        """The saver says that it keeps this thread."""
        self._riding[thread_id] = None
        self._riding.move_to_end(thread_id)
        if len(self._riding) > _KEPT:
            self._riding.popitem(last=False)

    async def waits(self, case_id: str) -> bool:
        """Whether the case waits for a person, or for a timer."""
        return await waits(self._apart, case_id)

    def is_riding(self, thread_id: str) -> bool:
        """Whether the saver keeps this thread; a run without a checkpointer has a thread id as well."""
        return thread_id in self._riding

    def attach(self, task: TaskKey, entries: Sequence[Entry]) -> None:
        """Keep the entries until the saver takes them; see `Journal`."""
        if task.case_id not in self._riding:
            self._apart.attach(task, entries)
            return
        gathered, place = gather(task, entries), (task.case_id, task.task_id)
        self._attached[place] = _rows(gathered)
        self._keys[place] = {row["key"]: row["digest"] for row in gathered.outbox}
        if len(self._attached) > _KEPT:  # left behind by runs that were broken off for good
            self._keys.pop(self._attached.popitem(last=False)[0], None)

    async def settle(self, task: TaskKey) -> None:
        """Make sure that nothing of this will be refused; it leaves with the task's writes.

        Raises:
            EffectConflict: An outbox key is there already with another row. The database
                would refuse it as well, but then the step could no longer go another way.
        """
        if task.case_id not in self._riding:
            await self._apart.settle(task)
        elif keys := self._keys.get((task.case_id, task.task_id)):
            await self._apart.refuse_conflicts(task.case_id, keys)

    def parts(self, task: TaskKey, entries: Sequence[Entry]) -> Sequence[PartRows]:
        """Entries as rows, for who writes them at once.

        Raises:
            InputRefused: An entry holds what cannot be stored.
        """
        return _rows(gather(task, entries))

    def riders(self, task: SavedTask, writes: Sequence[tuple[str, Any]]) -> Sequence[PartRows]:
        """What leaves with these writes of a task; called by the saver as it takes them."""
        channels = {channel for channel, _ in writes}
        # The answer to an interrupt is saved before its step runs, an error after it broke off:
        # neither is the step's own word.
        if channels == {RESUME} or ERROR in channels:
            return ()
        place = (task.thread_id, task.task_id)
        self._keys.pop(place, None)
        return self._attached.pop(place, ())


def _rows(gathered: Gathered) -> list[PartRows]:
    task, last = gathered.task, len(gathered.events) - 1
    moves = record(gathered.moves, "cases") if gathered.moves else None
    ledger = [
        LEDGER.row(
            task.case_id, task.namespace, task.task_id, ordinal, event.kind, event.step, event.at,
            event.seconds, record(event.data, "ledger"), moves if ordinal == last else None,
        )
        for ordinal, event in enumerate(gathered.events)
    ]  # fmt: skip
    reviews = [_row(REVIEWS, {**row, "shown": record(row["shown"], "reviews")}) for row in gathered.reviews]
    outbox = [_row(OUTBOX, {**row, "row": record(row["row"], "outbox")}) for row in gathered.outbox]
    timers = [_row(TIMERS, {**row, "payload": record(row["payload"], "timers")}) for row in gathered.timers]
    said = [_row(MESSAGES, row) for row in gathered.messages]
    parts = ((LEDGER, ledger), (REVIEWS, reviews), (OUTBOX, outbox), (TIMERS, timers), (MESSAGES, said))
    return [PartRows(part, rows) for part, rows in parts if rows]


def _row(part: Part, values: dict[str, Any]) -> tuple[bytes, ...]:
    return part.row(*(values[column.name] for column in part.columns))

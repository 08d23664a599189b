"""Packing: what a step attached, as JSON records that a statement can carry.

Packing knows nothing of how the records travel. The journal that writes apart puts
them into a statement of its own; a saver can put the same records into its commit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from typing import Any, get_args

from langgraph_switchboard.cases import refusals
from langgraph_switchboard.cases.branches import MARK
from langgraph_switchboard.cases.rows import (
    STATUSES,
    AnyRow,
    CaseRow,
    MessageRow,
    OutboxRow,
    ReviewRow,
    ReviewStatus,
    TimerRow,
    TimerStatus,
    as_values,
)
from langgraph_switchboard.contracts import plain_problem
from langgraph_switchboard.errors import InputRefused
from langgraph_switchboard.ledger.events import Event
from langgraph_switchboard.ledger.journal import Entry, Row, Table, TaskKey

CHANGING = ("status", "step", "reason", "updated_at", "ended_at", "branches")
"""The columns of a case that a step may change; the others are set once."""

_KINDS: dict[Table, type[AnyRow]] = {
    "cases": CaseRow,
    "reviews": ReviewRow,
    "outbox": OutboxRow,
    "timers": TimerRow,
    "messages": MessageRow,
}
_COLUMNS = {table: {one.name for one in fields(kind)} for table, kind in _KINDS.items()}
_NEEDED = {
    table: {one.name for one in fields(kind) if one.default is MISSING} for table, kind in _KINDS.items()
}
_NEEDED["cases"] = {"case_id"}
_write = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_STATUSES: dict[Table, tuple[str, ...]] = {
    "cases": STATUSES,
    "reviews": get_args(ReviewStatus),
    "timers": get_args(TimerStatus),
}


@dataclass(frozen=True, slots=True)
class Packed:
    """One task's entries, ready to travel; every record is the text of one JSON object.

    Args:
        task: Whose entries they are.
        ledger: A record per event, in order, numbered from 0. The last one carries `moves`,
            what becomes of the case's row.
        reviews: A record per review that is to be opened.
        outbox: A record per row that is to leave the house.
        timers: A record per timer that is set or has fired.
        messages: A record per message of the conversation.
    """

    task: TaskKey
    ledger: tuple[str, ...] = ()
    reviews: tuple[str, ...] = ()
    outbox: tuple[str, ...] = ()
    timers: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The case: it has one writer, and a batch takes one task of it at a time."""
        return self.task.case_id

    @property
    def size(self) -> int:
        """How much there is to send, in characters of ASCII."""
        records = (self.ledger, self.reviews, self.outbox, self.timers, self.messages)
        return sum(len(text) for some in records for text in some)


@dataclass(frozen=True, slots=True)
class Gathered:
    """One task's entries, checked and sorted by where they go.

    Args:
        task: Whose entries they are.
        events: In order.
        moves: What becomes of the case's row; goes with the last event.
        reviews: Column values of each review that is to be opened.
        outbox: Column values of each row that is to leave the house.
        timers: Column values of each timer that is set or has fired.
        messages: Column values of each message of the conversation.
    """

    task: TaskKey
    events: tuple[Event, ...]
    moves: dict[str, Any]
    reviews: tuple[dict[str, Any], ...]
    outbox: tuple[dict[str, Any], ...]
    timers: tuple[dict[str, Any], ...] = ()
    messages: tuple[dict[str, Any], ...] = ()


def gather(task: TaskKey, entries: Sequence[Entry]) -> Gathered:
    """Sort a task's entries by where they go.

    Changes to the case's row are merged, the last word counts, and travel with the last
    event: the row follows the ledger. A review, an outbox row or a message that is attached twice
    leaves once; of a timer that is set and has fired the last word leaves.

    Raises:
        InputRefused: A row has wrong columns, or the case changes without an event.
        EffectConflict: One outbox key is attached with two different rows.
    """
    moves: dict[str, Any] = {}
    reviews: dict[str, dict[str, Any]] = {}
    outbox: dict[str, dict[str, Any]] = {}
    timers: dict[str, dict[str, Any]] = {}
    messages: dict[str, dict[str, Any]] = {}
    for row in (entry for entry in entries if isinstance(entry, Row)):
        values = _checked(task, row)
        if row.table == "cases":
            moves |= values
        elif row.table == "reviews":
            reviews.setdefault(values["review_id"], as_values(ReviewRow(**values)))
        elif row.table == "timers":
            timers[values["timer_id"]] = values
        elif row.table == "messages":
            messages.setdefault(values["key"], values)
        elif outbox.setdefault(values["key"], values)["digest"] != values["digest"]:
            raise refusals.effect_conflict(task.case_id, values["key"])
    events = tuple(entry for entry in entries if isinstance(entry, Event))
    if moves and not events:
        raise InputRefused("a case's row changes only with an event that tells why", where="cases")
    plain = {name: _plain(value, f"cases.{name}") for name, value in moves.items()}
    rows = (tuple(some.values()) for some in (reviews, outbox, timers, messages))
    return Gathered(task, events, plain, *rows)


def pack(task: TaskKey, entries: Sequence[Entry]) -> Packed:
    """Turn a task's entries into records.

    Raises:
        InputRefused: An entry holds what Postgres cannot keep, or a row has wrong columns.
        EffectConflict: One outbox key is attached with two different rows.
    """
    gathered = gather(task, entries)
    last = len(gathered.events) - 1
    return Packed(
        task,
        ledger=tuple(
            _event(task, ordinal, event, gathered.moves if ordinal == last else {})
            for ordinal, event in enumerate(gathered.events)
        ),
        reviews=tuple(record(values, "reviews") for values in gathered.reviews),
        outbox=tuple(record(values, "outbox") for values in gathered.outbox),
        timers=tuple(record(values, "timers") for values in gathered.timers),
        messages=tuple(record(values, "messages") for values in gathered.messages),
    )


def record(values: dict[str, Any], where: str) -> str:
    """Column values as the text of a JSON object; times become ISO text.

    Args:
        values: Column values by name; JSON-plain, but a column itself may be an aware datetime.
        where: How to call them in an error, usually the table.

    Raises:
        InputRefused: They hold what Postgres cannot keep: a NUL, a time without a zone, NaN.
    """
    plain = {
        name: _plain(value, f"{where}.{name}") if isinstance(value, datetime) else value
        for name, value in values.items()
    }
    if problem := plain_problem(plain, where):
        raise InputRefused(
            "this cannot be stored", where=problem["at"], came=f"a value that {problem['says']}"
        )
    try:
        return _write(plain)
    except (TypeError, ValueError):
        raise InputRefused(
            "this cannot be stored", where=where, came="a number or a key that JSON does not know"
        ) from None


def array(records: Iterable[str]) -> str:
    """Records as the text of one JSON array."""
    return f"[{','.join(records)}]"


def unpack(text: str) -> dict[str, Any]:
    """A record as column values again: what the database would give back."""
    values: dict[str, Any] = json.loads(text)
    return moments(values)


def moments(values: dict[str, Any]) -> dict[str, Any]:
    """Column values with their times as times."""
    return {name: _moment(name, value) for name, value in values.items()}


def _event(task: TaskKey, ordinal: int, event: Event, moves: dict[str, Any]) -> str:
    values = {
        "case_id": task.case_id,
        "namespace": task.namespace,
        "task_id": task.task_id,
        "ordinal": ordinal,
        "kind": event.kind,
        "step": event.step,
        "at": event.at,
        "seconds": event.seconds,
        "data": event.data,
        "moves": moves or None,
    }
    return record(values, "ledger")


def _checked(task: TaskKey, row: Row) -> dict[str, Any]:
    """The row's values, with the case that it belongs to; wrong columns are refused here, not by SQL."""
    values = {"case_id": task.case_id, **row.values}
    said = {name for name in values if row.table != "cases" or not name.startswith(MARK)}
    wrong = sorted(said ^ (_COLUMNS[row.table] & said | _NEEDED[row.table]))
    if wrong:
        raise InputRefused(
            "a row has wrong columns", where=row.table, came=f"missing or unknown: {', '.join(wrong)}"
        )
    if values["case_id"] != task.case_id:
        raise InputRefused("a step writes rows of its own case only", where=f"{row.table}.case_id")
    check_status(row.table, values)
    return values


def check_status(table: Table, values: dict[str, Any]) -> None:
    """Refuse a status that the table does not know.

    Raises:
        InputRefused: The row has a status, and it is none of the table's.
    """
    known = _STATUSES.get(table)
    if known and "status" in values and values["status"] not in known:
        raise InputRefused(
            "there is no such status",
            where=f"{table}.status",
            wanted=", ".join(known),
            came=repr(values["status"]),
        )


def _plain(value: Any, where: str) -> Any:
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise InputRefused("a time must say its zone", where=where, came="a naive datetime", mend="Use UTC.")
    return value.isoformat()


def _moment(name: str, value: Any) -> Any:
    is_time = isinstance(value, str) and (name == "at" or name.endswith("_at"))
    return datetime.fromisoformat(value) if is_time else value

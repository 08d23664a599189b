"""Dead letters: what could not go on, and what an operator did about it; the ledger keeps them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from langgraph_switchboard.errors import LetterUnknown
from langgraph_switchboard.ledger.events import Event, EventKind, LedgerEntry
from langgraph_switchboard.ledger.journal import Entry, Row, TaskKey

LetterStatus = Literal["open", "redriven", "discarded"]
RUNGS = ("retry", "fallback", "person", "dead_letter")
"""The ladder, from the top down."""
_SETTLED: dict[str, LetterStatus] = {
    "dead_letter_redriven": "redriven",
    "dead_letter_discarded": "discarded",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter.

    Args:
        letter_id: Its id.
        case_id: The case that was set aside, or a branch of it.
        flow: Name of the blueprint.
        step: The step that failed, and with which a redrive goes on.
        branch: The branch that rests while its case waits at a join; empty where it is the case.
        reason: Why it could not go on.
        failure: The failure's record.
        set_aside_at: When.
        status: `open`, `redriven` or `discarded`.
        settled_by: Who redrove or discarded it.
        settled_at: When.
        why: Why it was discarded.
    """

    letter_id: str
    case_id: str
    flow: str
    step: str
    branch: str
    reason: str
    failure: dict[str, Any]
    set_aside_at: datetime
    status: LetterStatus = "open"
    settled_by: str | None = None
    settled_at: datetime | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class RungCount:
    """How many failures entered a rung, and how many ended there.

    Args:
        rung: `retry`, `fallback`, `person` or `dead_letter`.
        entered: So many came to it.
        ended: So many went no further down.
    """

    rung: str
    entered: int
    ended: int


class Letters(Protocol):
    """The verbs on dead letters; a part of `CaseStore`."""

    async def letters(
        self,
        *,
        letter_id: str | None = None,
        case_id: str | None = None,
        flow: str | None = None,
        status: LetterStatus | None = "open",
        limit: int | None = 100,
    ) -> list[Letter]:
        """Dead letters, the oldest first."""

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
        """Say in the ledger that an operator settled a letter, unless somebody did before.

        Args:
            letter: The letter.
            kind: `dead_letter_redriven` or `dead_letter_discarded`.
            by: Who.
            at: When.
            why: Why, where a reason is asked for.
            moves: What becomes of the case's row in the same commit.

        Returns:
            The letter as it stands: from `settled_by` and `settled_at` a caller sees whether he was first.

        Raises:
            InputRefused: The reason holds what cannot be stored.
            StoreError: Nothing was written.
        """

    async def rungs(self) -> list[RungCount]:
        """How failures ended, from the top of the ladder down; rungs that nothing came to are left out."""


def letter_id_of(task: TaskKey) -> str:
    """The id of the dead letter that a run of the last step writes; the same when it runs again."""
    place = f"{task.case_id}\n{task.namespace}\n{task.task_id}".encode()
    return f"dl-{hashlib.sha256(place).hexdigest()[:12]}"


def place_of(letter_id: str) -> str:
    """The task under which the ledger keeps what an operator did: taken once, it is taken."""
    return f"letter {letter_id}"


def settling(
    letter: Letter, kind: EventKind, by: str, at: datetime, why: str, moves: Mapping[str, Any] | None
) -> tuple[TaskKey, list[Entry]]:
    """What is written when a letter is settled: its place, and the event with what it moves."""
    said = {"letter_id": letter.letter_id, "by": by, "why": why, "branch": letter.branch}
    entries: list[Entry] = [Event(kind, letter.step, at, {name: it for name, it in said.items() if it})]
    if moves:
        entries.append(Row("cases", {**moves, "updated_at": at}))
    return TaskKey(letter.case_id, "", place_of(letter.letter_id)), entries


def letters_of(flows: dict[str, str], ledger: Sequence[LedgerEntry]) -> list[Letter]:
    """The dead letters that a ledger tells of, for the form without a database; as the view has them.

    Args:
        flows: The flow of each case.
        ledger: All entries, in order.
    """
    settled = {(one.case_id, one.task_id): one.event for one in ledger if one.event.kind in _SETTLED}
    found = []
    for one in ledger:
        data = one.event.data
        is_case = one.event.kind == "case_ended" and data.get("outcome") == "dead_lettered"
        if not (is_case or str(one.event.kind) == "branch_set_aside") or "letter_id" not in data:
            continue
        failure = data.get("failure") or {}
        letter = Letter(
            data["letter_id"], one.case_id, flows.get(one.case_id, ""), str(failure.get("step", "")),
            str(data.get("branch") or ""), str(data.get("reason") or ""), failure, one.event.at,
        )  # fmt: skip
        found.append(_settled(letter, settled.get((one.case_id, place_of(letter.letter_id)))))
    return sorted(found, key=lambda letter: (letter.set_aside_at, letter.letter_id))


def rungs_of(ledger: Sequence[LedgerEntry]) -> list[RungCount]:
    """How failures ended, as the view `switchboard.rungs` counts it."""
    entered, ended = dict.fromkeys(RUNGS, 0), dict.fromkeys(RUNGS, 0)
    for number, one in enumerate(ledger):
        rung = one.event.data.get("rung")
        if rung in entered:
            entered[rung] += 1
            ended[rung] += _ended(one, ledger[number + 1 :])
    return [RungCount(rung, entered[rung], ended[rung]) for rung in RUNGS if entered[rung]]


def letter_missing(letter_id: str) -> LetterUnknown:
    """There is no such letter."""
    return LetterUnknown(
        f"there is no dead letter {letter_id!r}", mend="`switchboard dead list` lists them.", letter=letter_id
    )


def _ended(entry: LedgerEntry, later: Iterable[LedgerEntry]) -> bool:
    if entry.event.kind != "step_failed":
        return True
    to = entry.event.data.get("goto")
    after = (
        one.event.kind
        for one in later
        if one.case_id == entry.case_id and one.event.step == to and one.event.kind != "attempt_failed"
    )
    return next(after, "") != "step_failed"


def _settled(letter: Letter, event: Any) -> Letter:
    if event is None:
        return letter
    said = (letter.letter_id, letter.case_id, letter.flow, letter.step, letter.branch, letter.reason)
    return Letter(
        *said, letter.failure, letter.set_aside_at, _SETTLED[event.kind], event.data.get("by"), event.at,
        event.data.get("why"),
    )  # fmt: skip

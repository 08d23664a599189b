"""The Journal: how a running step hands over its events and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from langgraph_switchboard.ledger.events import Event

Table = Literal["cases", "reviews", "outbox", "timers", "messages"]


@dataclass(frozen=True, slots=True)
class TaskKey:
    """One run of one step in LangGraph's terms; stable over a crash and a resume."""

    case_id: str
    namespace: str
    task_id: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the operational tables that leaves together with a step's events.

    Args:
        table: `cases` changes the row of this case, or makes it if all columns are there;
            `reviews`, `outbox` and `messages` add a row once; `timers` adds one, and says later that
            it fired.
        values: Column values by name, JSON-plain but for aware datetimes. For `cases` only
            what changes; `case_id` may be left out everywhere.
    """

    table: Table
    values: Mapping[str, Any]


Entry = Event | Row


class Journal(Protocol):
    """Where a step's entries go: kept per task, and settled with the step.

    A step attaches all its entries once, at its end, and they leave together, whether
    it ended with a result, an interrupt or a failure. What a form of the journal
    promises about the moment is its own: one that shares the saver's commit settles
    there, one that writes apart does it here, before LangGraph sees the step's result.
    """

    def attach(self, task: TaskKey, entries: Sequence[Entry]) -> None:
        """Keep the entries of this task, in order; nothing is written yet.

        They replace what an earlier, broken-off run of the same task attached: a step
        that runs again after a crash says everything anew, in the same places.
        """

    async def settle(self, task: TaskKey) -> None:
        """Let this task's entries leave, all or none; again for the same task changes nothing.

        The events are numbered from 0 each time, and a place that is taken stays as it is:
        a task that settles twice says in front what it said before. The change to the
        case's row counts only together with an event that is new, so that a run repeated
        late does not turn the row back. On an error everything stays attached.

        Raises:
            InputRefused: An entry holds what cannot be stored.
            EffectConflict: An outbox key is there already with another row.
            StoreError: They could not be written; the step must not go on.
        """

"""Events: what happened to a case, one record per fact, in the order in which it happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

EventKind = Literal[
    "case_accepted",  # somebody handed a case in
    "step_finished",  # a step gave its contract
    "attempt_failed",  # an attempt failed, and another one follows
    "step_failed",  # the last attempt failed; the ladder takes over
    "routed",  # a supervisor chose who does it
    "gated",  # a gate let a case through, or asked for a person
    "forked",  # a case parted into branches
    "joined",  # its branches came together
    "branch_set_aside",  # one branch failed for good; the others go on, and the join waits for it
    "branch_taken_up",  # an operator had it redone
    "review_opened",  # a question waits for a person
    "review_approved",  # one of several people approved; a further one must
    "review_held",  # a person decided, and can take it back for a moment
    "review_undone",  # and did
    "review_claimed",  # a person is looking at it
    "review_released",  # and no longer is
    "review_reminded",  # its owners were reminded
    "review_escalated",  # another group is asked
    "review_expired",  # nobody answered in time, and it was declined
    "review_decided",  # a person decided, and this decision stands
    "review_refused",  # somebody tried to decide, and may not, or was too late
    "effect_recorded",  # something is to be done to the world
    "operated",  # an operator took the case up again, or put an end to it
    "budget_exceeded",  # a call would have spent more than is left; a person goes on
    "breaker_opened",  # an agent or a model is left alone for a while
    "breaker_closed",  # and works again
    "timer_set",  # the case waits for a moment
    "timer_fired",  # that moment came, and the case went on
    "dead_letter_redriven",  # an operator has it done again, from the step that failed
    "dead_letter_discarded",  # an operator lets it be, with a reason
    "case_ended",  # an outcome was written
    "payload_erased",  # what the case was about is gone; that it was, and by whom, stays
]


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about a case.

    Args:
        kind: What sort of fact it is.
        step: The step that it happened in; empty for facts about the case as a whole.
        at: When, by the switchboard's clock; aware, UTC.
        data: The fact's particulars, JSON-plain. Contracts appear as sealed envelopes.
        seconds: How long it took, where that means something.
    """

    kind: EventKind
    step: str
    at: datetime
    data: dict[str, Any] = field(default_factory=dict)
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """An event as it stands in the ledger, with its place.

    The place `(case_id, namespace, task_id, ordinal)` is the same when a step runs again
    after a crash, so that nothing is written twice, and a new one after an edit or a redrive.
    """

    case_id: str
    namespace: str
    task_id: str
    ordinal: int
    event: Event

"""One turn of a step: what it was given, what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langgraph.types import Send

from langgraph_switchboard.contracts import Contract, Envelope, open_envelope
from langgraph_switchboard.errors import ContractViolation
from langgraph_switchboard.ledger import Entry, Row
from langgraph_switchboard.nodes.spec import Step, Take, Way

_SAID = ("review_opened", "review_decided", "timer_set", "timer_fired", "branch_set_aside")


@dataclass(frozen=True, slots=True)
class Given:
    """What a step was given: the slice of the case that its signature names.

    Args:
        step: The step.
        state: The raw state; only sealed fields of it are opened.
        values: The opened contracts by field, None where an optional one is not there.
    """

    step: Step
    state: Mapping[str, Any]
    values: dict[str, Contract | None]

    def pick(self, takes: tuple[Take, ...], fresh: Mapping[str, Contract]) -> dict[str, Contract | None]:
        """The fields that a condition reads, with what this turn has just given in front."""
        return {
            take.field: fresh.get(take.field) or open_take(self.state, take, self.step.name) for take in takes
        }


@dataclass(frozen=True, slots=True)
class Parting:
    """How a case parts.

    Args:
        goes: Nodes, or LangGraph's `Send`s, that are next.
        branches: The first step of each branch, by the last part of its path.
    """

    goes: tuple[str | Send, ...]
    branches: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of a step.

    Args:
        way: What happened.
        to: Where the case goes.
        sealed: Envelopes to write, by field.
        reason: Why a person is asked, or why the case ended; None leaves it as it was.
        data: Particulars for the ledger, JSON-plain.
        outcome: Set where the case ends.
        parting: Set where the case parts into branches; `to` then only says where it goes, in words.
        sets: News of sets, for the state.
        letter: Of a case that is set aside: the id of its dead letter, and the failure.
    """

    way: Way
    to: str
    sealed: dict[str, Envelope] = field(default_factory=dict)
    reason: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    outcome: str | None = None
    parting: Parting | None = None
    sets: Mapping[str, Any] = field(default_factory=dict)
    letter: dict[str, Any] = field(default_factory=dict)


def said_before(entries: Sequence[Entry]) -> list[Entry]:
    """Of a turn that broke off: what stands in the ledger already, in its places.

    A review that was opened and a timer that was set left in the commits of their interrupts.
    """
    return [one for one in entries if _was_said(one)]


def _was_said(entry: Entry) -> bool:
    if isinstance(entry, Row):
        return entry.table in ("reviews", "timers")
    return entry.kind in _SAID


def open_takes(step: Step, state: Mapping[str, Any], others: Mapping[str, Any] | None = None) -> Given:
    """Open exactly what the step declares.

    Args:
        step: The step.
        state: The raw state.
        others: What it takes that is no field of the case: an item, or what members wrote.

    Raises:
        ContractViolation: A required field is not there, or an envelope cannot be opened.
    """
    values = {
        take.field: open_take(state, take, step.name) if take.of == "case" else (others or {})[take.field]
        for take in step.takes
    }
    return Given(step, state, values)


def open_take(state: Mapping[str, Any], take: Take, step: str) -> Contract | None:
    """Open one field, or give None where an optional one is not there."""
    envelope = state.get(take.field)
    if envelope is not None:
        return open_envelope(envelope, take.contract)
    if take.optional:
        return None
    raise ContractViolation(
        f"the step needs a {take.contract.contract_name}, but the case has no {take.field!r} yet",
        where=f"seam -> {step}",
        mend="Let a step that gives it run first; `switchboard check` shows the path on which it is missing.",
        contract=take.contract.contract_name,
        by=step,
        problems=[{"at": take.field, "code": "missing", "says": "is not there"}],
    )

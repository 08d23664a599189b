"""Confidence in what a model gave: never its own word alone.

    confidence = grounded * validated * said ** 0.5 * approved ** 0.5

- `grounded`: the share of the answer that its sources hold, by `knowledge.grounding`;
- `validated`: the least that a validator of the author's own gives it, each from 0 to 1;
- `said`: the model's own figure;
- `approved`: how often people took this agent's answers unchanged, of those that they saw in the last
  90 days: (approved + 8) / (seen + 10), the mean of a Beta distribution that begins as if eight of ten
  had been approved.

A model that is sure of what its sources do not hold comes out at nothing; one whose answers people keep
mending comes out lower from case to case, whatever it says of itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from langgraph_switchboard.cases import CaseStore

PRIOR_APPROVED = 8.0
PRIOR_SEEN = 10.0
"""The prior: as if ten answers had been seen and eight of them approved unchanged."""
LOOKS_BACK = timedelta(days=90)
FIGURES = ("said", "grounded", "validated", "approved")
"""The parts of a confidence that are figures, from 0 to 1."""
_FRESH = timedelta(minutes=1)

Validator = Callable[[Any], float | bool]
"""A plain function of the answer: True or 1 for nothing amiss, False or 0 for never, or in between."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """How sure we are of an answer, and why.

    Args:
        said: The model's own figure.
        grounded: The share of the answer that its sources hold.
        validated: The least that a validator gave.
        approved: How often answers of this agent were approved unchanged, with the prior.
        broken: The validators that gave less than 1, by name.
        unheld: How many sentences the sources do not hold.
    """

    said: float
    grounded: float = 1.0
    validated: float = 1.0
    approved: float = 1.0
    broken: tuple[str, ...] = ()
    unheld: int = 0

    @property
    def value(self) -> float:
        """The figure that a gate is to judge by."""
        return round(self.grounded * self.validated * math.sqrt(self.said * self.approved), 3)

    def facts(self) -> dict[str, Any]:
        """Its parts for the ledger; figures and names of functions, nothing of the answer."""
        facts = {name: round(getattr(self, name), 3) for name in FIGURES}
        found: dict[str, Any] = {"broken": list(self.broken), "unheld": self.unheld}
        return {**facts, **{name: value for name, value in found.items() if value}}


def validated(answer: object, validators: Sequence[Validator]) -> tuple[float, tuple[str, ...]]:
    """The least that a validator gives, and who gave less than 1.

    A validator that raises is the author's mistake and fails the step: it is never passed over.
    """
    given = {getattr(one, "__name__", type(one).__name__): float(one(answer)) for one in validators}
    least = min(given.values(), default=1.0)
    return min(1.0, max(0.0, least)), tuple(name for name, value in given.items() if value < 1.0)


def approval_rate(approved: int, seen: int) -> float:
    """The mean of the Beta distribution after `approved` of `seen` were approved unchanged."""
    return (approved + PRIOR_APPROVED) / (seen + PRIOR_SEEN)


_Rates = dict[str, tuple[datetime, dict[str, float]]]
_read: WeakKeyDictionary[CaseStore, _Rates] = WeakKeyDictionary()


async def past_approval(store: CaseStore, flow: str, agent: str, now: datetime) -> float:
    """How often people took this agent's answers unchanged; read once a minute for each flow.

    Args:
        store: Where the reviews are.
        flow: The blueprint.
        agent: The step that gave the answers.
        now: The present moment.
    """
    flows = _read.setdefault(store, {})
    at, rates = flows.get(flow, (None, {}))
    if at is None or not at <= now < at + _FRESH:
        figures = await store.figures(now - LOOKS_BACK, flow=flow)
        rates = {
            one.name: approval_rate(one.types.get("approve", 0), one.decided)
            for one in figures
            if one.by == "agent"
        }
        flows[flow] = (now, rates)
    return rates.get(agent, approval_rate(0, 0))

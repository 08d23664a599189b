"""Calls: what asks for admission, what it is told, and what it tells when it is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Literal

from langgraph_switchboard.limits.policy import BreakerPolicy, Rate

Scope = Literal["flow", "agent", "model", "case", "step"]
"""What a budget is of: a flow, an agent or a model on one day; a case, or one agent in a case."""
Kind = Literal["agent", "model"]
BreakerState = Literal["closed", "open", "half_open"]

_MICROS = Decimal(1_000_000)


def micros_of(usd: float | Decimal, *, up: bool = False) -> int:
    """Dollars in whole millionths, which add up exactly.

    Args:
        usd: Dollars; of a float what it prints as counts, not its binary form.
        up: Whether a remainder counts as a whole millionth, as it does for what is spent.
    """
    exact = Decimal(str(usd)) * _MICROS
    return int(exact.to_integral_value(ROUND_CEILING if up else ROUND_FLOOR))


@dataclass(frozen=True, slots=True)
class Spent:
    """What a call costs: millionths of a dollar, and tokens."""

    micros: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One budget that a call must find room in.

    Args:
        scope: What it is of.
        subject: Whose it is: `help_desk`, `help_desk/billing`, `gpt-5-mini`, a case's id.
        micros: Its bound in millionths of a dollar; None leaves that side open.
        tokens: Its bound in tokens.
        day: The day that it is for; None where it is for good.
    """

    scope: Scope
    subject: str
    micros: int | None = None
    tokens: int | None = None
    day: date | None = None

    @property
    def key(self) -> str:
        """The name by which all processes find it."""
        return f"{self.scope}:{self.subject}" + (f"@{self.day}" if self.day else "")


@dataclass(frozen=True, slots=True)
class Bucket:
    """The token bucket of an agent or a model."""

    kind: Kind
    name: str
    rate: Rate

    @property
    def key(self) -> str:
        """The name by which all processes find it."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Breaker:
    """The breaker of an agent or a model."""

    kind: Kind
    name: str
    policy: BreakerPolicy

    @property
    def key(self) -> str:
        """The name by which all processes find it."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that wants to go.

    Args:
        case_id: The case that it is made for.
        step: The step that makes it, for what is said about it.
        epoch: The epoch under which the case is owned; None where nobody owns it. What earlier
            owners of the case still hold is given back first.
        lines: The budgets that must have room for it, the nearest first.
        wants: What it may cost at most.
        bucket: Whose turn it takes.
        breaker: Who must not be left alone just now.
    """

    case_id: str
    step: str
    epoch: int | None = None
    lines: tuple[Line, ...] = ()
    wants: Spent = Spent()  # frozen
    bucket: Bucket | None = None
    breaker: Breaker | None = None

    @property
    def is_bound(self) -> bool:
        """Whether anything bounds it; a call that nothing bounds is not asked about."""
        return bool(self.lines or self.bucket or self.breaker)


@dataclass(frozen=True, slots=True)
class Change:
    """A breaker that opened or closed just now.

    Args:
        breaker: Its key.
        state: What it is now.
        why: What opened it, in words.
    """

    breaker: str
    state: BreakerState
    why: str = ""


@dataclass(slots=True)
class Grant:
    """Leave to go: what is held for the call until it is settled.

    Args:
        call: The call.
        number: Its number within this process.
        waited: Seconds that it waited for its turn.
        is_probe: Whether a breaker is half open, and this is the one call that tries it.
        changes: Breakers that opened or closed in the same turn.
    """

    call: Call
    number: int
    waited: float = 0.0
    is_probe: bool = False
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sample:
    """What a breaker learns of a call, or of a decision on what came of one.

    Args:
        failed: Whether it failed; None tells nothing (it was broken off, or never made).
        seconds: How long it took.
        confidence: The confidence of what it gave.
        rejected: Of a person's decision: whether what the agent gave was rejected.
    """

    failed: bool | None = None
    seconds: float | None = None
    confidence: float | None = None
    rejected: bool | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether there is nothing to learn from it."""
        return self.failed is None and self.rejected is None


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """How a budget stands.

    Args:
        scope: What it is of.
        subject: Whose it is.
        day: The day that it is for.
        limit: Its bounds: millionths of a dollar and tokens; None where that side is open.
        spent: What calls that are over have cost.
        held: What is set aside for calls under way.
    """

    scope: Scope
    subject: str
    day: date | None
    limit: tuple[int | None, int | None]
    spent: Spent
    held: Spent


@dataclass(frozen=True, slots=True)
class BreakerRow:
    """How a breaker stands, with the figures of its window; None where there are none.

    Args:
        kind: Whether it is of an agent or of a model.
        name: Whose it is.
        state: `half_open` when the next call is let through as a probe, or is under way as one.
        why: What opened it last.
        opened_at: When that was.
        opened: How often it has opened.
        calls: Calls in the window.
        errors: Share of them that failed.
        seconds: Their median.
        confidence: Mean confidence of what they gave.
        decisions: Decisions in the window.
        rejections: Share of them that rejected.
    """

    kind: Kind
    name: str
    state: BreakerState
    why: str
    opened_at: datetime | None
    opened: int
    calls: int
    errors: float | None
    seconds: float | None
    confidence: float | None
    decisions: int
    rejections: float | None

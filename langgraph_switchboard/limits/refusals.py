"""Refusals: why a call may not go, in words; the same for every form of the limits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from langgraph_switchboard.errors import BreakerOpen, BudgetExceeded, RateExceeded
from langgraph_switchboard.limits.calls import Breaker, Bucket, Call, Change, Line, Spent

_OF = {
    "flow": "the flow",
    "agent": "the agent",
    "model": "the model",
    "case": "the case",
    "step": "the agent in this case",
}


def no_room(call: Call, line: Line, taken: Spent, changes: Sequence[Change] = ()) -> BudgetExceeded:
    """A budget has no room for what the call wants.

    Args:
        call: The call.
        line: The budget.
        taken: What is spent of it and held by others.
        changes: Breakers that opened or closed in the same turn.
    """
    left, wants = _parts(line, call.wants, taken)
    return BudgetExceeded(
        f"the budget of {_OF[line.scope]}{_on(line.day)} has no room for the call",
        limit=line.key,
        changes=changes,
        where=call.step,
        wanted=wants,
        came=f"{left} left",
        mend="Raise the budget, or let a person go on from here.",
    )


def too_long(call: Call, bucket: Bucket, wait: float, changes: Sequence[Change] = ()) -> RateExceeded:
    """Its turn would come later than it may wait."""
    return RateExceeded(
        f"the {bucket.kind} {bucket.name!r} is called more often than its rate allows",
        limit=bucket.key,
        changes=changes,
        retry_after=wait,
        where=call.step,
        wanted=f"its turn within {bucket.rate.patience:g} s",
        came=f"in {wait:.1f} s",
        mend="Come back then, raise the rate, or give it more patience.",
    )


def left_alone(call: Call, breaker: Breaker, wait: float, changes: Sequence[Change] = ()) -> BreakerOpen:
    """Whom it wants to call is left alone just now."""
    return BreakerOpen(
        f"the {breaker.kind} {breaker.name!r} is left alone just now: its breaker is open",
        limit=breaker.key,
        changes=changes,
        retry_after=wait,
        retryable=breaker.policy.retried,
        where=call.step,
        mend="`switchboard status` says why it opened; it is tried again by itself.",
    )


def no_price(step: str, line: str, model: str) -> BudgetExceeded:
    """There is a budget in dollars, and nobody knows what the model costs."""
    return BudgetExceeded(
        f"nobody knows the price of the model {model!r}, so no budget in dollars can be kept for it",
        limit=line,
        where=step,
        mend="Set its price under [tool.switchboard.prices], or give a budget in tokens.",
    )


def call_too_large(
    step: str, subject: str, wants: Spent, most: int | None, tokens: int | None
) -> BudgetExceeded:
    """One question would cost more than one may."""
    bounds = [] if most is None else [_usd(most)]
    bounds += [] if tokens is None else [f"{tokens:,} tokens"]
    return BudgetExceeded(
        "one question would cost more than one may",
        limit=f"call:{subject}",
        where=step,
        wanted=f"at most {' and '.join(bounds)}",
        came=f"{_usd(wants.micros)} and {wants.tokens:,} tokens",
        mend="Shorten what is asked, or raise the budget for one call.",
    )


def _parts(line: Line, wants: Spent, taken: Spent) -> tuple[str, str]:
    """What is left and what is wanted, on the side of the budget that has no room."""
    if line.micros is not None and wants.micros > line.micros - taken.micros:
        return f"{_usd(max(0, line.micros - taken.micros))} of {_usd(line.micros)}", f"{_usd(wants.micros)}"
    limit = line.tokens or 0
    return f"{max(0, limit - taken.tokens):,} of {limit:,} tokens", f"{wants.tokens:,} tokens"


def _usd(micros: int) -> str:
    return f"${micros / 1_000_000:.6f}".rstrip("0").rstrip(".")


def _on(day: date | None) -> str:
    return f" on {day}" if day else ""

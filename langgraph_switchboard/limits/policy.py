"""Policies: what a blueprint says about how much may be spent, how often, and when to leave off."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from langgraph_switchboard.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Budget:
    """A bound on what may be spent; None leaves that side open.

    Said of a blueprint it bounds the flow, said of a step its agent. Whatever is bounded above a
    call must have room for it before it is made: the call itself, the agent in this case, the
    case, the agent today, the flow today. A money budget is never kept for a model whose price
    nobody knows: such a call is refused.

    Args:
        usd: Dollars for one case; of a step: for its agent in one case.
        tokens: Tokens, those read and those written together, in the same way.
        usd_per_day: Dollars for all cases together on one day (UTC).
        tokens_per_day: Tokens in the same way.
        usd_per_call: Dollars for one question to a model.
        tokens_per_call: Tokens in the same way.
        answer: Tokens that are set aside for an answer before it is there.
    """

    usd: float | None = None
    tokens: int | None = None
    usd_per_day: float | None = None
    tokens_per_day: int | None = None
    usd_per_call: float | None = None
    tokens_per_call: int | None = None
    answer: int = 2_000

    def __post_init__(self) -> None:
        for name, value in _said(self).items():
            _must(value >= 0, f"Budget.{name}", "a number that is not negative", value)


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket, shared by all processes.

    Args:
        per_second: Calls a second that it fills up with.
        burst: Calls that it holds when it is full.
        patience: Seconds that a call waits for its turn at most; one that would wait longer is
            refused, and told when it would have been its turn.
    """

    per_second: float
    burst: float = 1.0
    patience: float = 10.0

    def __post_init__(self) -> None:
        _must(self.per_second > 0, "Rate.per_second", "more than 0", self.per_second)
        _must(self.burst >= 1, "Rate.burst", "1 or more: less never lets a call through", self.burst)
        _must(self.patience >= 0, "Rate.patience", "0 or more seconds", self.patience)


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When an agent or a model is left alone for a while; each bound looks at the last `window` calls.

    Args:
        window: Calls that are looked at.
        least: Calls that must be there before anything opens it; of rejections: decisions.
        errors: Share of failed calls (0 to 1) from which it opens; None never for that.
        slower: Seconds at the median from which it opens; None never for that.
        confidence: Mean confidence below which it opens; None never for that.
        rejections: Share of replies that people rejected, from which it opens; None never for that.
        cool: Seconds that it stays open before one probe is let through.
        retried: Whether a call that meets it open is tried again as the step's `retry` says; else
            the case goes down the ladder at once.
    """

    window: int = 50
    least: int = 10
    errors: float | None = 0.5
    slower: float | None = None
    confidence: float | None = None
    rejections: float | None = None
    cool: float = 30.0
    retried: bool = False

    def __post_init__(self) -> None:
        _must(1 <= self.window <= 1_000, "BreakerPolicy.window", "1 to 1000 calls", self.window)
        _must(1 <= self.least <= self.window, "BreakerPolicy.least", "1 to `window`", self.least)
        _must(self.cool > 0, "BreakerPolicy.cool", "more than 0 seconds", self.cool)
        for name in ("errors", "confidence", "rejections"):
            share = getattr(self, name)
            _must(share is None or 0 < share <= 1, f"BreakerPolicy.{name}", "a share above 0, up to 1", share)
        _must(self.slower is None or self.slower > 0, "BreakerPolicy.slower", "more than 0", self.slower)


@dataclass(frozen=True, slots=True)
class ModelPolicy:
    """What holds for a model, whoever asks it; see `limits/settings.py` for where it is said.

    Args:
        rate: How often it may be asked, over all processes.
        breaker: When it is left alone for a while.
        budget: What may be spent on it; only what is said per day and per call counts.
    """

    rate: Rate | None = None
    breaker: BreakerPolicy | None = None
    budget: Budget | None = None


def _said(policy: Budget) -> dict[str, Any]:
    values = {one.name: getattr(policy, one.name) for one in fields(policy)}
    return {name: value for name, value in values.items() if value is not None}


def _must(holds: bool, where: str, wanted: str, came: object) -> None:
    if not holds:
        raise ConfigurationError("the policy cannot be kept", where=where, wanted=wanted, came=str(came))

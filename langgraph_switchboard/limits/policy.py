"""Policies: what a blueprint says about how much may be spent, how often, and when to leave off."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """A bound on what may be spent; None leaves that side open.

    Args:
        usd: Dollars.
        tokens: Tokens, those read and those written together.
    """

    usd: float | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket, shared by all processes.

    Args:
        per_second: Calls a second that it fills up with.
        burst: Calls that it holds when it is full.
    """

    per_second: float
    burst: float = 1.0


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When an agent or a model is left alone for a while; each bound looks at the last `window` calls.

    Args:
        window: Calls that are looked at.
        least: Calls that must be there before anything opens it.
        errors: Share of failed calls (0 to 1) from which it opens; None never for that.
        slower: Seconds at the median from which it opens; None never for that.
        confidence: Mean confidence below which it opens; None never for that.
        rejections: Share of replies that people rejected, from which it opens; None never for that.
        cool: Seconds that it stays open before one probe is let through.
    """

    window: int = 50
    least: int = 10
    errors: float | None = 0.5
    slower: float | None = None
    confidence: float | None = None
    rejections: float | None = None
    cool: float = 30.0

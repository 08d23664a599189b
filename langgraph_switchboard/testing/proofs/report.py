"""The report of a proof: how often it was tried, what was counted, where a law was broken."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

_SHOWN = 5


@dataclass
class ProofReport:
    """What a proof has found.

    Args:
        name: What was tried.
        trials: How often.
        counts: Whatever was counted, by name.
        broken: What broke a law, in words.
        seconds: Wall time.
    """

    name: str
    trials: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Whether it was tried at all, and every law held."""
        return self.trials > 0 and not self.broken

    def line(self) -> str:
        """One line for people, with the first faults below it."""
        told = ", ".join(f"{times} {what}" for what, times in sorted(self.counts.items()))
        faults = "".join(f"\n  {one}" for one in self.broken[:_SHOWN])
        tried = f"{self.trials} trials, {len(self.broken)} broken in {self.seconds:.1f} s"
        return f"{self.name}: {tried} ({told}){faults}"

    def as_json(self) -> dict[str, Any]:
        """The report as JSON-plain data."""
        return {
            "name": self.name,
            "trials": self.trials,
            "broken": len(self.broken),
            "faults": self.broken[:20],
            "counts": dict(self.counts),
            "seconds": round(self.seconds, 1),
        }


@asynccontextmanager
async def proof(name: str) -> AsyncIterator[ProofReport]:
    """A report that knows at its end how long the block took."""
    report, started = ProofReport(name), time.perf_counter()
    try:
        yield report
    finally:
        report.seconds = time.perf_counter() - started

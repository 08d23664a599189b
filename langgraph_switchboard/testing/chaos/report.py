"""The report of a sweep: points tried, what came of them, seconds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from langgraph_switchboard.testing.chaos.laws import LAWS

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Failure:
    """A trial that broke a law.

    Args:
        points: Where the process was killed.
        at: The statement or effect that it was killed at.
        broken: The laws, each with what shows it.
    """

    points: str
    at: str
    broken: dict[str, str]


@dataclass
class Report:
    """What a sweep has found.

    Args:
        name: What was swept.
        marks: The statements and effects of an undisturbed run, in order.
        points: Points at which a process was really killed, or a statement refused.
        doubles: Of these trials: those that were killed again in the recovery.
        kinds: Points by before, during, after, refused.
        unreached: Points that the process did not come to; not counted.
        failures: The trials that broke a law.
        seconds: Wall time of the sweep.
        waited: Seconds that each recovery waited until the dead owner was known to be gone.
        varies: Names that differ between undisturbed runs, and are not compared.
    """

    name: str
    marks: list[str] = field(default_factory=list)
    points: int = 0
    doubles: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    unreached: int = 0
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
    trial_seconds: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    varies: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether every law held at every point."""
        return not self.failures

    @property
    def outcomes(self) -> dict[str, int]:
        """How many trials broke each law."""
        return {law: sum(law in one.broken for one in self.failures) for law in LAWS}

    def line(self) -> str:
        """One line for people."""
        told = ", ".join(f"{times} {law}" for law, times in self.outcomes.items())
        slow = max(self.waited, default=0.0)
        return (
            f"{self.name}: {self.points} points ({self.doubles} twice) over {len(self.marks)} statements and "
            f"effects in {self.seconds:.1f} s: {told}; the dead owner was gone within {slow * 1000:.0f} ms"
        )

    def lines(self) -> list[str]:
        """The line, and the first failures."""
        told = [f"  {one.points} ({one.at}): {one.broken}" for one in self.failures[:_SHOWN]]
        return [self.line(), *told]

    def as_json(self) -> dict[str, Any]:
        """The report as JSON-plain data."""
        return {
            "name": self.name,
            "statements_and_effects": len(self.marks),
            "points": self.points,
            "doubles": self.doubles,
            "kinds": dict(self.kinds),
            "unreached": self.unreached,
            **self.outcomes,
            "seconds": round(self.seconds, 1),
            "seconds_a_trial": _median(self.trial_seconds),
            "dead_owner_gone_ms": {
                "median": round(_median(self.waited) * 1000, 1),
                "most": round(max(self.waited, default=0.0) * 1000, 1),
            },
            "not_compared": self.varies,
            "failures": [{"points": f.points, "at": f.at, "broken": f.broken} for f in self.failures[:20]],
        }


def _median(values: list[float]) -> float:
    return round(sorted(values)[len(values) // 2], 4) if values else 0.0

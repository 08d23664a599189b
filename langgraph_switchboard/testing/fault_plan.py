"""Which request meets which fault, and how long an answer takes: drawn from a seed, repeatable."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from langgraph_switchboard.testing.model_faults import FAULTS

Names = Sequence[str] | str


@dataclass(frozen=True)
class FaultPlan:
    """The share of requests that meet each fault.

    What a request meets hangs on the seed, on what is asked and on how often that was asked before,
    never on the order in which requests of many cases arrive: a run is repeated exactly.

    Args:
        shares: The share (0 to 1) of requests that meet each fault, by name.
        seed: Another seed, another plan.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        for name, share in self.shares.items():
            known_fault(name)
            if not 0 <= share <= 1:
                raise ValueError(f"FaultPlan: the share of {name!r} is {share}, not from 0 to 1.")
        if sum(self.shares.values()) > 1 + 1e-9:
            raise ValueError(
                f"FaultPlan: the shares are {sum(self.shares.values()):.3g} in all, more than 1."
            )

    @classmethod
    def evenly(cls, share: float, faults: Sequence[str], seed: int = 0) -> FaultPlan:
        """A plan in which `share` of all requests fail, each of `faults` as often as the others."""
        return cls({name: share / len(faults) for name in faults}, seed)

    def fault(self, question: str, time: int) -> str | None:
        """The fault of one request, or None.

        Args:
            question: What tells this question from others.
            time: How often it has been asked, from 1.
        """
        drawn = drawn_for(self.seed, "fault", question, time).random()
        for name, share in self.shares.items():
            if drawn < share:
                return name
            drawn -= share
        return None


@dataclass(frozen=True)
class Latency:
    """How long an answer takes: lognormal, as waits for a model are.

    Args:
        median: Seconds that half of the answers take at most; 0 answers at once.
        spread: The standard deviation of the logarithm; with 0.5 one in twenty takes 2.3 medians or more.
        seed: Another seed, other waits.
    """

    median: float = 0.0
    spread: float = 0.5
    seed: int = 0

    def seconds(self, question: str, time: int) -> float:
        """How long this answer takes."""
        if not self.median:
            return 0.0
        return self.median * drawn_for(self.seed, "latency", question, time).lognormvariate(0, self.spread)


def known_fault(name: str) -> str:
    """The name itself.

    Raises:
        ValueError: No fault is called so; the known ones are listed.
    """
    if name not in FAULTS:
        raise ValueError(f"There is no fault {name!r}; there are {', '.join(FAULTS)}.")
    return name


def drawn_for(seed: int, of: str, question: str, time: int) -> random.Random:
    """Chance that is the same for the same question, asked as often."""
    return random.Random(f"{seed}/{of}/{question}/{time}")

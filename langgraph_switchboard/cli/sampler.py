"""Where the CPU of this process goes: a sampling profiler that names parts instead of functions.

The kernel sends SIGPROF after so much CPU time; the handler looks at the stack of the main
thread and books the sample on the innermost frame that belongs to a named part. A coroutine
that is resumed stands on the stack with everyone who awaits it, so a driver's work is booked
on whoever asked for it. The cost is one short look per sample, about 1 %, where a tracing
profiler doubles the time of small functions and so shifts the shares.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

INTERVAL = 0.002
"""Seconds of CPU between two samples; many kernels round it up to 4 ms."""
IDLE = "selectors"
"""The main thread stands here when it waits; CPU used meanwhile is that of other threads."""


class Sampler:
    """Counts samples by part.

    Args:
        parts: Part to module prefixes, such as {"LangGraph": ["langgraph.", "langchain_core."]}.
            Of two prefixes that fit, the longer one counts.
    """

    def __init__(self, parts: Mapping[str, Sequence[str]]) -> None:
        self.samples: Counter[str] = Counter()
        prefixes = [(prefix, part) for part, several in parts.items() for prefix in several]
        self._prefixes = sorted(prefixes, key=lambda one: -len(one[0]))
        self._known: dict[str, str | None] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Sample for as long as the block runs; in the main thread only, as signals demand."""
        before = signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)

    def shares(self) -> dict[str, float]:
        """Share of each part, from 0 to 1, the greatest first."""
        total = self.samples.total()
        return {part: count / total for part, count in self.samples.most_common()}

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_globals.get("__name__") == IDLE:
            self.samples["other threads"] += 1
            return
        while frame is not None:
            part = self._part(str(frame.f_globals.get("__name__", "")))
            if part is not None:
                self.samples[part] += 1
                return
            frame = frame.f_back
        self.samples["elsewhere"] += 1

    def _part(self, module: str) -> str | None:
        if module not in self._known:
            self._known[module] = next(
                (part for prefix, part in self._prefixes if f"{module}.".startswith(prefix)), None
            )
        return self._known[module]

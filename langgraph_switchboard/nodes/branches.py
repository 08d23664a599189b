"""A branch of a set as one node: a graph of its own inside, so that nobody waits for it in there.

The branch is given what its steps read, and gives back what they wrote; of fields that several
branches write it gives its own part, under its name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.runtime import Runtime
from langgraph.types import Command

from langgraph_switchboard.nodes.ground import graph_of, on_solid_ground
from langgraph_switchboard.nodes.scope import Frame, known_of
from langgraph_switchboard.nodes.services import current

_CONTROL = ("case_id", "reason")


@dataclass(frozen=True, slots=True)
class BranchNode:
    """One branch of a set, or the branches of all items of a map.

    Args:
        graph: The branch's own graph, compiled.
        frame: The set that it belongs to.
        outer: The sets around that within the same blueprint: fields kept apart there pass by here.
        reads: The fields that it is given.
        writes: The fields that it gives back.
        to: The node behind it: its exit, or where the items are collected.
        at_once: How many branches of the set are at work at a time.
    """

    graph: Runnable[Any, Any]
    frame: Frame
    outer: tuple[Frame, ...]
    reads: frozenset[str]
    writes: frozenset[str]
    to: str
    at_once: int

    async def __call__(
        self, state: dict[str, Any], config: RunnableConfig, runtime: Runtime[Any]
    ) -> Command[Any]:
        """Run the branch to its end; what it waits for it waits for alone."""
        with current().at_work(config):
            await on_solid_ground(current(), runtime)
            info = runtime.execution_info
            place = (info.thread_id, graph_of(info.checkpoint_ns), self.frame.of) if info else None
            async with _turnstile(place, self.at_once):
                ended = await self.graph.ainvoke(self._inside(state), config)
        return Command(goto=self.to, update=self._back(state, ended))

    def _inside(self, state: Mapping[str, Any]) -> dict[str, Any]:
        keys = (*_CONTROL, *self.reads)
        inside = {key: state[key] for key in keys if state.get(key) is not None}
        # What members of an earlier round left is not this one's.
        sets = {of: {k: v for k, v in known.items() if k != "parts"} for of, known in _sets(state).items()}
        return {**inside, "visits": dict(state.get("visits") or {}), "sets": sets}

    def _back(self, state: Mapping[str, Any], ended: Mapping[str, Any]) -> dict[str, Any]:
        before = state.get("visits") or {}
        visits = {step: n for step, n in (ended.get("visits") or {}).items() if before.get(step) != n}
        sets = {
            frame.of: {"round": known.get("round", 0), "parts": known["parts"]}
            for frame in (*self.outer, self.frame)
            if (known := known_of(ended, frame.of)).get("parts")
        }
        fields = {
            field: ended[field]
            for field in self.writes
            if ended.get(field) is not None and ended[field] != state.get(field)
        }
        return {**fields, "visits": visits, "rungs": dict(ended.get("rungs") or {}), "sets": sets}


@dataclass(frozen=True, slots=True)
class ExitNode:
    """The empty node behind a member of a set.

    A member's way to it is a command, like every way; from here a barrier leads to the join, which
    fires once, when every member has come, on whichever rung it ended.
    """

    async def __call__(
        self, state: dict[str, Any], config: RunnableConfig, runtime: Runtime[Any]
    ) -> dict[str, Any]:
        """Do nothing, on a checkpoint that stands: the barrier's own memory is in it."""
        await on_solid_ground(current(), runtime)
        return {}


def _sets(state: Mapping[str, Any]) -> Mapping[str, Any]:
    return state.get("sets") or {}


_turnstiles: dict[tuple[object, ...], tuple[asyncio.Semaphore, list[None]]] = {}


@asynccontextmanager
async def _turnstile(place: tuple[object, ...] | None, at_once: int) -> AsyncIterator[None]:
    """Let so many through at a time, of those that come to the same place of the same case."""
    if place is None:
        yield
        return
    key = (asyncio.get_running_loop(), *place)
    semaphore, here = _turnstiles.setdefault(key, (asyncio.Semaphore(at_once), []))
    here.append(None)
    try:
        async with semaphore:
            yield
    finally:
        here.pop()
        if not here:
            _turnstiles.pop(key, None)

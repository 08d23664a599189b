"""Ledger, state and bodies: what the writer promises about a run, whatever its durability mode."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from langgraph_switchboard.checkpoints import GroupCommitSaver
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.postgres.parts import Held, PartRows
from langgraph_switchboard.postgres.writer import GroupCommitWriter
from tests.durable.flows import diamond, make_events, note_event
from tests.durable.notes import rows

pytestmark = pytest.mark.pg

Mode = Literal["sync", "async"]
Guard = Literal["none", "sticky", "sticky and tail", "sticky and barrier"]

OPERATIONS = 12
"""The diamond makes 5 checkpoints and 5 sets of task writes; beyond the last there is no fault."""


class RefusedWrite(Exception):
    """The fault that is put in."""


class FaultyWriter(GroupCommitWriter):
    """Refuses the operation of a given number."""

    def __init__(self, pool: Pool, *, refuse: int, sticky: bool) -> None:
        super().__init__(pool, sticky=sticky)
        self.entered = 0
        self._refuse = refuse

    def enter(
        self,
        key: str,
        build: Callable[[], Sequence[PartRows]],
        *,
        run: Hashable | None = None,
        token: Hashable | None = None,
        held: Held | None = None,
        large: bool = False,
    ) -> asyncio.Future[None]:
        self.entered += 1
        if self.entered == self._refuse:
            build = _refuse
        return super().enter(key, build, run=run, token=token, held=held, large=large)


def _refuse() -> Sequence[PartRows]:
    raise RefusedWrite


@dataclass
class Seen:
    """What a sweep over all faults has seen."""

    operations: int = 0
    stopped: int = 0
    disagreements: list[int] = field(default_factory=list)
    early: int = 0


async def sweep(pool: Pool, mode: Mode, guard: Guard) -> Seen:
    """Run the diamond with a fault at each operation in turn."""
    await GroupCommitSaver(pool).setup()
    await make_events(pool)
    seen = Seen()
    for fault in range(1, OPERATIONS + 1):
        writer = FaultyWriter(pool, refuse=fault, sticky=guard != "none")
        saver = GroupCommitSaver(pool, writer=writer, riders=note_event)
        thread = f"thread-{fault}"

        async def at_entry(thread_id: str, namespace: str, checkpoint_id: str) -> None:
            if guard == "sticky and tail":
                await saver.writer.settled(thread_id)  # noqa: B023 - awaited before the next turn
            if guard == "sticky and barrier":
                await saver.barrier(thread_id, namespace, checkpoint_id)  # noqa: B023
            seen.early += not saver.writer.is_committed(thread_id, (namespace, checkpoint_id))  # noqa: B023

        config: Any = {"configurable": {"thread_id": thread}}
        try:
            await diamond(at_entry).compile(checkpointer=saver).ainvoke({"done": []}, config, durability=mode)
        except RefusedWrite:
            seen.stopped += 1
        await saver.aclose()
        seen.operations = max(seen.operations, writer.entered)
        if await _disagree(pool, thread):
            seen.disagreements.append(fault)
    return seen


async def _disagree(pool: Pool, thread: str) -> bool:
    """Whether the last committed state knows of a step that the ledger does not."""
    last = await GroupCommitSaver(pool).aget_tuple({"configurable": {"thread_id": thread}})
    done = set(last.checkpoint["channel_values"].get("done", [])) if last else set()
    events = {step for (step,) in await rows(pool, "SELECT step FROM events WHERE thread_id = %s", [thread])}
    return not done <= events


@pytest.mark.parametrize("mode", ["sync", "async"])
async def test_ledger_and_state_never_disagree_and_no_body_starts_early(pg_pool: Pool, mode: Mode) -> None:
    """Sticky failure and the entry barrier together: a fault at each operation leaves no hole."""
    seen = await sweep(pg_pool, mode, "sticky and barrier")

    assert seen.operations == 10
    assert seen.stopped == 10
    assert seen.disagreements == []
    assert seen.early == 0


@pytest.mark.parametrize("mode", ["sync", "async"])
async def test_without_stickiness_the_state_goes_on_without_its_ledger_rows(
    pg_pool: Pool, mode: Mode
) -> None:
    """The control: also under `sync`, which does not wait for the writes of tasks."""
    seen = await sweep(pg_pool, mode, "none")

    assert seen.disagreements != []


@pytest.mark.parametrize("guard", ["sticky", "sticky and tail"])
async def test_without_the_barrier_bodies_start_before_their_checkpoint_is_durable(
    pg_pool: Pool, guard: Guard
) -> None:
    """The control: under `async` neither stickiness alone nor waiting for the tail holds them back."""
    seen = await sweep(pg_pool, "async", guard)

    assert seen.early > 0


async def test_under_sync_bodies_start_on_durable_checkpoints_without_a_barrier(pg_pool: Pool) -> None:
    """What `sync` does give: the checkpoint, though not the writes."""
    seen = await sweep(pg_pool, "sync", "sticky")

    assert seen.early == 0
    assert seen.disagreements == []

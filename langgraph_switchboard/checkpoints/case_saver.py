"""The saver of the switchboard's own cases: ledger in the commit, and only the owner writes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.serde.base import SerializerProtocol

from langgraph_switchboard.cases import PostgresOwners, refusals
from langgraph_switchboard.checkpoints.adoption import EPOCH, Adoptions, is_rest
from langgraph_switchboard.checkpoints.journal import RidingJournal
from langgraph_switchboard.checkpoints.saver import GroupCommitSaver, run_of
from langgraph_switchboard.checkpoints.serialiser import PlainSerialiser
from langgraph_switchboard.ledger import Entry, TaskKey
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.postgres.parts import Guard, Held, PartRows
from langgraph_switchboard.postgres.writer import GroupCommitWriter

_KEPT = 100_000
OWNER = Guard("switchboard.case_owner", "case_id", "epoch")


class CaseSaver(GroupCommitSaver):
    """The group-commit saver with the switchboard's journal and fence.

    A run that the switchboard drives comes with its epoch. One that a LangGraph server drives
    claims its case by its run id (see `Adoptions`); one with neither is not fenced.

    Args:
        pool: The database, migrated.
        journal: Hands over what steps attached.
        owners: Whom runs without an epoch claim their cases from; None leaves those unfenced.
        serde: The serialiser; a `PlainSerialiser` by default.
        timeout: Seconds within which every call ends.
        writer: A writer of one's own, guarded by `OWNER`; by default the saver makes one.
    """

    def __init__(
        self,
        pool: Pool,
        journal: RidingJournal,
        owners: PostgresOwners | None = None,
        *,
        serde: SerializerProtocol | None = None,
        timeout: float = 30.0,
        writer: GroupCommitWriter | None = None,
    ) -> None:
        writer = writer or GroupCommitWriter(pool, guard=OWNER, timeout=timeout)
        serde = serde or PlainSerialiser()
        super().__init__(pool, serde=serde, writer=writer, riders=journal.riders, claim=held_by)
        self._journal = journal
        self._adoptions = Adoptions(owners) if owners else None
        self._was_read: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read one checkpoint; the thread is ours from here on.

        Raises:
            CaseBusy: A run without an epoch wants to begin, and another holds its case.
        """
        self._journal.rides(str(config["configurable"]["thread_id"]))
        if self._adoptions:
            await self._adoptions.adopt(config)
        found = await super().aget_tuple(config)
        if found is not None:
            self._note_read(found.config)
        if self._adoptions:
            stands = found.config["configurable"]["checkpoint_id"] if found is not None else ""
            await self._adoptions.count_crash(config, stands)
        return found

    def was_there(self, thread_id: str, checkpoint_ns: str, checkpoint_id: str) -> bool:
        """Whether that checkpoint was read, and not written in the run that stands on it now."""
        return self._was_read.get((thread_id, checkpoint_ns)) == checkpoint_id

    async def aside(self, config: RunnableConfig, task: TaskKey, entries: Sequence[Entry]) -> None:
        """Commit a step's entries at once, in the order of its case and under its ownership.

        Raises:
            InputRefused: An entry holds what cannot be stored.
            StoreError: They could not be written, or something before them in the same run.
            Superseded: Somebody else owns the case by now.
        """
        if not self._journal.is_riding(task.case_id):
            self._journal.attach(task, entries)
            await self._journal.settle(task)
            return
        rows = self._journal.parts(task, entries)
        await self.writer.enter(task.case_id, lambda: rows, run=run_of(config), held=held_by(config))

    async def barrier(self, thread_id: str, checkpoint_ns: str, checkpoint_id: str) -> None:
        """Return once that checkpoint is committed; at once for a thread that we do not keep."""
        if self._journal.is_riding(thread_id):
            await super().barrier(thread_id, checkpoint_ns, checkpoint_id)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint; returns after the commit.

        Raises:
            CaseWaiting: It holds new input for a case that waits for a person; nothing is saved.
        """
        thread_id = str(config["configurable"]["thread_id"])
        self._journal.rides(thread_id)
        # LangGraph would drop the question and start over. Nothing of the run has been entered
        # before its input, so looking first does not cost it its place.
        starts_over = metadata.get("source") == "input" and checkpoint["channel_values"].get("visits")
        if starts_over and await self._journal.waits(thread_id):
            await self._refuse(config, checkpoint)
        saved = await super().aput(config, checkpoint, metadata, new_versions)
        if self._adoptions and "outcome" in new_versions:
            await self._adoptions.came_to_rest(config)
        self._was_read.pop((thread_id, str(config["configurable"].get("checkpoint_ns", ""))), None)
        return saved

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Save what one task wrote, together with its riders; returns after the commit."""
        await super().aput_writes(config, writes, task_id, task_path)
        if self._adoptions and is_rest(writes):
            await self._adoptions.came_to_rest(config)

    def at_work(self, config: RunnableConfig) -> AbstractContextManager[None]:
        """Keep the lease of a run that claimed its case by its id, while a step of it is at work."""
        return self._adoptions.at_work(config) if self._adoptions else nullcontext()

    def _note_read(self, config: RunnableConfig) -> None:
        found = config["configurable"]
        place = (str(found["thread_id"]), str(found["checkpoint_ns"]))
        self._was_read[place] = str(found["checkpoint_id"])
        self._was_read.move_to_end(place)
        if len(self._was_read) > _KEPT:
            self._was_read.popitem(last=False)

    async def _refuse(self, config: RunnableConfig, checkpoint: Checkpoint) -> None:
        """Fail this checkpoint in its place, so that every later write of the run fails with it."""
        thread_id, namespace = (
            str(config["configurable"]["thread_id"]),
            config["configurable"]["checkpoint_ns"],
        )
        if self._adoptions:
            await self._adoptions.came_to_rest(config, anyway=True)

        def refuse() -> Sequence[PartRows]:
            raise refusals.case_waits(thread_id)

        await self.writer.enter(thread_id, refuse, run=run_of(config), token=(namespace, checkpoint["id"]))


def held_by(config: RunnableConfig) -> Held | None:
    """What a run claims to own: its case, under the epoch that it was given; None for a foreign run."""
    configurable: dict[str, Any] = config["configurable"]
    epoch = configurable.get(EPOCH)
    return None if epoch is None else Held(str(configurable["thread_id"]), int(epoch))

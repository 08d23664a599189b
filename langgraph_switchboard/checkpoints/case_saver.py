"""The saver of the switchboard's own cases: ledger in the commit, and only the owner writes."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple

from langgraph_switchboard.checkpoints.journal import RidingJournal
from langgraph_switchboard.checkpoints.saver import GroupCommitSaver
from langgraph_switchboard.postgres import Pool
from langgraph_switchboard.postgres.parts import Guard, Held
from langgraph_switchboard.postgres.writer import GroupCommitWriter

EPOCH = "__switchboard_epoch"
"""Key in a run's `configurable`: the epoch under which its case is owned. LangGraph keeps keys
that begin with two underscores out of the checkpoint's metadata."""

OWNER = Guard("switchboard.case_owner", "case_id", "epoch")


class CaseSaver(GroupCommitSaver):
    """The group-commit saver with the switchboard's journal and fence.

    Args:
        pool: The database, migrated.
        journal: Hands over what steps attached.
        timeout: Seconds within which every call ends.
    """

    def __init__(self, pool: Pool, journal: RidingJournal, *, timeout: float = 30.0) -> None:
        writer = GroupCommitWriter(pool, guard=OWNER, timeout=timeout)
        super().__init__(pool, writer=writer, riders=journal.riders, claim=held_by)
        self._journal = journal

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read one checkpoint; the thread is ours from here on."""
        self._journal.rides(str(config["configurable"]["thread_id"]))
        return await super().aget_tuple(config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint; returns after the commit."""
        self._journal.rides(str(config["configurable"]["thread_id"]))
        return await super().aput(config, checkpoint, metadata, new_versions)


def held_by(config: RunnableConfig) -> Held | None:
    """What a run claims to own: its case, under the epoch that it was given; None for a foreign run."""
    configurable: dict[str, Any] = config["configurable"]
    epoch = configurable.get(EPOCH)
    return None if epoch is None else Held(str(configurable["thread_id"]), int(epoch))

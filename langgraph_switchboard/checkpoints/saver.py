"""A checkpointer for Postgres in which many cases share one commit.

    saver = GroupCommitSaver(pool)
    await saver.setup()
    app = graph.compile(checkpointer=saver)

Tables, rows and migrations are those of `AsyncPostgresSaver`, so each reads what
the other wrote. The write path is the group-commit writer; reads share queries
and take no lock. It belongs to the event loop in which it was made.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
)
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from psycopg import AsyncConnection, AsyncCursor, errors
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from langgraph_switchboard.checkpoints.reads import CheckpointKey, CheckpointReader, damaged
from langgraph_switchboard.checkpoints.removal import COPY_THREAD, DELETE_FOR_RUNS
from langgraph_switchboard.checkpoints.rows import LARGE, TaskKey, checkpoint_rows, is_large, write_rows
from langgraph_switchboard.errors import ConfigurationError, StateDamaged, StoreError
from langgraph_switchboard.postgres.parts import Held, PartRows
from langgraph_switchboard.postgres.writer import GroupCommitWriter

T = TypeVar("T")
_log = logging.getLogger(__name__)

Riders = Callable[[TaskKey, Sequence[tuple[str, Any]]], Sequence[PartRows]]
"""Given a task and what it wrote, the rows of other tables that leave in the same operation."""

Claim = Callable[[RunnableConfig], Held | None]
"""Given a run's config, what the run must own for its rows to be written."""

_RUNTIME = "__pregel_runtime"
_WHOLE = "jsonb_typeof(checkpoint -> 'channel_versions') = 'object'"
"""True of rows that the query over all threads does not fail at."""
_SOMEBODY_ELSE = (
    errors.UniqueViolation,
    errors.DuplicateTable,
    errors.DuplicateColumn,
    errors.DuplicateObject,
    errors.DeadlockDetected,
    errors.InternalError_,
)
"""What Postgres says to who makes a table that another makes at the same moment."""


def run_of(config: RunnableConfig) -> Hashable | None:
    """The identity of the run that writes: one object per invocation, shared with its subgraphs.

    LangGraph gives every invocation a `RunControl` of its own, so a new attempt on the same
    thread, under whatever `run_id`, is a new run and starts unblemished. Without a runtime
    (`update_state`, direct calls) it is None: such calls stand for themselves.
    """
    return getattr(config["configurable"].get(_RUNTIME), "control", None)


class GroupCommitSaver(AsyncPostgresSaver):
    """Drop-in checkpointer; acknowledges a write after the commit that it shares with others.

    What it adds to the stock saver: the first failed write of a run fails every later one, also
    under `durability="async"`; `barrier()`; `adelete_for_runs` and `acopy_thread`; every call
    ends within a bound. A plain user has no protection against two runs on one thread; that
    takes a `claim` and a writer with a guard.

    Args:
        pool: An open `AsyncConnectionPool` with `autocommit=True`. The saver never closes it.
        serde: The serialiser; the stock one by default.
        writer: A writer to share with others; by default the saver makes its own.
        timeout: Seconds within which every call returns; only for a writer of its own.
        riders: Called for each task whose writes are saved, in the order in which they come.
            Its rows are in the same transaction, or neither is.
        claim: Called for each write; see `GroupCommitWriter` and its guard.

    Raises:
        ConfigurationError: `pool` is a single connection, which would never recover once lost.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        *,
        serde: SerializerProtocol | None = None,
        writer: GroupCommitWriter | None = None,
        timeout: float = 30.0,
        riders: Riders | None = None,
        claim: Claim | None = None,
    ) -> None:
        if not isinstance(pool, AsyncConnectionPool):
            raise ConfigurationError(
                "GroupCommitSaver takes a pool of connections",
                wanted="psycopg_pool.AsyncConnectionPool",
                came=type(pool).__name__,
                mend="Open one with autocommit=True, or use GroupCommitSaver.from_conn_string",
            )
        super().__init__(pool, serde=serde)
        self.writer = writer or GroupCommitWriter(pool, timeout=timeout)
        self._pool = pool
        self._calls = self.writer.calls
        self.reader = CheckpointReader(pool, self._calls)
        self._riders = riders
        self._claim = claim

    @classmethod
    @asynccontextmanager
    async def from_conn_string(
        cls, conn_string: str, *, pipeline: bool = False, serde: SerializerProtocol | None = None
    ) -> AsyncIterator[GroupCommitSaver]:
        """Open a saver with a pool of its own, and close both at the end.

        Args:
            conn_string: Where Postgres is.
            pipeline: Accepted for the stock signature; batching makes it needless.
            serde: The serialiser; the stock one by default.
        """
        kwargs = {"autocommit": True, "prepare_threshold": 0}
        async with AsyncConnectionPool(conn_string, kwargs=kwargs, open=False, min_size=2) as pool:
            saver = cls(pool, serde=serde)
            try:
                yield saver
            finally:
                await saver.aclose()

    async def setup(self) -> None:
        """Make the tables, or bring them up to this version; others may do so at the same time.

        The stock migrations take no lock, and so of two processes on a fresh database one fails.
        They go on from where they stand, so whoever was second tries again.
        """
        for pause in (0.05, 0.1, 0.2, 0.4, 0.8):
            try:
                await super().setup()
                return
            except _SOMEBODY_ELSE:
                await asyncio.sleep(pause)
        await super().setup()

    # -- writing -------------------------------------------------------------------

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint; returns after the commit."""
        configurable = config["configurable"]
        thread_id, namespace = configurable["thread_id"], configurable.get("checkpoint_ns", "")
        values = checkpoint["channel_values"]
        await self.writer.enter(
            str(thread_id),
            lambda: checkpoint_rows(self.serde, config, checkpoint, metadata, new_versions),
            run=run_of(config),
            token=(namespace, checkpoint["id"]),
            held=self._claim(config) if self._claim else None,
            large=is_large(
                value for channel, value in values.items() if channel in new_versions or type(value) is str
            ),
        )
        return {
            "configurable": {
                "thread_id": thread_id,
                "checkpoint_ns": namespace,
                "checkpoint_id": checkpoint["id"],
            }
        }

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Save what one task wrote, together with its riders; returns after the commit."""
        configurable = config["configurable"]
        task = TaskKey(
            str(configurable["thread_id"]),
            configurable.get("checkpoint_ns", ""),
            configurable["checkpoint_id"],
            task_id,
        )
        riding = self._riding(task, writes)
        await self.writer.enter(
            task.thread_id,
            lambda: [*write_rows(self.serde, task, task_path, writes), *riding()],
            run=run_of(config),
            held=self._claim(config) if self._claim else None,
            large=is_large(value for _, value in writes),
        )

    def _riding(self, task: TaskKey, writes: Sequence[tuple[str, Any]]) -> Callable[[], Sequence[PartRows]]:
        """The riders, asked now and on the loop; what they raise fails the operation, and so the run."""
        if self._riders is None:
            return tuple
        try:
            rows = self._riders(task, writes)
        except Exception as error:
            refusal = error

            def refuse() -> Sequence[PartRows]:
                raise refusal

            return refuse
        return lambda: rows

    async def barrier(self, thread_id: str, checkpoint_ns: str, checkpoint_id: str) -> None:
        """Return once that checkpoint is committed; fail if it, or a write before it, failed.

        A step that calls it first, with `get_runtime().execution_info.checkpoint_id`, never
        starts on a state that a crash could still take back, whatever the durability mode
        (except `"exit"`, which saves no checkpoint while the run goes on).

        Raises:
            StoreUnavailable: The checkpoint did not come within the timeout.
        """
        token = (checkpoint_ns, checkpoint_id)
        if self.writer.is_committed(thread_id, token):
            return
        if not self.writer.is_open(thread_id):  # nothing under way here: perhaps somebody else wrote it
            key = CheckpointKey(thread_id, checkpoint_ns, checkpoint_id)
            if await self.reader.row(key) is not None:
                self.writer.note_committed(thread_id, token)
        await self.writer.committed(thread_id, token)

    async def aclose(self) -> None:
        """Write out what was given, then take nothing more; the pool stays open."""
        await self.writer.aclose()

    # -- reading -------------------------------------------------------------------

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read one checkpoint, after what this process has already been given for its thread."""
        configurable = config["configurable"]
        thread_id = str(configurable["thread_id"])
        await self.writer.settled(thread_id)
        key = CheckpointKey(thread_id, configurable.get("checkpoint_ns", ""), get_checkpoint_id(config))
        row = await self.reader.row(key)
        if row is None:
            return None
        self.writer.note_committed(thread_id, (row["checkpoint_ns"], row["checkpoint_id"]))
        return await self._load(row)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Read checkpoints, the newest first."""
        await self.writer.settled(*([str(config["configurable"]["thread_id"])] if config else []))
        where, values = self._search_where(config, filter, before)
        if config is None:
            where += f" {'AND' if where else 'WHERE'} {_WHOLE}"
        where += " ORDER BY checkpoint_id DESC"
        if limit is not None:
            where += " LIMIT %s"
            values.append(int(limit))
        for row in await self.reader.rows(where, values):
            try:
                yield await self._load(row)
            except StateDamaged as error:
                if config is not None:
                    raise
                _log.warning("left out of the list: %s", error)  # one case must not hide all others

    async def _load(self, row: DictRow) -> CheckpointTuple:
        """A row as a checkpoint.

        Raises:
            StateDamaged: It cannot be read.
        """
        try:
            return await self._read(row)
        except StoreError:
            raise
        except Exception as error:
            raise damaged(row["thread_id"], row["checkpoint_id"], error) from error

    async def _read(self, row: DictRow) -> CheckpointTuple:
        await self._migrate([row])
        blobs = [value for _, _, value in row["channel_values"] or ()]
        blobs += [write[3] for write in row["pending_writes"] or ()]
        if sum(len(value) for value in blobs if value is not None) >= LARGE:
            return await asyncio.to_thread(self._tuple, row)
        return self._tuple(row)

    def _tuple(self, row: DictRow) -> CheckpointTuple:
        checkpoint = row["checkpoint"]
        values = {**(checkpoint.get("channel_values") or {}), **self._load_blobs(row["channel_values"])}
        place = {"thread_id": row["thread_id"], "checkpoint_ns": row["checkpoint_ns"]}
        parent = row["parent_checkpoint_id"]
        return CheckpointTuple(
            {"configurable": {**place, "checkpoint_id": row["checkpoint_id"]}},
            cast(Checkpoint, {**checkpoint, "channel_values": values}),
            row["metadata"],
            {"configurable": {**place, "checkpoint_id": parent}} if parent else None,
            self._load_writes(row["pending_writes"]),
        )

    async def _migrate(self, rows: Sequence[DictRow]) -> None:
        """Checkpoints below version 4 kept what was sent to their tasks with their parents."""
        old = [row for row in rows if row["checkpoint"]["v"] < 4 and row["parent_checkpoint_id"]]
        by_thread: dict[str, list[DictRow]] = {}
        for row in old:
            by_thread.setdefault(row["thread_id"], []).append(row)
        for thread_id, some in by_thread.items():
            parents = [row["parent_checkpoint_id"] for row in some]
            sent = await self.reader.pending_sends(thread_id, parents)
            sends = {found["checkpoint_id"]: found["sends"] for found in sent}
            for row in some:
                if row["parent_checkpoint_id"] in sends:
                    row["channel_values"] = row["channel_values"] or []
                    self._migrate_pending_sends(
                        sends[row["parent_checkpoint_id"]], row["checkpoint"], row["channel_values"]
                    )

    # -- removing and copying ------------------------------------------------------

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread with all its checkpoints, after what is under way for it."""
        await self.writer.settled(str(thread_id))
        await self._calls.run(super().adelete_thread(thread_id), "delete of a thread")

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints of runs, with their writes and the blobs nobody else uses.

        It reads every checkpoint, since the schema has no index on runs. A channel kept as
        deltas loses what these runs added to it.

        Args:
            run_ids: The `run_id` of the checkpoints' metadata.
        """
        if run_ids:
            await self.writer.settled()
            await self._run(DELETE_FOR_RUNS, {"runs": [str(run) for run in run_ids]})

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread with its whole history; what the target already has stays as it is."""
        source, target = str(source_thread_id), str(target_thread_id)
        await self.writer.settled(source, target)
        await self._run(COPY_THREAD, {"source": source, "target": target})

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete old checkpoints of threads; see `AsyncPostgresSaver.aprune`."""
        if not isinstance(thread_ids, str) and thread_ids:
            await self.writer.settled(*(str(thread_id) for thread_id in thread_ids))
        await self._calls.run(super().aprune(thread_ids, strategy=strategy), "prune")

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """`adelete_for_runs`, from another thread."""
        self._from_thread(self.adelete_for_runs(run_ids))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """`acopy_thread`, from another thread."""
        self._from_thread(self.acopy_thread(source_thread_id, target_thread_id))

    def _from_thread(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    async def _run(self, sql: str, values: dict[str, Any]) -> None:
        async def once() -> None:
            async with self._cursor() as cursor:
                await cursor.execute(sql, values)

        await self._calls.run(once(), "change of checkpoints")

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[AsyncCursor[DictRow]]:
        """A cursor on a pooled connection; the stock one, without its lock."""
        async with (
            self._pool.connection() as conn,
            conn.transaction() if pipeline else _nothing(),
            conn.cursor(binary=True, row_factory=dict_row) as cursor,
        ):
            yield cursor


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield

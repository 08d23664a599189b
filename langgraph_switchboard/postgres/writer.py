"""The group-commit writer: the rows of many callers in one statement and one commit.

    enter() -> place in the lane -> batch -> one statement -> COMMIT -> every caller wakes

A caller is acknowledged only after COMMIT. While one batch is under way the next
gathers, so nobody waits on purpose and the batches grow with the load. The
writer knows no table: it takes the parts of `parts` and whoever calls it says
what they mean.

What it promises:

* Operations of one key are committed in the order of their `enter()` calls; also
  when the rows of an earlier one are still being made in a thread.
* The first operation of a run that fails fails every later one of that run.
* A row that Postgres refuses fails its own operation and no other.
* Every call returns within its bound.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool

from langgraph_switchboard.errors import StoreError
from langgraph_switchboard.postgres import verdicts
from langgraph_switchboard.postgres.batch import Batch, Operation
from langgraph_switchboard.postgres.bounded import BoundedCalls
from langgraph_switchboard.postgres.intake import Intake
from langgraph_switchboard.postgres.parts import Guard, Held, PartRows
from langgraph_switchboard.postgres.resend import resending
from langgraph_switchboard.postgres.sticky import FailedRuns
from langgraph_switchboard.postgres.waits import Waits

MAX_ROWS = 2_000
MAX_BYTES = 8_000_000


@dataclass
class WriterCounts:
    """What the writer has done so far; plain numbers for tests, metrics and benches."""

    operations: int = 0
    rows: int = 0
    statements: int = 0
    retries: int = 0
    bisections: int = 0


class _Lane:
    """One queue with at most one statement under way."""

    __slots__ = ("busy", "queue")

    def __init__(self) -> None:
        self.queue: deque[Operation] = deque()
        self.busy = False


class GroupCommitWriter:
    """Commits what concurrent callers write in as few statements as the load allows.

    It belongs to the event loop in which it is used.

    Args:
        pool: An open pool of psycopg connections, best with `autocommit=True`.
        guard: The relation that operations with `held` have to join.
        lanes: How many statements may be under way at once; a key always takes the same lane.
        timeout: Seconds within which a call returns, committed or not. Half of it is for
            waiting in the lane, half for the statement with all its retries.
        max_pending: How many operations may have their rows made and wait; more wait without rows.
        sticky: Whether a failed operation stops its run. Off only in the tests that show why it is on.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        *,
        guard: Guard | None = None,
        lanes: int = 1,
        timeout: float = 30.0,
        max_pending: int = 10_000,
        sticky: bool = True,
    ) -> None:
        self.counts = WriterCounts()
        self.calls = BoundedCalls(timeout / 2)
        self._pool = pool
        self._guard = guard
        self._lanes = [_Lane() for _ in range(lanes)]
        self._timeout = timeout
        self._numbers = itertools.count()
        self._intake = Intake(max_pending, self._queue, self._fail)
        self._failed = FailedRuns(on=sticky)
        self._waits = Waits()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    # -- what callers use ----------------------------------------------------------

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
        """Take a place in the key's order, now; the future ends when the rows are committed.

        Args:
            key: Whose order counts: a case, a thread.
            build: Makes the rows, once there is room; what it raises fails the operation.
            run: Identity of the run the operation belongs to. A failed run stays failed
                until `forget(run)`; give each invocation an identity of its own and there
                is nothing to reset. None: the operation stands for itself.
            token: Name under which `committed()` finds this operation.
            held: What must be owned for the rows to be written.
            large: Make the rows in a thread, because it would hold up the loop.

        Raises:
            StoreClosed: The writer was closed.
        """
        if self._closed:
            raise verdicts.closed(key)
        loop = asyncio.get_running_loop()
        operation = Operation(
            next(self._numbers),
            key,
            build,
            run=run,
            token=token,
            held=held,
            done=loop.create_future(),
            due=loop.time() + self._timeout / 2,
            large=large,
        )
        if error := self._failed.failure_of(operation):
            operation.done.set_exception(error)
            self._waits.refuse(operation, error)
        else:
            self._waits.enter(operation)
            self._intake.enter(operation)
        return operation.done

    async def write(
        self,
        key: str,
        rows: Sequence[PartRows],
        *,
        run: Hashable | None = None,
        token: Hashable | None = None,
        held: Held | None = None,
    ) -> None:
        """Write rows that are made already, and return once they are committed."""
        await self.enter(key, lambda: rows, run=run, token=token, held=held)

    async def settled(self, *keys: str) -> None:
        """Return once what these keys have written until now is committed or has failed.

        Without a key: what all keys have written.
        """
        await self._waits.settled(keys)

    async def committed(self, key: str, token: Hashable) -> None:
        """Return once the operation of that name is committed: the barrier.

        The operation need not have been entered yet. Whoever waits fails with it, and also
        when another operation of the key fails first, since then it may never come.

        Raises:
            StoreUnavailable: It did not come within the writer's timeout.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await self._waits.committed(key, token)
        except TimeoutError:
            raise verdicts.never_came(key, token, self._timeout) from None

    def is_committed(self, key: str, token: Hashable) -> bool:
        """Whether the operation of that name is known to be committed."""
        return self._waits.is_committed(key, token)

    def is_open(self, key: str) -> bool:
        """Whether an operation of that key was entered and has not ended."""
        return self._waits.is_open(key)

    @property
    def peak_pending(self) -> int:
        """The most operations that had their rows made and waited at one time."""
        return self._intake.peak

    def note_committed(self, key: str, token: Hashable) -> None:
        """Say that something is committed that this writer did not write, such as what was read."""
        self._waits.note_committed(key, token)

    def forget(self, run: Hashable) -> None:
        """Let a failed run write again."""
        self._failed.forget(run)

    async def aclose(self) -> None:
        """Write out what was entered, then take nothing more.

        It returns within the timeout of the writer and a second.
        """
        self._closed = True
        await self.settled()
        await self.calls.aclose()

    # -- from the lane to the commit -----------------------------------------------

    def _queue(self, operation: Operation) -> None:
        lane = self._lanes[hash(operation.key) % len(self._lanes)]
        lane.queue.append(operation)
        if not lane.busy:
            lane.busy = True
            task = asyncio.ensure_future(self._drain(lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def new_batch(self) -> Batch:
        """An empty batch."""
        return Batch(self._guard)

    async def _drain(self, lane: _Lane) -> None:
        try:
            await asyncio.sleep(0)  # one turn of the loop: siblings that wake together join
            while lane.queue:
                batch = self._take(lane.queue)
                if batch.operations:
                    await self._flush(batch)
        finally:
            lane.busy = False

    def _take(self, queue: deque[Operation]) -> Batch:
        batch = self.new_batch()
        now = asyncio.get_running_loop().time()
        while queue and batch.count < MAX_ROWS and batch.size < MAX_BYTES:
            operation = queue[0]
            if error := self._verdict(operation, now):
                self._fail(queue.popleft(), error)
                continue
            too_much = batch.count + operation.count > MAX_ROWS or batch.size + operation.size > MAX_BYTES
            if (too_much and batch.operations) or not batch.add(operation):
                break
            queue.popleft()
        return batch

    def _verdict(self, operation: Operation, now: float) -> BaseException | None:
        """Why the operation is not sent, if it is not."""
        if error := self._failed.failure_of(operation):
            return error
        if operation.done.cancelled():
            return verdicts.dropped(operation)
        return verdicts.overdue(operation) if now > operation.due else None

    async def _flush(self, batch: Batch) -> None:
        try:
            superseded = await self.calls.run(self._send(batch), "group commit")
        except StoreError as error:
            error.__cause__ = error.__cause__ or batch.trouble
            for operation in batch.operations:
                self._fail(operation, error)
        except Exception as error:
            await self._bisect(batch, error)
        else:
            self.counts.operations += len(batch.operations)
            self.counts.rows += batch.count
            for operation in batch.operations:
                if operation.held in superseded:
                    self._fail(operation, verdicts.superseded(operation))
                else:
                    self._settle(operation, None)

    async def _bisect(self, batch: Batch, error: Exception) -> None:
        """Find the refused operation: halves keep the order, so a key's rows stay in line."""
        if len(batch.operations) == 1:
            self._fail(batch.operations[0], error)
            return
        self.counts.bisections += 1
        middle = len(batch.operations) // 2
        for half in (batch.operations[:middle], batch.operations[middle:]):
            rest = self.new_batch()
            for operation in half:
                if earlier := self._failed.failure_of(operation):
                    self._fail(operation, earlier)
                else:
                    rest.add(operation)
            if rest.operations:
                await self._flush(rest)

    async def _send(self, batch: Batch) -> set[Held]:
        if not batch.count:
            return set()
        sql, values = batch.compose()

        async def once(conn: AsyncConnection[Any]) -> set[Held]:
            self.counts.statements += 1
            async with conn.cursor(row_factory=tuple_row) as cursor:
                await cursor.execute(sql, values, binary=True)
                return batch.superseded({number for (number,) in await cursor.fetchall()})

        def again(error: psycopg.Error) -> None:
            self.counts.retries += 1
            batch.trouble = error

        return await resending(self._pool, once, repeatable=batch.repeatable, again=again)

    # -- how an operation ends -----------------------------------------------------

    def _fail(self, operation: Operation, error: BaseException) -> None:
        self._failed.note(operation, error)
        self._settle(operation, error)

    def _settle(self, operation: Operation, error: BaseException | None) -> None:
        if not operation.done.done():
            if error is None:
                operation.done.set_result(None)
            else:
                operation.done.set_exception(error)
        self._waits.leave(operation, error)
        self._intake.leave()

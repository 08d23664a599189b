"""Points: where a process can be killed, and the connections that count them.

Every SQL statement of every connection is a point, every COMMIT, and every effect that the
outside world is told of. They are numbered as they come, from 1.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

import psycopg
from psycopg import AsyncConnection, AsyncCursor, AsyncTransaction
from psycopg.pq import TransactionStatus

from langgraph_switchboard.postgres import ConnectionClass

T = TypeVar("T")

When = Literal["before", "during", "after", "refused"]
"""Before a statement is sent; while the server works on it; once its answer is there, or its
COMMIT. `refused` kills nobody: the statement fails as one that the server does not take, and the
next one as well, since a batch that is refused is sent again by halves."""

_TURNS = 3
"""Turns of the event loop after which a statement is certainly on its way."""
_LABEL = 60


@dataclass(frozen=True, slots=True)
class Point:
    """One moment in the life of a process.

    Args:
        number: The statement or effect, counted from 1.
        when: Before it, during it, after it.
    """

    number: int
    when: When

    def __str__(self) -> str:
        return f"{self.when} {self.number}"


class Reaper:
    """Counts the points that its process passes, and ends the process at one of them.

    Args:
        point: Where; None only counts.
    """

    def __init__(self, point: Point | None = None) -> None:
        self.marks: list[str] = []
        self.refused = 0
        self.armed = False
        self._point = point

    async def statement(self, label: str, work: Coroutine[Any, Any, T]) -> T:
        """Run a statement, and die at it if it is the one."""
        when = self._when(label)
        if when == "before":
            die()
        if when == "refused":
            work.close()
            self.refused += 1
            raise psycopg.errors.RaiseException("this statement is refused, to see what becomes of the rest")
        if when == "during":
            task = asyncio.ensure_future(work)
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            die()
            return await task
        result = await work
        if when == "after":
            die()
        return result

    def effect(self, label: str, line: bytes, file: int) -> None:
        """Tell the outside world something, and die at it if it is the one."""
        when = self._when(label)
        if when == "before":
            die()
        os.write(file, line)
        if when in ("during", "after"):
            die()

    def _when(self, label: str) -> When | None:
        if not self.armed:
            return None
        self.marks.append(label)
        if self._point is None:
            return None
        late = len(self.marks) - self._point.number
        return self._point.when if late == 0 or (late == 1 and self._point.when == "refused") else None


def die() -> None:
    """End this process as a power cut would: no handler runs, nothing is closed."""
    os.kill(os.getpid(), signal.SIGKILL)


def watched(reaper: Reaper) -> ConnectionClass:
    """Connections whose every statement passes the reaper.

    The empty statement by which a pool asks whether a connection still lives is no point.
    """

    class Cursor(AsyncCursor[Any]):
        async def execute(self, query: Any, *args: Any, **options: Any) -> Any:
            work = super().execute(query, *args, **options)
            return await (reaper.statement(_label(query), work) if query else work)

        async def executemany(self, query: Any, *args: Any, **options: Any) -> None:
            await reaper.statement(_label(query), super().executemany(query, *args, **options))

    class Connection(AsyncConnection[Any]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.cursor_factory = Cursor

        async def commit(self) -> None:
            if self.info.transaction_status == TransactionStatus.IDLE:
                await super().commit()
            else:
                await reaper.statement("COMMIT", super().commit())

        @asynccontextmanager
        async def transaction(
            self, savepoint_name: str | None = None, force_rollback: bool = False
        ) -> AsyncIterator[AsyncTransaction]:
            async with AsyncExitStack() as stack:
                block = super().transaction(savepoint_name, force_rollback)
                transaction = await reaper.statement("BEGIN", stack.enter_async_context(block))
                yield transaction
                await reaper.statement("COMMIT", stack.aclose())

    return cast("ConnectionClass", Connection)


def _label(query: object) -> str:
    text = query.decode() if isinstance(query, bytes) else str(query)
    words = " ".join(line for line in text.splitlines() if not line.lstrip().startswith("--")).split()
    return " ".join(words)[:_LABEL]

"""Calls to Postgres that return in time, even when the network swallows every byte.

`asyncio.timeout` does not bound a psycopg call: on cancellation psycopg asks the
server to stop and waits for its answer, which a black hole never gives. So each
call is a task of its own; when its time is over the caller goes on at once, and
the task is cancelled and left to end by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from langgraph_switchboard.errors import StoreUnavailable

T = TypeVar("T")


class BoundedCalls:
    """Runs calls under a bound and keeps hold of those that did not return.

    Args:
        seconds: The longest that any call may take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._strays: set[asyncio.Task[Any]] = set()

    async def run(self, call: Coroutine[Any, Any, T], doing: str) -> T:
        """Await the call, but no longer than the bound.

        Args:
            call: The coroutine to run.
            doing: What it does, for the error's text.

        Raises:
            StoreUnavailable: The bound is over; whether the call took effect is unknown.
        """
        task = asyncio.ensure_future(call)
        try:
            await asyncio.wait({task}, timeout=self.seconds)
        finally:
            if not task.done():
                self._abandon(task)
        if task in self._strays or task.cancelled():
            raise StoreUnavailable(
                f"Postgres did not answer within {self.seconds:g} s",
                where=doing,
                mend="Whether it took effect is unknown. Look at the server and the network, then resume",
            )
        return task.result()

    def _abandon(self, task: asyncio.Task[Any]) -> None:
        self._strays.add(task)
        task.add_done_callback(self._forget)
        task.cancel()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._strays.discard(task)
        if not task.cancelled():
            task.exception()  # a late failure was already reported as unavailable

    async def aclose(self, seconds: float = 1.0) -> None:
        """Give the calls that did not return a last moment to end.

        The second cancellation ends psycopg's own waiting for the server.
        """
        if self._strays:
            for task in self._strays:
                task.cancel()
            await asyncio.wait(set(self._strays), timeout=seconds)

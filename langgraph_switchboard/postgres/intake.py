"""From the call to the lane: room, rows, and nobody overtaken on the way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from langgraph_switchboard.postgres.batch import Operation


class Intake:
    """Lets operations in while there is room, has their rows made, and keeps each key in line.

    Operations that find no room wait in the order in which they came, without rows. A large one
    has its rows made in a thread; what comes later for its key waits behind it.

    Args:
        room: How many operations may be inside.
        queue: Told each operation whose rows are ready, in the order of its key.
        fail: Told each operation whose rows cannot be made.
    """

    def __init__(
        self,
        room: int,
        queue: Callable[[Operation], None],
        fail: Callable[[Operation, Exception], None],
    ) -> None:
        self.inside = 0
        self.peak = 0
        self._room = room
        self._queue = queue
        self._fail = fail
        self._waiting: deque[Operation] = deque()
        self._behind: dict[str, deque[Operation]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._letting_in = False

    def enter(self, operation: Operation) -> None:
        """Take an operation in, or let it wait for room."""
        if self._waiting or self.inside >= self._room:
            self._waiting.append(operation)
        else:
            self._admit(operation)

    def leave(self) -> None:
        """An operation has ended: whoever waits longest comes in."""
        self.inside -= 1
        if self._letting_in:  # an admission that fails ends here again: one loop, no recursion
            return
        self._letting_in = True
        try:
            while self._waiting and self.inside < self._room:
                self._admit(self._waiting.popleft())
        finally:
            self._letting_in = False

    def _admit(self, operation: Operation) -> None:
        self.inside += 1
        self.peak = max(self.peak, self.inside)
        behind = self._behind.get(operation.key)
        if operation.large:
            self._behind.setdefault(operation.key, deque()).append(operation)
            task = asyncio.ensure_future(self._fill_aside(operation))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        operation.fill()
        if behind is not None:
            behind.append(operation)
        else:
            self._pass_on(operation)

    async def _fill_aside(self, operation: Operation) -> None:
        await asyncio.to_thread(operation.fill)
        behind = self._behind[operation.key]
        while behind and behind[0].ready:
            self._pass_on(behind.popleft())
        if not behind:
            del self._behind[operation.key]

    def _pass_on(self, operation: Operation) -> None:
        if operation.broken is not None:
            self._fail(operation, operation.broken)
        else:
            self._queue(operation)

"""A lane: what many callers write leaves in few batches, and each is told its own outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

from langgraph_switchboard.errors import StoreError, StoreUnavailable


class Item(Protocol):
    """What a lane can carry."""

    @property
    def key(self) -> str:
        """Whose it is: a batch takes one item per key, so items of one key leave in order."""

    @property
    def size(self) -> int:
        """How heavy it is, in characters."""


T = TypeVar("T", bound=Item)
_Waiting = tuple[T, asyncio.Future[None]]


class Lane(Generic[T]):
    """Group commit: while one batch is under way the next one gathers.

    Nobody waits for company on purpose, and the batches grow with the load. A batch
    that is refused is halved until the item that is to blame stands alone, so that
    it fails alone. A batch that met an unreachable store fails as a whole.

    Args:
        send: Writes a batch, all of it or nothing, and returns once it is durable. It raises
            `StoreUnavailable` where no item is to blame, another `StoreError` where one is.
        most: Items in a batch.
        heaviest: Characters in a batch; a heavier item goes alone.
    """

    def __init__(
        self, send: Callable[[Sequence[T]], Awaitable[None]], *, most: int = 500, heaviest: int = 8_000_000
    ) -> None:
        self._send = send
        self._most = most
        self._heaviest = heaviest
        self._queue: list[_Waiting[T]] = []
        self._driver: asyncio.Task[None] | None = None

    async def put(self, item: T) -> None:
        """Return once the item is durable.

        Raises:
            StoreError: It is not; after `StoreUnavailable` it may be, and can be put again.
        """
        done = asyncio.get_running_loop().create_future()
        self._queue.append((item, done))
        if self._driver is None:
            self._driver = asyncio.create_task(self._drive())
        await done

    async def _drive(self) -> None:
        try:
            await asyncio.sleep(0)  # one turn of the loop, so that siblings join the first batch
            while batch := self._take():
                await self._flush(batch)
        finally:
            self._driver = None
            for _, done in self._queue:  # left over only if the loop is being shut down
                done.cancel()

    def _take(self) -> list[_Waiting[T]]:
        taken: list[_Waiting[T]] = []
        left: list[_Waiting[T]] = []
        seen: set[str] = set()
        weight = 0
        for item, done in self._queue:
            if done.done():  # its caller was cancelled
                continue
            too_much = len(taken) >= self._most or weight + item.size > self._heaviest
            if item.key in seen or (taken and too_much):
                left.append((item, done))
            else:
                taken.append((item, done))
                weight += item.size
            seen.add(item.key)
        self._queue = left
        return taken

    async def _flush(self, batch: list[_Waiting[T]]) -> None:
        try:
            await self._send([item for item, _ in batch])
        except asyncio.CancelledError:
            for _, done in batch:
                done.cancel()
            raise
        except Exception as error:
            somebody_is_to_blame = isinstance(error, StoreError) and not isinstance(error, StoreUnavailable)
            if somebody_is_to_blame and len(batch) > 1:
                half = len(batch) // 2
                await self._flush(batch[:half])
                await self._flush(batch[half:])
                return
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
        else:
            for _, done in batch:
                if not done.done():
                    done.set_result(None)

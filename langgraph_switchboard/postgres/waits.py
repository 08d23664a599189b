"""Who waits for which write: what is still open, what is committed, and by which name."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Iterable

from langgraph_switchboard.postgres.batch import Operation
from langgraph_switchboard.postgres.verdicts import twin

_REMEMBERED = 50_000


class Waits:
    """The open operations of each key, and the names of the latest committed ones."""

    def __init__(self) -> None:
        self._open: dict[str, dict[Operation, None]] = {}
        self._named: dict[tuple[str, Hashable], Operation] = {}
        self._expected: dict[str, dict[Hashable, list[asyncio.Future[None]]]] = {}
        self._committed: OrderedDict[tuple[str, Hashable], None] = OrderedDict()
        self._broken: OrderedDict[str, BaseException] = OrderedDict()

    def enter(self, operation: Operation) -> None:
        """An operation was entered."""
        self._open.setdefault(operation.key, {})[operation] = None
        self._broken.pop(operation.key, None)
        if operation.token is not None:
            self._named[(operation.key, operation.token)] = operation
            expected = self._expected.get(operation.key)
            if expected:
                operation.watchers += expected.pop(operation.token, [])

    def leave(self, operation: Operation, error: BaseException | None) -> None:
        """An operation was committed, or failed with `error`."""
        key = operation.key
        still_open = self._open[key]
        del still_open[operation]
        if not still_open:
            del self._open[key]
        if operation.token is not None:
            name = (key, operation.token)
            if self._named.get(name) is operation:
                del self._named[name]
            if error is None:
                self.note_committed(*name)
        if operation.watchers:
            _wake(operation.watchers, error)
        if error is not None:
            self._disappoint(key, error)

    def refuse(self, operation: Operation, error: BaseException) -> None:
        """An operation was not even entered, because its run has failed."""
        self._disappoint(operation.key, error)

    def _disappoint(self, key: str, error: BaseException) -> None:
        """Tell those who expect a name that has not come: after a failure it may never come.

        Also those who begin to expect it later, until a run that has not failed writes again.
        """
        self._broken[key] = twin(error)
        if len(self._broken) > _REMEMBERED:
            self._broken.popitem(last=False)
        for waiting in self._expected.pop(key, {}).values():
            _wake(waiting, error)

    def is_committed(self, key: str, token: Hashable) -> bool:
        """Whether that name is among the latest committed ones."""
        return (key, token) in self._committed

    def is_open(self, key: str) -> bool:
        """Whether any operation of that key is under way."""
        return key in self._open

    def note_committed(self, key: str, token: Hashable) -> None:
        """Remember a name as committed, and wake who expects it."""
        self._committed[(key, token)] = None
        if len(self._committed) > _REMEMBERED:
            self._committed.popitem(last=False)
        if key in self._expected:
            _wake(self._expected[key].pop(token, []), None)

    async def committed(self, key: str, token: Hashable) -> None:
        """Return once that name is committed; raise what its operation failed with."""
        if self.is_committed(key, token):
            return
        waiting = asyncio.get_running_loop().create_future()
        if operation := self._named.get((key, token)):
            operation.watchers.append(waiting)
            await waiting
            return
        if (error := self._broken.get(key)) is not None:
            raise twin(error)
        expected = self._expected.setdefault(key, {})
        expected.setdefault(token, []).append(waiting)
        try:
            await waiting
        finally:
            self._unexpect(key, token, waiting)

    def _unexpect(self, key: str, token: Hashable, waiting: asyncio.Future[None]) -> None:
        expected = self._expected.get(key, {})
        others = [one for one in expected.get(token, []) if one is not waiting]
        if others:
            expected[token] = others
        else:
            expected.pop(token, None)
        if not expected:
            self._expected.pop(key, None)

    async def settled(self, keys: Iterable[str]) -> None:
        """Return once every operation that is open now, of these keys or of all, has ended."""
        chosen = list(keys) or list(self._open)
        operations = [operation for key in chosen for operation in self._open.get(key, ())]
        if not operations:
            return
        loop = asyncio.get_running_loop()
        endings = []
        for operation in operations:
            ending = loop.create_future()
            operation.watchers.append(ending)
            endings.append(ending)
        await asyncio.wait(endings)
        for ending in endings:
            ending.exception()  # whoever wrote was told; here only the end counts


def _wake(waiting: Iterable[asyncio.Future[None]], error: BaseException | None) -> None:
    for one in waiting:
        if one.done():
            continue
        if error is None:
            one.set_result(None)
        else:
            one.set_exception(twin(error))

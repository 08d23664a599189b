"""Which runs have failed, and from which write on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from langgraph_switchboard.postgres.batch import Operation
from langgraph_switchboard.postgres.verdicts import twin

KEPT = 100_000


class FailedRuns:
    """The first failure of each run; every operation entered after it fails with the same error.

    Args:
        on: Whether anything is remembered at all. Off only in the tests that show why it is on.
    """

    def __init__(self, *, on: bool = True) -> None:
        self._on = on
        self._first: OrderedDict[Hashable, tuple[int, BaseException]] = OrderedDict()

    def note(self, operation: Operation, error: BaseException) -> None:
        """An operation failed."""
        if not self._on or operation.run is None:
            return
        known = self._first.get(operation.run)
        if known is None or operation.number < known[0]:
            self._first[operation.run] = (operation.number, twin(error))
            if len(self._first) > KEPT:
                self._first.popitem(last=False)

    def failure_of(self, operation: Operation) -> BaseException | None:
        """The error that an operation has to fail with because an earlier one of its run failed."""
        known = self._first.get(operation.run)
        return twin(known[1]) if known is not None and known[0] < operation.number else None

    def forget(self, run: Hashable) -> None:
        """Let a failed run write again."""
        self._first.pop(run, None)

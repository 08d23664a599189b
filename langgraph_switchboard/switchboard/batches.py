"""Many cases at once: accepted together, driven so many at a time, each failing alone."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from langgraph_switchboard.cases import OPEN, PARKED, CaseRow
from langgraph_switchboard.errors import StepFailed, StoreUnavailable, SwitchboardError
from langgraph_switchboard.graphs import Blueprint
from langgraph_switchboard.nodes import Services
from langgraph_switchboard.switchboard.driver import Driver
from langgraph_switchboard.switchboard.flows import Flow
from langgraph_switchboard.switchboard.views import NewCase

_log = logging.getLogger(__name__)

_BATCH = 500


class Batches(ABC):
    """The verbs on many cases; a part of `Switchboard`."""

    _driver: Driver

    @property
    @abstractmethod
    def services(self) -> Services:
        """What steps use; the switchboard has it."""

    @abstractmethod
    def flow(self, flow: Blueprint | str, /) -> Flow:
        """A flow ready to run; the switchboard has it."""

    @abstractmethod
    def _row(self, flow: Flow, new: NewCase) -> CaseRow:
        """The row of a case that is handed in."""

    async def run_many(
        self,
        flow: Blueprint | str,
        cases: Sequence[NewCase],
        *,
        concurrency: int = 32,
        on_case: Callable[[str], None] | None = None,
    ) -> dict[str, SwitchboardError]:
        """Accept many cases, then drive those that nobody waits for.

        Cases that are known already are not started again: what has ended or waits stays so,
        what broke off goes on. One case's failure stops no other.

        Args:
            flow: The flow that they go through.
            cases: The cases.
            concurrency: How many are driven at a time.
            on_case: Called with each case's id when it has come to rest.

        Returns:
            The cases that broke off, with their errors; `resume` takes them up again. When the
            database is gone for all of those in flight, the rest is accepted and not begun.

        Raises:
            InputRefused, ContractViolation: An input is wrong; nothing of its batch was accepted.
        """
        compiled = self.flow(flow)
        for start in range(0, len(cases), _BATCH):
            await self.services.store.accept(
                [self._row(compiled, one) for one in cases[start : start + _BATCH]]
            )
        return await self._drive_all([one.case_id for one in cases], concurrency, on_case)

    async def resume_all(
        self,
        *,
        flow: str | None = None,
        concurrency: int = 32,
        on_case: Callable[[str], None] | None = None,
    ) -> dict[str, SwitchboardError]:
        """Take up every case that broke off; those that wait are looked at for decisions made.

        A case whose timer is due goes on, too.

        Returns:
            The cases that broke off again, with their errors.
        """
        rows = await self.services.store.cases(flow=flow, status=(*OPEN, *PARKED), limit=None)
        return await self._drive_all([row.case_id for row in rows], concurrency, on_case)

    async def resume_many(
        self,
        case_ids: Sequence[str],
        *,
        concurrency: int = 32,
        on_case: Callable[[str], None] | None = None,
    ) -> dict[str, SwitchboardError]:
        """Drive cases on from where they stand; unknown ids are passed over.

        Returns:
            The cases that broke off, with their errors.
        """
        return await self._drive_all(case_ids, concurrency, on_case)

    async def _drive_all(
        self, case_ids: Sequence[str], concurrency: int, on_case: Callable[[str], None] | None
    ) -> dict[str, SwitchboardError]:
        broken: dict[str, SwitchboardError] = {}
        rows = await self._rows_of(case_ids)
        left = iter(rows)
        lost = 0

        async def drive() -> None:
            nonlocal lost
            for row in left:
                try:
                    await self._driver.drive(self.flow(row.flow), row)
                except Exception as error:
                    _log.debug("case %s broke off", row.case_id, exc_info=error)
                    broken[row.case_id] = _broken_off(row.case_id, error)
                    lost = lost + 1 if isinstance(error, StoreUnavailable) else 0
                    if lost >= concurrency:
                        return  # the database is gone: every further case would wait for it in vain
                else:
                    lost = 0
                    if on_case is not None:
                        on_case(row.case_id)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(rows))):
                group.create_task(drive())
        return broken

    async def _rows_of(self, case_ids: Sequence[str]) -> list[CaseRow]:
        store = self.services.store
        rows: dict[str, CaseRow] = {}
        for start in range(0, len(case_ids), _BATCH):
            found = await store.cases(case_ids=case_ids[start : start + _BATCH], limit=None)
            rows |= {row.case_id: row for row in found}
        return [rows[case_id] for case_id in case_ids if case_id in rows]


def _broken_off(case_id: str, error: Exception) -> SwitchboardError:
    """Why a run ended early; what LangGraph or its saver raised is named, but not repeated."""
    if isinstance(error, SwitchboardError):
        return error
    return StepFailed(
        "the run broke off; the case stands where it stood",
        where=f"case {case_id}",
        came=type(error).__name__,
        mend="Resume it.",
    )

"""What operators do with cases that are under way: put an end to them."""

from __future__ import annotations

from abc import ABC, abstractmethod

from langgraph_switchboard.cases import ENDED, CaseRow
from langgraph_switchboard.cases.access import Actor
from langgraph_switchboard.cases.reviewing import CANCELLED
from langgraph_switchboard.errors import CaseError, InputRefused, NotAllowed
from langgraph_switchboard.ledger import Event, Row
from langgraph_switchboard.nodes import Services
from langgraph_switchboard.switchboard.driver import Driver
from langgraph_switchboard.switchboard.flows import Flow


class Operating(ABC):
    """The verbs of operators on cases; a part of `Switchboard`. What they do is on record."""

    _driver: Driver

    @property
    @abstractmethod
    def services(self) -> Services:
        """What steps use; the switchboard has it."""

    @abstractmethod
    def flow(self, flow: str, /) -> Flow:
        """A flow by its name; the switchboard has it."""

    @abstractmethod
    async def _known(self, case_id: str) -> CaseRow:
        """The row of a case; the switchboard has it."""

    async def cancel(self, case_id: str, *, by: str | Actor, why: str) -> CaseRow:
        """Put an end to a case that is not over: it is declined, and what it asked is asked no more.

        It is no decision: what was drafted is not sent, and nothing is approved. Cancelling again
        changes nothing.

        Args:
            case_id: The case.
            by: Who puts an end to it.
            why: Why; it stands in the ledger.

        Returns:
            The case as it stands afterwards.

        Raises:
            CaseUnknown: There is no such case.
            CaseError: It is over.
            CaseBusy: It is being driven just now.
            NotAllowed: The actor is no operator.
            InputRefused: There is no reason.
        """
        actor = by if isinstance(by, Actor) else Actor.local(by)
        if not actor.may("operate"):
            raise NotAllowed(f"{actor.name} may not cancel cases", wanted="operate")
        if not why.strip():
            raise InputRefused("a case is cancelled for a reason", where=case_id, wanted="why")
        row = await self._known(case_id)
        reason = f"cancelled by {actor.name}: {why.strip()[:2000]}"
        if row.status in ENDED:
            if row.reason == reason:
                return row
            raise CaseError("the case is over", where=f"case {case_id}", came=row.status)
        # The state first: whoever crashes in between cancels it once more.
        await self._driver.close(self.flow(row.flow), row, reason, outcome="declined")
        await self._end(row, actor.name, why.strip()[:2000], reason)
        return await self._known(case_id)

    async def _end(self, row: CaseRow, name: str, why: str, reason: str) -> None:
        store, now = self.services.store, self.services.clock()
        for review in await store.reviews(case_id=row.case_id, status="open", limit=None):
            await store.decide(
                review.review_id,
                version=review.version,
                digest=review.token,
                decision={"type": CANCELLED, "message": why},
                by=name,
                at=now,
            )
        moves = {"status": "declined", "reason": reason, "updated_at": now, "ended_at": now}
        await store.note(
            row.case_id,
            [
                Event("operated", row.step, now, {"by": name, "verb": "cancel", "reason": why}),
                Event("case_ended", row.step, now, {"outcome": "declined", "reason": reason}),
                Row("cases", {"case_id": row.case_id, **moves}),
            ],
        )

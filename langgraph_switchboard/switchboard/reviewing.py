"""What people do with a review besides deciding it: look at it, hand it on, take a decision back."""

from __future__ import annotations

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import TypeVar

from langgraph_switchboard.cases import CaseRow, ReviewRow, refusals
from langgraph_switchboard.cases.access import Actor
from langgraph_switchboard.errors import (
    CaseBusy,
    ConfigurationError,
    ReviewError,
    ReviewNotYours,
    SwitchboardError,
)
from langgraph_switchboard.ledger import Event
from langgraph_switchboard.nodes import DOUBT, Review, Services
from langgraph_switchboard.switchboard.deciding import matter_of, must_be_theirs
from langgraph_switchboard.switchboard.flows import Flow

_log = logging.getLogger(__name__)

T = TypeVar("T")

UNDO_SETTING = "SWITCHBOARD_UNDO"


class Reviewing(ABC):
    """The verbs of people; a part of `Switchboard`. What is refused stands in the ledger as well."""

    @property
    @abstractmethod
    def services(self) -> Services:
        """What steps use; the switchboard has it."""

    @abstractmethod
    def flow(self, flow: str, /) -> Flow:
        """A flow by its name; the switchboard has it."""

    async def claim(self, review_id: str, *, by: str | Actor) -> ReviewRow:
        """Say that somebody is looking at a review, taking it over from whoever was.

        Raises:
            ReviewUnknown: There is no such review.
            ReviewNotYours: They could not decide it, so they need not keep others from it.
            ReviewDecided: It is decided.
        """
        row, actor = await self._asked(review_id), _actor(by)
        case = await self._case_of(row)
        flow = self.flow(row.flow)

        async def claim() -> ReviewRow:
            must_be_theirs(actor, matter_of(flow.process, review_of_row(flow, row), row, case), row)
            return await self.services.store.claim(review_id, by=actor.name, at=self.services.clock())

        return await self._on_record(row, actor, claim())

    async def release(self, review_id: str, *, by: str | Actor) -> ReviewRow:
        """Say that one is no longer looking at a review.

        Raises:
            ReviewUnknown: There is no such review.
        """
        return await self.services.store.release(review_id, by=_actor(by).name, at=self.services.clock())

    async def escalate(
        self, review_id: str, *, by: str | Actor, to: str | None = None, message: str = ""
    ) -> ReviewRow:
        """Hand a review to another group; it stays open. Whoever decides reviews at all may do it.

        Args:
            review_id: The review.
            by: Who hands it on.
            to: The group; the one that the blueprint names unless given.
            message: Why.

        Raises:
            ReviewUnknown: There is no such review.
            ReviewNotYours: They decide no reviews.
            ReviewDecided: It is decided.
        """
        row, actor = await self._asked(review_id), _actor(by)

        async def escalate() -> ReviewRow:
            if not actor.may("decide"):
                raise ReviewNotYours(
                    f"{actor.name} decides no reviews and hands none on", where=review_id, by=actor.name
                )
            now = self.services.clock()
            return await self.services.store.escalate(
                review_id, by=actor.name, at=now, to=to or None, message=message[:2000]
            )

        return await self._on_record(row, actor, escalate())

    async def undo(self, review_id: str, *, by: str | Actor) -> ReviewRow:
        """Take one's own decision back while it is held: the review is open again.

        Raises:
            ReviewUnknown: There is no such review.
            ReviewClosed: It is too late.
            ReviewNotYours: Somebody else decided.
        """
        row, actor = await self._asked(review_id), _actor(by)
        undone = self.services.store.undo(review_id, by=actor.name, at=self.services.clock())
        return await self._on_record(row, actor, undone)

    async def _on_record(self, row: ReviewRow, actor: Actor, deed: Awaitable[T]) -> T:
        try:
            return await deed
        except (ReviewError, CaseBusy) as refused:
            await self._note_refused(row, actor, refused)
            raise

    async def _asked(self, review_id: str) -> ReviewRow:
        row = await self.services.store.review(review_id)
        if row is None:
            raise refusals.review_missing(review_id)
        return row

    async def _case_of(self, row: ReviewRow) -> CaseRow:
        case = await self.services.store.case(row.case_id)
        if case is None:
            raise refusals.case_missing(row.case_id)
        return case

    async def _note_refused(self, row: ReviewRow, actor: Actor, refused: SwitchboardError) -> None:
        """Keep on record who tried; that it was refused stands whether or not this can be written."""
        told = {"review_id": row.review_id, "by": actor.name, "code": refused.code, "why": refused.problem}
        event = Event("review_refused", row.step, self.services.clock(), told)
        try:
            await self.services.store.note(row.case_id, [event])
        except SwitchboardError:
            _log.warning("a refused decision on %s could not be recorded", row.review_id, exc_info=True)


def review_of_row(flow: Flow, row: ReviewRow) -> Review:
    """What the blueprint says of the question in a row.

    Raises:
        ReviewError: It has no such step any more.
    """
    step = flow.process.step(row.step)
    if step is not None and step.kind == "effect":
        return DOUBT
    if step is None or step.review is None:
        raise ReviewError(
            f"the flow {flow.name!r} has no review step {row.step!r} any more",
            mend="Deploy the version that the case was begun under, or one that knows the step.",
        )
    return step.review


def undo_time(
    review: Review, given: timedelta | None, variables: Mapping[str, str] | None = None
) -> timedelta:
    """How long a decision can be taken back: the blueprint's word, the setting's, or the caller's.

    Args:
        review: What the blueprint says.
        given: What the caller gives people where nobody says otherwise.
        variables: The environment unless given.

    Raises:
        ConfigurationError: The setting is no number of seconds.
    """
    if review.undo is not None:
        return review.undo
    said = (os.environ if variables is None else variables).get(UNDO_SETTING, "")
    if not said:
        return given or timedelta()
    try:
        seconds = float(said)
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds <= 3600.0:
        raise ConfigurationError(
            "this is no number of seconds", where=UNDO_SETTING, wanted="seconds, such as 10", came=said
        )
    return timedelta(seconds=seconds)


def _actor(by: str | Actor) -> Actor:
    return by if isinstance(by, Actor) else Actor.local(by)

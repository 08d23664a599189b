"""What operators do with dead letters: look at them, have them done again, or let them be."""

from __future__ import annotations

from abc import ABC, abstractmethod

from langgraph_switchboard.cases import CaseRow
from langgraph_switchboard.cases.access import Actor
from langgraph_switchboard.cases.branches import MARK
from langgraph_switchboard.cases.letters import Letter, LetterStatus, RungCount, letter_missing
from langgraph_switchboard.errors import InputRefused, LetterError, LetterSettled
from langgraph_switchboard.nodes import Services
from langgraph_switchboard.switchboard.driver import Driver
from langgraph_switchboard.switchboard.flows import Flow


class DeadLetters(ABC):
    """The verbs of operators; a part of `Switchboard`. What is redone and what is let be is on record."""

    _driver: Driver

    @property
    @abstractmethod
    def services(self) -> Services:
        """What steps use; the switchboard has it."""

    @abstractmethod
    def flow(self, flow: str, /) -> Flow:
        """A flow by its name; the switchboard has it."""

    async def dead_letters(
        self, *, flow: str | None = None, status: LetterStatus | None = "open", limit: int | None = 100
    ) -> list[Letter]:
        """The dead letters, the oldest first; those that nobody has settled unless `status` says so."""
        return await self.services.store.letters(flow=flow, status=status, limit=limit)

    async def rungs(self) -> list[RungCount]:
        """How failures ended, from the top of the ladder down."""
        return await self.services.store.rungs()

    async def letter(self, letter_id: str) -> Letter:
        """One dead letter, by its id or by that of its case.

        Raises:
            LetterUnknown: There is none.
        """
        store = self.services.store
        found = await store.letters(letter_id=letter_id, status=None)
        found = found or await store.letters(case_id=letter_id, status="open")
        found = found or (await store.letters(case_id=letter_id, status=None, limit=None))[-1:]
        if not found:
            raise letter_missing(letter_id)
        return found[0]

    async def redrive(self, letter_id: str, *, by: str | Actor) -> CaseRow:
        """Have a dead letter done again, from the step that failed.

        That step runs anew, in a new place: what it does to the world goes by its business keys,
        and is not done twice. Bounds that the case had met are given to it once more. Redriving
        again changes nothing: the case is driven on, if it still stands.

        Args:
            letter_id: The letter, or its case.
            by: Who has it done.

        Returns:
            The case as it stands afterwards.

        Raises:
            LetterUnknown: There is no such letter.
            LetterSettled: It was discarded.
            LetterError: The actor may not do it, or the flow has no such step any more.
        """
        letter, name = await self.letter(letter_id), _operator(by)
        flow = self.flow(letter.flow)
        if flow.process.step(letter.step) is None:
            raise LetterError(
                f"the flow {letter.flow!r} has no step {letter.step!r} any more",
                where=letter.letter_id,
                mend="Declare the rename, or discard the letter.",
            )
        if letter.status == "open":
            stands = {"status": "running", "step": letter.step}
            moves = {f"{MARK}{letter.branch}": stands} if letter.branch else {**stands, "ended_at": None}
            letter = await self.services.store.settle_letter(
                letter,
                "dead_letter_redriven",
                by=name,
                at=self.services.clock(),
                moves={**moves, "reason": None},
            )
        if letter.status == "discarded":
            raise _settled(letter)
        row = await self.services.store.case(letter.case_id)
        assert row is not None, "the letter is of a case that is there"
        await self._driver.drive_patiently(flow, row)
        return await self.services.store.case(letter.case_id) or row

    async def discard(self, letter_id: str, *, by: str | Actor, why: str) -> Letter:
        """Let a dead letter be, for good. A case of which one branch is let be ends with it.

        Args:
            letter_id: The letter, or its case.
            by: Who decides that.
            why: Why; it stands in the ledger.

        Raises:
            LetterUnknown: There is no such letter.
            LetterSettled: Somebody has redriven it, or discarded it for another reason.
            InputRefused: There is no reason.
        """
        letter, name = await self.letter(letter_id), _operator(by)
        if not why.strip():
            raise InputRefused("a dead letter is discarded for a reason", where=letter_id, wanted="why")
        why, now = why.strip()[:2000], self.services.clock()
        moves: dict[str, object] = {}
        if letter.branch and letter.status == "open":
            # The state first: whoever crashes in between discards the letter once more.
            row = await self.services.store.case(letter.case_id)
            assert row is not None, "the letter is of a case that is there"
            await self._driver.close(self.flow(letter.flow), row, f"discarded by {name}: {why}")
            moves = {"status": "dead_lettered", "step": letter.step, "ended_at": now, "reason": why}
        stands = await self.services.store.settle_letter(
            letter, "dead_letter_discarded", by=name, at=now, why=why, moves=moves
        )
        if (stands.status, stands.settled_by, stands.why) != ("discarded", name, why):
            raise _settled(stands)
        return stands


def _operator(by: str | Actor) -> str:
    actor = by if isinstance(by, Actor) else Actor.local(by)
    if not actor.may("operate"):
        raise LetterError(
            f"{actor.name} may not settle dead letters", wanted="an operator", mend="Ask one.", by=actor.name
        )
    return actor.name


def _settled(letter: Letter) -> LetterSettled:
    return LetterSettled(
        f"{letter.settled_by} has {letter.status} it before",
        where=letter.letter_id,
        mend="That stands; nothing was changed.",
        letter=letter.letter_id,
        by=letter.settled_by or "?",
        status=letter.status,
    )

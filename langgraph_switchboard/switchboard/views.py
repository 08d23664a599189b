"""What is handed in, and what is shown: a new case, and a case with everything that is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langgraph_switchboard.cases import CaseRow, ReviewRow
from langgraph_switchboard.contracts import CaseState, Contract
from langgraph_switchboard.ledger import LedgerEntry
from langgraph_switchboard.switchboard.telling import story_lines


@dataclass(frozen=True)
class CaseView:
    """One case with everything that is known about it.

    Args:
        row: Where it stands.
        state: Its fields, typed and opened; those not written yet are None.
        story: What happened, in order.
        reviews: The questions that people were asked, oldest first.
    """

    row: CaseRow
    state: CaseState
    story: list[LedgerEntry]
    reviews: list[ReviewRow]

    @property
    def status(self) -> str:
        """Where the case stands: `running`, `waiting`, `finished`, ..."""
        return self.row.status

    def story_lines(self) -> list[str]:
        """The story as lines of text, one for each event, the same at every run."""
        return story_lines(self.story)


@dataclass(frozen=True)
class NewCase:
    """A case to be handed in.

    Args:
        inputs: The input contract, or payload by field.
        case_id: Its id; handing the same id in again changes nothing.
        labels: Facts about it that no agent sees.
    """

    inputs: Contract | Mapping[str, Any]
    case_id: str
    labels: Mapping[str, Any]

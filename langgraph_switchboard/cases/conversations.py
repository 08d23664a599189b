"""The conversation of a case: every message is kept, and a summary stands for the old ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from langgraph_switchboard.cases.rows import MessageRow


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said in a case, or the end of it.

    Args:
        messages: Oldest first, without summaries.
        skipped: How many messages were said before the first of these.
        summary: The latest summary, if there is one.
    """

    messages: tuple[MessageRow, ...] = ()
    skipped: int = 0
    summary: MessageRow | None = None

    @property
    def length(self) -> int:
        """How many messages were said in all."""
        return self.skipped + len(self.messages)

    @property
    def covered(self) -> int:
        """For how many messages the summary stands, from the first."""
        return self.summary.covers if self.summary else 0


def conversation_of(rows: Iterable[MessageRow], *, last: int | None = None, skipped: int = 0) -> Conversation:
    """Rows in any order as a conversation.

    Args:
        rows: Messages and summaries.
        last: With a number, messages before the last so many are left out where a summary covers them.
        skipped: How many messages were said before these.
    """
    ordered = sorted(rows, key=lambda row: (row.said_at, row.ordinal, row.key))
    messages = [row for row in ordered if row.role != "summary"]
    summary = max((row for row in ordered if row.role == "summary"), key=lambda row: row.covers, default=None)
    covered = summary.covers if summary else 0
    left_out = 0 if last is None else max(0, min(covered, len(messages) - last))
    return Conversation(tuple(messages[left_out:]), skipped + left_out, summary)

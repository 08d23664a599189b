"""The window: what an agent sees of a conversation, however long it is.

The store keeps every message. An agent sees the last N, each cut to a fixed length, and a summary of all
that was said before them, of a fixed length as well: what it is handed has a bound that does not depend
on the length of the case.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph_switchboard.cases import Conversation, MessageRow

SEEN_AT_MOST = 2_000
"""Characters of one message that an agent sees; the store keeps all of them."""
_BATCH = 20

Summarise = Callable[[str, list[dict[str, str]]], Awaitable[str]]
"""Takes the summary so far and the messages after it, as `{"by": ..., "text": ...}`; gives the new one."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as an agent sees it.

    Args:
        by: Who said it: `customer`, `us`, or `agent`.
        text: What was said, cut to a fixed length.
    """

    by: str
    text: str


@dataclass(frozen=True, slots=True)
class History:
    """A conversation as an agent sees it.

    Args:
        messages: The last messages, oldest first.
        summary: What was said before them; empty where nothing was.
        length: How many messages were said in all.
    """

    messages: tuple[Heard, ...] = ()
    summary: str = ""
    length: int = 0

    def facts(self) -> dict[str, Any]:
        """It as facts of a question: data for a model, never instructions."""
        return {
            "summary_of_earlier": self.summary,
            "last_messages": [{"by": one.by, "text": one.text} for one in self.messages],
        }


@dataclass(frozen=True, slots=True)
class Window:
    """What becomes of a conversation when an agent looks at it.

    Args:
        history: What the agent sees.
        covers: For how many messages its summary stands.
        is_new: Whether the summary was made just now, and is to be kept.
    """

    history: History
    covers: int
    is_new: bool


async def look(kept: Conversation, fresh: Sequence[MessageRow], last: int, summarise: Summarise) -> Window:
    """The last messages, with the summary brought up to date where messages have left the window.

    Args:
        kept: What the store has: at least the last messages and those that no summary covers.
        fresh: What this step has said itself; it leaves with the step.
        last: How many messages are seen.
        summarise: Called with a bounded number of messages at a time.
    """
    known = {row.key for row in kept.messages}
    messages = [*kept.messages, *(row for row in fresh if row.key not in known)]
    length = kept.skipped + len(messages)
    text = kept.summary.text if kept.summary else ""
    covers, left = kept.covered, max(0, length - last)
    while covers < left:
        until = min(left, covers + _BATCH)
        aged = messages[covers - kept.skipped : until - kept.skipped]
        text, covers = await summarise(text, [_seen(row) for row in aged]), until
    heard = tuple(Heard(**_seen(row)) for row in messages[max(0, len(messages) - last) :])
    history = History(heard, text if left else "", length)
    return Window(history, covers, covers > kept.covered)


def _seen(row: MessageRow) -> dict[str, str]:
    text = row.text if len(row.text) <= SEEN_AT_MOST else f"{row.text[: SEEN_AT_MOST - 1]}…"
    return {"by": row.role, "text": text}

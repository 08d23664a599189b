"""Deciding in bulk: one approval for many questions that are alike and of which none is dangerous."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from langgraph_switchboard.cases import ReviewRow
from langgraph_switchboard.cases.access import Actor
from langgraph_switchboard.cases.refusals import review_missing
from langgraph_switchboard.errors import InputRefused, SwitchboardError
from langgraph_switchboard.switchboard.core import Switchboard


async def approve_many(
    switchboard: Switchboard,
    review_ids: Sequence[str],
    *,
    by: Actor,
    message: str = "",
    undo: timedelta | None = None,
) -> dict[str, SwitchboardError | None]:
    """Approve many reviews as they are shown just now; each is decided by itself.

    The cases are not driven on here: whoever calls hands them to a worker.

    Args:
        switchboard: Whose reviews they are.
        review_ids: The reviews; one that is named twice counts once.
        by: Who approves.
        message: What to say to all of them.
        undo: How long each can be taken back, where nobody says otherwise.

    Returns:
        What kept each from being decided, or None where it was.

    Raises:
        ReviewUnknown: One of them is not there; nothing was decided.
        InputRefused: They are of several kinds, or one is of high risk; nothing was decided.
    """
    rows: dict[str, ReviewRow] = {}
    for review_id in review_ids:
        row = await switchboard.services.store.review(review_id)
        if row is None:
            raise review_missing(review_id)
        rows[review_id] = row
    _must_be_alike(list(rows.values()))
    outcomes: dict[str, SwitchboardError | None] = {}
    for review_id, row in rows.items():
        answer = {"type": "approve", "message": message}
        try:
            await switchboard.decide(review_id, answer, by=by, digest=row.token, undo=undo, drive=False)
            outcomes[review_id] = None
        except SwitchboardError as error:
            outcomes[review_id] = error
    return outcomes


def _must_be_alike(rows: Sequence[ReviewRow]) -> None:
    kinds = {(row.flow, row.kind or row.step) for row in rows}
    if len(kinds) > 1:
        raise InputRefused(
            "only reviews of one kind are approved together",
            came=", ".join(sorted(f"{flow}: {kind}" for flow, kind in kinds)),
            mend="Choose those of one kind.",
        )
    high = [row.review_id for row in rows if row.risk == "high" or row.proposed]
    if high:
        raise InputRefused(
            "a review of high risk, or with a change that somebody proposed, is decided by itself",
            came=", ".join(high[:5]),
            mend="Open it and read it.",
        )

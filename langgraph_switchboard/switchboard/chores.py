"""Chores on reviews: what has to happen in time although nobody asks for it.

Each bears being done twice, and by two at once: it reads what is due and changes a row only as
it was read, with its event in the same commit.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from langgraph_switchboard.switchboard.core import Switchboard

PATIENCE = timedelta(seconds=5)
"""How long whoever decided is left to drive the case on himself."""
TRIES_FOR = timedelta(hours=1)
"""How long a case that does not go on is tried again at every pass; later `resume` takes it up."""


async def watch_reviews(switchboard: Switchboard, now: datetime) -> int:
    """Let decisions take effect, remind, escalate and decline, and drive on the cases that may go on.

    Args:
        switchboard: Whose reviews they are.
        now: The present moment.

    Returns:
        How many reviews were changed.
    """
    store = switchboard.services.store
    changed, go_on = 0, []
    for due in await store.due_reviews(now):
        row = await store.in_time(due.review_id, at=now)
        changed += row.revision != due.revision
        if row.status == "decided":
            go_on.append(row.case_id)
    await switchboard.resume_many(list(dict.fromkeys(go_on)))
    return changed


async def go_on_decided(switchboard: Switchboard, now: datetime) -> int:
    """Drive on the cases whose decision stands and that still wait: a crash came in between.

    Args:
        switchboard: Whose cases they are.
        now: The present moment.

    Returns:
        How many cases were driven.
    """
    store, before = switchboard.services.store, now - PATIENCE
    await store.went_on(now, before=before)
    rows = await store.not_gone_on(after=now - TRIES_FOR, before=before)
    if not rows:
        return 0
    cases = list(dict.fromkeys(row.case_id for row in rows))
    broken = await switchboard.resume_many(cases)
    went = [row.review_id for row in rows if row.case_id not in broken]
    await store.went_on(now, before=before, review_ids=went)
    return len(cases) - len(broken)

"""Evidence: what the database says of a case right after a process was killed, by a connection of our own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from langgraph_switchboard.testing.chaos.world import happenings

_DISAGREE = r"""
WITH told AS (SELECT DISTINCT task_id, namespace FROM switchboard.ledger
    -- What is told at once, ahead of what its task writes, has a place of its own: a failed attempt.
    -- So has what an operator did about a dead letter.
    WHERE case_id = %(case)s AND task_id NOT LIKE '%%#%%' AND task_id NOT LIKE 'letter %%'),
kept AS (
    SELECT DISTINCT task_id FROM checkpoint_writes
    -- Our own graphs: that of the case, and those of its branches, whose steps tell the ledger as well.
    WHERE thread_id = %(case)s
      AND checkpoint_ns IN (SELECT '' UNION SELECT regexp_replace(namespace, '\|?[^|]*$', '') FROM told)
      AND task_path NOT LIKE '%%, \_\_start\_\_' AND task_path NOT LIKE '%%.exit'
      AND channel NOT IN ('__resume__', '__error__', '__no_writes__')
      AND task_id <> '00000000-0000-0000-0000-000000000000'
      -- What takes a case up again is no step; the ledger has what an operator did.
      AND task_path NOT LIKE '~\_\_interrupt\_\_,%%'
)
SELECT task_id, told.task_id IS NOT NULL AS in_ledger
FROM told FULL JOIN kept USING (task_id)
WHERE kept.task_id IS NULL
   -- What a branch is made of is told by the steps within it.
   OR told.task_id IS NULL AND NOT EXISTS (
        SELECT FROM told inner_ WHERE position(':' || kept.task_id || '|' IN inner_.namespace) > 0)
"""

_NOT_DURABLE = """
SELECT id FROM unnest(%(ids)s::text[]) AS id
WHERE id NOT IN (SELECT checkpoint_id FROM checkpoints WHERE thread_id = %(case)s)
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What stood at one moment.

    Args:
        disagree: Tasks that only the ledger or only the state knows.
        early: Bodies that began, or effects that were done, on a checkpoint that is not there.
    """

    disagree: list[str]
    early: list[str]


def look(dsn: str, case_id: str, world: Path, *, ledger: bool) -> Evidence:
    """Read what stands of a case.

    Args:
        dsn: The database.
        case_id: The case.
        world: The file of the outside world.
        ledger: Whether there is a ledger to compare with.
    """
    seen = [one for one in happenings(world) if one.case_id == case_id and one.checkpoint]
    asked: dict[str, Any] = {"case": case_id, "ids": sorted({one.checkpoint for one in seen})}
    with psycopg.connect(dsn, autocommit=True) as connection:
        lone = connection.execute(_DISAGREE, asked).fetchall() if ledger else []
        missing = {row[0] for row in connection.execute(_NOT_DURABLE, asked).fetchall()}
    return Evidence(
        [f"{'ledger' if told else 'state'} only: task {task}" for task, told in lone],
        sorted({f"{one.kind} {one.key}" for one in seen if one.checkpoint in missing}),
    )

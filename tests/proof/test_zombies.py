"""An owner that was frozen and taken over wakes up and goes on as if nothing had happened."""

from __future__ import annotations

import pytest

from langgraph_switchboard.testing.proofs import Nursery, rigs
from langgraph_switchboard.testing.proofs.hands import deed
from langgraph_switchboard.testing.proofs.zombies import zombies

pytestmark = pytest.mark.pg


async def test_a_superseded_owner_that_wakes_up_writes_nothing(nursery: Nursery, pg_dsn: str) -> None:
    """Law 5: no checkpoint, no row of the ledger and no effect after somebody else took the case."""
    report = await zombies(nursery, pg_dsn, owners=5)
    assert report.is_clean, report.line()


async def test_without_the_fence_a_zombie_writes_on(nursery: Nursery, pg_dsn: str) -> None:
    """The control: the same owners, whose saver and effects do not ask who owns the case."""
    report = await zombies(nursery, pg_dsn, owners=4, rig=deed(rigs.without_fence))
    assert report.counts["wrote after supersession"] > 0, report.line()

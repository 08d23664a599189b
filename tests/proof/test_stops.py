"""The server is stopped at once under load."""

from __future__ import annotations

from pathlib import Path

import pytest

from langgraph_switchboard.testing.proofs.stops import stops

pytestmark = pytest.mark.pg


async def test_no_acknowledged_write_is_lost_over_immediate_stops(made_home: Path) -> None:
    """Law 2: whoever was told that a checkpoint is saved finds it after the server was killed."""
    report = await stops(made_home, writes=4_000, stops=2)
    assert report.is_clean, report.line()
    assert report.counts["acknowledged"] >= 4_000


async def test_a_write_that_is_acknowledged_early_is_lost(made_home: Path) -> None:
    """The control: acknowledged when it is handed in, not when it is committed."""
    report = await stops(made_home, writes=500, stops=1, early=True)
    assert report.broken, report.line()

"""No step, no opening and no reading of articles stands still the event loop that others wait on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, BlockingError

from graphs.claims import claims
from graphs.support_desk import desk
from langgraph_switchboard import Switchboard
from langgraph_switchboard.postgres.aside import database_aside
from tests.claims.helpers import example


@pytest.fixture
def watched() -> Iterator[None]:
    """Inside, a blocking call on a running event loop raises, as `langgraph dev` has it."""
    buster = BlockBuster()
    buster.activate()
    yield
    buster.deactivate()


async def test_control_a_call_that_blocks_is_seen(watched: None) -> None:
    """The negative control: the watch is awake."""
    with pytest.raises(BlockingError):
        time.sleep(0.001)  # noqa: ASYNC251 - this is the fault that is looked for


@pytest.mark.pg
async def test_the_desk_starts_its_server_and_runs_without_blocking(
    watched: None, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Making the data folder, starting Postgres, training the router, loading articles: all off the loop."""
    monkeypatch.setenv("SWITCHBOARD_HOME", str(home))
    monkeypatch.delenv("SWITCHBOARD_DATABASE_URL", raising=False)
    tickets = {
        "simple": {"id": "T-1", "text": "How do I change my PIN?"},
        "stolen": {"id": "T-2", "text": "My card was stolen yesterday!", "customer": "C-1007"},
    }
    async with database_aside("another"), Switchboard.open() as switchboard:
        for case_id, ticket in tickets.items():
            case = await switchboard.run(desk, {"ticket": ticket}, case_id=case_id)
            events = [entry.event for entry in case.story]
            assert [event.data["failure"] for event in events if event.kind == "step_failed"] == []
        (review,) = [one for one in await switchboard.reviews() if one.case_id == "stolen"]
        row = await switchboard.decide(review.review_id, {"type": "approve"}, by="maria")
        assert row.status == "finished"


@pytest.mark.pg
async def test_a_claim_is_paid_without_blocking(watched: None, pg_dsn: str) -> None:
    """Forms, rules, tables and the payment: nothing holds up the claims beside it."""
    async with Switchboard.open(pg_dsn) as switchboard:
        case = await switchboard.run(claims, example("L-0001"))
        failures = [entry.event for entry in case.story if entry.event.kind == "step_failed"]
        assert (case.status, failures) == ("finished", [])

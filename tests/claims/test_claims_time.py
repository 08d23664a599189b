"""A claim that waits for its claimant: reminded, and in the end handed to a person; never decided by time."""

from __future__ import annotations

from datetime import timedelta

from graphs.claims import claims
from langgraph_switchboard import Switchboard
from langgraph_switchboard.switchboard.ticker import Ticker
from langgraph_switchboard.testing import FakeClock
from tests.claims.helpers import claim_of


async def test_a_claimant_is_reminded_and_then_somebody_looks() -> None:
    """After a week a reminder, after thirty days the claim goes to our own people; it stays open."""
    clock = FakeClock()
    async with Switchboard.open("memory", flows=[claims], clock=clock.now) as switchboard:
        await switchboard.run(claims, claim_of(), case_id="c-1")
        ticker = Ticker(switchboard)

        async def after(days: int) -> tuple[set[str], str, str]:
            clock.advance(timedelta(days=days))
            await ticker.tick()
            view = await switchboard.case("c-1")
            (review,) = view.reviews
            told = {str(one.event.kind) for one in view.story if one.event.kind.startswith("review_")}
            return told, review.owner, view.status

        assert await after(days=1) == ({"review_opened"}, "claimant", "waiting")
        assert await after(days=7) == ({"review_opened", "review_reminded"}, "claimant", "waiting")
        told, owner, status = await after(days=23)
        assert "review_escalated" in told
        assert (owner, status) == ("claims-handling", "waiting")

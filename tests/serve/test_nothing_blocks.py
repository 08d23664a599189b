"""No page and no call of the API stands still the event loop that cases are driven on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster

from tests.serve.served import serving

PAGES = (
    "/", "/login", "/api", "/static/switchboard.css", "/cases", "/cases/c1", "/metrics", "/openapi.json",
    "/api/cases", "/api/cases/c1", "/api/cases/c1/story", "/api/reviews", "/api/flows", "/api/dead-letters",
    "/health", "/ready",
)  # fmt: skip


@pytest.fixture
def watched() -> Iterator[None]:
    """Inside, a blocking call on a running event loop raises, as `langgraph dev` has it."""
    buster = BlockBuster()
    buster.activate()
    yield
    buster.deactivate()


@pytest.mark.pg
async def test_pages_and_calls_are_answered_without_blocking(pg_dsn: str, watched: None) -> None:
    """Templates, static files, forms, decisions, keys and sessions: all read off the loop, or before it."""
    async with serving(pg_dsn) as rig:
        review = await rig.case("c1")
        client = rig.client(accept="text/html, application/json")
        answers = {path: (await client.get(path)).status_code for path in PAGES}
        assert answers == dict.fromkeys(PAGES, 200)
        assert (await client.get(f"/reviews/{review}")).status_code == 200
        decided = await client.post(f"/api/reviews/{review}/decide", json={"decision": {"type": "approve"}})
        assert decided.json()["case"]["status"] == "finished"
        key = await rig.key("ann", "reviewer")
        assert (await rig.client().post("/login", data={"key": key})).status_code == 303

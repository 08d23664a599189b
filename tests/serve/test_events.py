"""Events: what happens to cases, as it happens; who comes back misses nothing and hears nothing twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import psycopg
import pytest

from langgraph_switchboard import Switchboard
from langgraph_switchboard.cases.tail import BEGINNING, Place
from langgraph_switchboard.ledger import Event
from langgraph_switchboard.serve.api import MOST_STREAMS
from langgraph_switchboard.serve.feed import Wanted, event_of, follow
from langgraph_switchboard.serve.settings import ServeSettings
from tests.seam import ORDER
from tests.serve.listening import listening, serving_flows
from tests.serve.served import payments, serving

KINDS = ["step_finished", "step_finished", "review_opened"]
"""What a case tells until it waits: opened, proposed, asked."""


async def told(lines: AsyncIterator[str], number: int) -> list[dict[str, Any]]:
    """So many events of a stream."""
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        async for line in lines:
            if line.startswith("data: "):
                events.append(json.loads(line.removeprefix("data: ")))
                if len(events) == number:
                    return events
    return events


@pytest.mark.server
@pytest.mark.pg
async def test_events_come_as_they_happen_and_go_on_after_the_last_one_seen(pg_dsn: str) -> None:
    """Over HTTP, of another switchboard; `Last-Event-ID` takes the stream up where it was left."""
    with listening(lambda: serving_flows(pg_dsn, payments(), payments("refunds"))) as url:
        async with (
            Switchboard.open(pg_dsn, flows=[payments(), payments("refunds")]) as elsewhere,
            httpx.AsyncClient(base_url=url, timeout=30) as client,
        ):
            # given
            async with client.stream("GET", "/api/events") as stream:
                assert stream.headers["content-type"].startswith("text/event-stream")
                lines = stream.aiter_lines()
                # when
                await elsewhere.run("payments", ORDER, case_id="c1")
                # then
                first = await told(lines, 3)
            assert [one["kind"] for one in first] == KINDS
            assert {one["case_id"] for one in first} == {"c1"}
            assert first[-1]["data"]["review_id"].startswith("rv-")

            await elsewhere.run("refunds", ORDER, case_id="c2")
            await elsewhere.run("payments", ORDER, case_id="c3")
            seen = {"last-event-id": first[1]["id"]}
            async with client.stream("GET", "/api/events", headers=seen) as stream:
                again = await told(stream.aiter_lines(), 7)
            assert [one["case_id"] for one in again] == ["c1", *["c2"] * 3, *["c3"] * 3]
            assert [one["kind"] for one in again] == ["review_opened", *KINDS, *KINDS]

            only = {"flow": "payments", "kind": "review_opened", "after": "0-0"}
            async with client.stream("GET", "/api/events", params=only) as stream:
                asked = await told(stream.aiter_lines(), 2)
            assert [one["case_id"] for one in asked] == ["c1", "c3"]


@pytest.mark.pg
async def test_a_reader_of_the_tail_misses_nothing_that_commits_late(pg_dsn: str) -> None:
    """Places are drawn before the commit: what an older transaction still adds is never passed over.

    The control reads by place alone, and passes it over.
    """
    async with Switchboard.open(pg_dsn, flows=[payments()]) as switchboard:
        tail, store = switchboard.house.tail, switchboard.services.store
        insert = (
            "insert into switchboard.ledger (case_id, namespace, task_id, ordinal, kind, step, at, data) "
            "values (%s, '', 't', 0, 'operated', '', now(), '{}')"
        )
        async with await psycopg.AsyncConnection.connect(pg_dsn) as slow:
            await slow.execute(insert, ["slow"])  # its place is drawn, and it is not committed
            await store.note("quick", [Event("operated", "", switchboard.services.clock())])
            by_place = await slow.execute("select max(place) from switchboard.ledger where case_id <> 'slow'")
            (naive,) = await by_place.fetchone() or (0,)
            before = await tail.read(BEGINNING)
            assert before == []
            await slow.commit()
        after = await tail.read(BEGINNING)
        assert [one.case_id for one in after] == ["slow", "quick"]
        assert [one.case_id for one in after if one.at_place.place > naive] == []


async def test_nothing_of_what_a_case_is_about_leaves_with_an_event() -> None:
    """Payloads and people's words stay behind; ids, names and figures go."""
    async with serving() as rig:
        await rig.case()
        [review] = await rig.switchboard.reviews()
        secret = {"type": "reject", "message": "because Ada Lovelace asked"}
        await rig.switchboard.decide(review.review_id, secret, by="ann")
        events = [event_of(one) for one in await rig.switchboard.house.tail.read(BEGINNING)]
        text = json.dumps(events)
        assert "two chairs" not in text and "Ada Lovelace" not in text and "20.0" not in text
        (decided,) = [one for one in events if one["kind"] == "review_decided"]
        assert decided["data"] == {"by": "ann", "review_id": review.review_id, "type": "reject"}
        assert events[-1]["data"]["outcome"] == "declined"


async def test_a_stream_ends_with_the_key_that_opened_it_and_says_so_now_and_then() -> None:
    """In silence a comment keeps the line open; when the key is revoked the stream ends."""
    async with serving() as rig:
        key, text = await rig.new_key("vic", "viewer")
        assert (await rig.client().get("/api/events")).status_code == 401
        await rig.switchboard.house.access.revoke_key(key.key_id, rig.clock.now())
        assert (await rig.client(text).get("/api/events")).status_code == 401
        over = False
        beats = follow(rig.switchboard.house.tail, BEGINNING, Wanted(), is_over=lambda: over, beat=0.0)
        async with aclosing(beats):
            assert await anext(beats) is None
            over = True
            assert [one async for one in beats] == []


async def test_what_is_no_place_is_refused_and_streams_are_bounded() -> None:
    """422 for an id that is none; beyond so many streams a server takes no more."""
    async with serving() as rig:
        client = rig.client()
        for wrong in ("x", "1", "1-", "-1", "1-2-3", "9" * 30 + "-1", "\u0661-\u0661"):
            answer = await client.get("/api/events", params={"after": wrong})
            assert answer.status_code == 422, wrong
        rig.app.state.streams = MOST_STREAMS
        assert (await client.get("/api/events")).status_code == 422
        assert Place.of("12-3") == Place(12, 3) and str(Place(12, 3)) == "12-3"


@pytest.mark.pg
async def test_who_followed_another_cluster_begins_at_the_end(pg_dsn: str) -> None:
    """After a restore transaction numbers begin anew: a place ahead of all of them is not waited for."""
    async with Switchboard.open(pg_dsn, flows=[payments()]) as switchboard:
        await switchboard.run("payments", ORDER, case_id="c1")
        tail = switchboard.house.tail
        last = await tail.end()
        assert last > BEGINNING
        assert await tail.end(Place(10**17, 1)) == last
        assert await tail.end(Place(1, 1)) == Place(1, 1)


async def test_metrics_say_where_cases_stand_and_how_the_server_answers() -> None:
    """Prometheus' text form: every line is a comment or a sample, counters and a histogram that add up."""
    async with serving(settings=ServeSettings()) as rig:
        await rig.case("c1")
        await rig.switchboard.start("payments", ORDER, case_id="c2")
        client = rig.client()
        for _ in range(3):
            await client.get("/api/cases")
        answer = await client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        samples = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
        assert samples['switchboard_cases{flow="payments",status="waiting"}'] == "1"
        assert samples['switchboard_cases{flow="payments",status="accepted"}'] == "1"
        waiting = 'switchboard_reviews_waiting{flow="payments",kind="by_hand",risk="medium",owner="accounts"}'
        assert samples[waiting] == "1"
        assert samples["switchboard_reviews_oldest_seconds"] == "0"
        counted = 'switchboard_http_requests_total{method="GET",route="/api/cases",status="200"}'
        assert samples[counted] == "3"
        assert samples['switchboard_http_request_seconds_bucket{route="/api/cases",le="+Inf"}'] == "3"
        assert samples['switchboard_http_request_seconds_count{route="/api/cases"}'] == "3"
        assert (await client.get("/api/metrics")).status_code == 200
        await rig.key("vic", "viewer")
        assert (await client.get("/metrics")).status_code == 401

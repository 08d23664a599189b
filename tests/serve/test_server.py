"""The server itself: how it stops, and whose word it takes for who asks."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress

import httpx

from langgraph_switchboard.serve.auth import TRIES
from langgraph_switchboard.serve.server import serve_until_stopped
from langgraph_switchboard.serve.settings import ServeSettings
from tests.serve.served import Rig, serving

STOP = signal.SIGUSR1


@asynccontextmanager
async def up(rig: Rig, proxies: Collection[str] = ()) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    """Our server over the rig's application, in this loop; its address, and the task that ends with it."""

    @asynccontextmanager
    async def up_already(_: object) -> AsyncIterator[None]:
        yield

    rig.app.router.lifespan_context = up_already
    with socket.create_server(("127.0.0.1", 0)) as here:
        task = asyncio.create_task(serve_until_stopped(rig.app, here, [STOP], proxies))
        try:
            yield f"http://127.0.0.1:{here.getsockname()[1]}", task
        finally:
            if not task.done():
                os.kill(os.getpid(), STOP)
            await asyncio.wait_for(task, 20)


async def test_a_stream_ends_when_the_server_stops_and_requests_are_answered_first() -> None:
    """Nobody has to be cut off, and nobody holds the server up."""
    async with serving() as rig:
        async with up(rig) as (url, task), httpx.AsyncClient(base_url=url, timeout=20) as client:
            assert (await client.get("/ready")).status_code == 200
            async with client.stream("GET", "/api/events") as stream:
                lines = stream.aiter_lines()
                assert await anext(lines) == "retry: 2000"
                os.kill(os.getpid(), STOP)
                with suppress(httpx.RemoteProtocolError):
                    assert [line async for line in lines if line] == []
            await asyncio.wait_for(task, 20)
        assert rig.app.state.streams == 0


async def test_who_asks_is_what_a_header_says_only_where_a_proxy_of_ours_wrote_it() -> None:
    """Behind a named proxy addresses count one by one; a stranger's header hides nobody."""
    for proxies, after_five_of_another in (({"127.0.0.1"}, 401), (set(), 429)):
        async with serving(settings=ServeSettings(public_url="http://127.0.0.1")) as rig:
            await rig.key("ann", "reviewer")
            async with up(rig, proxies) as (url, _), httpx.AsyncClient(base_url=url) as client:

                async def guess(address: str, client: httpx.AsyncClient = client) -> int:
                    headers = {"x-forwarded-for": address}
                    return (await client.post("/login", data={"key": "sbk_0_0"}, headers=headers)).status_code

                assert [await guess("10.0.0.1") for _ in range(TRIES)] == [401] * TRIES
                assert await guess("10.0.0.2") == after_five_of_another

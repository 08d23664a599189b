"""The server: uvicorn on a socket of ours, stopped by signals without breaking anything off."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

STOPS_IN = 10
"""Seconds in which requests under way may be answered when the server stops."""


class _Server(uvicorn.Server):
    """Leaves signals to us: uvicorn would raise them again when it is done, before anything is closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def serve_until_stopped(
    app: Starlette,
    here: socket.socket,
    stops: Sequence[signal.Signals] = (),
    proxies: Collection[str] = (),
) -> None:
    """Serve an application until a signal comes.

    Streams are ended, requests under way are answered, cases under way come to rest; what does not
    in time stands where it stood, and goes on at the next start. A second signal does not wait.

    Args:
        app: The application.
        here: Where to listen.
        stops: Which signals stop it.
        proxies: Addresses of proxies whose `X-Forwarded-For` is believed.
    """
    config = uvicorn.Config(
        app,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        # Who asks is what a header says only where a proxy of ours has written it.
        proxy_headers=bool(proxies),
        forwarded_allow_ips=sorted(proxies),
        timeout_graceful_shutdown=STOPS_IN,
    )
    server, loop = _Server(config), asyncio.get_running_loop()

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True
        app.state.draining = True

    for one in stops:
        loop.add_signal_handler(one, stop)
    try:
        await server.serve([here])
    finally:
        for one in stops:
            loop.remove_signal_handler(one)

"""An application behind a real server on 127.0.0.1, in a thread with a loop of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

import uvicorn
from starlette.applications import Starlette

from langgraph_switchboard import Blueprint, Switchboard
from langgraph_switchboard.serve.app import create_app
from langgraph_switchboard.serve.settings import ServeSettings


class _Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@contextmanager
def listening(app: Callable[[], Starlette]) -> Iterator[str]:
    """Serve an application until the block ends; its address.

    Args:
        app: Makes the application, in the thread that serves it.
    """
    with socket.socket() as here:
        here.bind(("127.0.0.1", 0))
        server = _Server(uvicorn.Config(app, factory=True, log_level="warning", lifespan="on"))
        thread = threading.Thread(target=asyncio.run, args=(server.serve([here]),))
        thread.start()
        try:
            assert server.is_up.wait(30), "the server did not come up"
            yield f"http://127.0.0.1:{here.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


def serving_flows(dsn: str, *flows: Blueprint, settings: ServeSettings | None = None) -> Starlette:
    """An application over a switchboard that it opens itself."""

    def opened() -> AbstractAsyncContextManager[Switchboard]:
        return Switchboard.open(dsn, flows=flows)

    return create_app(opened, settings=settings or ServeSettings())

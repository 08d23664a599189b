"""A small HTTP server on 127.0.0.1: the ground that the fake servers stand on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

Ending = Literal["well", "early", "reset", "never"]
"""How a response ends: as promised, by a closed or a reset connection, or not before the client leaves."""


@dataclass(frozen=True)
class Request:
    """What arrived: method, path, headers (names in lower case), whole body."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Response:
    """What is sent back.

    Args:
        status: The HTTP status; 0 sends nothing at all, so that only `ends` is left of the response.
        pieces: Written one after the other.
        headers: Besides those that say how long the body is.
        ends: What comes after the pieces.
        delay: Seconds before the first byte.
        pause: Seconds before each piece but the first.
    """

    status: int = 200
    pieces: Iterable[bytes] = ()
    headers: Mapping[str, str] | None = None
    ends: Ending = "well"
    delay: float = 0.0
    pause: float = 0.0

    @classmethod
    def of(cls, value: Any, status: int = 200, **headers: str) -> Response:
        """A JSON response; in header names `_` stands for `-`."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status, (json.dumps(value).encode(),), {"content-type": "application/json", **named})


class LocalServer(ABC):
    """Answers requests until it is left; a subclass says what in `respond`.

    It has an event loop of its own in a thread of its own: a thousand connections are a thousand
    tasks, and a client that blocks its event loop while it waits still gets an answer.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        """Every request in the order of arrival."""
        # Bound here, so that the address is known before the server is entered.
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.Task[None]] = set()
        self._serving = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @abstractmethod
    def respond(self, request: Request) -> Response:
        """What to answer; called in the server's loop, so it must not block."""

    @property
    def url(self) -> str:
        """Where it listens, such as `http://127.0.0.1:40123`."""
        return self._url

    def __enter__(self) -> Self:
        self._thread.start()
        self._serving.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._socket))
        self._serving.set()
        self._loop.run_forever()
        server.close()
        for task in self._open:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._open, return_exceptions=True))
        self._loop.run_until_complete(asyncio.sleep(0))  # the transports close themselves in the next turn
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            # A client that goes away in the middle is part of the game.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while (request := await _read(reader)) and await self._exchange(request, reader, writer):
                    pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _exchange(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Send one response; whether the connection can take another request."""
        self.requests.append(request)
        response = self.respond(request)
        if response.delay:
            await asyncio.sleep(response.delay)
        if response.status:
            await _send(response, writer)
        if response.ends == "never":
            await reader.read(1)  # until the client has had enough
        if response.ends == "reset":
            _reset(writer)
        return response.ends == "well" and response.status != 0


async def _read(reader: asyncio.StreamReader) -> Request | None:
    line = await reader.readline()
    if not line.strip():
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := await reader.readline()).strip():
        name, _, text = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = text.strip()
    return Request(method, path, headers, await _body(reader, headers))


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    chunks = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        chunks.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(chunks)


async def _send(response: Response, writer: asyncio.StreamWriter) -> None:
    named = {**(response.headers or {}), "transfer-encoding": "chunked"}
    head = "".join(f"{name}: {text}\r\n" for name, text in named.items())
    writer.write(f"HTTP/1.1 {response.status} As asked\r\n{head}\r\n".encode("latin-1"))
    for number, piece in enumerate(filter(None, response.pieces)):
        if number and response.pause:
            await writer.drain()
            await asyncio.sleep(response.pause)
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    if response.ends == "well":
        writer.write(b"0\r\n\r\n")
    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Let the connection end in a reset, not in a polite end of the stream."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()

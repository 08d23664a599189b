"""A small HTTP server on 127.0.0.1 in a thread: the ground that the stubs stand on."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


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

    `pieces` are written one after the other; with `breaks_off` the connection is closed
    after them although more was promised. A `status` of 0 closes it without a word.
    """

    status: int = 200
    pieces: Iterable[bytes] = ()
    headers: Mapping[str, str] | None = None
    breaks_off: bool = False

    @classmethod
    def of(cls, value: Any, status: int = 200, **headers: str) -> Response:
        """A JSON response; in header names `_` stands for `-`."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status, (json.dumps(value).encode(),), {"content-type": "application/json", **named})


class LocalServer(ABC):
    """Answers requests in threads until it is left; a subclass says what in `respond`.

    Threads, not tasks: a client that blocks the event loop while it waits for an answer
    must get one all the same.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        """Every request in the order of arrival."""
        self.closing = threading.Event()
        """Set when the server ends; a response that hangs waits for it."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @abstractmethod
    def respond(self, request: Request) -> Response:
        """What to answer; called in a thread of its own, one per connection."""

    @property
    def url(self) -> str:
        """Where it listens, such as `http://127.0.0.1:40123`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    owner: LocalServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is part of the game."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _handle(self) -> None:
        headers = {name.lower(): text for name, text in self.headers.items()}
        request = Request(self.command, self.path, headers, self._body(headers))
        self.server.owner.requests.append(request)
        self._send(self.server.owner.respond(request))

    do_GET = do_POST = do_PATCH = _handle  # noqa: N815  # the names that http.server looks for

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(headers.get("content-length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, response: Response) -> None:
        self.close_connection = response.breaks_off or not response.status
        if not response.status:
            return
        self.send_response(response.status)
        for name, text in (response.headers or {}).items():
            self.send_header(name, text)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in filter(None, response.pieces):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if not response.breaks_off:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the test reads `requests`."""

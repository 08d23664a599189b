"""A network between a program and Postgres that can be broken on purpose.

async with faulty_network(dsn) as network:
    pool = open_pool(network.dsn)
    network.swallow()      # black hole: bytes go in, nothing comes out
    network.heal()
    network.reset()        # every connection breaks
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class FaultyNetwork:
    """Passes bytes between a Unix socket of its own and the server's, until it is told otherwise.

    Args:
        dsn: Connection string that goes through it.
        upstream: The server's socket.
    """

    def __init__(self, dsn: str, upstream: str) -> None:
        self.dsn = dsn
        self._upstream = upstream
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def swallow(self) -> None:
        """From now on no byte arrives, on old connections or new ones, and nobody is told."""
        self._open.clear()

    def heal(self) -> None:
        """Let the bytes through again; what was held back arrives."""
        self._open.set()

    def reset(self) -> None:
        """Break every connection; new ones work."""
        for writer in list(self._writers):
            writer.close()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            up_reader, up_writer = await asyncio.open_unix_connection(self._upstream)
        except OSError:  # the server is away
            writer.close()
            return
        self._writers |= {writer, up_writer}
        for source, sink in ((reader, up_writer), (up_reader, writer)):
            task = asyncio.create_task(self._pass_on(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                await self._open.wait()
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()
            self._writers.discard(sink)

    async def aclose(self) -> None:
        """End every connection."""
        self.heal()
        self.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def faulty_network(dsn: str) -> AsyncIterator[FaultyNetwork]:
    """A network in front of the server of `dsn`, which must be reached by a Unix socket.

    Args:
        dsn: Connection string of the server.
    """
    said = conninfo_to_dict(dsn)
    port = said.get("port") or 5432
    upstream = f"{said['host']}/.s.PGSQL.{port}"
    with tempfile.TemporaryDirectory(
        prefix="sbnet-", dir="/tmp"
    ) as folder:  # a short path: sockets end at 107 bytes
        network = FaultyNetwork(make_conninfo(dsn, host=folder, port=port), upstream)
        socket = str(Path(folder) / f".s.PGSQL.{port}")
        server = await asyncio.start_unix_server(network.accept, socket)
        try:
            yield network
        finally:
            server.close()
            await network.aclose()
            await server.wait_closed()

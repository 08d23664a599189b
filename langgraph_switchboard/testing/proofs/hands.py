"""Hands: long-lived processes that do things to one database at the same time.

A nursery imports everything once and forks a hand for each connection to its socket, so that
eight of them are there within moments. A hand opens a switchboard and does what it is told, one
deed after the other; a deed is an async function named `"module:name"`, called with the
switchboard and plain arguments. It may be told to begin at an instant of the system's clock,
which is how several are released together.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from langgraph_switchboard.errors import StepFailed, SwitchboardError
from langgraph_switchboard.switchboard.core import Switchboard
from langgraph_switchboard.switchboard.opening import House, open_house

_PATIENCE = 60.0
"""Seconds for a nursery to import what it needs, and for a hand to open its database."""


@dataclass(frozen=True)
class Job:
    """What a hand works on.

    Args:
        dsn: The database.
        flow: The blueprint that it knows, as `"module:name"`.
        lease: Seconds that it owns a case without being heard of.
        rig: What opens the real things, as `"module:name"`; controls bring one without a guard.
    """

    dsn: str
    flow: str
    lease: float = 30.0
    rig: str = ""


class Hand:
    """A process that does what it is told.

    Args:
        pid: Its process id.
        reader: What it says.
        writer: What it is told.
    """

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self._reader = reader
        self._writer = writer

    async def do(self, deed: str, /, *, at: float = 0.0, **args: Any) -> Any:
        """Let it do something, and give what it answers.

        Args:
            deed: `"module:name"` of an async function; its first argument is the switchboard.
            at: When to begin, by `time.monotonic()`; at once unless given.
            **args: Further arguments, JSON-plain.

        Raises:
            Refusal: What it did was refused, or failed.
        """
        self._writer.write(json.dumps({"deed": deed, "at": at, "args": args}).encode() + b"\n")
        said = await self._reader.readline()
        if not said:
            raise StepFailed("the process is gone", where=f"hand {self.pid}")
        told: dict[str, Any] = json.loads(said)
        if "error" in told:
            raise Refusal(told["error"])
        return told["gave"]

    def freeze(self) -> None:
        """Stop the process where it stands; it feels nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """Let it go."""
        self._writer.close()


class Refusal(Exception):
    """What a hand did was refused.

    Args:
        record: The error's record: its `type`, its sentences, its fields.
    """

    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record
        super().__init__(f"{record['type']}: {record.get('problem', '')}")

    @property
    def kind(self) -> str:
        """The name of the error's class."""
        return str(self.record["type"])


class Nursery:
    """Where hands come from.

    Args:
        path: Its socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Nursery]:
        """A nursery in a process of its own, for as long as the block runs."""
        with tempfile.TemporaryDirectory(prefix="sbhand-", dir="/tmp") as folder:
            path = Path(folder) / "s"
            process = subprocess.Popen(
                [sys.executable, "-c", f"from {__name__} import main; main({str(path)!r})"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
            with process:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdout.readline()  # it listens
                yield cls(path)
                process.stdin.close()
                process.terminate()

    @asynccontextmanager
    async def hands(self, *jobs: Job) -> AsyncIterator[list[Hand]]:
        """A hand for each job, ready; they end with the block."""
        made: list[Hand] = []
        try:
            async with asyncio.timeout(_PATIENCE):
                for job in jobs:
                    reader, writer = await asyncio.open_unix_connection(self._path, limit=1 << 24)
                    writer.write(json.dumps(asdict(job)).encode() + b"\n")
                    made.append(Hand(0, reader, writer))
                for hand in made:
                    hand.pid = int(await hand._reader.readline() or 0)
                    if not hand.pid:
                        raise StepFailed("a hand ended before it was ready", where="nursery")
            yield made
        finally:
            for hand in made:
                hand.close()


async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The life of a hand: open the database, then do deed after deed until nobody tells any more."""
    job = Job(**json.loads(await reader.readline()))
    rig: Callable[..., AbstractAsyncContextManager[House]] = find(job.rig) if job.rig else open_house
    async with rig(job.dsn, lease=job.lease, traced=False) as house:
        switchboard = Switchboard(house)
        switchboard.flow(job.flow)
        writer.write(f"{os.getpid()}\n".encode())
        while line := await reader.readline():
            told = json.loads(line)
            answer = await _answer(switchboard, told["deed"], told["at"], told["args"])
            writer.write(json.dumps(answer).encode() + b"\n")


async def _answer(switchboard: Switchboard, deed: str, at: float, args: dict[str, Any]) -> dict[str, Any]:
    act = find(deed)
    await asyncio.sleep(max(0.0, at - time.monotonic()))
    try:
        return {"gave": await act(switchboard, **args)}
    except SwitchboardError as error:
        return {"error": json.loads(json.dumps(error.record(), default=str))}
    except Exception as error:
        return {"error": {"type": type(error).__name__, "problem": str(error)[:300]}}


def find(reference: str) -> Any:
    """What `"module:name"` names."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


def deed(act: Callable[..., Any]) -> str:
    """The name by which a hand finds a deed."""
    return f"{act.__module__}:{act.__name__}"


def main(path: str) -> None:
    """Fork a hand for each connection, until the standard input ends."""
    logging.disable(logging.ERROR)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    import_module("langgraph_switchboard.testing.proofs.stock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(64)
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                code = 1
                try:
                    asyncio.run(_serve(connection))
                    code = 0
                finally:
                    os._exit(code)
            connection.close()


async def _serve(connection: socket.socket) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=connection)
    await work(reader, writer)

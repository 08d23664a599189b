"""The embedded Postgres: one server per user, shared by all his processes, there when it is needed.

    async with embedded_server() as server:
        print(server.line())            # Postgres 18.4 started in /home/ada/... (socket /home/ada/...)
        pool = open_pool(server.dsn)

Every process that uses the server holds a shared lock on `users.lock`; the last
one to leave gets it exclusively and stops the server. The kernel frees the lock
of a killed process, so nothing has to be counted. Starts and stops are serialised
by `start.lock`.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from langgraph_switchboard.errors import StoreError, StoreUnavailable
from langgraph_switchboard.postgres.account import server_account
from langgraph_switchboard.postgres.binaries import reachable_binaries
from langgraph_switchboard.postgres.place import Place, default_home, folder_trouble, prepare_place
from langgraph_switchboard.postgres.postmaster import Postmaster

_log = logging.getLogger(__name__)

PATIENCE = 30.0
"""Seconds that a server may take to come up."""


@dataclass(frozen=True)
class EmbeddedServer:
    """A running embedded server.

    Args:
        home: The folder that holds its data, log and locks.
        dsn: Connection string of the database `switchboard`.
        started: False where a server that was already running is shared.
        version: The version of Postgres, such as "18.4".
        sockets: The folder of its Unix socket.
    """

    home: Path
    dsn: str
    started: bool
    version: str
    sockets: Path

    def line(self) -> str:
        """What was started and where, in one line for the user."""
        verb = "started" if self.started else "already running"
        return f"Postgres {self.version} {verb} in {self.home} (socket {self.sockets})"


@asynccontextmanager
async def embedded_server(
    home: Path | None = None, *, install: Path | None = None, patience: float = PATIENCE
) -> AsyncIterator[EmbeddedServer]:
    """The embedded server for as long as the block runs, without blocking the event loop.

    Args:
        home: Its folder; SWITCHBOARD_HOME or the user's own data folder when None.
        install: The install tree of Postgres; that of the wheel when None.
        patience: Seconds to wait for a server that is starting, recovering or stopping.

    Raises:
        ConfigurationError: The home cannot be used, or the programs are missing.
        StoreUnavailable: The disk is full, or the server does not come up.
    """
    stack = ExitStack()
    entering = asyncio.ensure_future(
        asyncio.to_thread(stack.enter_context, running_server(home, install=install, patience=patience))
    )
    try:
        server = await asyncio.shield(entering)
    except asyncio.CancelledError:
        with suppress(Exception):  # who cancels a start must not leave a server behind
            await entering
        await asyncio.to_thread(stack.close)
        raise
    try:
        yield server
    finally:
        await asyncio.to_thread(stack.close)


@contextmanager
def running_server(
    home: Path | None = None, *, install: Path | None = None, patience: float = PATIENCE
) -> Iterator[EmbeddedServer]:
    """The embedded server for as long as the block runs, for plain synchronous code.

    Args and errors are those of `embedded_server`.
    """
    home = home or default_home()
    place = prepare_place(home, server_account(home / "data"))
    users = _Lock(place, "users.lock")
    try:
        with _start_lock(place, patience):
            users.share()
            postmaster, server = _come_up(place, install, patience)
        try:
            yield server
        finally:
            _leave(place, users, postmaster, patience)
    finally:
        users.close()


def _come_up(place: Place, install: Path | None, patience: float) -> tuple[Postmaster, EmbeddedServer]:
    try:
        postmaster = Postmaster(place, reachable_binaries(place, install), patience=patience)
        started = not postmaster.is_up()
        if started:
            postmaster.start()
        version = postmaster.ensure_database()
    except StoreError:  # StoreUnavailable is a ConnectionError, and so an OSError
        raise
    except OSError as error:
        raise folder_trouble(error, place.home) from None
    return postmaster, EmbeddedServer(place.home, postmaster.dsn(), started, version, place.sockets)


def _leave(place: Place, users: _Lock, postmaster: Postmaster, patience: float) -> None:
    """Stop the server if nobody else uses it.

    The work of the block is done and safe by now, so trouble here is told to the log and spoils nothing.
    """
    try:
        with _start_lock(place, patience):
            if users.try_alone() and postmaster.is_up():
                postmaster.stop()
    except StoreError as error:
        _log.warning("the embedded server is left running: %s", error)


class _Lock:
    """An advisory lock of the kernel on a file in the home; it ends with its process, however that ends."""

    def __init__(self, place: Place, name: str) -> None:
        path = place.home / name
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise folder_trouble(error, place.home) from None

    def share(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def try_alone(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        os.close(self._file)


@contextmanager
def _start_lock(place: Place, patience: float) -> Iterator[None]:
    lock = _Lock(place, "start.lock")
    until = time.monotonic() + 2 * patience
    try:
        while not lock.try_alone():
            if time.monotonic() > until:
                raise StoreUnavailable(
                    f"another process has been starting or stopping the server for {2 * patience:g} s",
                    where="embedded Postgres",
                    mend=f"Wait for it or end it; it holds {place.home / 'start.lock'}.",
                )
            time.sleep(0.02)
        yield
    finally:
        lock.close()

"""A server to sweep on: started for the sweep, and gone with it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from langgraph_switchboard.postgres import running_server

_MEMORY = Path("/dev/shm")


@contextmanager
def throwaway_server() -> Iterator[str]:
    """The connection string of a Postgres that is there for as long as the block runs.

    It lies in memory where that is a folder: what is proved about kills of processes does
    not depend on the disk.
    """
    folder = Path(tempfile.mkdtemp(prefix="switchboard-chaos-", dir=_MEMORY if _MEMORY.is_dir() else None))
    folder.chmod(0o711)  # the server's own account must pass
    try:
        with running_server(folder / "postgres") as server:
            yield server.dsn
    finally:
        shutil.rmtree(folder)

"""CPU time of the Postgres server, where it runs on this machine and /proc tells."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool

_PROC = Path("/proc")


async def postgres_cpu(pool: AsyncConnectionPool[AsyncConnection[Any]]) -> float:
    """Seconds of CPU that the server's processes have used until now.

    Args:
        pool: A pool of connections to it.

    Returns:
        The sum over the postmaster (with its ended children) and its children; 0.0 for a
        server that is not on this machine, or without /proc.
    """
    async with pool.connection() as conn, AsyncCursor(conn, row_factory=tuple_row) as cursor:
        await cursor.execute("SELECT pg_backend_pid(), inet_client_addr() IS NULL")
        ((backend, local),) = await cursor.fetchall()
    return _of_siblings(backend) if local else 0.0


def _of_siblings(backend: int) -> float:
    stat = _stat(backend)
    if stat is None:
        return 0.0
    postmaster = stat.parent
    ticks = 0
    for folder in _PROC.iterdir():
        if folder.name.isdigit() and (one := _stat(int(folder.name))) is not None:
            if int(folder.name) == postmaster:
                ticks += one.own + one.ended
            elif one.parent == postmaster:
                ticks += one.own
    return ticks / os.sysconf("SC_CLK_TCK")


class _Stat:
    """The few fields of /proc/<pid>/stat that count here."""

    def __init__(self, fields: list[str]) -> None:
        self.parent = int(fields[1])
        self.own = int(fields[11]) + int(fields[12])
        self.ended = int(fields[13]) + int(fields[14])


def _stat(pid: int) -> _Stat | None:
    try:
        said = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return _Stat(said.rpartition(")")[2].split())

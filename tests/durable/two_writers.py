"""A process that overwrites the rows another one overwrites at the same time, in the opposite order.

    python -m tests.durable.two_writers DSN up|down sorted|unsorted

Says "ready", waits for a line, and at the end says how often a statement had to be sent again.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from typing import Any

from langgraph_switchboard.postgres import open_pool
from langgraph_switchboard.postgres.batch import Batch
from langgraph_switchboard.postgres.writer import GroupCommitWriter
from tests.durable.notes import NOTES_LAST_WINS, note

ROUNDS = 60
ROWS = 300


class _Unsorted(Batch):
    def order(self, keys: Iterable[Any]) -> list[Any]:
        return list(keys)


class _UnsortedWriter(GroupCommitWriter):
    def new_batch(self) -> Batch:
        return _Unsorted()


async def main(dsn: str, direction: str, order: str) -> None:
    async with open_pool(dsn) as pool:
        writer = GroupCommitWriter(pool) if order == "sorted" else _UnsortedWriter(pool)
        numbers = list(range(ROWS)) if direction == "up" else list(range(ROWS))[::-1]
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for turn in range(ROUNDS):
            body = f"{turn}"
            await asyncio.gather(
                *(writer.write(f"k-{n}", note("shared", n, body, part=NOTES_LAST_WINS)) for n in numbers)
            )
            if writer.counts.retries:
                break
        await writer.aclose()
        print(writer.counts.retries, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

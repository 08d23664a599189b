"""A program of its own, for the tracing tests: the desk's case through a switchboard, decided in the end.

It takes the address of a database, and prints the id of the case.
"""

from __future__ import annotations

import asyncio
import sys

from graphs.support_desk import desk
from langgraph_switchboard import Switchboard

TEXT = "My card was stolen! It is 4111 1111 1111 1111; write to jane.roe@mail.example, not to my phone."
ANSWER = "Dear Jane (jane.roe@mail.example), it is blocked."


async def main(dsn: str) -> None:
    async with Switchboard.open(dsn) as switchboard:
        case = await switchboard.run(desk, {"ticket": {"id": "T-1", "text": TEXT, "customer": "C-1007"}})
        (review,) = case.reviews
        row = await switchboard.decide(
            review.review_id, {"type": "respond", "message": ANSWER}, by="maria@desk.example"
        )
        assert row.status == "finished"
        print(row.case_id)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

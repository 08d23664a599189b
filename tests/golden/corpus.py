"""Writing and loading the corpus: the rows of a few cases, as JSON.

    python -m tests.golden.corpus tests/golden/0.1.0.json

runs each scenario on an embedded server and writes what it left. Write a corpus at each
release and keep those of the earlier ones: their cases must go on under today's code.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from langgraph_switchboard import Blueprint, CaseState, Contract, Decision, StepContext, Switchboard
from langgraph_switchboard.postgres import Pool, embedded_server, open_pool

FOLDER = Path(__file__).parent
TABLES = (
    "checkpoints",
    "checkpoint_blobs",
    "checkpoint_writes",
    "switchboard.cases",
    "switchboard.reviews",
    "switchboard.outbox",
    "switchboard.ledger",
)


class Wish(Contract):
    """What somebody wants."""

    text: str


class Offer(Contract):
    """What we offer."""

    text: str
    price: int
    colour: str = "red"


class OfferDecision(Decision):
    """What a person says of it."""

    edited: Offer | None = None


class Sent(Contract):
    """That it was sent."""

    key: str


class WishCase(CaseState):
    """One wish."""

    wish: Wish
    offer: Offer | None = None
    offer_decision: OfferDecision | None = None
    sent: Sent | None = None


async def draft(wish: Wish) -> Offer:
    """Offer what was wished for, unless it cannot be had."""
    if wish.text == "the moon":
        raise LookupError("sold out")
    return Offer(text=wish.text, price=7)


async def send(offer: Offer, ctx: StepContext) -> Sent:
    """Send the offer."""
    return Sent(key=ctx.outbox("offer", {"text": offer.text}))


def wishes(
    case: type[CaseState] = WishCase, decides: type[Decision] = OfferDecision, **agents: Any
) -> Blueprint:
    """Draft -> review -> send."""
    flow = Blueprint("wishes", case=case, owner="sales")
    flow.step(agents.get("draft", draft), name="draft", then="review")
    flow.review("review", of="offer", decides=decides, then="send")
    flow.effect(agents.get("send", send), name="send")
    return flow


async def leave(dsn: str) -> None:
    """Leave a case in each state that a case can be found in."""
    async with Switchboard.open(dsn, flows=[wishes()]) as switchboard:
        for case_id, text in (("waits", "a lamp"), ("done", "a chair"), ("dead", "the moon")):
            await switchboard.run("wishes", Wish(text=text), case_id=case_id)
        await switchboard.start("wishes", Wish(text="a table"), case_id="accepted")
        for review in await switchboard.reviews():
            if review.case_id == "done":
                await switchboard.decide(review.review_id, {"type": "approve"}, by="anna")


async def dump(pool: Pool) -> dict[str, list[dict[str, Any]]]:
    """The rows of all tables; bytes and times are marked."""
    rows: dict[str, list[dict[str, Any]]] = {}
    async with pool.connection() as connection:
        for table in TABLES:
            found = await (await connection.execute(f"select * from {table}")).fetchall()
            rows[table] = [{name: _plain(value) for name, value in row.items()} for row in found]
    return rows


async def load(pool: Pool, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Put the rows of a corpus into a fresh, migrated database; columns that are gone are left out."""
    async with pool.connection() as connection:
        await connection.execute("set session_replication_role = replica")  # rows as they were, no triggers
        for table, some in rows.items():
            schema, _, name = table.rpartition(".")
            asked = [schema or "public", name]
            cursor = await connection.execute(
                "select column_name, data_type from information_schema.columns "
                "where table_schema = %s and table_name = %s and is_identity = 'NO'",
                asked,
            )
            kinds = {row["column_name"]: row["data_type"] for row in await cursor.fetchall()}
            for row in some:
                known = {name: _back(value, kinds[name]) for name, value in row.items() if name in kinds}
                names, marks = ", ".join(known), ", ".join(["%s"] * len(known))
                await connection.execute(
                    f"insert into {table} ({names}) values ({marks})", list(known.values())
                )
        await connection.execute("reset session_replication_role")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return {"bytes": base64.b64encode(bytes(value)).decode()}
    return value.isoformat() if isinstance(value, datetime) else value


def _back(value: Any, kind: str) -> Any:
    if kind == "bytea" and isinstance(value, dict):
        return base64.b64decode(value["bytes"])
    return json.dumps(value) if kind == "jsonb" and value is not None else value


async def _rows_left() -> dict[str, list[dict[str, Any]]]:
    async with embedded_server() as server, open_pool(server.dsn) as pool:
        name = "switchboard_golden"
        async with pool.connection() as connection:
            await connection.execute(f"drop database if exists {name}")
            await connection.execute(f"create database {name}")
        dsn = server.dsn.replace("/switchboard?", f"/{name}?")
        await leave(dsn)
        async with open_pool(dsn) as golden:
            return await dump(golden)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(asyncio.run(_rows_left()), indent=1, sort_keys=True) + "\n")

"""Poisoned rows: the stored state of some cases is damaged; they are told, and no other case suffers."""

from __future__ import annotations

import random
from typing import Any

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from langgraph_switchboard.errors import SwitchboardError
from langgraph_switchboard.postgres import open_pool
from langgraph_switchboard.switchboard import CaseView, NewCase, Switchboard
from langgraph_switchboard.testing.proofs.payments import FLOW, make_table, paid
from langgraph_switchboard.testing.proofs.report import ProofReport, proof

_BLOB = "update checkpoint_blobs set {} where thread_id = %(case)s and channel = 'payment'"
_LATEST = """
update checkpoints set checkpoint = {} where (thread_id, checkpoint_id) = (
    select thread_id, max(checkpoint_id) from checkpoints where thread_id = %(case)s group by 1)
"""

STATEMENTS = {
    "mutated blob": _BLOB.format("blob = overlay(blob placing '\\xffc1ff'::bytea from 3)"),
    "cut blob": _BLOB.format("blob = substring(blob from 1 for length(blob) / 2)"),
    "NUL blob": _BLOB.format("blob = '\\x0000'::bytea"),
    "empty blob": _BLOB.format("blob = ''::bytea"),
    "unknown type": _BLOB.format("type = 'parchment'"),
    "missing blob": "delete from checkpoint_blobs where thread_id = %(case)s and channel = 'payment'",
    "unknown type of a write": "update checkpoint_writes set type = 'parchment' where thread_id = %(case)s",
    "no checkpoint in the row": _LATEST.format("'{}'::jsonb"),
    "versions that are none": _LATEST.format("checkpoint || '{\"channel_versions\": 3}'::jsonb"),
}
"""Damage by one statement each; the last makes Postgres itself fail at the row."""

ENVELOPES: dict[str, dict[str, Any]] = {
    "envelope of another version": {"version": 99},
    "envelope with another digest": {"digest": "0" * 64},
    "envelope with another payload": {"payload": {"amount": 1_000_000}},
    "no envelope": {"contract": None},
}
"""Damage inside the envelope of the payment, well stored otherwise."""

KINDS = (*STATEMENTS, *ENVELOPES)


async def poisoned(dsn: str, *, rows: int, healthy: int = 10, seed: int = 0) -> ProofReport:
    """Damage the state of so many cases, and see who suffers.

    Each damaged case is shown as far as it can be or refused by an error of the library, and is
    told by `resume_all`; lists work; the others are shown, decided and paid as ever.

    Args:
        dsn: A database to do it in.
        rows: How many cases are damaged, each in one of the ways.
        healthy: How many are not.
        seed: Of their order.
    """
    draw = random.Random(seed)
    async with proof("poisoned rows") as report, open_pool(dsn) as pool:
        await make_table(pool)
        kinds = {f"bad-{n:04}": KINDS[n % len(KINDS)] for n in range(rows)}
        well = [f"well-{n:04}" for n in range(healthy)]
        async with Switchboard.open(dsn, flows=[FLOW]) as switchboard:
            everybody = [*kinds, *well]
            draw.shuffle(everybody)
            cases = [NewCase({"order": {"cents": 2}}, case_id, {}) for case_id in everybody]
            await switchboard.run_many(FLOW, cases)
            async with pool.connection() as connection:
                for case_id, kind in kinds.items():
                    await _damage(connection, case_id, kind)
            for case_id, kind in kinds.items():
                report.trials += 1
                await _inspect(report, switchboard, case_id, kind)
            listed = {row.case_id for row in await switchboard.cases(limit=None)}
            reviews = {row.case_id: row.review_id for row in await switchboard.reviews(limit=None)}
            if listed != set(everybody) or reviews.keys() != set(everybody):
                report.broken.append("the lists do not hold every case")
            told = await switchboard.resume_all()
            report.counts["told by resume_all"] = len(told)
            if told.keys() & set(well):
                report.broken.append("a healthy case broke off")
            for case_id in well:
                row = await switchboard.decide(reviews[case_id], {"type": "approve"}, by="ann")
                if row.status != "finished":
                    report.broken.append(f"{case_id}: {row.status}")
        for case_id, amounts in (await paid(pool, everybody)).items():
            if amounts != ([2, 2] if case_id in well else []):
                report.broken.append(f"{case_id}: paid {amounts}")
    return report


async def stock_lists_nothing(dsn: str) -> bool:
    """The control: whether one unknown type among the rows makes the stock saver list none of them.

    Args:
        dsn: A database with a poisoned row of that kind.
    """
    async with open_pool(dsn) as pool:
        try:
            async for _ in AsyncPostgresSaver(pool).alist(None):
                pass
        except Exception:
            return True
    return False


async def _inspect(report: ProofReport, switchboard: Switchboard, case_id: str, kind: str) -> None:
    try:
        view = await switchboard.case(case_id)
    except SwitchboardError as error:
        report.counts[type(error).__name__] += 1
    except Exception as error:
        report.broken.append(f"{kind}: {error!r}")
    else:
        report.counts["shown"] += 1
        report.broken += _lies(view, kind)


def _lies(view: CaseView, kind: str) -> list[str]:
    payment = view.state.payment  # type: ignore[attr-defined]
    if payment is not None and payment.amount != 2:
        return [f"{kind}: shown with a payment of {payment.amount}"]
    return []


async def _damage(connection: AsyncConnection[DictRow], case_id: str, kind: str) -> None:
    if kind in STATEMENTS:
        await connection.execute(STATEMENTS[kind].encode(), {"case": case_id})
        return
    serde, place = JsonPlusSerializer(), {"case": case_id}
    read = "select type, blob from checkpoint_blobs where thread_id = %(case)s and channel = 'payment'"
    row = await (await connection.execute(read, place)).fetchone()
    assert row is not None
    sealed = serde.loads_typed((row["type"], row["blob"]))
    kind_of_blob, blob = serde.dumps_typed(sealed | ENVELOPES[kind])
    await connection.execute(
        _BLOB.format("type = %(type)s, blob = %(blob)s").encode(),
        place | {"type": kind_of_blob, "blob": blob},
    )

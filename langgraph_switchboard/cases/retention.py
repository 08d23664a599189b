"""Retention: what may go after a while, and what must go when a person asks for it.

Neither touches the chain of the ledger: `verify` holds before and after. Space that was
freed is used again after a VACUUM, which Postgres does by itself; until then the bytes
of a removed row lie in the files of the database, and in backups they stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from langgraph_switchboard.cases.sessions import Connection, change, connected, fetch
from langgraph_switchboard.errors import CaseError, InputRefused
from langgraph_switchboard.postgres import Pool, load_queries

_SQL = load_queries("langgraph_switchboard.cases", "retention.sql")
_LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a pruning removed, or would remove.

    Args:
        seen: Finished cases that are old enough.
        cases: Cases among them of which something was removed.
        checkpoints: Rows of checkpoints removed.
        writes: Rows of task writes removed.
        blobs: Rows of channel values removed.
        bytes: What these rows took, compressed as they lay there.
        deltas: Cases left alone because their checkpoints build on each other.
    """

    seen: int = 0
    cases: int = 0
    checkpoints: int = 0
    writes: int = 0
    blobs: int = 0
    bytes: int = 0
    deltas: int = 0


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure removed.

    Args:
        case_ids: The cases that it was about.
        ended: Cases among them that were still open, and are declined now.
        entries: Entries of the ledger whose payload is gone.
        reviews: Reviews whose content is gone.
        outbox: Rows of the outbox that are gone.
        checkpoints: Rows of checkpoints, writes and blobs that are gone.
    """

    case_ids: tuple[str, ...] = ()
    ended: int = 0
    entries: int = 0
    reviews: int = 0
    outbox: int = 0
    checkpoints: int = 0


async def prune(
    pool: Pool,
    older_than: timedelta,
    *,
    everything: bool = False,
    dry_run: bool = False,
    batch: int = 200,
    now: datetime | None = None,
) -> Pruned:
    """Remove old checkpoints of cases that finished or were declined; the ledger stays.

    Cases that are open, wait or are dead-lettered keep all of theirs: they can be driven on.
    Each batch is a transaction of its own, so it may be broken off and begun again.

    Args:
        pool: The database, by its owner.
        older_than: How long ago a case must have ended.
        everything: True to remove the last checkpoint too; without it `get_state` still
            shows how each case ended.
        dry_run: True to count only.
        batch: Cases per transaction, whose rows are locked for its length.
        now: The present moment; the clock's when None.

    Raises:
        InputRefused: `older_than` is negative.
        StoreError: The database refused or cannot be reached; earlier batches stand.
    """
    if older_than < timedelta():
        raise InputRefused("the age must not be negative", where="prune", came=str(older_than))
    before = (now or datetime.now(UTC)) - older_than
    after: dict[str, Any] = {"ended_at": _LONG_AGO, "case_id": ""}
    total = dict.fromkeys(Pruned.__slots__, 0)
    async with connected(pool, "prune") as connection:
        if not (await fetch(connection, _SQL.saver_is_there, {}))[0]["there"]:
            return Pruned()
        while True:
            async with connection.transaction(force_rollback=dry_run):
                found = await fetch(
                    connection, _SQL.finished_before, {"before": before, "limit": batch, **after}
                )
                case_ids = [row["case_id"] for row in found if everything or not row["deltas"]]
                gone = await _remove(connection, case_ids, keep=not everything)
            if not found:
                return Pruned(**total)
            total["seen"] += len(found)
            total["deltas"] += len(found) - len(case_ids)
            for name, count in gone.items():
                total[name] += count
            after = {name: found[-1][name] for name in after}


async def sizes(pool: Pool) -> dict[str, int]:
    """What each of our tables takes with its indexes, in bytes, the largest first.

    Raises:
        StoreError: The database refused or cannot be reached.
    """
    async with connected(pool, "sizes") as connection:
        return {row["table"]: row["bytes"] for row in await fetch(connection, _SQL.sizes, {})}


async def cases_of(pool: Pool, person: str) -> list[str]:
    """The cases of a person.

    Args:
        pool: The database.
        person: Where the input of a case names the person, and how: `ticket.customer=C-1007`.

    Raises:
        InputRefused: It is not written like that.
        StoreError: The database refused or cannot be reached.
    """
    where, equals, value = person.partition("=")
    path = where.strip().split(".")
    if not equals or not value or not all(path):
        raise InputRefused(
            "this names no person", where="person", wanted="path=value, such as ticket.customer=C-1007"
        )
    async with connected(pool, "cases_of") as connection:
        found = await fetch(connection, _SQL.cases_of_person, {"path": path, "value": value})
    return [row["case_id"] for row in found]


async def erase(
    pool: Pool, case_ids: Sequence[str], *, by: str, force: bool = False, batch: int = 100
) -> Erased:
    """Erase what cases are about, everywhere; that they were, and what they cost, stays.

    Gone are the payloads in the ledger, input and labels of the cases, what was shown in
    reviews and said in decisions, the outbox, the timers, the conversation, and the checkpoints.
    The ledger gets an entry `payload_erased` per case. Again for the same cases it does no harm.

    Args:
        pool: The database, by its owner.
        case_ids: The cases; those of a person come from `cases_of`.
        by: Who erases; it stands in the ledger.
        force: True to erase open cases too: they end as declined, and whoever drives one is
            superseded.
        batch: Cases per transaction.

    Raises:
        CaseError: A case is not there, or is open without `force`; then nothing was erased.
        StoreError: The database refused or cannot be reached; earlier batches stand.
    """
    wanted = sorted(set(case_ids))
    total = dict.fromkeys(("ended", "entries", "reviews", "outbox", "checkpoints"), 0)
    async with connected(pool, "erase") as connection:
        _refuse(wanted, await fetch(connection, _SQL.lock_cases, {"case_ids": wanted}), force=force)
        for start in range(0, len(wanted), batch):
            ids = wanted[start : start + batch]
            async with connection.transaction():
                for name, count in (await _erase(connection, ids, by, force=force)).items():
                    total[name] += count
    return Erased(tuple(wanted), **total)


async def _erase(connection: Connection, ids: list[str], by: str, *, force: bool) -> dict[str, int]:
    values = {"case_ids": ids, "by": by}
    # First of all: the row of a case's owner is what a running driver's statement locks first.
    await change(connection, _SQL.supersede, values)
    # Again under the lock: between the look and here a dead letter may have been driven on.
    locked = await fetch(connection, _SQL.lock_cases, values)
    _refuse(ids, locked, force=force)
    (ledger,) = await fetch(connection, _SQL.erase_payloads, values)
    gone: dict[str, int] = {}
    if (await fetch(connection, _SQL.saver_is_there, {}))[0]["there"]:
        gone = await _remove(connection, ids, keep=False)
    await change(connection, _SQL.erase_cases, values)
    await change(connection, _SQL.erase_timers, values)
    await change(connection, _SQL.erase_messages, values)
    return {
        "ended": sum(row["open"] for row in locked),
        "entries": ledger["entries"],
        "reviews": await change(connection, _SQL.erase_reviews, values),
        "outbox": await change(connection, _SQL.erase_outbox, values),
        "checkpoints": sum(gone.get(what, 0) for what in ("checkpoints", "writes", "blobs")),
    }


def _refuse(wanted: Sequence[str], found: Sequence[dict[str, Any]], *, force: bool) -> None:
    missing = sorted({*wanted} - {row["case_id"] for row in found})
    if missing:
        raise CaseError(
            f"{len(missing)} of the cases are not there", where="erase", came=", ".join(missing[:5])
        )
    still = [row["case_id"] for row in found if row["open"]]
    if still and not force:
        raise CaseError(
            f"{len(still)} of the cases are still open",
            where="erase",
            came=", ".join(still[:5]),
            mend="Let them end first, or force it: then they end as declined.",
            cases=still,
        )


async def _remove(connection: Connection, case_ids: Sequence[str], *, keep: bool) -> dict[str, int]:
    values = {"case_ids": list(case_ids), "keep": keep}
    (gone,) = await fetch(connection, _SQL.remove_checkpoints, values)
    if keep:
        await change(connection, _SQL.cut_off_parents, values)
    return gone

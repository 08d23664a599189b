"""Verifying and sealing the ledger of a database, some cases at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from langgraph_switchboard.cases.sessions import Connection, connected, fetch
from langgraph_switchboard.ledger.verify import (
    CaseRecord,
    Finding,
    Link,
    Root,
    RootWalk,
    Seal,
    Stored,
    check_case,
)
from langgraph_switchboard.postgres import Pool, load_queries

_SQL = load_queries("langgraph_switchboard.cases", "audit.sql")

TOLD = 1_000
"""Findings that are told one by one; of more only the number is kept."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found.

    Args:
        cases: Cases that were checked.
        entries: Entries of the ledger that were checked.
        erased: Entries among them whose payload was erased; that is no damage.
        roots: Roots that were checked.
        damage: How many findings there are.
        findings: The first 1,000 of them; empty if all stands as it was written.
    """

    cases: int
    entries: int
    erased: int
    roots: int
    damage: int
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return self.damage == 0


async def verify(
    pool: Pool, case_id: str | None = None, *, root: str | None = None, batch: int = 200
) -> Verified:
    """Compute every hash of the ledger again, and compare.

    Cases are read `batch` at a time, each batch as of one moment, so it may run while
    others write. What was added after the last root and cut off again before the next one
    cannot be found; neither can a ledger that was written anew together with its roots,
    unless a root that was kept elsewhere is given.

    Args:
        pool: The database, by a role that may read the ledger.
        case_id: Only this case, and no roots; all cases when None.
        root: Hash of a root in hex, as `seal` gave it and somebody kept it elsewhere.
        batch: Cases that are read at once.

    Raises:
        StoreUnavailable: The database cannot be reached.
        StoreError: It refused; a role that may not read the ledger, or one that is not migrated.
    """
    tally = _Tally()
    async with connected(pool, "verify") as connection:
        if case_id is not None:
            await _check_cases(connection, [case_id], tally)
            return tally.result()
        place = {"last": "", "first": True, "limit": batch}
        while names := await fetch(connection, _SQL.cases_from, place):
            ids = [row["case_id"] for row in names]
            await _check_cases(connection, ids, tally)
            place |= {"last": ids[-1], "first": False}
        await _check_roots(connection, tally, root)
    return tally.result()


async def seal(pool: Pool) -> Root:
    """Write a root over the present ends of all chains; a chain that is cut off later is found.

    Args:
        pool: The database, by its owner.

    Returns:
        The root. Its hash, kept where nobody can change it, vouches for all that came before it.

    Raises:
        StoreError: The database refused or cannot be reached; nothing is sealed.
    """
    async with connected(pool, "seal") as connection, connection.transaction():
        await connection.execute("set local statement_timeout = 0")
        (row,) = await fetch(connection, _SQL.seal, {})
    return _root(row)


class _Tally:
    def __init__(self) -> None:
        self.cases = self.entries = self.erased = self.roots = self.damage = 0
        self.findings: list[Finding] = []

    def add(self, *found: Finding) -> None:
        self.damage += len(found)
        self.findings += found[: max(0, TOLD - len(self.findings))]

    def case(self, record: CaseRecord) -> None:
        entries = [*record.unchained, *(link.entry for link in record.links if link.entry)]
        self.cases += 1
        self.entries += len(entries)
        self.erased += sum(entry.erased for entry in entries)
        self.add(*check_case(record))

    def result(self) -> Verified:
        counts = (self.cases, self.entries, self.erased, self.roots, self.damage)
        return Verified(*counts, tuple(self.findings))


async def _check_cases(connection: Connection, case_ids: Sequence[str], tally: _Tally) -> None:
    # One snapshot: a root that is written meanwhile must not be ahead of the chain that we read.
    async with connection.transaction():
        await connection.execute("set transaction isolation level repeatable read, read only")
        rows = await fetch(connection, _SQL.links, {"case_ids": list(case_ids)})
        sealed = await fetch(connection, _SQL.seals, {"case_ids": list(case_ids)})
    links: dict[str, list[Link]] = defaultdict(list)
    unchained: dict[str, list[Stored]] = defaultdict(list)
    seals: dict[str, list[Seal]] = defaultdict(list)
    for row in rows:
        entry = None if row["place"] is None else _stored(row)
        if row["number"] is not None:
            link = Link(row["number"], row["link_place"], row["digest"], row["hash"], entry)
            links[row["case_id"]].append(link)
        elif entry is not None:
            unchained[row["case_id"]].append(entry)
    for row in sealed:
        seals[row["case_id"]].append(Seal(**row))
    for case_id in case_ids:
        if links[case_id] or unchained[case_id] or seals[case_id]:
            tally.case(CaseRecord(case_id, links[case_id], unchained[case_id], seals[case_id]))


async def _check_roots(connection: Connection, tally: _Tally, kept: str | None) -> None:
    walk = RootWalk()
    async with connection.transaction():
        await connection.execute("set transaction isolation level repeatable read, read only")
        await connection.execute("set local statement_timeout = 0")
        roots = [_root(row) for row in await fetch(connection, _SQL.roots, {})]
        ahead = iter(roots)
        present = next(ahead, None)
        # A cursor of the server: there may be more seals than fit into memory.
        async with connection.cursor("seals") as cursor:
            cursor.itersize = 5_000
            await cursor.execute(_SQL.all_seals)
            async for row in cursor:
                seal = Seal(**row)
                while present is not None and present.root < seal.root:
                    tally.add(*walk.root(present))
                    present = next(ahead, None)
                if present is None or present.root > seal.root:
                    says = f"the root {seal.root} is missing"
                    tally.add(Finding("root_broken", says, seal.case_id, seal.root))
                else:
                    walk.seal(seal)
    for root in [present, *ahead] if present else []:
        tally.add(*walk.root(root))
    tally.roots = len(roots)
    if kept is not None and kept.lower() not in {value.hex() for value in walk.hashes}:
        tally.add(Finding("root_unknown", f"the root {kept[:16]}… is not among those here"))


def _stored(row: dict[str, Any]) -> Stored:
    fields = {name: row[name] for name in Stored.__slots__}
    return Stored(**{**fields, "at": row["at"].astimezone(UTC)})


def _root(row: dict[str, Any]) -> Root:
    return Root(row["root"], row["at"].astimezone(UTC), row["cases"], row["entries"], bytes(row["hash"]))

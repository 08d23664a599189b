"""Verifying the ledger: the hashes again, in plain Python, from rows that anybody can read.

Each entry of a case is a link of that case's chain. A link's hash covers the hash before
it, everything that the entry says about itself, and a salted digest of its payload. The
payload is apart, so it can be erased, and the chain still holds. Roots cover the ends of all
chains at a moment, so that a chain that was cut off is found as well.

The rows come from a database, and nothing computed there is believed: only the canonical
text of a JSON value is the server's own.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

FindingKind = Literal[
    "payload_changed",  # the payload is not the one that was chained
    "entries_reordered",  # an entry carries the payload of another one of its case
    "chain_broken",  # an entry, or its link, says something else than was hashed
    "entry_missing",  # a link without its entry, or a number that is left out
    "entry_unchained",  # an entry that came in past the chain
    "tail_missing",  # a root covers more entries than there are
    "chain_rewritten",  # the chain holds, but is not the one that a root covers
    "erasure_unrecorded",  # a payload is gone, and the ledger does not say who erased it
    "root_broken",  # a root, or a head that it covers, was changed
    "root_unknown",  # a root that somebody kept elsewhere is not here
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was written.

    Args:
        kind: What is wrong.
        says: The same in words, without anything from a payload.
        case_id: The case; empty for a root.
        number: The entry's number within its case, or the root's; 0 where it has none.
    """

    kind: FindingKind
    says: str
    case_id: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry as it stands in the ledger.

    Args:
        namespace: Of its place.
        task_id: Of its place.
        ordinal: Of its place.
        place: Drawn when it was written.
        kind: What happened.
        step: Where.
        at: When.
        seconds: How long it took.
        salt: Of the digest; None once it is erased.
        data: Canonical text of the payload; None once it is erased.
        moves: Canonical text of what it changed in the case's row.
        erased: Whether its payload was erased.
    """

    namespace: str
    task_id: str
    ordinal: int
    place: int
    kind: str
    step: str
    at: datetime
    seconds: float | None
    salt: bytes | None
    data: str | None
    moves: str | None
    erased: bool


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a case's chain, with the entry that it belongs to if that is there."""

    number: int
    place: int
    digest: bytes
    hash: bytes
    entry: Stored | None


@dataclass(frozen=True, slots=True)
class Seal:
    """What a root says about a case: it had so many entries, and its chain ended in this hash."""

    root: int
    case_id: str
    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Root:
    """A root over the heads of the cases that moved since the one before."""

    root: int
    at: datetime
    cases: int
    entries: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """Everything that is to be checked of one case.

    Args:
        case_id: The case.
        links: Its chain, by number.
        unchained: Entries that no link belongs to.
        seals: What the roots say about it.
    """

    case_id: str
    links: Sequence[Link]
    unchained: Sequence[Stored] = ()
    seals: Sequence[Seal] = ()


def payload_digest(salt: bytes, data: str, moves: str | None) -> bytes:
    """The digest of a payload, as the ledger's trigger computes it."""
    return hashlib.sha256(salt + f"{data}\n{moves or ''}".encode()).digest()


def link_hash(before: bytes, case_id: str, number: int, entry: Stored, digest: bytes) -> bytes:
    """The hash of a link, as the ledger's trigger computes it.

    Args:
        before: The hash before it; empty for the first.
        case_id: The case.
        number: Its number in the case, from 1.
        entry: What the entry says about itself.
        digest: The digest of its payload.
    """
    seconds = None if entry.seconds is None else struct.pack(">d", entry.seconds).hex()
    said = [case_id, number, entry.namespace, entry.task_id, entry.ordinal, entry.place, entry.kind]
    return _onto(before, [*said, entry.step, _micros(entry.at), seconds, digest.hex()])


def check_case(record: CaseRecord) -> Iterator[Finding]:
    """Every finding about one case; none if it stands as it was written."""
    yield from _check_chain(record)
    yield from _check_seals(record)
    for entry in record.unchained:
        says = f"the {entry.kind} at place {entry.place} is in no chain"
        yield Finding("entry_unchained", says, record.case_id)
    entries = [link.entry for link in record.links if link.entry]
    recorded = any(entry.kind == "payload_erased" for entry in entries)
    if not recorded and any(entry.erased for entry in entries):
        says = "payloads are gone, and no entry says who erased them"
        yield Finding("erasure_unrecorded", says, record.case_id)


class RootWalk:
    """Checks the roots in their order, one seal at a time, so that any number of seals will do."""

    def __init__(self) -> None:
        self._heads = b""
        self._wanted = 1
        self._cases = 0
        self.hashes: set[bytes] = set()
        """The hashes of the roots seen so far."""

    def seal(self, seal: Seal) -> None:
        """The next seal of the present root, in the order of the bytes of the case ids."""
        self._heads = _onto(self._heads, [seal.case_id, seal.number, seal.hash.hex()])
        self._cases += 1

    def root(self, root: Root) -> Iterator[Finding]:
        """The present root itself, after all its seals; whatever is wrong with it."""
        cases, heads, wanted = self._cases, self._heads, self._wanted
        if root.root != wanted:
            yield Finding("root_broken", f"the root {wanted} is missing", number=wanted)
        elif _onto(heads, [root.root, _micros(root.at), root.cases, root.entries]) != root.hash:
            says = f"the root {root.root} does not cover what is there ({cases:,} of {root.cases:,} cases)"
            yield Finding("root_broken", says, number=root.root)
        self.hashes.add(root.hash)
        self._heads = root.hash
        self._wanted, self._cases = root.root + 1, 0


def _check_chain(record: CaseRecord) -> Iterator[Finding]:
    digests = {link.digest for link in record.links}
    before, wanted = b"", 1
    for link in record.links:
        if link.number != wanted:
            says = f"entries {wanted} to {link.number - 1} are missing"
            yield Finding("entry_missing", says, record.case_id, wanted)
        elif link.entry is None:
            says = f"the entry {link.number} at place {link.place} is missing"
            yield Finding("entry_missing", says, record.case_id, link.number)
        elif link_hash(before, record.case_id, link.number, link.entry, link.digest) != link.hash:
            says = f"the entry {link.number} or its link was changed"
            yield Finding("chain_broken", says, record.case_id, link.number)
        if link.entry is not None:
            yield from _check_payload(record.case_id, link, link.entry, digests)
        before, wanted = link.hash, link.number + 1


def _check_payload(case_id: str, link: Link, entry: Stored, digests: set[bytes]) -> Iterator[Finding]:
    if entry.erased:
        return
    found = payload_digest(entry.salt or b"", entry.data or "", entry.moves)
    if found == link.digest:
        return
    if found in digests:
        says = f"the entry {link.number} carries the payload of another one"
        yield Finding("entries_reordered", says, case_id, link.number)
    else:
        says = f"the payload of the entry {link.number} was changed"
        yield Finding("payload_changed", says, case_id, link.number)


def _check_seals(record: CaseRecord) -> Iterator[Finding]:
    hashes = {link.number: link.hash for link in record.links}
    last = max(hashes, default=0)
    for seal in record.seals:
        if seal.number > last:
            says = f"the root {seal.root} covers {seal.number} entries, there are {last}"
            yield Finding("tail_missing", says, record.case_id, seal.number)
        elif seal.number in hashes and hashes[seal.number] != seal.hash:
            says = f"the chain up to the entry {seal.number} is not the one that the root {seal.root} covers"
            yield Finding("chain_rewritten", says, record.case_id, seal.number)


def _onto(before: bytes, said: Sequence[object]) -> bytes:
    """Hash what is said onto the hash before it; its JSON is spelled as Postgres spells it."""
    return hashlib.sha256(before + json.dumps(said, ensure_ascii=False).encode()).digest()


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)

"""The form parser: what a claim says, read by plain code from labelled lines, and from prose with doubts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from contracts.claims import Claim, ClaimFile, DocumentKind, FiledDocument, Line, Particulars, Peril
from nodes.claims_reading import as_money, day_in, sums_in

SURE, PER_DOUBT, LEAST = 0.95, 0.12, 0.2
"""Confidence where every fact stands behind its label, what each doubt takes away, what is left at least."""
_LABEL = re.compile(r"^\s{0,8}([A-Za-z][A-Za-z /().'-]{1,40}?)\s*:\s*(\S.*)?$")
_NUMBER = re.compile(r"\b[A-Z]{3}-\d{4}-\d{4,6}\b")
_LABELS: dict[str, tuple[str, ...]] = {
    "policy_number": ("policy number", "policy no", "policy no.", "policy", "contract number"),
    "claimant": (
        "claimant", "claimant name", "name of claimant", "name", "policyholder", "policy holder", "your name",
    ),
    "insured": ("deceased name", "name of the deceased", "insured person", "insured"),
    "loss_date": (
        "date of loss", "date of death", "date of incident", "date of accident", "day of loss", "happened on",
        "date",
    ),
    "amount": (
        "amount claimed", "benefit amount claimed", "claimed amount", "total claimed", "amount",
        "sum claimed",
    ),
    "peril": ("type of loss", "kind of loss", "what happened", "cause of loss", "reason for the claim"),
    "cause": ("description", "what happened", "cause of death", "details", "circumstances"),
}  # fmt: skip
_OF_PAPERS: dict[DocumentKind, dict[str, tuple[str, ...]]] = {
    "claim_form": _LABELS,
    "identification": {"claimant": ("name", "full name")},
    "policy_document": {"policy_number": ("policy number",)},
    "death_certificate": {
        "insured": ("full legal name",), "loss_date": ("date of death",), "cause": ("cause of death",),
    },
}  # fmt: skip
"""What is believed of which paper: an invoice has a date and an amount, too, but they are not the claim's."""
_PERILS: tuple[tuple[Line, Peril, str], ...] = (
    ("life", "death", r"\bdeath\b|\bdied\b|deceased|passed away"),
    ("travel", "cancellation", r"cancel(?:led|lation|ed|ing)?\b|could not travel"),
    ("travel", "baggage", r"baggage|luggage|suitcase"),
    ("travel", "medical", r"hospital|doctor abroad|medical (?:costs|treatment|expenses)|clinic|\bmedical\b"),
    ("motor", "glass", r"windscreen|windshield|glass"),
    ("motor", "theft", r"(?:car|vehicle|motorcycle|van).{0,40}stolen|theft of (?:the |my )?(?:car|vehicle)"),
    ("home", "burglary", r"burgl|broke in|break-in|broken into"),
    ("home", "water", r"water|burst pipe|leak"),
    ("home", "fire", r"\bfire\b|smoke|burn"),
    ("home", "storm", r"storm|hail|wind\b|gale"),
    ("motor", "collision", r"collision|collided|crash|accident|rear-end|bumped|drove into|scraped"),
    ("motor", "theft", r"theft|stolen"),
)
_LINES: dict[str, Line] = {"MOT": "motor", "HOM": "home", "TRV": "travel", "LIF": "life", "LIP": "life"}


@dataclass
class _Reading:
    """What has been read so far, and what could not be read for certain."""

    labelled: dict[str, str]
    doubts: list[str] = field(default_factory=list)


def read_claim(claim: Claim, file: ClaimFile) -> Particulars:
    """What the claim says by its form; what only other papers or loose prose say is read with a doubt.

    Args:
        claim: The claim as it came in.
        file: Its papers; the first that says something is believed, the claim's own text before all.
    """
    papers = [document for document in file.documents if document.kind in _OF_PAPERS]
    texts = [claim.text, *(paper.text for paper in papers)]
    reading = _Reading(_labelled(claim.text, papers))
    own = claim.text
    number = _policy_number(reading, texts)
    line, peril = _what(reading, own, texts, number)
    day = _day(reading, own, line)
    amount, currency = _amount(reading, own, line)
    claimant = _name(reading)
    confidence = max(LEAST, SURE - PER_DOUBT * len(reading.doubts))
    return Particulars(
        line=line,
        peril=peril,
        policy_number=number,
        claimant=claimant,
        insured=_cut(reading.labelled.get("insured"), 200),
        loss_date=day,
        amount=amount,
        currency=currency,
        cause=(_cut(reading.labelled.get("cause"), 1000) or _cut(own, 1000) or ""),
        doubts=tuple(reading.doubts[:12]),
        confidence=round(confidence, 2),
    )


def labelled_lines(text: str) -> Iterator[tuple[str, str]]:
    """`Label: value` pairs in order; a value may go on in further lines that are set in."""
    label, value, indent = "", "", 0
    for line in text.splitlines():
        match = _LABEL.match(line)
        if match:
            if label and value:
                yield label, value.strip()
            label, value = match.group(1).strip().lower(), match.group(2) or ""
            indent = len(line) - len(line.lstrip())
        elif label and line.strip() and len(line) - len(line.lstrip()) > indent:
            value = f"{value} {line.strip()}"
        else:
            if label and value:
                yield label, value.strip()
            label, value = "", ""
    if label and value:
        yield label, value.strip()


def _labelled(own: str, papers: Iterable[FiledDocument]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text, wanted in ((own, _LABELS), *((paper.text, _OF_PAPERS[paper.kind]) for paper in papers)):
        # Of two lines with one label the first counts.
        pairs = dict(reversed(list(labelled_lines(text))))
        for name, labels in wanted.items():
            said = next((pairs[label] for label in labels if label in pairs), None)
            if said is not None:
                found.setdefault(name, said)
    return found


def _policy_number(reading: _Reading, texts: Iterable[str]) -> str | None:
    named: list[str] = _NUMBER.findall(reading.labelled.get("policy_number", "").upper())
    if named:
        return named[0]
    loose: list[str] = list(dict.fromkeys(number for text in texts for number in _NUMBER.findall(text)))
    if not loose:
        return None
    reading.doubts.append("the policy number stands in the text, not behind its label")
    if len(loose) > 1:
        reading.doubts.append(f"several policy numbers are named: {', '.join(loose[:4])}")
    return loose[0]


def _what(reading: _Reading, own: str, texts: list[str], number: str | None) -> tuple[Line, Peril]:
    line = _LINES.get((number or "")[:3], "unknown")
    said = reading.labelled.get("peril", "")
    for place, sure in ((said, True), (own, False), *((text, False) for text in texts[1:])):
        found = [one for one in _PERILS if re.search(one[2], place, re.I)]
        fitting = [one for one in found if line in ("unknown", one[0])] or found
        if fitting:
            if not sure:
                reading.doubts.append("what happened is told in words, not named")
            # The policy's number says which line it is; whether that line covers this is another question.
            return (fitting[0][0] if line == "unknown" else line), fitting[0][1]
    return line, "unknown"


def _day(reading: _Reading, own: str, line: Line) -> date | None:
    named = day_in(reading.labelled.get("loss_date", ""))
    if named is None:
        named = day_in(own) if line != "life" else None
        if named:
            reading.doubts.append("the day of the loss stands in the text, not behind its label")
    if named and not named.sure:
        reading.doubts.append(f"day and month of {named.day} may be exchanged")
    return named.day if named else None


def _amount(reading: _Reading, own: str, line: Line) -> tuple[str | None, str | None]:
    said = reading.labelled.get("amount")
    sums = sums_in(said, named=False) if said else []
    if len(sums) > 1:
        reading.doubts.append("several amounts stand behind the label")
    if not sums and line != "life":
        sums = sums_in(own)
        if sums:
            reading.doubts.append("the amount stands in the text, not behind its label")
        if len({one.amount for one in sums}) > 1:
            reading.doubts.append("several amounts are named")
    if not sums:
        return None, None
    taken = sums[0]
    if taken.currency is None:
        reading.doubts.append("the amount has no currency")
    return (as_money(taken.amount) if taken.amount < Decimal(10**10) else None), taken.currency


def _name(reading: _Reading) -> str | None:
    name = _cut(reading.labelled.get("claimant"), 200)
    if name is None:
        reading.doubts.append("no line says who claims")
    return name


def _cut(text: str | None, most: int) -> str | None:
    return text.strip()[:most] if text and text.strip() else None

"""The papers of a claim: what kind each is, and which kinds a claim needs before it can be decided."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from contracts.claims import (
    ClaimFile,
    Document,
    DocumentKind,
    FiledDocument,
    Line,
    Missing,
    Particulars,
    Peril,
)

_HEAD = 400
"""A paper says at its top what it is; further down it speaks of other papers."""
_KINDS: tuple[tuple[DocumentKind, str], ...] = (
    ("claim_form", r"claim form|notice of claim|claims? notification"),
    ("death_certificate", r"certificate of death|death certificate"),
    ("policy_document", r"policy summary|policy schedule|insurance policy|certificate of insurance"),
    ("police_report", r"police (?:report|record)|crime reference|report to the police"),
    ("carrier_report", r"property irregularity|baggage report|delivery report"),
    (
        "medical_report",
        r"medical (?:records?|report|certificate|summary)|patient medical|discharge summary|doctor'?s report",
    ),
    ("estimate", r"estimate|quotation|cost proposal"),
    ("booking", r"booking confirmation|reservation|itinerary|travel confirmation"),
    ("identification", r"identification|driver'?s licen[cs]e|passport|identity card"),
    ("receipt", r"receipt|proof of purchase"),
    ("invoice", r"invoice|bill for"),
)
_PROOF_OF_COST: tuple[DocumentKind, ...] = ("invoice", "estimate")
_Need = tuple[DocumentKind, ...]
_NEEDS: dict[tuple[Line, Peril], tuple[_Need, ...]] = {
    ("motor", "collision"): (_PROOF_OF_COST,),
    ("motor", "glass"): (("invoice",),),
    ("motor", "theft"): (("police_report",),),
    ("motor", "storm"): (_PROOF_OF_COST,),
    ("motor", "fire"): (_PROOF_OF_COST,),
    ("home", "water"): (_PROOF_OF_COST,),
    ("home", "fire"): (_PROOF_OF_COST,),
    ("home", "storm"): (_PROOF_OF_COST,),
    ("home", "burglary"): (("police_report",), ("receipt", "invoice")),
    ("travel", "medical"): (("medical_report",), ("invoice", "receipt")),
    ("travel", "cancellation"): (("booking",),),
    ("travel", "baggage"): (("carrier_report",),),
    ("life", "death"): (("death_certificate",), ("identification",)),
}
_SAID: dict[DocumentKind, str] = {
    "claim_form": "the claim form",
    "invoice": "the invoice",
    "estimate": "an estimate of the cost",
    "receipt": "receipts",
    "police_report": "the report to the police",
    "medical_report": "the doctor's report",
    "death_certificate": "the death certificate",
    "identification": "an identity paper of the person who claims",
    "policy_document": "the policy",
    "booking": "the booking confirmation",
    "carrier_report": "the carrier's report of the loss (for air travel the property irregularity report)",
    "other": "papers",
}


def kind_of(document: Document) -> DocumentKind:
    """What kind of paper it is, by its name and by what stands at its top; `other` where neither tells."""
    head = document.text[:_HEAD]
    for place in (head, document.name.replace("_", " ").replace("-", " ")):
        found = [(match.start(), kind) for kind, words in _KINDS if (match := re.search(words, place, re.I))]
        if found:
            return min(found, key=lambda one: one[0])[1]
    return "other"


def filed(documents: Iterable[Document]) -> tuple[FiledDocument, ...]:
    """The papers with their kinds; one that came twice is filed once."""
    known = {(one.name, one.text): one for one in documents}
    return tuple(FiledDocument(name=one.name, kind=kind_of(one), text=one.text) for one in known.values())


def missing_of(particulars: Particulars, file: ClaimFile) -> Missing:
    """What the claim still lacks, and the question to the claimant."""
    there = {document.kind for document in file.documents}
    needs = _NEEDS.get((particulars.line, particulars.peril), ())
    lacking = [need for need in needs if not there & set(need)]
    facts = _unsaid(particulars)
    return Missing(
        documents=tuple(need[0] for need in lacking),
        facts=facts,
        question=_question(lacking, facts) if lacking or facts else "",
        asked=file.asked,
    )


def _unsaid(particulars: Particulars) -> tuple[str, ...]:
    facts = []
    if particulars.policy_number is None:
        facts.append("the number of the policy")
    if particulars.loss_date is None:
        facts.append("the day on which it happened")
    if particulars.peril == "unknown":
        facts.append("what happened")
    if particulars.amount is None and particulars.line != "life":
        facts.append("the amount of money that is claimed")
    return tuple(facts)


def _question(lacking: Sequence[_Need], facts: Sequence[str]) -> str:
    wants = [" or ".join(_SAID[kind] for kind in need) for need in lacking]
    parts = []
    if wants:
        parts.append(f"Please send us {_listed(wants)}.")
    if facts:
        parts.append(f"Please tell us {_listed(list(facts))}.")
    return " ".join(parts)


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]

"""Claims for tests: made short, and read from the examples."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from contracts.claims import Claim, ClaimFile, Document, FraudScreen, Missing, Particulars, Policy
from nodes.claims_papers import filed

EXAMPLES = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "evals" / "datasets" / "claims.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
"""The labelled claims, as the evals run them."""
RECEIVED = date(2026, 11, 10)
FORM = """CLAIM FORM
Policy number: MOT-2023-1001
Claimant: Anneke de Groot
Type of loss: Collision
Date of loss: 2026-10-20
Amount claimed: 1480.00 EUR
Description: A van rolled into my bumper."""
ESTIMATE = Document(name="estimate.txt", text="COST ESTIMATE\nDate: 2026-10-23\nTotal: 1480.00 EUR")


def claim_of(text: str = FORM, *papers: Document, received: date = RECEIVED) -> Claim:
    """A claim as it comes in."""
    return Claim(id="L-1", text=text, received=received, documents=papers, claimant="anneke@example.net")


def file_of(*papers: Document) -> ClaimFile:
    """Its papers, filed."""
    return ClaimFile(documents=filed(papers))


def example(number: str) -> Claim:
    """The claim of one example, such as `L-0001`."""
    (found,) = [one for one in EXAMPLES if one["inputs"]["claim"]["id"] == number]
    return Claim.model_validate(found["inputs"]["claim"])


def particulars(**changed: Any) -> Particulars:
    """What the form above says, with changes."""
    read = {
        "line": "motor",
        "peril": "collision",
        "policy_number": "MOT-2023-1001",
        "claimant": "Anneke de Groot",
        "loss_date": date(2026, 10, 20),
        "amount": "1480.00",
        "currency": "EUR",
        "confidence": 0.95,
    }
    return Particulars.model_validate(read | changed)


def policy(**changed: Any) -> Policy:
    """A policy that covers it, with changes."""
    held = {
        "found": True,
        "number": "MOT-2023-1001",
        "line": "motor",
        "holder": "Anneke de Groot",
        "status": "active",
        "begins": date(2023, 3, 1),
        "ends": date(2027, 2, 28),
        "sum_insured": "30000.00",
        "deductible": "300.00",
        "currency": "EUR",
        "covers": [{"peril": "collision"}, {"peril": "glass", "limit": "1500.00"}],
    }
    return Policy.model_validate(held | changed)


NOTHING_MISSING = Missing()
CLEAN = FraudScreen(score=0.0)

"""What all programs of the comparison share, and what no line is counted for: the thinking, and the world.

Where a model would think, plain functions do, so that the programs run anywhere and differ only in
how they hand work on. `BOOKS` and `POST` are what was done to the world: one entry for each time.
"""

from __future__ import annotations

import asyncio
from typing import Any

BOOKS: list[tuple[str, str]] = []
"""Payments: claim and amount."""
POST: list[tuple[str, str]] = []
"""Letters and replies: to which case, and what they say."""

# -- the two-agent desk -------------------------------------------------------------------------

TICKETS = {
    "T-1": "What is the fee for a transfer abroad?",
    "T-2": "I was charged a fee twice!",
    "T-3": "How do I open an account?",
}
THRESHOLD = 0.8
CORRECTION = "Sorry. We look into it."
"""What the person sends instead of the draft for T-2."""


def department_of(text: str) -> str:
    """Which of the two agents takes a ticket."""
    return "billing" if "fee" in text else "faq"


def answer(department: str, text: str) -> dict[str, Any]:
    """What an agent says, and how sure it is."""
    if department == "faq":
        return {"text": "In the app, in five minutes.", "confidence": 0.9}
    sure = "twice" not in text
    return {"text": "A transfer abroad costs 1 euro.", "confidence": 0.95 if sure else 0.3}


DESK_PRINTS = """T-1 sent: A transfer abroad costs 1 euro.
T-2 waits: confidence 0.30 is under 0.80
T-2 sent: Sorry. We look into it.
T-3 sent: In the app, in five minutes.
"""

# -- the claims flow ----------------------------------------------------------------------------

SECONDS = 0.3
"""How long a model may take."""
FIRST, SECOND = 5_000, 25_000
"""Above the first a person decides, above the second two."""
CLAIMS: dict[str, dict[str, Any]] = {
    "C-1": {"policy": "MOT-1", "peril": "collision", "amount": 1_480, "papers": ("estimate",)},
    "C-2": {"policy": "MOT-2", "peril": "theft", "amount": 4_000, "papers": ()},
    "C-3": {"policy": "MOT-1", "peril": "collision", "amount": 12_000, "papers": ("estimate",)},
    "C-4": {"policy": "MOT-2", "peril": "theft", "amount": 48_000, "papers": ("police report",)},
    "C-5": {"policy": "MOT-1", "peril": "collision", "amount": 1_000, "papers": ("estimate",), "hangs": True},
}
_POLICIES = {"MOT-1": ("Anneke", 300), "MOT-2": ("Ingrid", 500)}
_NEEDS = {"collision": "estimate", "theft": "police report"}


async def read_by_model(claim: dict[str, Any]) -> dict[str, Any]:
    """What a model reads in a claim; on one of them it hangs."""
    if claim.get("hangs"):
        await asyncio.Event().wait()
    return read_by_form(claim)


def read_by_form(claim: dict[str, Any]) -> dict[str, Any]:
    """What plain code reads in it."""
    return {name: claim[name] for name in ("policy", "peril", "amount", "papers")}


def lacking(read: dict[str, Any]) -> str | None:
    """The paper without which the claim cannot be decided."""
    need = _NEEDS[read["peril"]]
    return None if need in read["papers"] else need


async def suspicion_by_model(claim: dict[str, Any]) -> float:
    """How suspicious a model finds it; on one of them it hangs, too."""
    if claim.get("hangs"):
        await asyncio.Event().wait()
    return 0.1


def suspicion_by_rules(claim: dict[str, Any]) -> float:
    """How suspicious the rules find it."""
    return 0.2


def policy_of(number: str) -> dict[str, Any]:
    """The policy as the tables have it."""
    holder, deductible = _POLICIES[number]
    return {"holder": holder, "deductible": deductible}


def settlement_of(read: dict[str, Any], policy: dict[str, Any], suspicion: float) -> dict[str, Any]:
    """What is paid, and what a person is asked where one must decide."""
    amount = max(0, read["amount"] - policy["deductible"])
    question = "is it true?" if suspicion >= 0.5 else f"{amount} is over {FIRST}" if amount > FIRST else ""
    return {"amount": amount, "question": question}


CLAIMS_PRINT = """C-1 paid 1180
C-2 waits for the claimant: police report
C-2 paid 3500
C-3 waits for a person: 11700 is over 5000
C-3 paid 11700
C-4 waits for a person: 47500 is over 5000
C-4 maria does not count twice
C-4 paid 47500
C-5 paid 700
"""

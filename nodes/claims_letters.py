"""The words of our letters: plain templates, and the check that a letter says what was decided."""

from __future__ import annotations

from decimal import Decimal

from contracts.claims import Claim, Payment, Settlement, SettlementDecision
from nodes.claims_reading import sums_in

_GREETING = "Dear customer,"
_CLOSING = "Yours sincerely\nLarkcover claims"


def request_letter(claim: Claim, question: str) -> str:
    """We need something more before we can decide."""
    body = f"Thank you for your claim {claim.id}. Before we can decide on it we need something more from you."
    return f"{_GREETING}\n\n{body}\n\n{question}\n\nThe claim stays open until then.\n\n{_CLOSING}"


def notice_letter(
    claim: Claim, settlement: Settlement | None, payment: Payment | None, decision: SettlementDecision | None
) -> str:
    """What we decided, and why."""
    if payment and payment.paid:
        body = f"We pay {payment.amount} {payment.currency} for your claim {claim.id}."
    else:
        body = f"We cannot pay for your claim {claim.id}."
    rejected = decision is not None and decision.type == "reject"
    reasons = list(settlement.grounds) if settlement and not rejected else []
    if rejected and decision and decision.message:
        reasons.append(decision.message)
    why = "\n".join(f"- {reason}" for reason in reasons)
    more = "If you see this differently, write to us; a person will look at it."
    return "\n\n".join(part for part in (_GREETING, body, why, more, _CLOSING) if part)


def says_what_was_decided(letter: str, payment: Payment | None) -> bool:
    """Whether the letter names the amount that is paid, and no other beside it.

    A letter in a model's words goes out only if this holds; otherwise the template goes.
    """
    amounts = {one.amount for one in sums_in(letter)}
    if payment is None or not payment.paid:
        return not amounts
    return amounts == {Decimal(payment.amount)}

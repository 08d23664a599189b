"""How a claim is settled by rule: in force, covered, and what is paid. Money is decided nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from contracts.claims import Claim, ClaimFile, FraudScreen, Missing, Particulars, Policy, Settlement
from nodes.claims_fraud import SUSPECTED, documented
from nodes.claims_reading import as_money

UNSURE = 0.4
"""Confidence of a proposal that only a person can judge."""
LIMITS = {"EUR": (5_000, 25_000), "GBP": (4_500, 22_000), "USD": (5_500, 27_500)}
"""By currency: up to the first a claim is paid without a person; above the second two people approve."""
_NOTHING = Decimal(0)


@dataclass
class _Working:
    """A settlement while it is worked out."""

    grounds: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)


def settle_by_rule(
    claim: Claim,
    file: ClaimFile,
    particulars: Particulars,
    missing: Missing,
    policy: Policy,
    fraud: FraudScreen,
) -> Settlement:
    """The settlement that follows from policy and papers, with a question wherever a person must judge."""
    working = _Working()
    refused = _refusal(particulars, policy, working)
    amount = _NOTHING if refused else _payable(file, particulars, policy, working)
    if missing.question:
        working.questions.append(f"Can it be decided without what is missing? We asked: {missing.question}")
    working.questions += _questions(claim, particulars, policy, fraud)
    pays = amount > _NOTHING
    return Settlement(
        outcome="pay" if pays else "decline",
        amount=as_money(amount),
        currency=policy.currency,
        grounds=tuple(ground[:500] for ground in working.grounds[:20]),
        question=" ".join(working.questions)[:2000],
        confidence=min(particulars.confidence, UNSURE) if working.questions else particulars.confidence,
    )


def limits_of(currency: str) -> tuple[Decimal, Decimal]:
    """The two limits in a currency; in one that we do not know everything lies above both."""
    first, second = LIMITS.get(currency, (0, 0))
    return Decimal(first), Decimal(second)


def _refusal(particulars: Particulars, policy: Policy, working: _Working) -> bool:
    """Whether a plain fact of the policy rules a payment out; says which."""
    day = particulars.loss_date
    if policy.status == "unread":
        working.grounds.append("The policy could not be looked up.")
    elif not policy.found:
        working.grounds.append("The policy that the claim names does not stand in our books.")
    elif day is None:
        working.grounds.append("The claim does not say on which day the loss happened.")
    elif policy.begins and day < policy.begins:
        working.grounds.append(f"The loss of {day} lies before {policy.begins}, when the cover began.")
    elif policy.ends and day > policy.ends:
        state = "lapsed" if policy.status == "lapsed" else "ended"
        working.grounds.append(f"The cover had {state} on {policy.ends}, before the loss of {day}.")
    elif not any(cover.peril == particulars.peril for cover in policy.covers):
        working.grounds.append(f"The policy does not insure against this ({particulars.peril}).")
    else:
        working.grounds.append(f"Policy {policy.number} was in force on {day} and insures this.")
        return False
    return True


def _payable(file: ClaimFile, particulars: Particulars, policy: Policy, working: _Working) -> Decimal:
    if particulars.peril == "death":
        working.grounds.append(f"In case of death the sum insured is due: {policy.sum_insured}.")
        return Decimal(policy.sum_insured)
    if particulars.amount is None:
        working.grounds.append("The claim names no amount.")
        return _NOTHING
    amount, shown = Decimal(particulars.amount), documented(file)
    working.grounds.append(f"Claimed are {particulars.amount}.")
    if shown is not None and shown < amount:
        amount = shown
        working.grounds.append(f"The papers show a cost of {as_money(shown)}.")
    for bound, says in _bounds(particulars, policy):
        if amount > bound:
            amount = bound
            working.grounds.append(f"{says} is {as_money(bound)}.")
    deductible = Decimal(policy.deductible)
    if deductible:
        working.grounds.append(f"You bear {policy.deductible} of every loss yourself.")
    return max(_NOTHING, amount - deductible)


def _bounds(particulars: Particulars, policy: Policy) -> Iterator[tuple[Decimal, str]]:
    for cover in policy.covers:
        if cover.peril == particulars.peril and cover.limit is not None:
            yield Decimal(cover.limit), "The most that the policy pays for this"
    yield Decimal(policy.sum_insured), "The sum insured"


def _questions(claim: Claim, particulars: Particulars, policy: Policy, fraud: FraudScreen) -> Iterator[str]:
    if policy.status == "unread":
        yield "Our tables could not be read. Does the policy cover this loss?"
    elif not policy.found:
        number = particulars.policy_number or "(no number)"
        yield f"Policy {number} does not stand in our books. Is it ours? {policy.remark}".strip()
    if policy.exclusions:
        yield f"Does an exclusion apply? {' '.join(policy.exclusions)}"
    if particulars.loss_date and particulars.loss_date > claim.received:
        yield f"The loss of {particulars.loss_date} lies after the day on which it was reported. When was it?"
    if policy.found and particulars.amount and particulars.currency != policy.currency:
        named = particulars.currency or "no currency"
        yield f"The claim is in {named}, the policy in {policy.currency}. What is it in {policy.currency}?"
    if policy.found and particulars.line not in ("unknown", policy.line):
        yield f"The claim is about {particulars.line}, the policy about {policy.line}. What happened?"
    if fraud.score >= SUSPECTED:
        yield f"Is the claim true? {_said(fraud)}"
    elif not fraud.complete:
        yield "The history of the policy could not be read. Is anything against the claim?"
    if particulars.doubts and particulars.confidence < SURE_ENOUGH:
        yield f"Is the claim read rightly? In doubt: {'; '.join(particulars.doubts)}."


SURE_ENOUGH = 0.8
"""Confidence from which a claim's particulars are taken as they were read."""


def _said(fraud: FraudScreen) -> str:
    said = "; ".join(signal.says for signal in fraud.signals) or "no single thing was named"
    return f"Seen was: {said}."

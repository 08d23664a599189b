"""What makes a claim worth a closer look: rules over its papers and the history of its policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from math import prod
from typing import Any

from contracts.claims import ClaimFile, FraudScreen, Particulars, Signal
from nodes.claims_forms import labelled_lines
from nodes.claims_reading import day_in, sums_in

SUSPECTED = 0.5
"""From this score on a person looks."""
_EARLY = timedelta(days=14)
_SAME_LOSS = timedelta(days=3)
_RECENT = timedelta(days=730)
_LATE = timedelta(days=60)
_MANY = 3
_MORE_THAN_SHOWN = Decimal("1.10")
_COSTS = ("invoice", "estimate", "receipt")

Row = Mapping[str, Any]


def screen(
    particulars: Particulars, file: ClaimFile, received: date, history: Sequence[Row] | None
) -> FraudScreen:
    """All rules at once.

    Args:
        particulars: What the claim says.
        file: Its papers.
        received: The day on which it reached us.
        history: The policy with its earlier claims, as the query `history_of` gives them; None if
            it could not be read, and then a person looks whatever the score.
    """
    signals = [*_of_papers(particulars, file, received), *_of_history(particulars, history or ())]
    return FraudScreen(score=score_of(signals), signals=tuple(signals[:20]), complete=history is not None)


def score_of(signals: Iterable[Signal]) -> float:
    """How likely it is that at least one of the signals is right, taken as independent."""
    return round(1 - prod(1 - one.weight for one in signals), 4)


def documented(file: ClaimFile) -> Decimal | None:
    """What the invoices and receipts come to, else the highest estimate; None where no paper says."""
    totals = {kind: list(_totals(file, kind)) for kind in _COSTS}
    spent = totals["invoice"] + totals["receipt"]
    if spent:
        return sum(spent, Decimal(0))
    return max(totals["estimate"], default=None)


def _totals(file: ClaimFile, kind: str) -> Iterable[Decimal]:
    for document in file.documents:
        if document.kind != kind:
            continue
        said = [value for label, value in labelled_lines(document.text) if label.startswith("total")]
        sums = sums_in(said[-1], named=False) if said else sums_in(document.text)
        if sums:
            yield max(one.amount for one in sums)


def _of_papers(particulars: Particulars, file: ClaimFile, received: date) -> Iterable[Signal]:
    day, shown = particulars.loss_date, documented(file)
    if particulars.amount and shown is not None and Decimal(particulars.amount) > shown * _MORE_THAN_SHOWN:
        says = f"{particulars.amount} are claimed, the papers show {shown:.2f}"
        yield Signal(code="more_than_shown", says=says, weight=0.5)
    if day is None:
        return
    for document in file.documents:
        dated = _dated(document.text) if document.kind in ("invoice", "estimate", "police_report") else None
        if dated and dated < day:
            says = f"the paper {document.name!r} is of {dated}, before the loss of {day}"
            yield Signal(code="paper_before_loss", says=says[:300], weight=0.6)
    if day > received:
        yield Signal(code="future_loss", says=f"the loss of {day} lies after {received}", weight=0.6)
    if received - day > _LATE:
        says = f"it was reported {(received - day).days} days after the loss"
        yield Signal(code="late", says=says, weight=0.15)


def _dated(text: str) -> date | None:
    said = next((value for label, value in labelled_lines(text) if label in ("date", "issued", "dated")), "")
    found = day_in(said)
    return found.day if found and found.sure else None


def _of_history(particulars: Particulars, history: Sequence[Row]) -> Iterable[Signal]:
    if not history or particulars.loss_date is None:
        return
    day, policy = particulars.loss_date, history[0]
    began = date.fromisoformat(policy["begins"])
    if timedelta() <= day - began <= _EARLY:
        says = f"it happened {(day - began).days} days after the policy began"
        yield Signal(code="early", says=says, weight=0.35)
    names = {_plain(policy["holder"]), _plain(policy["beneficiary"])} - {""}
    if particulars.claimant and _plain(particulars.claimant) not in names:
        # What falls due on a death is paid to the person whom the policy names, and to nobody else.
        weight = 0.5 if particulars.line == "life" else 0.3
        yield Signal(code="stranger", says="who claims stands nowhere on the policy", weight=weight)
    earlier = [(date.fromisoformat(row["loss_date"]), row["peril"]) for row in history if row["loss_date"]]
    if any(peril == particulars.peril and abs(day - when) <= _SAME_LOSS for when, peril in earlier):
        yield Signal(code="same_loss", says="the same loss was claimed before", weight=0.7)
    recent = sum(timedelta() <= day - when <= _RECENT for when, _ in earlier)
    if recent >= _MANY:
        says = f"{recent} claims on this policy in two years before it"
        yield Signal(code="many", says=says, weight=0.35)


def _plain(name: str | None) -> str:
    return " ".join((name or "").lower().replace(".", " ").split())

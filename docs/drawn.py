"""The small blueprints that the pages draw."""

from __future__ import annotations

from typing import Literal

from langgraph_switchboard import END, Blueprint, CaseState, Contract, Decision
from langgraph_switchboard.nodes import JOIN


class Document(Contract):
    """One paper."""


class Claim(Contract):
    """What is claimed."""

    documents: tuple[Document, ...] = ()


class Extract(Contract):
    """What one paper says."""


class Extracts(Contract):
    """What the papers say."""

    extracts: tuple[Extract, ...]


class Verdict(Contract):
    """What is decided."""


class VerdictDecision(Decision):
    """What a person says."""

    edited: Verdict | None = None


class ClaimCase(CaseState):
    """A claim."""

    claim: Claim
    extracts: Extracts | None = None
    verdict: Verdict | None = None
    decision: VerdictDecision | None = None


async def work(claim: Claim) -> Verdict:
    """Do the work."""
    return Verdict()


async def read_one(document: Document) -> Extract:
    """Read one paper."""
    return Extract()


def ladder() -> Blueprint:
    """A step, who takes over from it, and a person."""
    flow = Blueprint("ladder", case=ClaimCase, owner="somebody")
    flow.step(work, name="by_model", then="pay", fallback="by_rules")
    flow.step(work, name="by_rules", then="pay", fallback="by_hand")
    flow.review("by_hand", of="verdict", decides=VerdictDecision, then="pay", within="1d")
    flow.effect(work, name="pay", then=END)
    return flow


def shapes() -> Blueprint:
    """A map, a set, a loop with a bound, and a wait."""
    flow = Blueprint("shapes", case=ClaimCase, owner="somebody")
    flow.map("read", over="claim.documents", body=read_one, gives="extracts", then="checks")
    flow.parallel("checks", members=["detect_fraud", "look_up"], then="decide")
    flow.step(work, name="detect_fraud", then=JOIN)
    flow.step(work, name="look_up", then=JOIN)
    flow.step(work, name="decide", then=_again, max_visits=3, exhausted=END)
    flow.wait("cooling_off", until="14d", then="pay")
    flow.effect(work, name="pay", then=END)
    return flow


def _again(verdict: Verdict) -> Literal["cooling_off", "checks"]:
    return "cooling_off"

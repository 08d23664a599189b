"""`switchboard` and the claims desk: a file of claims, its own flow beside the default one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.pg

CLAIMS = Path("evals/datasets/demo_claims.jsonl")


def test_a_file_of_claims_runs_through_their_own_flow(switchboard: Command) -> None:
    """Some are settled, some wait for a person, and some for the claimant; each by its reason."""
    done = switchboard("run", CLAIMS, "--flow", "graphs.claims:claims", "--batch", "claims-1", "--json")

    assert done.code == 0
    figures = done.json()
    assert (figures["total"], figures["finished"], figures["waiting"]) == (12, 6, 6)
    assert "documents as it is" in done.err


def test_a_claim_that_waits_is_decided_without_naming_its_flow(switchboard: Command) -> None:
    """Reviews are those of all flows of the project; the one that decides need not know which."""
    switchboard("run", CLAIMS, "--flow", "graphs.claims:claims", "--batch", "claims-2", "--json")

    waiting = [one for one in switchboard("reviews", "--json").json() if one["case_id"] == "claims-2/D-007"]
    (review,) = [one["review_id"] for one in waiting]
    decided = switchboard("decide", review, "approve", "--by", "maria")

    assert decided.code == 0
    told = switchboard("case", "claims-2/D-007", "--json")
    assert told.json()["case"]["status"] == "finished"
    assert '"payment_id": "PAY-claims-2/D-007"' in told.out


def test_the_project_checks_both_of_its_flows(switchboard: Command) -> None:
    """`make check` asks for each of them."""
    for flow in ("graphs.support_desk:desk", "graphs.claims:claims"):
        assert switchboard("check", flow).code == 0

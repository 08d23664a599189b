"""Proofs: what the switchboard promises, tried by processes that race, freeze, lose their database.

    report = await reviewers_race(dsn, races=500)
    assert report.is_clean, report.line()

Each proof has a form in which the guard that it is about is taken away; that one must fail, or the
proof proves nothing. `python -m langgraph_switchboard.testing.proofs --full --json` runs them all.
"""

from langgraph_switchboard.testing.proofs.hands import Hand, Job, Nursery
from langgraph_switchboard.testing.proofs.report import ProofReport

__all__ = ["Hand", "Job", "Nursery", "ProofReport"]

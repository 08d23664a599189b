"""The claims desk as the subject of a crash sweep."""

from __future__ import annotations

from importlib.resources import files

from graphs.claims import claims
from langgraph_switchboard.testing.chaos.flow import FlowSubject, Mode
from tests.claims.helpers import example


def swept(number: str, mode: Mode) -> FlowSubject:
    """One example; every question is approved, and what counts is what stands in the books."""
    return FlowSubject(
        claims,
        {"claim": example(number).model_dump(mode="json")},
        decision={"type": "approve"},
        mode=mode,
        tables=files("nodes.claims_data").joinpath("schema.sql").read_text(encoding="utf-8"),
        counts="select 'payment' from larkcover.payments where case_id = %s",
    )

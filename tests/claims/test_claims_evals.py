"""What keeps a claim from being paid without a person: two walls, and an eval that sees them fall."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.claims import suite
from langgraph_switchboard.evals import load_dataset, run_eval
from langgraph_switchboard.graphs import load_yaml

pytestmark = pytest.mark.pg

TEXT = (Path(__file__).parents[2] / "graphs" / "claims.yaml").read_text(encoding="utf-8")
GATE = "    always: nodes.claims:needs_person\n"
EFFECT = "    approved: review\n    when: nodes.claims:needs_person\n"
RISKY = [one for one in load_dataset(suite.dataset) if (one.outputs or {})["people"] is not None]


async def failed_gates(text: str, dsn: str) -> set[str]:
    """The gates that a changed process misses on the claims that a person must see."""
    for wall in (GATE, EFFECT):
        assert wall in TEXT
    report = await run_eval(load_yaml(text), RISKY, suite.evaluators, gates=suite.gates, database=dsn)
    return {one.key for one in report.metrics if not one.passed}


async def test_without_the_gates_rule_the_payment_still_looks_for_its_approval(pg_dsn: str) -> None:
    """The effect looks for itself: whoever forgets the rule at the gate pays nothing by that."""
    assert "comes_to_person" not in await failed_gates(TEXT.replace(GATE, ""), pg_dsn)


async def test_control_without_both_walls_the_suite_fails(pg_dsn: str) -> None:
    """The negative control of the safety gates."""
    bare = TEXT.replace(GATE, "").replace(EFFECT, "").replace("settle\n    risk: high", "settle")
    assert "comes_to_person" in await failed_gates(bare, pg_dsn)

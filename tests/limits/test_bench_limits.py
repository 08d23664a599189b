"""`switchboard bench limits`, shortened: the figures that the goals are stated in."""

from __future__ import annotations

import pytest

from langgraph_switchboard.cli.bench_limits import bench_limits, figures, table_of
from langgraph_switchboard.postgres import EmbeddedServer

pytestmark = pytest.mark.pg


async def test_a_thousand_callers_share_commits_and_the_limit_is_exact(pg: EmbeddedServer) -> None:
    """At most a hundredth of a commit for each reservation, and several times as many in a second.

    How many exactly is the machine's, and is measured at full size.
    """
    calls = {"ours": 4_000, "ours, settled": 2_000, "a transaction each": 1_000}
    results = await bench_limits(pg.dsn, repetitions=1, calls=calls)
    told = figures(results)
    assert told["limit_exact"]
    assert told["commits_per_reservation"] <= 0.01
    assert told["ratio_to_a_transaction_each"] > 2
    assert table_of(results).row_count == 3

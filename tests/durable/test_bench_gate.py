"""The figures of the bench that do not depend on the machine, kept under their limits."""

from __future__ import annotations

import gc

import pytest

from langgraph_switchboard.checkpoints.collector import THRESHOLDS, calm_collector
from langgraph_switchboard.cli.bench import bench_saver
from langgraph_switchboard.cli.bench_figures import Run, parts_of, ratios, table_of
from langgraph_switchboard.cli.bench_parts import EVERYTHING, LADDER
from langgraph_switchboard.postgres import EmbeddedServer

pytestmark = pytest.mark.pg


async def test_a_hundred_cases_at_a_time_take_a_fifth_of_a_commit_each(pg: EmbeddedServer) -> None:
    """At most 0.2 commits and 0.3 statements per case, of 7 checkpoints and 31 rows, all at `sync`."""
    results = await bench_saver(pg.dsn, repetitions=1, cases={100: 300}, savers=("ours",))
    (run,) = results["ours", 100]

    assert run.commits <= 0.2
    assert run.statements <= 0.3


async def test_everything_on_takes_no_more_commits_than_the_bare_saver_may(pg: EmbeddedServer) -> None:
    """Ledger, chain, case rows, fence and barrier ride along; accepting, claims and releases are shared.

    The limits are those of the bare saver. Each batch with a ledger in it counts as two commits: the
    chain's trigger is a transaction within the transaction, with a number of its own.
    """
    results = await bench_saver(pg.dsn, repetitions=1, cases={100: 300}, savers=(EVERYTHING,))
    (run,) = results[EVERYTHING, 100]

    assert run.commits <= 0.2
    assert run.statements <= 0.3


async def test_every_row_of_the_ladder_gives_the_right_answers(pg: EmbeddedServer) -> None:
    """What is compared does the same work: each row checks what came of its cases, and writes."""
    results = await bench_saver(pg.dsn, repetitions=1, cases={100: 20}, savers=LADDER)

    assert all(run.commits > 0 and run.rate > 0 for (run,) in results.values())
    assert parts_of(results).row_count == len(LADDER) - 1
    assert "everything_on_ratio" in ratios(results)


async def test_the_stock_saver_takes_thirteen_commits_for_the_same_case(pg: EmbeddedServer) -> None:
    """The control: what is counted is there to be counted."""
    results = await bench_saver(pg.dsn, repetitions=1, cases={20: 20}, savers=("stock",))
    (run,) = results["stock", 20]

    assert run.commits >= 12
    assert run.statements >= 30


def test_the_ratios_are_ours_against_the_others() -> None:
    """Medians, so that one slow repetition of three changes nothing."""

    def run(rate: float) -> Run:
        return Run(
            rate=rate,
            p50=1 / rate,
            p99=2 / rate,
            python_ms=100 / rate,
            postgres_ms=0,
            commits=1,
            statements=2,
        )

    results = {
        ("ours", 100): [run(400), run(390), run(1)],
        ("stock", 100): [run(100), run(97.5), run(50)],
        ("memory", 100): [run(500), run(520), run(780)],
    }
    found = ratios(results)

    assert found["throughput_ratio_c100"] == 4.0
    assert found["cpu_ratio"] == found["p99_ratio"] == 0.25
    assert found["inmemory_ratio"] == 0.75
    assert found["commits_per_case"] == 1
    assert "everything_on_ratio" not in found
    assert (
        ratios({**results, (EVERYTHING, 100): [run(80)], ("line", 100): [run(100)]})["everything_on_ratio"]
        == 1.25
    )
    assert ratios({key: runs for key, runs in results.items() if key[0] == "stock"}) == {}
    assert table_of(results).row_count == 3


def test_the_collector_is_calm_inside_and_as_before_outside() -> None:
    """One place sets it, and puts it back."""
    before = gc.get_threshold()
    with calm_collector():
        assert gc.get_threshold() == THRESHOLDS
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0

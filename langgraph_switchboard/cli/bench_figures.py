"""What the bench found: one run's figures, their ratios, the table."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from rich.table import Table

from langgraph_switchboard.cli.bench_parts import EVERYTHING, LADDER, LINE


@dataclass(frozen=True)
class Run:
    """One saver, one concurrency, one repetition.

    Args:
        rate: Cases per second.
        p50: Median seconds of a case.
        p99: Seconds that 99 % of the cases stay under.
        python_ms: CPU of this process, milliseconds per case.
        postgres_ms: CPU of the server, milliseconds per case; 0 where it cannot be read.
        commits: Transactions with writes, per case.
        statements: SQL statements sent, per case.
    """

    rate: float
    p50: float
    p99: float
    python_ms: float
    postgres_ms: float
    commits: float
    statements: float

    @property
    def cpu_ms(self) -> float:
        """CPU of both, milliseconds per case."""
        return self.python_ms + self.postgres_ms


Results = dict[tuple[str, int], list[Run]]
"""The runs of each saver and concurrency."""


def ratios(results: Results) -> dict[str, float]:
    """The figures that the goals are stated in: ours over the other's.

    Each repetition gives a ratio of its own, of two runs that were neighbours in time, and the
    median of these is told. What was not run is left out.
    """

    def mid(saver: str, concurrency: int, what: str) -> float:
        return float(median(getattr(run, what) for run in results[saver, concurrency]))

    def against(other: str, concurrency: int, what: str, *, saver: str = "ours") -> float:
        pairs = zip(results[saver, concurrency], results[other, concurrency], strict=True)
        return round(float(median(getattr(our, what) / getattr(their, what) for our, their in pairs)), 3)

    found: dict[str, float] = {}
    if ("ours", 100) in results:
        found = {
            "throughput_ratio_c100": against("stock", 100, "rate"),
            "cpu_ratio": against("stock", 100, "cpu_ms"),
            "p99_ratio": against("stock", 100, "p99"),
            "commits_per_case": round(mid("ours", 100, "commits"), 3),
            "statements_per_case": round(mid("ours", 100, "statements"), 3),
            "inmemory_ratio": against("memory", 100, "rate"),
        }
    if ("ours", 1000) in results:
        found["throughput_ratio_c1000"] = against("stock", 1000, "rate")
        found["cpu_ratio_c1000"] = against("stock", 1000, "cpu_ms")
    if (EVERYTHING, 100) in results and (LINE, 100) in results:
        found["everything_on_ratio"] = against(LINE, 100, "cpu_ms", saver=EVERYTHING)
        found["everything_on_commits_per_case"] = round(mid(EVERYTHING, 100, "commits"), 3)
        found["everything_on_statements_per_case"] = round(mid(EVERYTHING, 100, "statements"), 3)
    if ("ours", 1) in results:
        found["p50_ratio_c1"] = against("stock", 1, "p50")
    return found


_COLUMNS = (
    ("cases/s", "rate", 1.0, 0),
    ("p50 ms", "p50", 1000.0, 0),
    ("p99 ms", "p99", 1000.0, 0),
    ("CPU ms", "cpu_ms", 1.0, 2),
    ("of it Python", "python_ms", 1.0, 2),
    ("commits", "commits", 1.0, 2),
    ("statements", "statements", 1.0, 2),
)


def table_of(results: Results) -> Table:
    """The medians over the repetitions; for the rate the least and the greatest too."""
    table = Table(title="What saving costs: medians per case", box=None, pad_edge=False)
    table.add_column("at a time", justify="right")
    table.add_column("saver")
    for head, *_ in _COLUMNS:
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("min to max /s", justify="right", no_wrap=True)
    for (saver, concurrency), runs in sorted(results.items(), key=lambda item: item[0][1]):
        cells = [
            f"{median(getattr(run, what) for run in runs) * scale:.{digits}f}"
            for _, what, scale, digits in _COLUMNS
        ]
        rates = [run.rate for run in runs]
        table.add_row(str(concurrency), saver, *cells, f"{min(rates):.0f} to {max(rates):.0f}")
    return table


def parts_of(results: Results, concurrency: int = 100) -> Table:
    """What each part costs over the row before it: CPU per case, medians of the differences."""
    table = Table(title="What each part adds, CPU per case", box=None, pad_edge=False)
    for head in ("part", "ms", "of it Postgres", "of the line"):
        table.add_column(head, justify="left" if head == "part" else "right", no_wrap=True)
    line = results[LINE, concurrency]
    for before, part in pairwise(LADDER):
        pairs = list(zip(results[part, concurrency], results[before, concurrency], strict=True))
        more = median(new.cpu_ms - old.cpu_ms for new, old in pairs)
        server = median(new.postgres_ms - old.postgres_ms for new, old in pairs)
        share = more / median(run.cpu_ms for run in line)
        table.add_row(
            "+ ownership" if part == EVERYTHING else part, f"{more:+.2f}", f"{server:+.2f}", f"{share:+.0%}"
        )
    return table

"""The full crash sweep, with its controls: what is swept, and what each part must show."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph_switchboard.postgres import running_server
from langgraph_switchboard.testing.chaos import Plan, Report, Sweeper, sweeper
from tests.chaos.flows import FLOWS

FLOW = "tests.chaos.flows:subject"
CONTROL = "tests.chaos.controls:subject"
STOCK = "tests.chaos.stock:subject"
MODES = ("sync", "async")
SEED = 20_260_101
POINTS = 1_000
DOUBLES = 500


@dataclass(frozen=True)
class Control:
    """A sweep that must find something.

    Args:
        plan: What is swept.
        law: The law that must be seen broken.
    """

    plan: Plan
    law: str


def laws(doubles: int = 50) -> Iterator[Plan]:
    """Six flows, driven in two ways: every point, twice, four cases at once, and refused."""
    for name in FLOWS:
        for mode in MODES:
            args: dict[str, Any] = {"name": name, "mode": mode}
            yield Plan(f"{name}, {mode}", FLOW, args, doubles=doubles, seed=SEED)
            yield Plan(f"{name}, {mode}, four at once", FLOW, args, most=12, cases=4, seed=SEED)
            yield Plan(f"{name}, {mode}, refused", FLOW, args, whens=("refused",))


def controls(most: int | None = None) -> Iterator[Control]:
    """Each guard taken away."""
    naive = {"rig": "journal_apart", "flow": "naive"}
    yield Control(Plan("no effect key, journal apart", CONTROL, naive, most=most), "doubled")
    yield Control(Plan("journal apart", CONTROL, {"rig": "journal_apart"}, most=most), "disagree")
    early = {"rig": "without_barrier", "mode": "async"}
    yield Control(Plan("no barrier, async", CONTROL, early, most=most), "early")
    for mode in MODES:
        args = {"rig": "without_stickiness", "mode": mode}
        yield Control(Plan(f"not sticky, {mode}", CONTROL, args, whens=("refused",)), "disagree")


def stock(most: int | None = None) -> Iterator[Control]:
    """Stock LangGraph on the same six graphs."""
    for name in FLOWS:
        for mode in MODES:
            args = {"name": name, "mode": mode}
            yield Control(Plan(f"stock {name}, {mode}", STOCK, args, most=most, seed=SEED), "doubled")


@contextmanager
def throwaway_server() -> Iterator[str]:
    """The connection string of a server that is gone after the block."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="switchboard-chaos-", dir=memory if memory.is_dir() else None))
    folder.chmod(0o711)  # the server's own account must pass
    try:
        with running_server(folder / "postgres") as server:
            yield server.dsn
    finally:
        shutil.rmtree(folder)


def main(target: Path) -> bool:
    """Run everything, tell it line by line, and write the report.

    Returns:
        Whether every law held, and every control failed.
    """
    started = time.perf_counter()
    with throwaway_server() as dsn, sweeper(dsn) as chaos:
        held = [_told(chaos, plan) for plan in laws()]
        failing = [(control, _told(chaos, control.plan)) for control in controls()]
        contrast = [_told(chaos, control.plan) for control in stock()]
    points, doubles = sum(one.points for one in held), sum(one.doubles for one in held)
    blind = [control.plan.name for control, report in failing if not report.outcomes[control.law]]
    clean = all(one.is_clean for one in held) and not blind
    clean = clean and points >= POINTS and doubles >= DOUBLES
    report = {
        "clean": clean,
        "points": points,
        "killed_twice": doubles,
        "outcomes": _sum(held),
        "controls_that_found_nothing": blind,
        "stock": {"points": sum(one.points for one in contrast), "outcomes": _sum(contrast)},
        "seconds": round(time.perf_counter() - started, 1),
        "sweeps": [one.as_json() for one in held],
        "controls": [one.as_json() for _, one in failing],
        "stock_sweeps": [one.as_json() for one in contrast],
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"\n{points} points, {doubles} of them killed twice: {_sum(held)}")
    print(f"stock LangGraph, {report['stock']}")
    print(f"controls that found nothing: {blind or 'none'}; the report is in {target}")
    return clean


def _told(chaos: Sweeper, plan: Plan) -> Report:
    def progress(done: int, of: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{plan.name}: {done}/{of} ", end="", file=sys.stderr, flush=True)

    report = chaos.sweep(plan, progress=progress)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    print(report.line(), flush=True)
    return report


def _sum(reports: list[Report]) -> dict[str, int]:
    return {law: sum(one.outcomes[law] for one in reports) for law in reports[0].outcomes}


if __name__ == "__main__":
    sys.exit(0 if main(Path(sys.argv[1])) else 1)

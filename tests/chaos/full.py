"""The full crash sweep, with its controls: what is swept, and what each part must show."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph_switchboard.testing.chaos import KILLS, Plan, Report, Sweeper, When, sweeper
from langgraph_switchboard.testing.chaos.place import throwaway_server
from tests.chaos.flows import ALL, FLOWS

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
    """The flows, driven in two ways: every point, twice, four cases at once, and refused."""
    for name in ALL:
        for mode in MODES:
            args: dict[str, Any] = {"name": name, "mode": mode}
            yield Plan(f"{name}, {mode}", FLOW, args, doubles=doubles, seed=SEED)
            yield Plan(f"{name}, {mode}, four at once", FLOW, args, most=12, cases=4, seed=SEED)
            yield Plan(f"{name}, {mode}, refused", FLOW, args, whens=("refused",))


def controls(*, short: bool = False) -> Iterator[Control]:
    """Each guard taken away; short: at the places alone where it must show."""

    def control(name: str, args: dict[str, Any], law: str, at: str, refused: bool = False) -> Control:
        whens: tuple[When, ...] = ("refused",) if refused else ("after",) if short else KILLS
        return Control(Plan(name, CONTROL, args, whens=whens, at=at if short else ""), law)

    naive = {"rig": "journal_apart", "flow": "naive"}
    yield control("no effect key, journal apart", naive, "doubled", "effect pay")
    yield control("journal apart", {"rig": "journal_apart"}, "disagree", "insert into switchboard.reviews")
    early = {"rig": "without_barrier", "mode": "async"}
    yield control("no barrier, async", early, "early", "entry")
    # A failure that its agent swallows ends on no rung, wherever the process is killed.
    swallowed = Plan("failure swallowed", FLOW, {"name": "unladdered"}, most=2, seed=SEED)
    yield Control(swallowed, "rung")
    for mode in MODES:
        loose = {"rig": "without_stickiness", "mode": mode}
        yield control(f"not sticky, {mode}", loose, "disagree", "WITH held", refused=True)


def stock(*, short: bool = False) -> Iterator[Control]:
    """Stock LangGraph on the same six graphs; short: where a node has just done something."""
    whens: tuple[When, ...] = ("after",) if short else KILLS
    for name in FLOWS:
        for mode in MODES:
            plan = Plan(
                f"stock {name}, {mode}", STOCK, {"name": name, "mode": mode}, whens=whens,
                at="effect" if short else "", most=2 if short else None, seed=SEED,
            )  # fmt: skip
            yield Control(plan, "doubled")


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

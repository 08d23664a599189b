"""The summary of a batch: routes, outcomes, times, cost, routing accuracy; from the ledger alone."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from langgraph_switchboard.cases import CaseRow, CaseStore
from langgraph_switchboard.ledger import LedgerEntry

_CHUNK = 500


@dataclass
class Route:
    """What became of the cases that one agent got."""

    cases: int = 0
    alone: int = 0
    waiting: int = 0
    dead: int = 0


@dataclass
class Summary:
    """A batch in figures.

    Args:
        total: Cases that came to rest or broke off.
        finished: Ended with an answer, or declined by a person.
        waiting: Parked for a person.
        delayed: Waiting for a moment; a timer wakes them.
        dead_lettered: Set aside for an operator.
        broken_off: Neither; `switchboard resume` takes them up.
        answered_alone: Finished without a person.
        routes: By the agent that was picked.
        seconds: Step seconds of each case, waiting for people left out.
        cost_usd: Dollars for models; None where a price is unknown.
        right: Routed to the expected label.
        judged: Cases that carry an expected label.
        by_label: Expected label to (right, judged).
        driven: Cases that this run had to drive; the others were at rest before it.
        wall: Seconds that it took.
    """

    total: int = 0
    finished: int = 0
    waiting: int = 0
    delayed: int = 0
    dead_lettered: int = 0
    broken_off: int = 0
    answered_alone: int = 0
    routes: dict[str, Route] = field(default_factory=lambda: defaultdict(Route))
    seconds: list[float] = field(default_factory=list)
    cost_usd: float | None = 0.0
    right: int = 0
    judged: int = 0
    by_label: dict[str, tuple[int, int]] = field(default_factory=dict)
    driven: int = 0
    wall: float = 0.0

    @property
    def routing_accuracy(self) -> float | None:
        """Share of judged cases whose label is as expected; None if none is judged."""
        return self.right / self.judged if self.judged else None

    def as_json(self) -> dict[str, Any]:
        """The figures for programs."""
        return {
            "total": self.total,
            "finished": self.finished,
            "waiting": self.waiting,
            "delayed": self.delayed,
            "dead_lettered": self.dead_lettered,
            "broken_off": self.broken_off,
            "answered_alone": self.answered_alone,
            "routing_accuracy": self.routing_accuracy,
            "accuracy_by_label": {label: right / n for label, (right, n) in sorted(self.by_label.items())},
            "routes": {name: vars(route) for name, route in sorted(self.routes.items())},
            "p50_ms": _ms(self.seconds, 50),
            "p95_ms": _ms(self.seconds, 95),
            "cost_usd": self.cost_usd,
            "driven": self.driven,
            "seconds": round(self.wall, 3),
        }


async def summarise(store: CaseStore, expected: Mapping[str, str | None]) -> Summary:
    """Read what became of the cases.

    Args:
        store: Where they stand.
        expected: The cases' ids, each with the label that routing should give, or None.
    """
    summary, case_ids = Summary(), list(expected)
    for start in range(0, len(case_ids), _CHUNK):
        chunk = case_ids[start : start + _CHUNK]
        rows = {row.case_id: row for row in await store.cases(case_ids=chunk, limit=None)}
        stories: dict[str, list[LedgerEntry]] = defaultdict(list)
        for entry in await store.stories(chunk):
            stories[entry.case_id].append(entry)
        for case_id in chunk:
            if case_id in rows:
                _count(summary, rows[case_id], stories[case_id], expected[case_id])
    return summary


def _count(summary: Summary, row: CaseRow, story: Sequence[LedgerEntry], expected: str | None) -> None:
    events = [entry.event for entry in story]
    asked = any(event.kind == "review_opened" for event in events)
    routed = next((event for event in reversed(events) if event.kind == "routed"), None)
    route = summary.routes[_agent(routed.data) if routed else "(not routed)"]
    summary.total += 1
    route.cases += 1
    match row.status:
        case "finished" | "declined":
            summary.finished += 1
            alone = row.status == "finished" and not asked
            summary.answered_alone += alone
            route.alone += alone
        case "waiting":
            summary.waiting += 1
            route.waiting += 1
        case "delayed":
            summary.delayed += 1
        case "dead_lettered":
            summary.dead_lettered += 1
            route.dead += 1
        case _:
            summary.broken_off += 1
    summary.seconds.append(sum(event.seconds or 0.0 for event in events))
    _cost(summary, (event.data for event in events))
    if expected is not None:
        _judge(summary, expected, _label(routed.data if routed else {}))


def _cost(summary: Summary, told: Iterable[Mapping[str, Any]]) -> None:
    for data in told:
        if "answered_by" not in data or summary.cost_usd is None:
            continue
        # A model was asked, but its price is not known: then the sum is not known either.
        cost = data.get("cost_usd")
        summary.cost_usd = None if cost is None else summary.cost_usd + float(cost)


def _judge(summary: Summary, expected: str, label: str | None) -> None:
    right, judged = summary.by_label.get(expected, (0, 0))
    hit = label == expected
    summary.by_label[expected] = (right + hit, judged + 1)
    summary.right += hit
    summary.judged += 1


def _agent(data: Mapping[str, Any]) -> str:
    return str(data.get("goto") or "(nobody)")


def _label(data: Mapping[str, Any]) -> str | None:
    """The router's label: its best guess, whether or not it was sure enough to act on it."""
    for envelope in (data.get("gave") or {}).values():
        payload = envelope.get("payload", {})
        label = payload.get("label") or payload.get("agent")
        return str(label) if label else None
    return None


def _ms(seconds: Sequence[float], percent: int) -> float | None:
    if len(seconds) < 2:
        return round(1000 * seconds[0], 1) if seconds else None
    return round(1000 * statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1], 1)


def tables(summary: Summary) -> list[Table]:
    """The summary for people."""
    routes = Table(title="Routes", title_justify="left")
    for name in ("agent", "cases", "answered alone", "waiting for a person", "dead letters"):
        routes.add_column(name, justify="left" if name == "agent" else "right")
    for agent, route in sorted(summary.routes.items(), key=lambda one: -one[1].cases):
        routes.add_row(agent, *(f"{n:,}" for n in (route.cases, route.alone, route.waiting, route.dead)))
    routes.add_section()
    sums = (summary.total, summary.answered_alone, summary.waiting, summary.dead_lettered)
    routes.add_row("all", *(f"{n:,}" for n in sums))
    return [routes, _figures(summary)]


def _figures(summary: Summary) -> Table:
    figures = Table(title="Figures", title_justify="left", show_header=False)
    share = summary.answered_alone / summary.total if summary.total else 0.0
    figures.add_row("answered alone", f"{share:.1%} of {summary.total:,}")
    if summary.seconds:
        p50, p95 = _ms(summary.seconds, 50), _ms(summary.seconds, 95)
        figures.add_row("time in steps per case", f"p50 {p50:g} ms, p95 {p95:g} ms")
    if summary.driven:
        rate = f"{summary.driven / summary.wall:,.1f} cases a second"
        figures.add_row("wall time", f"{summary.wall:.1f} s for {summary.driven:,} cases: {rate}")
    figures.add_row("cost of models", _dollars(summary.cost_usd))
    if summary.routing_accuracy is not None:
        figures.add_row("routing accuracy", f"{summary.routing_accuracy:.1%} of {summary.judged:,}")
        for label, (right, judged) in sorted(summary.by_label.items()):
            figures.add_row(f"  {label}", f"{right / judged:.1%} of {judged:,}")
    if summary.delayed:
        figures.add_row("waiting for a moment", f"{summary.delayed:,}: timers wake them")
    if summary.broken_off:
        figures.add_row("broken off", f"{summary.broken_off:,}: `switchboard resume` goes on with them")
    return figures


def _dollars(cost: float | None) -> str:
    if cost is None:
        return "unknown (a model without a known price)"
    return f"${cost:.4f}" if cost else "nothing"

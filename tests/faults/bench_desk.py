"""The desk's side of the benchmark: driving its cases, and reading from the ledger what became of them."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from graphs.support_desk import desk
from langgraph_switchboard import Blueprint, Switchboard
from langgraph_switchboard.ledger import Event, LedgerEntry
from langgraph_switchboard.models import OfflineModels, OpenAIModels
from langgraph_switchboard.switchboard import NewCase
from langgraph_switchboard.switchboard.ticker import Ticker
from langgraph_switchboard.testing.model_faults import INJECTION
from nodes.trust import COURTESIES
from tests.faults.desk import tickets
from tests.faults.kinds import Kind

_BATCH = 1_000
_HOUR = timedelta(hours=1)
THANKS = COURTESIES.partition(". ")[0]


@dataclass
class DeskFigures:
    """What became of the tickets.

    Args:
        tickets: How many came in.
        seconds: From the first to the last.
        statuses: How many stand in each status.
        met: Cases that met a fault which may pass, or that telling the model can mend.
        recovered: Those of them that were answered all the same.
        by_model: Those of them that the model itself answered in the end.
        final: Cases that met a fault which no second attempt can help.
        wrong: Replies that went out and are wrong.
        doubled: Replies that went out twice.
        overloaded: Cases of which an attempt ran out of the step's 30 s, because this machine was busy.
        waits: Seconds from a case's first event to its last.
        rungs: How many failed steps ended on which rung of the ladder.
    """

    tickets: int
    seconds: float
    statuses: Counter[str] = field(default_factory=Counter)
    met: int = 0
    recovered: int = 0
    by_model: int = 0
    final: int = 0
    wrong: int = 0
    doubled: int = 0
    overloaded: int = 0
    waits: list[float] = field(default_factory=list)
    rungs: dict[str, int] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Cases that neither ended nor wait for a person."""
        kept = ("finished", "waiting", "declined", "dead_lettered")
        return self.tickets - sum(self.statuses[status] for status in kept)

    def figures(self) -> dict[str, Any]:
        """For the line of JSON."""
        return {
            "tickets": self.tickets,
            "lost": self.lost,
            "completed_share": self.statuses["finished"] / self.tickets,
            "person_share": self.statuses["waiting"] / self.tickets,
            "dead_share": self.statuses["dead_lettered"] / self.tickets,
            "met_recoverable": self.met,
            "recovered_share": self.recovered / self.met if self.met else None,
            "recovered_by_model_share": self.by_model / self.met if self.met else None,
            "met_final": self.final,
            "wrong_as_right": self.wrong,
            "sent_twice": self.doubled,
            "rungs": {rung: ended / sum(self.rungs.values()) for rung, ended in self.rungs.items()},
            "overloaded": self.overloaded,
            "p50_seconds": round(statistics.median(self.waits), 2),
            "p99_seconds": round(statistics.quantiles(self.waits, n=100)[98], 2),
            "cases_per_second": round(self.tickets / self.seconds, 1),
        }

    def line(self) -> str:
        """One line for people."""
        told = self.figures()
        shares = ", ".join(f"{told[f'{name}_share']:.2%} {name}" for name in ("completed", "person", "dead"))
        recovered, by_model = told["recovered_share"] or 0, told["recovered_by_model_share"] or 0
        rungs = ", ".join(f"{share:.1%} {rung}" for rung, share in told["rungs"].items())
        return (
            f"{shares}, {self.lost} lost; of {self.met:,} cases with a fault that may pass {recovered:.2%} "
            f"were answered, {by_model:.2%} by the model itself; {self.wrong} wrong as right, "
            f"{self.doubled} sent twice; p50 {told['p50_seconds']} s, p99 {told['p99_seconds']} s, "
            f"{told['cases_per_second']} cases/s; failed steps ended at {rungs or 'no rung'}"
        )


def texts() -> list[str]:
    """What the tickets say: BANKING77's test messages, or those of the demo where it is not there."""
    folder = Path(os.environ.get("SWITCHBOARD_DATA", ""))
    file = folder / "banking77" / "test.jsonl"
    if not file.is_file():
        return [ticket.text for ticket in tickets()]
    return [json.loads(line)["text"] for line in file.read_text(encoding="utf-8").splitlines()]


async def prepare(dsn: str, url: str) -> None:
    """Migrate, load the articles and tables, and let the router learn, before the clock starts."""
    async with Switchboard.open(dsn, flows=[desk], models=OfflineModels("warming up")) as switchboard:
        warm = [_case(f"warm/{number}", text) for number, text in enumerate(texts()[:8])]
        assert not await switchboard.run_many(desk, warm, concurrency=4)


async def drive(
    dsn: str, url: str, first: int, step: int, tickets: int, concurrency: int, base: float
) -> None:
    """One process: its share of the cases, until each has ended or waits for a person.

    Waits that are timers (a server that asks for five minutes) are let come due once nothing else is
    left to do: their time counts, and is not sat out.
    """
    said = texts()
    given = [_case(f"bench/{number}", said[number % len(said)]) for number in range(first, tickets, step)]
    models = OpenAIModels("any", base_url=url)
    ahead = timedelta()
    flow = _patient(base)

    def now() -> datetime:
        return datetime.now(UTC) + ahead

    async with Switchboard.open(dsn, flows=[flow], models=models, clock=now) as switchboard:
        failed = await switchboard.run_many(flow, given, concurrency=concurrency)
        while failed:
            failed = await switchboard.resume_many(list(failed), concurrency=concurrency)
        store = switchboard.services.store
        while await store.cases(status=("delayed", "running", "accepted"), limit=1):
            ahead += _HOUR / 10
            if not (await Ticker(switchboard).tick()).woken:
                await asyncio.sleep(1.0)  # another process is at it
    await models.aclose()


def _patient(base: float) -> Blueprint:
    """The desk with another first wait; everything else as it is."""
    flow = copy.copy(desk)
    flow._steps = {
        name: replace(one, retry=replace(one.retry, base=base)) for name, one in desk._steps.items()
    }
    return flow


def _case(case_id: str, text: str) -> NewCase:
    return NewCase({"ticket": {"id": case_id, "text": text}}, case_id, {})


async def judge(dsn: str, tickets: int, seconds: float, kinds: Mapping[str, Kind]) -> DeskFigures:
    """Read from rows, ledger and outbox what became of the tickets."""
    figures = DeskFigures(tickets, seconds)
    final = {kind.code for kind in kinds.values() if kind.once == "plain"}
    async with Switchboard.open(dsn, models=OfflineModels("judging")) as switchboard:
        store = switchboard.services.store
        for start in range(0, tickets, _BATCH):
            ids = [f"bench/{number}" for number in range(start, min(start + _BATCH, tickets))]
            stories: dict[str, list[LedgerEntry]] = {one: [] for one in ids}
            for entry in await store.stories(ids):
                stories[entry.case_id].append(entry)
            for row in await store.cases(case_ids=ids, limit=None):
                figures.statuses[row.status] += 1
                _count(figures, stories[row.case_id], final, ended=row.status in ("finished", "waiting"))
        sent = [row for row in await store.outbox(limit=None) if row.case_id.startswith("bench/")]
        figures.rungs = {one.rung: one.ended for one in await switchboard.rungs() if one.ended}
    times = Counter(row.case_id for row in sent)
    figures.doubled = sum(number > 1 for number in times.values())
    by_model = {row.case_id: row.row for row in sent}
    figures.wrong = sum(not is_right(str(row["text"])) for row in by_model.values())
    return figures


def _count(
    figures: DeskFigures, story: Sequence[LedgerEntry], final: set[str | None], *, ended: bool
) -> None:
    events = [entry.event for entry in story]
    if events:
        began = events[0].at - timedelta(seconds=events[0].seconds or 0)
        figures.waits.append((events[-1].at - began).total_seconds())
    figures.overloaded += "machine" in _causes(events)
    answers = [one.data for one in events if "answered_by" in one.data and one.kind == "step_finished"]
    reason = next((one["fallback_reason"] for one in answers if one.get("fallback_reason")), None)
    mended = any(one.get("told_model") for one in answers)
    if reason in final:
        figures.final += 1
    elif mended or reason or "model" in _causes(events):
        figures.met += 1
        figures.recovered += ended and bool(answers)
        figures.by_model += ended and bool(answers) and answers[-1]["answered_by"] == "model"


def _causes(events: Sequence[Event]) -> set[str]:
    """What attempts failed of: the model, or a machine that had no time for the step."""
    codes = {one.data["failure"]["code"] for one in events if one.kind == "attempt_failed"}
    return {"machine" if code == "step_timeout" else "model" for code in codes}


def is_right(text: str) -> bool:
    """Whether a reply that went out is a right one: the model's as it was meant, or plain code's."""
    begins = text.startswith((THANKS, "Hello"))
    return begins and text.endswith("Larkpay Support") and INJECTION not in text

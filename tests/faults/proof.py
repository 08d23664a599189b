"""Every kind of fault through the support desk: each case ends in its declared rung, and nothing is lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from contracts.support import Ticket
from langgraph_switchboard.ledger import LedgerEntry
from langgraph_switchboard.nodes import Retry
from langgraph_switchboard.testing.model_faults import INJECTION
from langgraph_switchboard.testing.proofs import ProofReport
from langgraph_switchboard.testing.proofs.report import proof
from tests.faults.desk import SLOW, Desk, MakeModels, grounded_answer, open_desk, spread
from tests.faults.kinds import KINDS, RETRY_AFTER, Kind, Rung

AGENTS = ("faq", "billing", "technical", "account", "generalist")
POLICY = Retry()
SLACK = 0.1
"""By this share a wait may miss what is specified."""


async def faults(
    dsn: str,
    tickets: Sequence[Ticket],
    *,
    kinds: Sequence[str] = tuple(KINDS),
    each: int = 50,
    make: MakeModels | None = None,
) -> ProofReport:
    """Let `each` cases meet every kind of fault, half of them once and half of them each time.

    Args:
        dsn: A fresh database.
        tickets: What they are about; of each kind no two cases are about the same.
        kinds: The faults.
        each: Cases for each kind.
        make: Makes the models, where it is not the library that is tried.
    """
    said: set[str] = set()

    def answer(chat: Any) -> str:
        given = grounded_answer(chat)
        said.add(str(json.loads(given)["text"]))
        return given

    names = [name for kind in kinds for name in (f"{kind}-once", kind)]
    cases = spread(names, tickets, max(1, each // 2))
    async with (
        proof("faults of a model server") as report,
        open_desk(dsn, fault_of, answer=answer, make=make, retry_after=RETRY_AFTER) as desk,
    ):
        # What hangs would keep others waiting behind it; it is driven apart, many at a time.
        slow = {name: one for name, one in cases.items() if fault_of(name).removesuffix("-once") in SLOW}
        await desk.run({name: one for name, one in cases.items() if name not in slow})
        await desk.run(slow)
        report.trials = len(cases)
        report.broken += [f"{name} broke off: {error}" for name, error in desk.broke_off.items()]
        for name in cases:
            report.broken += [f"{name}: {one}" async for one in _broken(name, desk, said, report.counts)]
        report.broken += _requests(Counter(map(fault_of, cases)), desk)
        report.counts["requests"] = len(desk.server.served)
    return report


def fault_of(case: str) -> str:
    """The fault that a case meets, by its id."""
    return case.partition("/")[0]


def _requests(cases: Counter[str], desk: Desk) -> Iterator[str]:
    """Retries have one place: no client underneath multiplies them."""
    asked = Counter(one.model for one in desk.server.served)
    for name, number in cases.items():
        once, always = KINDS[name.removesuffix("-once")].requests
        wanted = number * (once if name.endswith("-once") else always)
        # Of those that hang, some may give up before the request has left a busy machine.
        hangs = name.removesuffix("-once") in SLOW
        if asked[name] > wanted or (asked[name] < wanted and not hangs):
            yield f"{name}: {asked[name]} requests for {number} cases, specified are {wanted}"


async def _broken(name: str, desk: Desk, said: set[str], counts: Counter[str]) -> AsyncIterator[str]:
    """Every law that the case broke, in words."""
    store = desk.switchboard.services.store
    fault = fault_of(name)
    kind = KINDS[fault.removesuffix("-once")]
    once = fault.endswith("-once")
    row, story = await store.case(name), await store.story(name)
    if row is None or row.status not in ("finished", "waiting"):
        yield f"lost: it is {row and row.status}"
        return
    counts[row.status] += 1
    answered = _answer_of(story)
    if answered is None:
        yield "nobody answered"
        return
    rung = _rung(answered)
    counts[f"ended in {rung}"] += 1
    declared = kind.once if once else kind.always
    if rung != declared:
        yield f"ended in {rung}, declared is {declared} ({answered.get('fallback_reason')})"
    if rung == "plain" and answered.get("fallback_reason") != kind.code:
        yield f"the reason is {answered.get('fallback_reason')}, not {kind.code}"
    for one in _waits(story, kind, once, counts):
        yield one
    outbox = await store.outbox(name)
    if len(outbox) != (row.status == "finished"):
        yield f"{row.status}, but sent {len(outbox)} times"
    for sent in outbox:
        if wrong := _wrong(sent.row, answered, said):
            counts["wrong as right"] += 1
            yield f"sent what is wrong: {wrong}"


def _answer_of(story: Sequence[LedgerEntry]) -> dict[str, Any] | None:
    """What the ledger tells of the step that answered last."""
    told = [e.event.data for e in story if e.event.kind == "step_finished" and e.event.step in AGENTS]
    return {**told[-1], "failed": _failed(story)} if told else None


def _failed(story: Sequence[LedgerEntry]) -> list[dict[str, Any]]:
    return [one.event.data for one in story if one.event.kind == "attempt_failed"]


def _rung(answered: dict[str, Any]) -> Rung:
    if answered["answered_by"] == "answerer":
        return "plain"
    if answered["confidence_parts"]["grounded"] * answered["confidence_parts"]["validated"] < 0.5:
        return "person"
    if answered.get("told_model"):
        return "told"
    return "retried" if answered["failed"] else "model"


def _waits(story: Sequence[LedgerEntry], kind: Kind, once: bool, counts: Counter[str]) -> Iterator[str]:
    """Every wait that is not as specified, and attempts that are too many or too few."""
    failed = _failed(story)
    if len(failed) != (min(kind.waits, 1) if once else kind.waits):
        yield f"{len(failed)} attempts failed before the last"
    for number, one in enumerate(failed):
        counts["waits"] += 1
        if one["failure"]["code"] != kind.code:
            yield f"attempt {number + 1} failed of {one['failure']['code']}, not {kind.code}"
        if kind.asked is not None:
            least, most = kind.asked, kind.asked
        else:
            most = min(POLICY.base * POLICY.factor**number, POLICY.longest)
            least = most / 2  # of which a random part between half and all is waited
        if not least * (1 - SLACK) <= one["wait"] <= most * (1 + SLACK):
            yield f"waited {one['wait']} s, specified is {least:g} to {most:g} s"


def _wrong(row: dict[str, Any], answered: dict[str, Any], said: set[str]) -> str | None:
    """Why a reply that went out alone must not have, or None."""
    text = str(row["text"])
    if INJECTION in text or "\ud800" in text:
        return "it carries the fault"
    if answered["answered_by"] == "model" and text not in said:
        return "no good answer of the model says so"
    return None

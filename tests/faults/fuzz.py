"""Fuzzed outputs: what is near to valid and is not never reaches a checkpoint or the next step."""

from __future__ import annotations

import json
import math
import random
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from contracts.claims import Particulars
from contracts.support import Reply
from langgraph_switchboard import END, Blueprint, CaseState, Contract
from langgraph_switchboard.errors import ModelError
from langgraph_switchboard.models.asking import Usage
from langgraph_switchboard.models.faults import accept_answer
from langgraph_switchboard.nodes import Retry
from langgraph_switchboard.testing.proofs import ProofReport
from langgraph_switchboard.testing.proofs.report import proof
from tests.seam import CANARY, Bench, Order, Payment, payloads

VALID = 0.4
"""The share of outputs that are left valid."""
_BATCH = 200

Payload = dict[str, Any]


class Loose(TypedDict, total=False):
    """State as most graphs have it."""

    given: Any


@dataclass(frozen=True)
class Family:
    """One family of contracts: what a valid output looks like, and how it is spoilt.

    Args:
        contract: What is wanted.
        good: Makes a valid payload.
        texts: Fields of text, with the longest that each takes.
        figures: Fields of a number, with a value that is out of bounds.
        closed: Fields with a closed list of values.
    """

    contract: type[Contract]
    good: Callable[[random.Random], Payload]
    texts: Mapping[str, int]
    figures: Mapping[str, float]
    closed: Sequence[str] = ()


Spoil = Callable[[Payload, Family, random.Random], object]


@dataclass(frozen=True)
class Output:
    """What an agent gives, and whether it is right; which it is, is known from how it was made."""

    value: object
    is_valid: bool
    how: str


def _text(chance: random.Random, most: int = 60) -> str:
    return "".join(chance.choices(string.ascii_letters + " .,äß€", k=chance.randint(1, most))).strip() or "x"


def _reply(chance: random.Random) -> Payload:
    return {
        "text": _text(chance, 300),
        "cites": [_text(chance, 8) for _ in range(chance.randint(0, 3))],
        "rows": [],
        "confidence": round(chance.random(), 3),
    }


def _particulars(chance: random.Random) -> Payload:
    return {
        "line": chance.choice(["motor", "home", "travel"]),
        "peril": chance.choice(["theft", "fire", "storm"]),
        "claimant": chance.choice([None, _text(chance)]),
        "loss_date": chance.choice([None, f"2026-0{chance.randint(1, 9)}-11"]),
        "amount": f"{chance.randint(0, 10**6)}.{chance.randint(10, 99)}",
        "currency": "EUR",
        "cause": _text(chance, 200),
        "confidence": round(chance.random(), 3),
    }


def _payment(chance: random.Random) -> Payload:
    return {
        "amount": round(chance.uniform(0.01, 10_000), 2),
        "currency": "EUR",
        "confidence": chance.choice([0, 1, 0.5]),
    }


FAMILIES = {
    "replies": Family(Reply, _reply, {"text": 4_000}, {"confidence": 1.01}),
    "claims": Family(
        Particulars, _particulars, {"cause": 1_000, "claimant": 200}, {"confidence": -0.01}, ("line", "peril")
    ),
    "payments": Family(
        Payment, _payment, {"currency": 3}, {"amount": 10_000.01, "confidence": 2}, ("currency",)
    ),
}


def output(family: Family, chance: random.Random) -> Output:
    """One output: valid, or a valid one with one thing wrong in it."""
    good = family.good(chance)
    if chance.random() < VALID:
        instance = chance.random() < 0.3
        return Output(family.contract.model_validate(good) if instance else good, True, "valid")
    how = chance.choice(list(_SPOILT))
    return Output(_SPOILT[how](good, family, chance), False, how)


def _set(
    kind: str, make: Callable[[Family, str], object]
) -> Callable[[Payload, Family, random.Random], object]:
    def spoil(good: Payload, family: Family, chance: random.Random) -> object:
        name = chance.choice(list(getattr(family, kind) or family.figures))
        return {**good, name: make(family, name) if kind != "closed" or family.closed else math.nan}

    return spoil


def _without(good: Payload, family: Family, chance: random.Random) -> object:
    needed = [name for name, one in family.contract.model_fields.items() if one.is_required()]
    gone = chance.choice(needed)
    return {name: value for name, value in good.items() if name != gone}


_SPOILT: dict[str, Spoil] = {
    "a key too many": lambda good, family, chance: {**good, _text(chance, 8): CANARY},
    "a key that is missing": _without,
    "out of bounds": _set("figures", lambda family, name: family.figures[name]),
    "not a number": _set("figures", lambda family, name: math.nan),
    "endless": _set("figures", lambda family, name: math.inf),
    "a number in words": _set("figures", lambda family, name: f"about 5 {CANARY}"),
    "a list for a number": _set("figures", lambda family, name: [CANARY]),
    "too long": _set("texts", lambda family, name: CANARY * (family.texts[name] // 5)),
    "a surrogate": _set("texts", lambda family, name: f"{CANARY}\ud800"),
    "a NUL": _set("texts", lambda family, name: f"{CANARY}\x00"),
    "an object for text": _set("texts", lambda family, name: {"value": CANARY}),
    "outside of the list": _set("closed", lambda family, name: CANARY),
    "nothing": lambda good, family, chance: None,
    "text": lambda good, family, chance: f"{CANARY} {json.dumps(good)}",
    "a list of it": lambda good, family, chance: [{**good, "note": CANARY}],
    "it in an envelope": lambda good, family, chance: {"payload": good, "note": CANARY},
    "another contract": lambda good, family, chance: Order(text=CANARY),
    "an instance that was never checked": lambda good, family, chance: family.contract.model_construct(
        **{**good, **dict.fromkeys(family.figures, CANARY)}
    ),
}


async def fuzz(name: str, *, outputs: int, seed: int = 0, unchecked: bool = False) -> ProofReport:
    """Let an agent give fuzzed outputs, by itself and as a model's text, and see who gets them.

    Args:
        name: The family.
        outputs: How many.
        seed: Another seed, other outputs.
        unchecked: The control: stock LangGraph, where nothing holds an agent to its word.
    """
    family, chance = FAMILIES[name], random.Random(f"{seed}/{name}")
    async with proof(f"fuzzed {name}{', stock LangGraph' if unchecked else ''}") as report:
        while report.trials < outputs:
            batch = [output(family, chance) for _ in range(min(_BATCH, outputs - report.trials))]
            await (_stock(batch, report) if unchecked else _batch(family, batch, report))
            report.trials += len(batch)
    return report


async def _batch(family: Family, batch: Sequence[Output], report: ProofReport) -> None:
    reached: list[Contract] = []
    given: list[object] = []

    async def produce(order: Order) -> Contract:
        return given[0]  # type: ignore[return-value]  # that it breaks its word is what this is about

    async def use(given: Contract) -> Order:
        reached.append(given)
        return Order(text="used")

    produce.__annotations__["return"] = family.contract
    use.__annotations__["given"] = family.contract
    case = _case(family.contract)
    flow = Blueprint("fuzzed", case=case, owner="o")
    flow.step(produce, gives="given", then="use", retry=Retry(attempts=1))
    flow.step(use, gives="used", then=END)
    bench = Bench(flow)
    for number, one in enumerate(batch):
        given[:], reached[:], bench.thread = [one.value], [], f"c{number}"
        await bench.run()
        kept = "given" in payloads(await bench.values())
        report.counts["valid" if one.is_valid else "invalid"] += 1
        if one.is_valid and not (kept and len(reached) == 1):
            report.broken.append(f"{one.how}: it was right, and did not arrive")
        if not one.is_valid and (kept or reached):
            report.broken.append(f"{one.how}: it {'was kept' if kept else 'reached the next step'}")
        report.broken += _as_text(family, one)
    if CANARY in bench.saved():
        report.broken.append("a checkpoint holds what no contract takes")


def _as_text(family: Family, one: Output) -> list[str]:
    """The same as the text of a model: taken if it is right, a typed error if not."""
    if one.value is not None and not isinstance(one.value, dict | list | str):
        return []
    try:
        accept_answer(json.dumps(one.value), family.contract, "model", Usage())
    except ModelError:
        return [f"{one.how}: a model's right answer was refused"] if one.is_valid else []
    return [] if one.is_valid else [f"{one.how}: a model's answer was taken"]


def _case(contract: type[Contract]) -> type[CaseState]:
    class FuzzCase(CaseState):
        order: Order
        given: contract | None = None  # type: ignore[valid-type]
        used: Order | None = None

    return FuzzCase


async def _stock(batch: Sequence[Output], report: ProofReport) -> None:
    """The same two steps in plain LangGraph."""
    for one in batch:
        reached: list[object] = []

        def use(state: Loose, reached: list[object] = reached) -> Loose:
            reached.append(state.get("given"))
            return {}

        graph: Any = StateGraph(Loose)
        graph.add_node("produce", lambda state, one=one: {"given": one.value})
        graph.add_node("use", use)
        graph.add_edge(START, "produce")
        graph.add_edge("produce", "use")
        await graph.compile().ainvoke({})
        report.counts["valid" if one.is_valid else "invalid"] += 1
        if reached and not one.is_valid:
            report.broken.append(f"{one.how}: it reached the next step")

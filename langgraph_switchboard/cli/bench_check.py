"""`switchboard bench check`: how long the check of a large process takes."""

from __future__ import annotations

import os
import time
from statistics import median
from typing import Annotated

import typer
from rich.console import Console

from langgraph_switchboard.cli.screen import print_json
from langgraph_switchboard.contracts import CaseState, Contract, Decision
from langgraph_switchboard.graphs import Blueprint, Process, check
from langgraph_switchboard.nodes import END, JOIN

_BLOCK = 10
"""Steps of one block: two that fall back, a set of two with its join, a map with body and join, a review."""


class Item(Contract):
    """One of many."""

    text: str


class Items(Contract):
    """All of them."""

    items: tuple[Item, ...]


class Opinion(Contract):
    """What is thought of it."""

    text: str


class OpinionDecision(Decision):
    """What a person says of it."""

    edited: Opinion | None = None


class LongCase(CaseState):
    """A case on a long way."""

    items: Items
    done: Items | None = None
    opinion: Opinion | None = None
    decision: OpinionDecision | None = None


async def think(items: Items) -> Opinion:
    """Think of it."""
    return Opinion(text=str(len(items.items)))


async def merge(opinion: dict[str, Opinion]) -> Opinion:
    """Make one of several."""
    return next(iter(opinion.values()))


async def redo(item: Item) -> Item:
    """Do one."""
    return item


def long_process(steps: int) -> Process:
    """A process of about so many steps, with every shape in it again and again."""
    flow = Blueprint("long", case=LongCase, owner="bench", max_visits=5)
    blocks = max(1, steps // _BLOCK)
    for n in range(blocks):
        after = f"think{n + 1}" if n + 1 < blocks else END
        flow.step(think, name=f"think{n}", then=f"set{n}", fallback=f"again{n}")
        flow.step(think, name=f"again{n}", then=f"set{n}", fallback=f"ask{n}")
        flow.parallel(f"set{n}", members=[f"left{n}", f"right{n}"], merge=merge, then=f"map{n}")
        flow.step(think, name=f"left{n}", then=JOIN)
        flow.step(think, name=f"right{n}", then=JOIN)
        flow.map(f"map{n}", over="items", body=redo, gives="done", then=f"ask{n}")
        flow.review(f"ask{n}", of="opinion", decides=OpinionDecision, then=after, rejected=f"think{n}")
    return flow.process()


def check_(
    steps: Annotated[int, typer.Option(min=_BLOCK, help="How many steps, about.")] = 500,
    repetitions: Annotated[int, typer.Option(min=1, help="How often it is checked.")] = 7,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """Check a process of many steps, with sets, maps, ladders, reviews and loops in it."""
    seconds: list[float] = []
    for _ in range(repetitions):
        process = long_process(steps)  # anew each time: what was found is kept with a process
        started = time.perf_counter()
        found = check(process)
        seconds.append(time.perf_counter() - started)
    declared = len(process.steps) - 2
    if json:
        print_json({"steps": declared, "findings": len(found), "seconds": seconds})
        return
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    console = Console(width=110)
    console.print(f"load average {load}; {os.cpu_count()} CPUs")
    console.print(
        f"{declared} steps checked in {1000 * median(seconds):.1f} ms "
        f"({1000 * min(seconds):.1f} to {1000 * max(seconds):.1f}), {len(found)} findings"
    )

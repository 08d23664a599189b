"""`switchboard bench desk`: the project's demo cases through its flow, and where the time goes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from psycopg import AsyncConnection, sql
from psycopg.conninfo import make_conninfo
from rich.table import Table

from langgraph_switchboard.cli.cpu import postgres_cpu
from langgraph_switchboard.cli.demo import demo_file
from langgraph_switchboard.cli.intake import read_cases
from langgraph_switchboard.cli.project import named_flow
from langgraph_switchboard.cli.run import input_of
from langgraph_switchboard.cli.sampler import Sampler
from langgraph_switchboard.cli.screen import err, out, run_async, say
from langgraph_switchboard.errors import CaseError
from langgraph_switchboard.graphs import Blueprint
from langgraph_switchboard.postgres import database, open_pool
from langgraph_switchboard.switchboard import NewCase, Switchboard

_WARM = 20
"""Cases before the clock starts: the router is read, statements are prepared, articles loaded."""
_PARTS = {
    "LangGraph": ["langgraph.", "langchain_core.", "langsmith."],
    "saver": [
        "langgraph.checkpoint.",
        "langgraph_switchboard.checkpoints.",
        "langgraph_switchboard.postgres.writer.",
    ],
    "Switchboard": ["langgraph_switchboard."],
    "knowledge search": ["langgraph_switchboard.knowledge."],
    "router": ["langgraph_switchboard.routing."],
    "event loop": ["langgraph_switchboard.cli."],
}


@dataclass(frozen=True)
class DeskRun:
    """What the desk did on this machine.

    Args:
        cases: Cases run, after the warm-up.
        seconds: From the first to the last.
        python_ms: CPU of this process, milliseconds per case.
        postgres_ms: CPU of the server, milliseconds per case; 0 where it cannot be read.
        shares: Part of the program to its share of this process's CPU.
    """

    cases: int
    seconds: float
    python_ms: float
    postgres_ms: float
    shares: dict[str, float]


def desk(
    limit: Annotated[int, typer.Option(min=1, help="How many cases.")] = 300,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="How many cases at a time.")] = 32,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """Run the project's demo cases on an empty database of their own; say where the time goes."""
    blueprint = named_flow()
    result = run_async(_bench(blueprint, demo_file(), limit, concurrency))
    if as_json:
        figures = {**vars(result), "cases_per_second": result.cases / result.seconds}
        out.print(json.dumps(figures), soft_wrap=True, highlight=False, markup=False)
        return
    for table in _tables(result):
        out.print(table)


async def _bench(blueprint: Blueprint, file: Path, limit: int, concurrency: int) -> DeskRun:
    given = read_cases(file, input_of(blueprint), batch="bench").cases
    again = enumerate(islice(cycle(given), limit + _WARM))
    fresh = [NewCase(case.inputs, f"bench/{number}", {}) for number, case in again]
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    say(f"load average {load}; {os.cpu_count()} CPUs; {limit:,} cases of {file}, {concurrency} at a time")
    sampler = Sampler({**_PARTS, "agents": _application(blueprint)})
    async with own_database() as dsn, Switchboard.open(dsn, flows=[blueprint]) as switchboard:
        await _drive(switchboard, blueprint, fresh[:_WARM], concurrency)
        async with open_pool(dsn, max_size=1) as pool:
            server = await postgres_cpu(pool)
            began, cpu = time.perf_counter(), time.process_time()
            with sampler.running():
                await _drive(switchboard, blueprint, fresh[_WARM:], concurrency)
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
            server = await postgres_cpu(pool) - server
    return DeskRun(limit, seconds, 1000 * cpu / limit, 1000 * server / limit, sampler.shares())


async def _drive(
    switchboard: Switchboard, blueprint: Blueprint, cases: list[NewCase], concurrency: int
) -> None:
    broken = await switchboard.run_many(blueprint, cases, concurrency=concurrency)
    for case_id, error in broken.items():
        err.print(f"broke off: {case_id}: {error}", markup=False, soft_wrap=True)
    if broken:
        raise CaseError(f"{len(broken):,} cases broke off", mend="A rate of cases that fail says nothing.")


def _application(blueprint: Blueprint) -> list[str]:
    """The folders that hold the project's own code: those of its contracts, agents and articles."""
    process = blueprint.process()
    modules = [blueprint.case.__module__, process.knowledge, process.tables]
    return sorted({f"{module.partition('.')[0]}." for module in modules if module})


@asynccontextmanager
async def own_database() -> AsyncIterator[str]:
    """The address of a fresh database on the server in use; dropped at the end."""
    name = f"switchboard_bench_{uuid4().hex[:8]}"
    async with database() as server, await AsyncConnection.connect(server.dsn, autocommit=True) as admin:
        await admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield make_conninfo(server.dsn, dbname=name)
        finally:
            await admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _tables(result: DeskRun) -> list[Table]:
    figures = Table(title="The desk on this machine", title_justify="left", show_header=False)
    figures.add_row("cases a second", f"{result.cases / result.seconds:,.1f}")
    figures.add_row("CPU per case, this process", f"{result.python_ms:.1f} ms")
    figures.add_row("CPU per case, Postgres", f"{result.postgres_ms:.1f} ms")
    shares = Table(title="Share of this process's CPU", title_justify="left", show_header=False)
    shares.add_column("part")
    shares.add_column("share", justify="right")
    for part, share in result.shares.items():
        shares.add_row(part, f"{share:.0%}")
    return [figures, shares]

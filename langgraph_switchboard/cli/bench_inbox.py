"""`switchboard bench inbox`: how fast the pages answer over many cases, with the plans of their queries."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from langgraph_switchboard.cases import CaseQuery, InboxQuery
from langgraph_switchboard.cases.review_postgres import (
    REVIEW_STATEMENTS,
    cases_statement,
    inbox_statement,
)
from langgraph_switchboard.cli.bench_desk import own_database
from langgraph_switchboard.cli.screen import out, run_async, say
from langgraph_switchboard.cli.workload_inbox import fill_inbox
from langgraph_switchboard.errors import MissingExtra
from langgraph_switchboard.postgres import Pool, migrate, open_pool
from langgraph_switchboard.switchboard import Switchboard

LIMIT_MS = 200.0
"""What the inbox may take at its 95th percentile."""

QUERIES: Mapping[str, InboxQuery | CaseQuery] = {
    "the inbox": InboxQuery(),
    "a page further on": InboxQuery(after=(datetime(2020, 1, 1, tzinfo=UTC), "rv-000000100")),
    "filtered": InboxQuery(flow="claims", risk="high", owner="heads"),
    "overdue": InboxQuery(overdue_at=datetime(2020, 1, 1, tzinfo=UTC)),
    "searched": InboxQuery(words="parcel 4711"),
    "the cases": CaseQuery(),
    "cases of one status": CaseQuery(status="dead_lettered"),
    "a case by its id": CaseQuery(prefix="case-00047"),
    "cases of a batch": CaseQuery(labels={"batch": "b7"}),
}
"""What people ask of the lists, in words."""

_PAGES = {
    "inbox": "/",
    "inbox, next page": "/?after=WyIyMDIwLTAxLTAxVDAwOjAwOjAwKzAwOjAwIiwgInJ2LTEiXQ",
    "inbox, filtered": "/?flow=claims&risk=high&group=heads",
    "inbox, overdue": "/?overdue=1",
    "inbox, searched": "/?q=parcel+4711",
    "one review": "/reviews/rv-000000100",
    "cases": "/cases",
    "cases, dead letters": "/cases?status=dead_lettered",
    "cases, by id": "/cases?q=case-00047",
    "one case": "/cases/case-0000100",
    "figures": "/figures?days=30",
}


@dataclass(frozen=True)
class Timed:
    """How long a page took.

    Args:
        page: Which page.
        p50_ms: The median, milliseconds.
        p95_ms: 95 of 100 took no longer.
        most_ms: The slowest.
        size: Bytes of the answer.
    """

    page: str
    p50_ms: float
    p95_ms: float
    most_ms: float
    size: int


def inbox(
    cases: Annotated[int, typer.Option(min=100, help="How many cases.")] = 100_000,
    waiting: Annotated[int, typer.Option(min=1, help="How many of them wait for a person.")] = 5_000,
    decided: Annotated[int, typer.Option(min=1, help="How many reviews have been decided.")] = 50_000,
    rounds: Annotated[int, typer.Option(min=5, help="How often each page is asked for.")] = 100,
    plans: Annotated[bool, typer.Option(help="Print the plan of each query.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """Ask for each page over a database full of cases; exit with 1 where the inbox takes over 200 ms."""
    timed = run_async(_bench(cases, waiting, decided, rounds, plans))
    if as_json:
        out.print(json.dumps([asdict(one) for one in timed]), soft_wrap=True, highlight=False, markup=False)
    else:
        out.print(_table(timed, cases, waiting))
    slow = [one.page for one in timed if one.page.startswith("inbox") and one.p95_ms > LIMIT_MS]
    if slow:
        say(f"over {LIMIT_MS:g} ms at p95: {', '.join(slow)}")
        raise typer.Exit(1)


async def explain(pool: Pool, query: InboxQuery | CaseQuery) -> list[str]:
    """The plan by which Postgres answers a query, with what it took.

    Args:
        pool: The database, filled and analysed.
        query: The query.
    """
    name, values = inbox_statement(query) if isinstance(query, InboxQuery) else cases_statement(query)
    async with pool.connection() as connection:
        statement = f"explain (analyze, costs off, timing off) {REVIEW_STATEMENTS[name]}"
        rows = await (await connection.execute(statement, values, prepare=False)).fetchall()
    return [str(row["QUERY PLAN"]) for row in rows]


async def _bench(cases: int, waiting: int, decided: int, rounds: int, plans: bool) -> list[Timed]:
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    say(f"load average {load}; {os.cpu_count()} CPUs")
    say(f"{cases:,} cases, {waiting:,} of them waiting, {decided:,} reviews decided")
    async with own_database() as dsn:
        async with open_pool(dsn, max_size=2) as pool:
            await migrate(pool)
            await fill_inbox(pool, cases=cases, waiting=waiting, decided=decided)
            for words, query in QUERIES.items() if plans else ():
                out.print(f"\n{words}", style="bold", markup=False)
                for line in await explain(pool, query):
                    out.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
        async with Switchboard.open(dsn) as switchboard, _pages(switchboard) as ask:
            return [await _time(ask, page, path, rounds) for page, path in _PAGES.items()]


Asked = Callable[[str], Awaitable[bytes]]
"""Asks for a page by its path."""


@asynccontextmanager
async def _pages(switchboard: Switchboard) -> AsyncIterator[Asked]:
    try:
        # An optional part, with web server and templates.
        import httpx

        from langgraph_switchboard.serve.app import create_app
        from langgraph_switchboard.serve.settings import ServeSettings
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "starlette", "serve", why="serving pages") from None

    @asynccontextmanager
    async def opened() -> AsyncIterator[Switchboard]:
        yield switchboard

    app = create_app(opened, settings=ServeSettings())
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):

        async def ask(path: str) -> bytes:
            answer = await client.get(path)
            answer.raise_for_status()
            return answer.content

        yield ask


async def _time(ask: Asked, page: str, path: str, rounds: int) -> Timed:
    took, size = [], 0
    for number in range(rounds + 3):
        began = time.perf_counter()
        size = len(await ask(path))
        if number >= 3:  # templates are read, statements and caches are warm
            took.append(1000 * (time.perf_counter() - began))
    cuts = statistics.quantiles(took, n=20, method="inclusive")
    return Timed(page, statistics.median(took), cuts[-1], max(took), size)


def _table(timed: list[Timed], cases: int, waiting: int) -> Table:
    table = Table(
        title=f"Pages over {cases:,} cases, {waiting:,} of them waiting", title_justify="left", box=None
    )
    table.add_column("page")
    for name in ("p50 ms", "p95 ms", "most ms", "kB"):
        table.add_column(name, justify="right")
    for one in timed:
        table.add_row(
            one.page, f"{one.p50_ms:.1f}", f"{one.p95_ms:.1f}", f"{one.most_ms:.1f}", f"{one.size / 1000:.0f}"
        )
    return table

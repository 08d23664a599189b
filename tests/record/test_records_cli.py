"""The commands on the record: what they say, and how they end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import typer
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from typer.testing import CliRunner, Result

from langgraph_switchboard.cli.records import db_app, ledger_app
from langgraph_switchboard.errors import CaseError, InputRefused
from langgraph_switchboard.postgres import Pool, open_pool
from tests.record.entries import behind_the_triggers, rows
from tests.record.states import Desk

pytestmark = pytest.mark.pg

LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
app = typer.Typer()
app.add_typer(ledger_app, name="ledger")
app.add_typer(db_app, name="db")

Work = Callable[[Callable[[Pool], Awaitable[Any]]], Any]


@pytest.fixture
def run(pg_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command on this test's database."""
    monkeypatch.setenv("SWITCHBOARD_DATABASE_URL", pg_dsn)
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments: str) -> Result:
        result = CliRunner().invoke(app, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return command


@pytest.fixture
def on_pool(pg_dsn: str) -> Iterator[Work]:
    """Runs work on a pool of its own, in a loop of its own: the commands bring theirs."""
    with ThreadPoolExecutor(1) as thread:

        async def with_pool(work: Callable[[Pool], Awaitable[Any]]) -> Any:
            async with open_pool(pg_dsn) as pool:
                return await work(pool)

        yield lambda work: thread.submit(asyncio.run, with_pool(work)).result()


@pytest.fixture
def two_cases(on_pool: Work) -> None:
    async def make(pool: Pool) -> None:
        await AsyncPostgresSaver(pool).setup()
        desk = Desk(pool)
        await desk.case("c1", "finished", LONG_AGO, said="Ann")
        await desk.case("c2", "waiting", said="Ann")

    on_pool(make)


def test_a_sealed_ledger_holds_and_a_changed_one_does_not(
    run: Callable[..., Result], on_pool: Work, two_cases: None
) -> None:
    """Exit code 1 is for damage, with the place of it."""
    root = json.loads(run("ledger", "seal", "--json").stdout)
    assert (root["root"], root["cases"], root["entries"]) == (1, 2, 4)
    told = run("ledger", "verify", "--root", root["hash"])
    assert told.exit_code == 0
    assert "2 cases, 4 entries (0 of them erased), 1 roots: the ledger holds." in told.stdout

    async def tamper(pool: Pool) -> None:
        async with behind_the_triggers(pool) as connection:
            await connection.execute("update switchboard.ledger set step = 'x' where case_id = 'c2'")

    on_pool(tamper)
    found = run("ledger", "verify", "--json")
    assert found.exit_code == 1
    assert {(one["case_id"], one["kind"]) for one in json.loads(found.stdout)["findings"]} == {
        ("c2", "chain_broken")
    }
    assert run("ledger", "verify", "c1").exit_code == 0


def test_pruning_says_what_goes(run: Callable[..., Result], two_cases: None) -> None:
    """First as a dry run, then for good, then there is nothing more."""
    told = json.loads(run("db", "prune", "--dry-run", "--json").stdout)
    gone = json.loads(run("db", "prune", "--older-than", "90d", "--json").stdout)
    assert told["checkpoints"] == gone["checkpoints"] > 0 and gone["cases"] == 1
    assert "0 checkpoints" in run("db", "prune").stdout
    with pytest.raises(InputRefused, match="no age"):
        run("db", "prune", "--older-than", "soon")


def test_a_person_is_erased_by_one_command(
    run: Callable[..., Result], on_pool: Work, two_cases: None
) -> None:
    """An open case of his wants --force; afterwards the ledger holds."""
    with pytest.raises(CaseError, match="still open"):
        run("db", "erase", "--person", "ticket.customer=Ann", "--yes")
    assert run("db", "erase", "c1").exit_code == 1  # nobody said yes
    gone = run("db", "erase", "--person", "ticket.customer=Ann", "--yes", "--force", "--by", "dpo", "--json")
    assert json.loads(gone.stdout)["case_ids"] == ["c1", "c2"]
    assert "6 entries (4 of them erased)" in run("ledger", "verify").stdout
    by = "select distinct erased_by from switchboard.ledger where erased_by is not null"
    assert on_pool(lambda pool: rows(pool, by)) == [("dpo",)]
    with pytest.raises(InputRefused, match="either cases or a person"):
        run("db", "erase", "--yes")


def test_where_and_migrate_say_what_there_is(run: Callable[..., Result]) -> None:
    """The database by address, without a password; its migrations and its tables."""
    told = json.loads(run("db", "where", "--json").stdout)
    assert "0003_ledger" in told["migrations"] and told["bytes"]["switchboard.ledger"] > 0
    assert "switchboard.ledger_chain" in run("db", "where").stdout
    assert "Nothing to do" in run("db", "migrate").stdout

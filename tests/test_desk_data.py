"""The desk's tables: they can be read, and their stories hold together."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import dict_row

from langgraph_switchboard.postgres import Pool, load_queries

pytestmark = pytest.mark.pg

QUERIES = load_queries("nodes.data")
Row = dict[str, Any]


@pytest.fixture
async def larkpay(pg_pool: Pool) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection to a database with the desk's tables, filled twice over."""
    async with pg_pool.connection() as connection:
        for _ in range(2):
            for file in ("schema.sql", "seed.sql"):
                await connection.execute((files("nodes.data") / file).read_bytes(), prepare=False)
        yield connection


async def read(connection: AsyncConnection[Any], statement: str, **params: object) -> list[Row]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement.encode(), params or None)
        return await cursor.fetchall()


async def test_filling_the_tables_twice_leaves_one_of_each(larkpay: AsyncConnection[Any]) -> None:
    """Schema and seed may run at every start."""
    counted = {
        table: (await read(larkpay, f"select count(*) as n from larkpay.{table}"))[0]["n"]
        for table in ("customers", "charges", "transactions", "plans")
    }
    assert counted["customers"] == 40
    assert counted["plans"] == 2
    assert counted["charges"] > 100
    assert counted["transactions"] >= 400


@pytest.mark.parametrize("name", ["account", "cards_of", "charges_of", "transactions_of", "balances_of"])
async def test_each_query_answers_for_every_customer_with_plain_values(
    larkpay: AsyncConnection[Any], name: str
) -> None:
    """What agents get is JSON-plain, and never somebody else's."""
    everybody = await read(larkpay, "select id from larkpay.customers order by id")
    rows: list[Row] = []
    for one in everybody:
        rows += await read(larkpay, QUERIES[name], customer=one["id"])
    assert rows
    assert {type(value) for row in rows for value in row.values()} <= {str, bool, int, type(None)}
    assert await read(larkpay, QUERIES[name], customer="C-9999") == []
    assert await read(larkpay, QUERIES[name], customer="C-1001' or '1'='1") == []


async def test_the_file_of_a_customer_holds_what_the_single_queries_say(
    larkpay: AsyncConnection[Any],
) -> None:
    """One query for all, in the same order and the same values; an unknown customer has no file."""
    for one in await read(larkpay, "select id, plan from larkpay.customers order by id"):
        file: dict[str, list[Row]] = {}
        for row in await read(larkpay, QUERIES["file_of"], customer=one["id"]):
            file.setdefault(row["part"], []).append(row["row"])
        for part in ("card", "charge", "transaction"):
            assert file.get(part, []) == await read(larkpay, QUERIES[f"{part}s_of"], customer=one["id"])
        assert file["account"] == await read(larkpay, QUERIES["account"], customer=one["id"])
        assert file["plan"] == await read(larkpay, QUERIES["plan_limits"], plan=one["plan"])
    assert await read(larkpay, QUERIES["file_of"], customer="C-9999") == []


async def test_a_plan_tells_its_limits(larkpay: AsyncConnection[Any]) -> None:
    """The figures are those of the help centre's fact sheet."""
    plan = (await read(larkpay, QUERIES["plan_limits"], plan="Standard"))[0]
    assert plan["cash_free_month"] == "250.00"
    assert plan["top_up_day"] == "5000.00"


async def test_the_histories_hold_what_customers_ask_about(larkpay: AsyncConnection[Any]) -> None:
    """Every state that a ticket may be about stands in the tables several times."""
    rows = await read(larkpay, "select kind, status from larkpay.transactions")
    found = Counter((row["kind"], row["status"]) for row in rows)
    for wanted in [
        ("card_payment", "pending"),
        ("card_payment", "declined"),
        ("card_payment", "reverted"),
        ("transfer", "pending"),
        ("transfer", "failed"),
        ("transfer", "declined"),
        ("top_up", "pending"),
        ("top_up", "failed"),
        ("top_up", "reverted"),
        ("cash_withdrawal", "pending"),
        ("cash_withdrawal", "declined"),
        ("exchange", "completed"),
    ]:
        assert found[wanted] >= 3, wanted


async def test_whatever_is_not_completed_says_why_and_until_when(
    larkpay: AsyncConnection[Any],
) -> None:
    """An agent never has to guess a reason."""
    rows = await read(larkpay, "select status, reason, due, at::date as day from larkpay.transactions")
    for row in rows:
        assert row["status"] == "completed" or row["reason"], row
        assert (row["status"] == "pending") == (row["due"] is not None), row
        assert row["due"] is None or row["due"] > row["day"], row


async def test_a_fee_on_cash_follows_the_plan_and_belongs_to_a_withdrawal(
    larkpay: AsyncConnection[Any],
) -> None:
    """A fee that an agent explains is one that the price list knows."""
    rows = await read(
        larkpay,
        """select f.amount as fee, t.amount, t.kind, t.status, t.customer = f.customer as own,
                  f.at = t.at as same
           from larkpay.charges f left join larkpay.transactions t on t.id = f.transaction
           where f.kind = 'cash_fee'""",
    )
    assert len(rows) > 10
    for row in rows:
        assert (row["kind"], row["status"]) == ("cash_withdrawal", "completed")
        assert row["own"]
        assert row["same"]
        assert Decimal(0) < row["fee"] <= max(row["amount"] * Decimal("0.02"), Decimal(40))


async def test_a_reader_may_read_the_tables_and_nothing_more(larkpay: AsyncConnection[Any]) -> None:
    """Billing and account look; only a fault could make them write, and then the database says no."""
    async with larkpay.transaction(force_rollback=True):
        await larkpay.execute("create role desk_reader_test nologin")
        await larkpay.execute("grant usage on schema larkpay to desk_reader_test")
        await larkpay.execute("grant select on all tables in schema larkpay to desk_reader_test")
        await larkpay.execute("set local role desk_reader_test")
        assert await read(larkpay, QUERIES["charges_of"], customer="C-1001")
        with pytest.raises(InsufficientPrivilege):
            await larkpay.execute("update larkpay.balances set amount = 1000000")

"""State and ledger are written by a login that can add to the ledger and do nothing else to it."""

from __future__ import annotations

import pytest

from langgraph_switchboard import Switchboard
from langgraph_switchboard.postgres import Pool
from tests.durable.test_owned_cases import Order, flow_of, pack

pytestmark = pytest.mark.pg


async def test_the_switchboard_writes_by_an_insert_only_login(pg_dsn: str, pg_pool: Pool) -> None:
    """While a switchboard is open its writer's sessions belong to the insert-only role."""
    async with Switchboard.open(pg_dsn) as switchboard:
        case = await switchboard.run(flow_of(pack), Order(text="a lamp"))
        assert case.status == "finished"
        async with pg_pool.connection() as connection:
            cursor = await connection.execute(
                "select distinct usename from pg_stat_activity "
                "where application_name = 'switchboard-writer' and datname = current_database()"
            )
            [row] = await cursor.fetchall()
            rights = await connection.execute(
                "select has_table_privilege(%(who)s, 'switchboard.ledger', 'update') as may_update, "
                "has_table_privilege(%(who)s, 'switchboard.ledger', 'delete') as may_delete, "
                "has_table_privilege(%(who)s, 'switchboard.ledger', 'select') as may_select",
                {"who": row["usename"]},
            )
            assert row["usename"].startswith("switchboard_writer")
            assert await rights.fetchone() == {"may_update": False, "may_delete": False, "may_select": False}

"""The contrast: the same payment as a plain LangGraph graph on the stock saver."""

from __future__ import annotations

from functools import cache
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool
from typing_extensions import TypedDict

from langgraph_switchboard.switchboard.core import Switchboard

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]


class Payment(TypedDict):
    """What is to be paid."""

    amount: int


def plain_payments(pool: Pool) -> Any:
    """Ask a person, then pay: as a LangGraph tutorial would write it, with a pool of its own."""

    async def by_hand(state: Payment) -> Payment:
        return {"amount": interrupt({"amount": state["amount"]})}

    async def pay(state: Payment, config: RunnableConfig) -> None:
        case = config["configurable"]["thread_id"]
        async with pool.connection() as connection:
            await connection.execute(
                "insert into public.proof_paid values (%s, %s, 'stock')", [case, state["amount"]]
            )

    graph = StateGraph(Payment)
    graph.add_node("by_hand", by_hand)
    graph.add_node("pay", pay)
    graph.add_edge(START, "by_hand")
    graph.add_edge("by_hand", "pay")
    graph.add_edge("pay", END)
    return graph.compile(checkpointer=AsyncPostgresSaver(pool))


@cache
def pool_of(dsn: str) -> Pool:
    """The pool of this process, made once and opened by its first use."""
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    return AsyncConnectionPool(dsn, kwargs=options, open=False, max_size=4)


async def start(switchboard: Switchboard, dsn: str, case: str) -> None:
    """Drive a plain payment to its question."""
    pool = pool_of(dsn)
    await pool.open()
    await plain_payments(pool).ainvoke({"amount": 1}, {"configurable": {"thread_id": case}})


async def resume(switchboard: Switchboard, dsn: str, case: str, answer: int) -> str:
    """Answer its question, and say what came back."""
    pool = pool_of(dsn)
    await pool.open()
    graph, config = plain_payments(pool), {"configurable": {"thread_id": case}}
    await graph.aget_state(config)  # as a web route looks before it acts
    await graph.ainvoke(Command(resume=answer), config)
    return "ok"

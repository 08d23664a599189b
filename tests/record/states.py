"""Cases with checkpoints for the tests of retention: a small graph under LangGraph's own tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from langgraph_switchboard.cases import CaseStatus, PostgresStore
from langgraph_switchboard.checkpoints import GroupCommitSaver
from langgraph_switchboard.postgres import Pool
from tests.case_builders import (
    a_case,
    a_review,
    an_event,
    an_outbox_row,
    change,
    opens,
    puts,
    says,
    settle,
    task,
)
from tests.record.entries import rows

ENDED: Sequence[CaseStatus] = ("finished", "declined", "dead_lettered")


class Notes(TypedDict):
    """What was said so far, and something big enough to be a blob."""

    said: str
    pages: list[str]


def saved_graph(saver: GroupCommitSaver) -> Any:
    """Open -> (inner: draft) -> close, saved by `saver`."""

    async def say(state: Notes) -> dict[str, Any]:
        return {"said": state["said"] + "!", "pages": [*state["pages"], state["said"]]}

    inner = StateGraph(Notes)
    inner.add_node("draft", say)
    inner.add_edge(START, "draft")
    graph = StateGraph(Notes)
    graph.add_node("open", say)
    graph.add_node("inner", inner.compile())
    graph.add_node("close", say)
    for before, after in ((START, "open"), ("open", "inner"), ("inner", "close"), ("close", END)):
        graph.add_edge(before, after)
    return graph.compile(checkpointer=saver)


def thread(case_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": case_id}}


class Desk:
    """Makes whole cases: row, checkpoints, ledger, review, outbox."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.store = PostgresStore(pool)
        self.saver = GroupCommitSaver(pool)
        self.app = saved_graph(self.saver)

    async def case(
        self,
        case_id: str,
        status: CaseStatus = "finished",
        ended: datetime | None = None,
        said: str = "Hello",
    ) -> None:
        """A case of customer `said`, in every table that a case leaves something in."""
        row = a_case(
            case_id,
            input={"ticket": {"customer": said, "text": f"I am {said}", "tags": ["a"]}},
            labels={"name": said},
        )
        await self.store.accept([row])
        await self.app.ainvoke({"said": said, "pages": []}, thread(case_id))
        review = a_review(f"review of {case_id}", case_id, shown={"reply": {"text": said}}, reason=said)
        paid = an_event(
            agent="billing", gave={"text": said}, cost_usd=0.25, input_tokens=100, output_tokens=7
        )
        moves: dict[str, Any] = {"status": status, "reason": said, "updated_at": ended or row.updated_at}
        if status in ENDED:
            moves["ended_at"] = ended
        said_out = puts(an_outbox_row(case_id=case_id, text=said))
        message = says(case_id=case_id, text=said)
        await settle(self.store, task("t1", case_id), paid, opens(review), said_out, message)
        if status in ENDED:
            await rows(
                self.pool,
                "update switchboard.reviews set status = 'decided', decided_by = 'ann', decided_at = now(),"
                " decision = jsonb_build_object('type', 'approve', 'message', %s::text) where case_id = %s",
                said,
                case_id,
            )
        await settle(self.store, task("t2", case_id), an_event("case_ended", reason=said), change(**moves))

    async def said(self, case_id: str) -> str | None:
        """What the state of the case says, as LangGraph reads it."""
        state = await self.app.aget_state(thread(case_id))
        return cast("str | None", state.values.get("said"))

    async def kept(self, case_id: str) -> tuple[int, int, int]:
        """How many checkpoints, writes and blobs there are of a case."""
        tables = ("checkpoints", "checkpoint_writes", "checkpoint_blobs")
        counts = [
            await rows(self.pool, f"select count(*) from {table} where thread_id = %s", case_id)
            for table in tables
        ]
        checkpoints, writes, blobs = (int(count[0][0]) for count in counts)
        return checkpoints, writes, blobs


async def tables_with(pool: Pool, words: str) -> dict[str, int]:
    """Every table of both schemas with how many of its rows hold these words, in whatever column."""
    found = await rows(
        pool,
        "select relnamespace::regnamespace::text || '.' || quote_ident(relname) from pg_class"
        " where relnamespace::regnamespace::text in ('public', 'switchboard') and relkind in ('r', 'p', 'm')",
    )
    counts = {}
    for (table,) in found:
        said = f"%{words}%", f"%{words.encode().hex()}%"
        ((count,),) = await rows(
            pool, f"select count(*) from {table} as t where t::text like %s or t::text like %s", *said
        )
        if count:
            counts[table] = count
    return counts

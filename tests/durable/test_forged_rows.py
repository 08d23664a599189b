"""Whoever can write a row of a checkpoint still runs no code here: reading it constructs nothing foreign."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypedDict

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Interrupt, Overwrite, Send
from pydantic import BaseModel

from langgraph_switchboard import Switchboard
from langgraph_switchboard.cases import PostgresStore
from langgraph_switchboard.checkpoints import CaseSaver, PlainSerialiser, RidingJournal
from langgraph_switchboard.postgres import Pool, migrate
from tests.durable.test_owned_cases import Order, flow_of, pack

sprung: list[object] = []


@pytest.fixture(autouse=True)
def trap() -> Iterator[None]:
    """Nothing has been called yet."""
    sprung.clear()
    yield
    sprung.clear()


def spring(*args: object, **named: object) -> str:
    """What a forged row wants to have called."""
    sprung.append(args or named)
    return "sprung"


class Trap(BaseModel):
    """A type that does something when it is constructed."""

    bait: str = ""

    def model_post_init(self, _: object) -> None:
        """Constructed."""
        sprung.append(self.bait)

    @classmethod
    def open(cls, bait: str) -> Trap:
        """Constructed by a method."""
        return cls(bait=bait)


def named(code: int, inner: bytes) -> bytes:
    """An extension of msgpack ("ext 16"): its length, its code, and what it holds."""
    return b"\xc8" + len(inner).to_bytes(2, "big") + bytes([code]) + inner


def forged(code: int, *said: object) -> tuple[str, bytes]:
    """A stored value of one of LangGraph's kinds of objects, as a forger would write it."""
    return "msgpack", named(code, PlainSerialiser().dumps_typed((__name__, *said))[1])


FORGERIES = {
    f"code {code}: {what}": forged(code, *said)
    for code in range(10)
    for what, said in {
        "a call with a value": ("spring", "x"),
        "a call with a list": ("spring", ["x"]),
        "a call with names": ("spring", {"bait": "x"}),
        "a method": ("Trap", "x", "open"),
        "a model": ("Trap", {"bait": "x"}, "model_validate_json"),
    }.items()
} | {
    "a call inside another object": ("msgpack", named(7, forged(0, "spring", "x")[1])),
    "old JSON": (
        "json",
        json.dumps({"lc": 2, "type": "constructor", "id": [__name__, "spring"], "args": ["x"]}).encode(),
    ),
    "old JSON of LangChain": (
        "json",
        json.dumps(
            {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"],
             "kwargs": {"content": "x", "type": "human"}}
        ).encode(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("stored", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_value_constructs_nothing(stored: tuple[str, bytes]) -> None:
    """Whatever the row names, what comes back is plain data, and nothing was called."""
    found = PlainSerialiser().loads_typed(stored)
    assert not sprung
    assert not isinstance(found, Trap | HumanMessage)


def test_the_forgeries_would_call_under_the_stock_default() -> None:
    """The control: with everything let through, as LangGraph has it, rows call and construct."""
    stock = JsonPlusSerializer(allowed_msgpack_modules=True)
    for stored in FORGERIES.values():
        stock.loads_typed(stored)
    assert len(sprung) >= 10
    assert isinstance(stock.loads_typed(FORGERIES["old JSON of LangChain"]), HumanMessage)


@pytest.mark.parametrize(
    "value",
    [
        Interrupt(value={"question": "May we?"}, id="i"),
        Command(resume={"i": "yes"}, goto="there", update={"a": 1}),
        Send("there", {"a": [1]}),
        Overwrite([1]),
        HumanMessage("hello"),
        {"a": [1, 2.5, None, True, "ß", b"x"]},
    ],
    ids=lambda value: type(value).__name__,
)
def test_langgraphs_own_types_come_back_as_they_were(value: Any) -> None:
    """What the engine itself stores is read as before."""
    serde = PlainSerialiser()
    assert serde.loads_typed(serde.dumps_typed(value)) == value


@pytest.mark.pg
async def test_a_forged_row_of_a_case_is_plain_data_to_every_reader(pg_dsn: str, pg_pool: Pool) -> None:
    """Every blob of a finished case is replaced; looking at the case calls nothing."""
    kind, payload = forged(0, "spring", "x")
    async with Switchboard.open(pg_dsn, flows=[flow_of(pack)]) as switchboard:
        case = await switchboard.run(flow_of(pack), Order(text="a lamp"))
        async with pg_pool.connection() as connection:
            await connection.execute("update checkpoint_blobs set type = %s, blob = %s", [kind, payload])
        graph = switchboard.flow("orders").graph
        snapshot = await graph.aget_state({"configurable": {"thread_id": case.row.case_id}})
    assert snapshot.values["packed"] == "x"
    assert not sprung


class Kept(TypedDict, total=False):
    """The state of somebody else's graph, with a type of its own."""

    bait: Trap


NAMED = JsonPlusSerializer(allowed_msgpack_modules=[Trap])


@pytest.mark.pg
@pytest.mark.parametrize(("serde", "kind"), [(None, dict), (NAMED, Trap)], ids=["unnamed", "named"])
async def test_a_foreign_graphs_own_type_comes_back_where_it_is_named(
    pg_pool: Pool, serde: SerializerProtocol | None, kind: type
) -> None:
    """Read from its row it is the type if the saver was told of it, and plain data if not."""
    await migrate(pg_pool)
    saver = CaseSaver(pg_pool, RidingJournal(PostgresStore(pg_pool)), serde=serde)
    await saver.setup()
    graph: Any = StateGraph(Kept)
    graph.add_node("set", lambda _: {"bait": Trap(bait="x")})
    graph.add_edge(START, "set")
    graph.add_edge("set", END)
    app = graph.compile(checkpointer=saver)
    config: Any = {"configurable": {"thread_id": "foreign"}}
    await app.ainvoke({}, config)
    read = (await app.aget_state(config)).values["bait"]
    assert type(read) is kind
    await saver.aclose()

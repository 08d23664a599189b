"""What stock LangGraph does with bad state, keys, destinations and answers, and what becomes of it here.

Every law stands twice in its test: first against plain LangGraph, where the assertions state
the fault (the control), then under Switchboard. Where a fault disappears from LangGraph, its
control fails and says that the guard may be looked at again.
"""

from __future__ import annotations

import logging
import math
import operator
import sys
import types
from collections.abc import Awaitable, Callable, Hashable
from typing import Annotated, Any, Literal

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import InvalidUpdateError
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel, Field, SecretStr, ValidationError
from typing_extensions import TypedDict

from langgraph_switchboard import Blueprint, Switchboard
from langgraph_switchboard.contracts import CaseState, Contract, open_envelope, seal
from langgraph_switchboard.errors import (
    BlueprintError,
    CaseError,
    DecisionMalformed,
    ReviewDecided,
    ReviewError,
)
from tests.seam import (
    CANARY,
    GOOD,
    ORDER,
    Bench,
    Order,
    Payment,
    PaymentCase,
    PaymentDecision,
    Receipt,
    gives,
    pay,
    paying,
    payloads,
    saved,
)

Node = Any
"""A function of the state, or a graph: the stubs of `add_node` know no function of anything."""
Graph = CompiledStateGraph[Any, Any, Any, Any]


class Loose(TypedDict, total=False):
    """State as most graphs have it: names without contracts."""

    order: dict[str, Any]
    payment: Any
    receipt: str


class StockPayment(BaseModel):
    amount: float = Field(gt=0, le=10_000)


class Strict(BaseModel):
    """State as LangGraph's documentation has it: a pydantic model."""

    text: str = ""
    cents: int = 0
    payment: StockPayment | None = None


class Stock:
    """A stock graph on a saver of its own; nodes run in the order in which they stand."""

    def __init__(self, schema: Any, saver: InMemorySaver | None = None, /, **nodes: Node) -> None:
        self.saver = saver or InMemorySaver()
        self.config = RunnableConfig(configurable={"thread_id": "t1"})
        self.builder: Any = StateGraph(schema)
        names = list(nodes)
        for name, node in nodes.items():
            self.builder.add_node(name, node)
        for one, other in zip([START, *names], [*names, END], strict=True):
            self.builder.add_edge(one, other)

    @property
    def graph(self) -> Graph:
        compiled: Graph = self.builder.compile(checkpointer=self.saver)
        return compiled

    async def run(self, given: object) -> Any:
        return await self.graph.ainvoke(given, self.config)

    async def state(self) -> Any:
        return (await self.graph.aget_state(self.config)).values


def says(update: object) -> Node:
    """A node that returns `update`."""
    return lambda state: update


async def raises(error: type[Exception], work: Awaitable[object]) -> None:
    with pytest.raises(error):
        await work


async def goes_to_a_person(value: object) -> Bench:
    """The law for an agent that gives something bad: blamed, nothing kept, and the case goes on.

    Returns:
        The bench, finished after a person has written the payment.
    """
    bench = Bench(paying(gives(value)))
    await bench.run()
    # The producer is blamed, and the case waits for a person.
    [failure] = await bench.failures()
    assert (failure["code"], failure["step"]) == ("contract_violation", "propose")
    assert failure["by"] == "propose"
    assert (await bench.row()).status == "waiting"
    # Nothing of it is kept, and the state can be read.
    assert CANARY not in bench.saved()
    assert "payment" not in payloads(await bench.values())
    assert await bench.outbox() == []
    # What was given stands in the quarantine of the ledger alone.
    [entry] = [one for one in await bench.story() if one.event.kind == "step_failed"]
    assert entry.event.data["quarantined"] or value is None
    # A person goes on with it.
    await bench.answer({"type": "edit", "edited": GOOD})
    assert (await bench.row()).status == "finished"
    assert [one.row for one in await bench.outbox()] == [{"amount": 20.0}]
    return bench


# -- the cascade -------------------------------------------------------------------------

OUTPUTS: dict[str, tuple[dict[str, Any], float | None, str]] = {
    # what upstream says: (payload, what is paid under the seam, what stock does)
    "right": ({"amount": 20.0, "currency": "EUR"}, 20.0, "pays"),
    "negative": ({"amount": -20.0, "currency": "EUR"}, None, "pays"),
    "zero": ({"amount": 0.0, "currency": "EUR"}, None, "pays"),
    "far too much": ({"amount": 1e10, "currency": "EUR"}, None, "pays"),
    "not a number": ({"amount": math.nan, "currency": "EUR"}, None, "pays"),
    "a doubt in the currency": ({"amount": 20.0, "currency": "EUR (probably)"}, None, "pays"),
    "an injected note": ({"amount": 20.0, "currency": "EUR", "note": CANARY}, None, "pays"),
    "a number in words": ({"amount": "2", "currency": "EUR"}, 2.0, "crashes at pay"),
    "no amount": ({"currency": "EUR"}, None, "crashes at pay"),
    "no payment": ({"amount": None, "currency": CANARY}, None, "crashes at pay"),
}


@pytest.mark.parametrize(("output", "paid_here", "stock"), OUTPUTS.values(), ids=OUTPUTS.keys())
async def test_a_wrong_output_is_stopped_at_its_producer(
    output: dict[str, Any], paid_here: float | None, stock: str
) -> None:
    """Stock: seven of these ten are paid by the last of three nodes, three crash there.

    Here: two are paid, the right one and the number in words; eight never leave the producer.
    """
    paid: list[float] = []

    def last(state: Loose) -> dict[str, Any]:
        payment = state["payment"]
        paid.append(round(payment["amount"] + 0.0, 2))
        return {"receipt": f"{payment['amount']} {payment['currency']}"}

    chain = Stock(Loose, propose=says({"payment": output}), note=says({"order": {}}), pay=last)
    if stock == "pays":
        await chain.run(ORDER)
        assert len(paid) == 1
    else:
        with pytest.raises((KeyError, TypeError)):
            await chain.run(ORDER)
        assert (await chain.graph.aget_state(chain.config)).next == ("pay",), "the wrong node is blamed"

    bench = Bench(paying(gives(output)))
    await bench.run()
    if paid_here is None:
        await goes_to_a_person(output)
    else:
        assert (await bench.row()).status == "finished"
        assert [one.row["amount"] for one in await bench.outbox()] == [paid_here]


def test_the_cascade_is_counted() -> None:
    """Stock pays seven of ten; the seam lets two through."""
    assert sum(stock == "pays" for _, _, stock in OUTPUTS.values()) == 7
    assert sum(paid is not None for _, paid, _ in OUTPUTS.values()) == 2


GARBAGE: dict[str, object] = {
    "text": CANARY,
    "nothing": None,
    "a list": [{"amount": 5.0}, CANARY],
    "an unknown key": {"amount": 5.0, "amuont": CANARY},
    "another contract": Order(text=CANARY),
    "a made instance": Payment.model_construct(amount=-5.0, currency=CANARY),  # type: ignore[arg-type]
    "a whole case": PaymentCase.model_construct(order=Order(text=CANARY)),
    "a command": Command(goto="pay", update={"payment": {"amount": 5.0, "note": CANARY}}),
    "a surrogate": {"amount": 5.0, "currency": f"\ud800{CANARY}"},
    "an object": object(),
}


@pytest.mark.parametrize("value", GARBAGE.values(), ids=GARBAGE.keys())
async def test_garbage_of_any_kind_is_refused(value: object) -> None:
    """Whatever an agent returns, one thing happens: it is blamed, and a person goes on."""
    await goes_to_a_person(value)


# -- bad state -----------------------------------------------------------------------------


async def test_garbage_of_the_last_node() -> None:
    """Stock: a pydantic state does not validate what nodes give; the last one's garbage is the result.

    Here: the last step is checked as any other.
    """
    stock = Stock(Strict, last=says({"payment": CANARY}))
    assert (await stock.run({"text": "x"}))["payment"] == CANARY

    async def bad_last(payment: Payment) -> Receipt:
        return {"key": 7, "note": CANARY}  # type: ignore[return-value]

    flow = Blueprint("last", case=PaymentCase)
    flow.step(gives(GOOD), name="propose", then="bad_last")
    flow.step(bad_last, then=END)
    bench = Bench(flow)
    result = await bench.run()
    assert result["outcome"] == "dead_lettered" and "receipt" not in result
    assert CANARY not in bench.saved()
    assert [one["by"] for one in await bench.failures()] == ["bad_last"]


async def test_a_bad_input() -> None:
    """Stock: it is checkpointed before it is validated, and `get_state` raises from then on.

    Here: nobody but the opening step reads it; the case is a dead letter, and its state can be read.
    """
    stock = Stock(Strict, first=says({"text": "y"}))
    await raises(ValidationError, stock.run({"cents": CANARY}))
    await raises(ValidationError, stock.state())

    bench = Bench(paying(gives(GOOD)))
    await bench.run({"order": {"text": "x", "cents": "many"}})
    assert (await bench.row()).status == "dead_lettered"
    assert (await bench.values())["failure"]["by"] == "input"
    assert PaymentCase.view(await bench.values()).order is None


async def test_a_bad_update_does_not_poison_the_thread() -> None:
    """Stock: after one bad value `ainvoke`, `get_state` and `update_state` all raise, for good.

    Here: what somebody writes past the seam is not taken for a payment: the step's fallback goes
    on, and everything can be read and written as before.
    """
    stock = Stock(Strict, first=says({"payment": {"amount": CANARY}}), second=says({}))
    await raises(ValidationError, stock.run({"text": "x"}))
    await raises(ValidationError, stock.run(None))
    await raises(ValidationError, stock.state())
    await raises(ValidationError, stock.graph.aupdate_state(stock.config, {"payment": None}))

    flow = Blueprint("poisoned", case=PaymentCase, max_visits=10)
    flow.step(gives(RuntimeError("no")), name="propose", then=pay, fallback="by_hand")
    flow.review("by_hand", of="payment", decides=PaymentDecision, then=pay)
    flow.effect(pay, then=END, fallback="careful")
    flow.step(gives(GOOD), name="careful", then=pay)
    bench = Bench(flow)
    await bench.run()
    past_the_seam: Any = Command(goto="pay", update={"payment": {"amount": 99.0}})
    await bench.graph.aupdate_state(bench.config, past_the_seam, as_node="propose")
    assert (await bench.values())["payment"] == {"amount": 99.0}
    await bench.run(None)
    assert [one["code"] for one in await bench.failures()] == ["exception", "envelope_damaged"]
    assert [one.row["amount"] for one in await bench.outbox()] == [20.0]
    await bench.graph.aupdate_state(bench.config, {"payment": None}, as_node="propose")


async def test_a_step_writes_its_own_field_and_no_other() -> None:
    """Stock: a node that returns the model overwrites every set field: 9 becomes 0.

    Here: a step gives one contract; the others stay, whatever it returns.
    """
    stock = Stock(Strict, first=says({"cents": 9}), second=lambda state: Strict(text="new", cents=0))
    assert (await stock.run({"text": "x"}))["cents"] == 0

    bench = Bench(paying(gives(PaymentCase.model_construct(order=Order(text="new", cents=0)))))
    await bench.run({"order": {"text": "x", "cents": 9}})
    assert payloads(await bench.values()) == {"order": {"text": "x", "cents": 9}}
    assert [one["code"] for one in await bench.failures()] == ["contract_violation"]


async def test_a_reducer_that_raises() -> None:
    """Stock: the write that breaks it stays pending, and `get_state` raises for ever.

    Here: the one reducer there is takes anything.
    """

    class Added(TypedDict):
        items: Annotated[list[int], operator.add]

    stock = Stock(Added, first=says({"items": 5}))
    await raises(TypeError, stock.run({"items": []}))
    await raises(TypeError, stock.state())

    bench = Bench(paying(gives(5)))
    await bench.run()
    for visits in (5, None, {"propose": "often"}, ["x"]):
        await bench.graph.aupdate_state(bench.config, {"visits": visits}, as_node="propose")
        assert (await bench.values())["visits"]["propose"] == 1


async def test_two_writers_on_one_field() -> None:
    """Stock: two branches on one key end in an error, and `get_state` raises from then on.

    Here: a case stands on one step at a time, for no step has a static way out; two steps may
    write one field, one after the other, and what the later says stands.
    """
    both: Any = StateGraph(Loose)
    for name in ("a", "b"):
        both.add_node(name, says({"receipt": name}))
        both.add_edge(START, name)
    stock = both.compile(checkpointer=InMemorySaver())
    config = RunnableConfig(configurable={"thread_id": "t1"})
    await raises(InvalidUpdateError, stock.ainvoke(ORDER, config))
    await raises(InvalidUpdateError, stock.aget_state(config))

    flow = Blueprint("two", case=PaymentCase)
    flow.step(gives({"amount": 1}), name="propose", then="again")
    flow.step(gives({"amount": 2}), name="again", then=END)
    assert flow.build().edges == {(START, "open")}
    bench = Bench(flow)
    await bench.run()
    assert payloads(await bench.values())["payment"]["amount"] == 2


async def test_a_reading_of_the_input_is_kept() -> None:
    """Stock: a number in words is read as a number by each node, and stays words in the state.

    Here: what is sealed is the number.
    """
    stock = Stock(Strict, first=says({"text": "y"}))
    assert (await stock.run({"text": "x", "cents": "7"}))["cents"] == "7"

    bench = Bench(paying(gives(GOOD)))
    await bench.run({"order": {"text": "x", "cents": "7"}})
    assert payloads(await bench.values())["order"]["cents"] == 7
    assert (await bench.row()).input == {"order": {"text": "x", "cents": 7}}


# -- what a checkpoint makes of a value --------------------------------------------------------


class Secretive(Contract):
    token: SecretStr


async def test_a_secret_is_not_kept() -> None:
    """Stock: pydantic's SecretStr lies in clear in the checkpoint. Here: no case may hold one."""

    class Holder(TypedDict, total=False):
        token: SecretStr

    stock = Stock(Holder, first=says({"token": SecretStr(CANARY)}))
    await stock.run({"token": SecretStr("x")})
    assert CANARY in saved(stock.saver)

    class SecretCase(CaseState):
        it: Secretive

    with pytest.raises(BlueprintError, match="secret"):
        SecretCase.fields()


class Part(Contract):
    name: str


class LongPart(Part):
    more: str = ""


class Whole(Contract):
    part: Part


async def test_a_subclass_in_the_field_of_its_base() -> None:
    """Stock: it is cut down to its base on the way through a checkpoint, in silence. Here: refused."""

    class Piece(BaseModel):
        name: str

    class LongPiece(Piece):
        more: str

    class Sum(BaseModel):
        piece: Piece

    stock = Stock(Loose, first=says({"payment": Sum(piece=LongPiece(name="x", more=CANARY)).model_dump()}))
    await stock.run(ORDER)
    assert (await stock.state())["payment"] == {"piece": {"name": "x"}}

    class WholeCase(CaseState):
        order: Order
        whole: Whole | None = None

    async def cut(order: Order) -> Whole:
        return Whole.model_construct(part=LongPart(name="x", more=CANARY))

    flow = Blueprint("cut", case=WholeCase)
    cut.__annotations__.update(order=Order)
    flow.step(cut, then=END)
    bench = Bench(flow)
    await bench.run()
    assert [one["problems"][0]["at"] for one in await bench.failures()] == ["whole.part.more"]
    assert CANARY not in bench.saved()


def moved_class(module: str) -> Any:
    """A contract and a model as a module of that name has them."""
    home = types.ModuleType(module)
    sys.modules[module] = home
    source = (
        "from pydantic import BaseModel\n"
        "from langgraph_switchboard.contracts import Contract\n"
        "class Memo(BaseModel):\n    text: str\n"
        "class Letter(Contract):\n    text: str\n"
    )
    exec(source, home.__dict__)  # a module that can be moved
    return home


@pytest.fixture
def homes() -> Any:
    old, new = moved_class("seam_old_home"), moved_class("seam_new_home")
    yield old, new
    sys.modules.pop("seam_old_home", None)
    sys.modules.pop("seam_new_home", None)


async def test_a_class_that_moves(homes: Any) -> None:
    """Stock: a model whose module is gone comes back as a dict. Here: the name is kept, not the place."""
    old, new = homes
    stock = Stock(Loose, first=says({"payment": old.Memo(text="x")}))
    await stock.run(ORDER)
    sealed = seal(old.Letter(text="x"), old.Letter, by="clerk")
    del sys.modules["seam_old_home"]
    assert (await stock.state())["payment"] == {"text": "x"}
    assert type(open_envelope(sealed, new.Letter)) is new.Letter


class Memo1(BaseModel):
    text: str


class Memo2(BaseModel):
    text: str
    tone: str


class Letter1(Contract, name="Letter"):
    text: str


class Letter2(Contract, name="Letter", version=2):
    text: str
    tone: str

    @classmethod
    def upcast(cls, payload: dict[str, Any], version: int) -> dict[str, Any]:
        return payload | {"tone": "plain"}


async def test_a_contract_that_grows() -> None:
    """Stock: a required field more in a pydantic state, and old threads cannot be read at all.

    Here: the state is read as ever, and the version says how to read the payload.
    """
    old = Stock(Memo1, first=lambda state: interrupt("go on?"))
    await old.run({"text": "x"})
    new = Stock(Memo2, old.saver, first=says({"text": "x"}))
    await raises(ValidationError, new.state())

    assert open_envelope(seal({"text": "x"}, Letter1, by="clerk"), Letter2) == Letter2(text="x", tone="plain")


@pytest.mark.parametrize(
    ("value", "kept"),
    [("a\ud800b", "a?b"), ((1, 2), [1, 2])],
    ids=["a lone surrogate", "a tuple"],
)
async def test_what_a_checkpoint_changes_in_silence(value: Any, kept: Any) -> None:
    """Stock: the state of a run is not the state that is read back. Here: it is that, or it is refused."""
    stock = Stock(Loose, first=says({"payment": value}))
    assert (await stock.run(ORDER))["payment"] == value
    assert (await stock.state())["payment"] == kept

    class Free(Contract):
        value: Any

    try:
        sealed = Free.accept({"value": value}, by="x")
    except ValueError:
        return
    assert sealed.value == kept


async def test_a_number_that_no_store_takes() -> None:
    """Stock: an integer over 64 bits breaks the saver, and with it the run. Here: the producer is blamed."""
    stock = Stock(Loose, first=says({"payment": 2**70}))
    await raises(TypeError, stock.run(ORDER))

    class Wide(Contract):
        value: int

    class WideCase(CaseState):
        order: Order
        wide: Wide | None = None

    async def count(order: Order) -> Any:
        return {"value": 2**70}

    count.__annotations__["return"] = Wide
    flow = Blueprint("wide", case=WideCase)
    flow.step(count, then=END)
    bench = Bench(flow)
    await bench.run()
    assert [one["problems"][0]["code"] for one in await bench.failures()] == ["int_too_wide"]
    assert (await bench.row()).status == "dead_lettered"


# -- unknown keys and destinations --------------------------------------------------------------


async def test_a_key_that_nobody_knows() -> None:
    """Stock: a misspelt key is ignored, and the run is a success without its result. Here: refused."""
    stock = Stock(Loose, first=says({"paymnt": {"amount": 5}}))
    assert "payment" not in await stock.run(ORDER)

    bench = await goes_to_a_person({"amount": 5.0, "amuont": CANARY})
    [failure] = await bench.failures()
    assert {"at": "payment.amuont", "code": "extra_forbidden", "says": "Extra inputs are not permitted"} in (
        failure["problems"]
    )


def to_nowhere(payment: Payment) -> Literal["pay"]:
    return "nowhere"  # type: ignore[return-value]


async def a_case_sent_nowhere() -> None:
    """Under Switchboard: the destination is refused, the step is blamed, its fallback goes on."""
    flow = Blueprint("nowhere", case=PaymentCase)
    flow.step(gives({"amount": 1}), name="propose", then=to_nowhere, fallback="careful")
    flow.step(gives(GOOD), name="careful", then="pay")
    flow.effect(pay, then=END)
    bench = Bench(flow)
    await bench.run()
    [failure] = await bench.failures()
    assert (failure["code"], failure["step"]) == ("route_refused", "propose")
    assert (await bench.row()).status == "finished"
    assert [one.row["amount"] for one in await bench.outbox()] == [20.0]


async def test_a_command_to_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """Stock: the run ends there, as a success; only a log line tells. Here: refused, and the case goes on."""
    builder: Any = StateGraph(Loose)
    builder.add_node("first", says(Command(goto="nowhere", update={"receipt": "x"})))
    builder.add_edge(START, "first")
    stock = builder.compile(checkpointer=InMemorySaver())
    with caplog.at_level(logging.WARNING):
        result = await stock.ainvoke(ORDER, {"configurable": {"thread_id": "t1"}})
    assert result["receipt"] == "x"
    assert "ignoring it" in caplog.text
    await a_case_sent_nowhere()


async def test_a_router_that_names_nobody_we_know(caplog: pytest.LogCaptureFixture) -> None:
    """Stock: a router's unknown word ends the run as a success. Here: refused, and the case goes on."""
    builder: Any = StateGraph(Loose)
    builder.add_node("first", says({"receipt": "x"}))
    builder.add_node("second", says({"receipt": "y"}))
    builder.add_edge(START, "first")
    route: Callable[[Any], Hashable] = lambda state: "nowhere"  # noqa: E731
    builder.add_conditional_edges("first", route)
    stock = builder.compile()
    with caplog.at_level(logging.WARNING):
        assert (await stock.ainvoke(ORDER))["receipt"] == "x"
    await a_case_sent_nowhere()


async def test_an_edge_and_a_command() -> None:
    """Stock: a node with a static edge and a goto runs both ways. Here: there is one way at a time."""
    ran: list[str] = []

    def marks(name: str) -> Node:
        return lambda state: ran.append(name)

    builder: Any = StateGraph(Loose)
    builder.add_node("first", says(Command(goto="meant")), destinations=("meant",))
    builder.add_node("meant", marks("meant"))
    builder.add_node("drawn", marks("drawn"))
    builder.add_edge(START, "first")
    builder.add_edge("first", "drawn")
    await builder.compile().ainvoke(ORDER)
    assert sorted(ran) == ["drawn", "meant"]

    bench = Bench(paying(gives(RuntimeError("no"))))
    await bench.run()
    assert bench.flow.build().edges == {(START, "open")}
    assert (await bench.snapshot()).next == ("by_hand",)


async def test_a_subgraph_that_commands_its_parent() -> None:
    """Stock: a subgraph may write the parent's state and send it anywhere. Here: its step has failed."""

    def builder(schema: Any) -> Graph:
        inner: Any = StateGraph(schema)
        jump = Command(goto="pay", graph=Command.PARENT, update={"payment": CANARY})
        inner.add_node("jump", says(jump))
        inner.add_edge(START, "jump")
        compiled: Graph = inner.compile()
        return compiled

    outer = Stock(Loose, inner=builder(Loose), pay=lambda state: {"receipt": state["payment"]})
    assert (await outer.run(ORDER))["receipt"] == CANARY

    flow = Blueprint("inner", case=PaymentCase)
    flow.step(
        builder(Loose), name="propose", takes=["order"], gives="payment", then="pay", fallback="by_hand"
    )
    flow.review("by_hand", of="payment", decides=PaymentDecision, then="pay")
    flow.effect(pay, then=END)
    bench = Bench(flow)
    await bench.run()
    assert [one["code"] for one in await bench.failures()] == ["route_refused"]
    assert CANARY not in bench.saved() and await bench.outbox() == []
    assert (await bench.snapshot()).next == ("by_hand",)


# -- threads, answers, callers --------------------------------------------------------------------


def asking(effects: list[str]) -> Stock:
    """A stock graph with an effect, then two questions."""

    def first(state: Loose) -> None:
        effects.append("first")

    def ask(question: str) -> Node:
        return lambda state: {"receipt": f"{question}: {interrupt(question)}"}

    return Stock(Loose, first=first, one=ask("one"), two=ask("two"))


def two_reviews() -> Blueprint:
    """A payment that two people approve, one after the other."""
    flow = Blueprint("payments", case=PaymentCase)
    flow.step(gives(GOOD), name="propose", then="one")
    flow.review("one", of="payment", decides=PaymentDecision, then="two")
    flow.review("two", of="payment", decides=PaymentDecision, then="pay")
    flow.effect(pay, then=END)
    return flow


async def test_a_thread_that_nobody_began() -> None:
    """Stock: resuming an unknown id starts the graph, and its effects run. Here: there is no such case."""
    effects: list[str] = []
    await asking(effects).run(Command(resume="approve"))
    assert effects == ["first"]

    async with Switchboard.open("memory", flows=[two_reviews()]) as switchboard:
        await raises(CaseError, switchboard.resume("nobody"))
        await raises(ReviewError, switchboard.decide("rv-nobody", {"type": "approve"}, by="ann"))
        assert await switchboard.cases() == []


async def test_new_input_while_a_question_is_open() -> None:
    """Stock: the question is thrown away, the graph starts anew, and effects repeat.

    Here: the id is taken; the same input is the same case, and another one is refused.
    """
    effects: list[str] = []
    stock = asking(effects)
    await stock.run(ORDER)
    await stock.run(ORDER)
    assert effects == ["first", "first"]

    flow = two_reviews()
    async with Switchboard.open("memory") as switchboard:
        await switchboard.run(flow, ORDER, case_id="c1")
        [review] = await switchboard.reviews()
        await switchboard.run(flow, ORDER, case_id="c1")
        assert await switchboard.reviews() == [review]
        await raises(CaseError, switchboard.run(flow, {"order": {"text": "another"}}, case_id="c1"))
        view = await switchboard.case("c1")
        assert [one.event.step for one in view.story].count("propose") == 1


async def test_an_answer_that_is_sent_twice() -> None:
    """Stock: the second time it answers the next question. Here: the second caller is told who was first."""
    stock = asking([])
    await stock.run(ORDER)
    await stock.run(Command(resume="approve"))
    assert (await stock.run(Command(resume="approve")))["receipt"] == "two: approve"

    async with Switchboard.open("memory") as switchboard:
        await switchboard.run(two_reviews(), ORDER, case_id="c1")
        [one] = await switchboard.reviews()
        await switchboard.decide(one.review_id, {"type": "approve"}, by="ann")
        with pytest.raises(ReviewDecided, match="ann decided first: approve"):
            await switchboard.decide(one.review_id, {"type": "approve"}, by="bob")
        [two] = await switchboard.reviews()
        assert two.step == "two" and two.review_id != one.review_id


async def test_an_answer_to_a_case_that_has_ended() -> None:
    """Stock: the loser gets the old state and no error. Here: he is told who was first."""
    stock = asking([])
    given: object
    for given in (ORDER, Command(resume="approve"), Command(resume="approve")):
        await stock.run(given)
    assert (await stock.run(Command(resume="reject")))["receipt"] == "two: approve"

    async with Switchboard.open("memory") as switchboard:
        await switchboard.run(paying(gives("bad")), ORDER, case_id="c1")
        [review] = await switchboard.reviews()
        await switchboard.decide(review.review_id, {"type": "edit", "edited": GOOD}, by="ann")
        with pytest.raises(ReviewDecided, match="ann decided first: edit"):
            await switchboard.decide(review.review_id, {"type": "reject"}, by="bob")
        assert (await switchboard.case("c1")).status == "finished"


async def test_a_malformed_answer() -> None:
    """Stock: without a schema it is consumed, and the right answer fails after it. Here: asked again."""

    def ask(state: Loose) -> dict[str, Any]:
        return {"receipt": interrupt("how much?")["amount"]}

    stock = Stock(Loose, ask=ask)
    await stock.run(ORDER)
    for answer in ("rubbish", {"amount": 5}):
        await raises(TypeError, stock.run(Command(resume=answer)))

    bench = Bench(paying(gives("bad")))
    await bench.run()
    await raises(ValueError, bench.answer("rubbish"))
    await bench.answer({"type": "edit", "edited": GOOD})
    assert (await bench.row()).status == "finished"


async def test_a_command_from_outside() -> None:
    """Stock: a caller's goto walks past the review. Here: the switchboard takes decisions, not commands."""
    paid: list[str] = []

    def last(state: Loose) -> None:
        paid.append("paid")

    stock = Stock(Loose, ask=lambda state: {"receipt": interrupt("pay?")}, pay=last)
    await stock.run(ORDER)
    await stock.run(Command(goto="pay"))
    assert paid == ["paid"]

    async with Switchboard.open("memory") as switchboard:
        await switchboard.run(paying(gives("bad")), ORDER, case_id="c1")
        [review] = await switchboard.reviews()
        jump: Any = Command(goto="pay", update={"payment": {"amount": 1}})
        await raises(DecisionMalformed, switchboard.decide(review.review_id, jump, by="ann"))
        assert await switchboard.services.store.outbox() == []
        assert await switchboard.reviews() == [review]

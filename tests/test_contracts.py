"""Contracts and case states: what is taken, what is refused, and in which words."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, cast, get_type_hints
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.graph import START, StateGraph
from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from langgraph_switchboard.contracts import (
    CONTROL,
    CaseState,
    Contract,
    Decision,
    open_envelope,
    schemas,
    seal,
    snake,
)
from langgraph_switchboard.errors import BlueprintError, ContractViolation

CANARY = "hunter2-canary"


class Kind(Enum):
    CARD = "card"
    WIRE = "wire"


class Line(Contract):
    """One line of a bill."""

    amount: int = Field(ge=0, le=1_000)
    """In cents."""


class LongLine(Line):
    """A line that says more than its base."""

    note: str = ""


class Plain(BaseModel):
    """A model of somebody else's, which pydantic does not validate again."""

    amount: int = Field(ge=0)


class Bill(Contract):
    """What a customer owes."""

    text: str = Field(min_length=1, max_length=200)
    kind: Kind = Kind.CARD
    lines: tuple[Line, ...] = ()
    share: float = Field(default=0.5, ge=0, le=1)
    due: date | None = None
    total: Decimal = Decimal(0)
    key: UUID | None = None
    plain: Plain | None = None
    facts: Any = None
    """Free particulars, JSON-plain."""


class Step1(Contract):
    kind: Literal["one"]


class Step2(Contract):
    kind: Literal["two"]


class Talkative(Contract):
    """Its validators quote what they were given, as people write them."""

    plain: str = ""
    custom: str = ""
    limits: dict[str, int] = Field(default_factory=dict)
    step: Annotated[Step1 | Step2, Field(discriminator="kind")] | None = None

    @field_validator("plain")
    @classmethod
    def _plain(cls, value: str) -> str:
        if value:
            raise ValueError(f"what is {value}?")
        return value

    @field_validator("custom")
    @classmethod
    def _custom(cls, value: str) -> str:
        if value:
            raise PydanticCustomError("odd", f"what is {value}?")
        return value


def refused(value: object, contract: type[Contract] = Bill) -> ContractViolation:
    """The violation that sealing `value` raises."""
    with pytest.raises(ContractViolation) as caught:
        seal(value, contract, by="biller")
    return caught.value


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


# -- what a contract takes -------------------------------------------------------------


def test_a_contract_is_frozen() -> None:
    """Nobody changes what was handed to him."""
    with pytest.raises(ValidationError):
        Bill(text="x").text = "y"  # type: ignore[misc]


def made(contract: type[BaseModel], **fields: Any) -> BaseModel:
    """An instance that nobody has validated."""
    return contract.model_construct(None, **fields)


def smuggled() -> Bill:
    bill = Bill(text="x")
    bill.__dict__["extra"] = CANARY
    return bill


BAD: dict[str, object] = {
    "nothing": None,
    "not a mapping": 7,
    "a missing field": {},
    "an unknown field": {"text": "x", "extra": 1},
    "NaN": {"text": "x", "share": math.nan},
    "infinity": {"text": "x", "share": math.inf},
    "NaN in a free field": {"text": "x", "facts": [math.nan]},
    "infinity in a free field": {"text": "x", "facts": {"a": -math.inf}},
    "a lone surrogate": {"text": "a\ud800b"},
    "a surrogate in a key": {"text": "x", "facts": {"\udfff": 1}},
    "a NUL": {"text": "a\x00b"},
    "a NUL in a key": {"text": "x", "facts": {"a\x00": 1}},
    "an int of 65 bits": {"text": "x", "facts": 2**63},
    "a negative int of 65 bits": {"text": "x", "facts": -(2**63) - 1},
    "too deep": {"text": "x", "facts": nested(70)},
    "endless depth": {"text": "x", "facts": nested(2_000)},
    "a foreign object": {"text": "x", "facts": object()},
    "bytes that are no text": {"text": "x", "facts": b"\xff"},
    "out of its bounds": {"text": "x", "share": 1.01},
    "out of its choices": {"text": "x", "kind": "cheque"},
    "a subclass in a field of its base": {"text": "x", "lines": (LongLine(amount=1, note=CANARY),)},
    "a made instance inside": {"text": "x", "lines": (made(Line, amount=-5),)},
    "a made foreign instance, out of bounds": {"text": "x", "plain": made(Plain, amount=-5)},
    "a made foreign instance, of a wrong type": {"text": "x", "plain": made(Plain, amount="many")},
    "a made instance": made(Bill, text=""),
    "a made instance without a field": made(Bill),
    "a made instance with a field too many": smuggled(),
    "another contract": Line(amount=1),
    "a model that looks alike": Plain(amount=1),
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD.keys())
def test_what_breaks_the_contract_is_refused_with_the_producers_name(value: object) -> None:
    """One error type for every way to be wrong; it blames who gave the value."""
    violation = refused(value)
    assert (violation.by, violation.contract) == ("biller", "Bill")
    assert violation.problems and all(set(one) == {"at", "code", "says"} for one in violation.problems)
    assert "biller" in str(violation)


def test_a_cycle_is_refused() -> None:
    """A value that holds itself has no end, and is no contract."""
    loop: list[Any] = []
    loop.append(loop)
    assert refused({"text": "x", "facts": loop}).problems


def test_a_subclass_is_another_contract() -> None:
    """What a subclass adds would be lost without a word; so it is not taken for its base."""
    assert refused(LongLine(amount=1), Line).problems[0]["code"] == "contract_type"


def test_what_pydantic_takes_without_looking_is_looked_at_here() -> None:
    """The control: a plain pydantic model takes made instances as they are."""

    class Stock(BaseModel):
        plain: Plain

    assert Stock(plain=Plain.model_construct(amount=-5)).plain.amount == -5
    assert refused({"text": "x", "plain": made(Plain, amount=-5)}).problems[0]["at"] == ("bill.plain.amount")


def test_every_plain_type_comes_back_as_it_went() -> None:
    """Tuples, enums, dates, decimals and ids survive the way through JSON."""
    bill = Bill(
        text="Überweisung 💳",
        kind=Kind.WIRE,
        lines=(Line(amount=1), Line(amount=2)),
        due=date(2030, 2, 28),
        total=Decimal("10.10"),
        key=UUID(int=7),
        plain=Plain(amount=3),
        facts={"widest": 2**63 - 1, "deep": nested(50), "empty": [], "none": None, "yes": True},
    )
    assert open_envelope(seal(bill, Bill, by="biller"), Bill) == bill


def test_numbers_in_words_are_read_as_numbers() -> None:
    """Lax on the way in, exact afterwards: what is kept is the number, never the text."""
    assert seal({"amount": "2"}, Line, by="biller")["payload"] == {"amount": 2}


def test_an_agent_cannot_change_what_was_sealed() -> None:
    """The envelope holds a copy: a list that the producer keeps in hand is not the payload."""
    kept = ["a"]
    envelope = seal({"text": "x", "facts": kept}, Bill, by="biller")
    kept.append(CANARY)
    assert envelope["payload"]["facts"] == ["a"]


# -- errors hold no values -------------------------------------------------------------

QUOTED: dict[str, dict[str, object]] = {
    "a validator's words": {"plain": CANARY},
    "a custom error's words": {"custom": CANARY},
    "a tag": {"step": {"kind": CANARY}},
    "a key": {"limits": {CANARY: "many"}},
    "a wrong type": {"limits": CANARY},
    "an unknown field": {CANARY: 1},
}


@pytest.mark.parametrize("value", QUOTED.values(), ids=QUOTED.keys())
def test_an_error_does_not_repeat_what_it_refuses(value: dict[str, object]) -> None:
    """A value that a contract keeps out may be a secret: it stands in no message and no field."""
    violation = refused(value, Talkative)
    said = f"{violation} {violation.record()} {violation.fields} {violation.__cause__}"
    assert CANARY not in said
    # The control: pydantic's own error repeats it.
    with pytest.raises(ValidationError) as stock:
        Talkative.model_validate(value)
    assert CANARY in str(stock.value)


def test_the_path_of_a_fault_is_told() -> None:
    """Names and numbers of the path are kept, for they are the contract's and not the value's."""
    violation = refused({"text": "x", "lines": [{"amount": 1}, {"amount": -1}]})
    assert violation.problems == [
        {
            "at": "bill.lines.1.amount",
            "code": "greater_than_equal",
            "says": "Input should be greater than or equal to 0",
        }
    ]


# -- fuzz ------------------------------------------------------------------------------

_texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)
_good = {
    "text": _texts,
    "kind": st.sampled_from(["card", "wire", Kind.CARD]),
    "lines": st.lists(st.fixed_dictionaries({"amount": st.integers(0, 1_000)}), max_size=3),
    "share": st.floats(0, 1),
    "facts": st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _texts, st.lists, max_leaves=4
    ),
}
_odd: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.floats(),
    st.integers(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.sampled_from(["\ud800", "\x00", object(), math.nan, 2**70, {"a": {"b": {1, 2}}}, Line(amount=1)]),
    st.builds(Line.model_construct, amount=st.one_of(st.none(), st.floats(), st.integers())).map(
        lambda x: [x]
    ),
)


@st.composite
def near_valid(draw: st.DrawFn) -> dict[str, Any]:
    """A good payload, more often than not with one thing made odd."""
    value = {name: draw(good) for name, good in _good.items()}
    match draw(st.integers(0, 7)):
        case 0 | 1 | 2:
            value[draw(st.sampled_from(sorted(value)))] = draw(_odd)
        case 3:
            value[draw(st.sampled_from(["Text", "extra", ""]))] = draw(_odd)
        case _:
            pass
    return value


def _is_right(bill: Bill) -> bool:
    """The contract in plain code, apart from pydantic."""
    return (
        1 <= len(bill.text) <= 200
        and 0 <= bill.share <= 1
        and isinstance(bill.kind, Kind)
        and all(type(one) is Line and 0 <= one.amount <= 1_000 for one in bill.lines)
        and "\x00" not in bill.text
        and bill.text.encode() is not None
    )


def test_no_near_valid_value_gets_through_invalid() -> None:
    """Of many values around the edge of the contract none is taken that breaks it; one error is raised."""
    taken: list[bool] = []

    @settings(max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(near_valid())
    def one(value: dict[str, Any]) -> None:
        try:
            envelope = seal(value, Bill, by="biller")
        except ContractViolation:
            taken.append(False)
        else:
            opened = open_envelope(envelope, Bill)
            assert _is_right(opened)
            assert seal(opened, Bill, by="biller") == envelope
            taken.append(True)

    one()
    assert sum(taken) / len(taken) >= 0.3, "the values must lie around the edge, not far outside"
    assert sum(taken) < len(taken)


# -- names and versions at the class -----------------------------------------------------


def test_a_version_below_one_is_refused() -> None:
    """Versions count from one."""
    with pytest.raises(ValueError, match="1 or more"):

        class Zero(Contract, version=0):
            pass


def test_a_field_is_named_after_its_contract() -> None:
    """Snake case, also where letters stand together."""
    assert [snake(one) for one in ("Reply", "ReplyDecision", "HTTPReply", "Part2Note")] == [
        "reply",
        "reply_decision",
        "http_reply",
        "part2_note",
    ]


# -- decisions ----------------------------------------------------------------------------


class LineDecision(Decision):
    """What a person says about a line."""

    edited: Line | None = None


SHAPES: dict[str, tuple[object, dict[str, Any]]] = {
    "ours, approve": ({"type": "approve"}, {"type": "approve"}),
    "ours, edit": (
        {"type": "edit", "edited": {"amount": "7"}},
        {"type": "edit", "edited": Line(amount=7)},
    ),
    "ours, reject": ({"type": "reject", "message": "no"}, {"type": "reject", "message": "no"}),
    "ours, respond": ({"type": "respond", "message": "yes"}, {"type": "respond", "message": "yes"}),
    "LangChain, approve": ({"decisions": [{"type": "approve"}]}, {"type": "approve"}),
    "LangChain, edit": (
        {"decisions": [{"type": "edit", "edited_action": {"name": "review", "args": {"amount": "7"}}}]},
        {"type": "edit", "edited": Line(amount=7)},
    ),
    "LangChain, reject": (
        {"decisions": [{"type": "reject", "message": "no"}]},
        {"type": "reject", "message": "no"},
    ),
    "LangChain, one decision": ({"type": "edit", "edited_action": {"name": "r", "args": {"amount": 7}}}, {
        "type": "edit", "edited": Line(amount=7)}),
    "Agent Inbox, accept": ([{"type": "accept", "args": None}], {"type": "approve"}),
    "Agent Inbox, accept with its arguments": (
        [{"type": "accept", "args": {"action": "review", "args": {"amount": 1}}}],
        {"type": "approve"},
    ),
    "Agent Inbox, ignore": ([{"type": "ignore", "args": None}], {"type": "reject"}),
    "Agent Inbox, response": ([{"type": "response", "args": "yes"}], {"type": "respond", "message": "yes"}),
    "Agent Inbox, edit": (
        [{"type": "edit", "args": {"action": "review", "args": {"amount": "7"}}}],
        {"type": "edit", "edited": Line(amount=7)},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("said", "meant"), SHAPES.values(), ids=SHAPES.keys())
def test_a_decision_is_understood_in_every_known_shape(said: object, meant: dict[str, Any]) -> None:
    """Our own fields, LangChain's and Agent Inbox's mean the same; numbers in words are read."""
    assert LineDecision.accept(said, by="ann") == LineDecision(**meant)


MALFORMED: dict[str, object] = {
    "no decision": {},
    "text": "approve",
    "an unknown verb": {"type": "maybe"},
    "two decisions": {"decisions": [{"type": "approve"}, {"type": "reject"}]},
    "an empty list": [],
    "two answers": [{"type": "accept", "args": None}, {"type": "accept", "args": None}],
    "an edit of nothing": {"type": "edit"},
    "an edit out of bounds": {"type": "edit", "edited": {"amount": -7}},
    "an edit in Agent Inbox's shape, out of bounds": [
        {"type": "edit", "args": {"action": "review", "args": {"amount": "-7"}}}
    ],
    "an approval with an edit": {"type": "approve", "edited": {"amount": 7}},
    "an empty response": {"type": "respond", "message": "  "},
    "who decided, in the payload": {"type": "approve", "by": "root"},
}


@pytest.mark.parametrize("said", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_decision_is_refused(said: object) -> None:
    """What does not fit is refused as any broken contract is."""
    assert refused(said, LineDecision).by == "biller"


# -- case states ---------------------------------------------------------------------------


class BillCase(CaseState):
    line: Line
    """What it is about."""
    bill: Bill | None = None
    second: Bill | None = None


def case_with(name: str, kind: Any) -> type[CaseState]:
    """A case of one field."""
    made: Any = type("Made", (CaseState,), {"__annotations__": {name: kind}, "__module__": __name__})
    return cast("type[CaseState]", made)


def test_required_fields_come_from_outside_and_optional_ones_are_written() -> None:
    """The class alone says which field is an input."""
    assert {name: field.is_input for name, field in BillCase.fields().items()} == {
        "line": True,
        "bill": False,
        "second": False,
    }
    assert BillCase.fields()["line"].description == "What it is about."


def test_a_contract_names_its_field_where_there_is_one() -> None:
    """One holder is found; none or two are not guessed."""
    assert BillCase.field_of(Line) == "line"
    assert BillCase.field_of(Bill) is None
    assert BillCase.field_of(LineDecision) is None


@pytest.mark.parametrize("name", CONTROL)
def test_the_switchboards_own_names_are_taken(name: str) -> None:
    """A case that uses a name of the switchboard's is refused when it is declared."""
    case = case_with(name, Line)
    with pytest.raises(BlueprintError, match=name):
        case.fields()


class Secretive(Contract):
    password: SecretStr


@pytest.mark.parametrize(
    "kind", [int, Plain, dict[str, Any], Line | Bill | None, Secretive, Line | int, tuple[Line, ...]], ids=str
)
def test_a_field_that_is_no_contract_is_refused(kind: Any) -> None:
    """Text, plain models, unions of contracts and secrets (of which only stars would be kept)."""
    case = case_with("it", kind)
    with pytest.raises(BlueprintError, match="'it'"):
        case.fields()


def test_the_typed_view_opens_what_is_sealed() -> None:
    """Sealed fields come as contracts, missing ones as None, and raw input not at all."""
    sealed = dict(seal({"text": "x"}, Bill, by="biller"))
    view = BillCase.view({"line": {"amount": -1}, "bill": sealed, "visits": {}})
    assert dict(view) == {"line": None, "bill": Bill(text="x"), "second": None}


def test_the_typed_view_refuses_what_somebody_wrote_past_the_seam() -> None:
    """A field that a step writes holds an envelope or nothing."""
    with pytest.raises(ContractViolation, match="not a sealed envelope"):
        BillCase.view({"bill": {"text": "x"}})


# -- the schemas that LangGraph sees --------------------------------------------------------


def test_no_pydantic_type_is_among_the_channels() -> None:
    """Every channel is a plain dictionary or text, so that reading the state never validates."""
    shape = schemas(BillCase)
    for schema in (shape.input, shape.output, shape.state):
        assert not issubclass(schema, BaseModel)
        kinds = get_type_hints(schema)
        assert set(kinds.values()) <= {
            dict[str, Any],
            dict[str, int],
            dict[str, str],
            dict[str, Any] | None,
            str,
            str | None,
        }


def test_studio_sees_the_form_of_the_input() -> None:
    """The input's JSON Schema is the contract's own, with bounds and words; the state's is plain."""
    shape = schemas(BillCase)
    graph: Any = StateGraph(shape.state, input_schema=shape.input, output_schema=shape.output)
    graph.add_node("a", lambda state: {})
    graph.add_edge(START, "a")
    compiled = graph.compile()
    form = compiled.get_input_jsonschema()
    assert set(form["properties"]) == {"line"} and form["required"] == ["line"]
    line = form["properties"]["line"]
    amount = (form["$defs"][line["$ref"].rpartition("/")[2]] if "$ref" in line else line)["properties"][
        "amount"
    ]
    assert amount["maximum"] == 1_000 and amount["description"] == "In cents."
    assert set(compiled.get_output_jsonschema()["properties"]) == {
        "line",
        "bill",
        "second",
        "outcome",
        "reason",
    }

"""Forms from contracts: what is shown, and what a browser sends back, without any browser."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest
from pydantic import Field as Bound

from langgraph_switchboard.contracts import Contract, violation_of
from langgraph_switchboard.errors import ContractViolation
from langgraph_switchboard.serve.pages.forms import Field, form_of, read_form


class Line(Contract):
    """One line of an invoice."""

    what: str
    amount: Decimal


class Address(Contract):
    street: str
    town: str | None = None


class Invoice(Contract):
    """What we mean to pay."""

    title: str = Bound(min_length=1, max_length=80)
    """What it says on top."""
    text: str = Bound(max_length=4000)
    state: Literal["open", "paid"] = "open"
    urgent: bool = False
    share: float = Bound(ge=0, le=1)
    pieces: int | None = None
    tags: tuple[str, ...] = ()
    scores: list[int] = Bound(default_factory=list)
    lines: tuple[Line, ...] = ()
    address: Address | None = None
    due: date | None = None
    extra: dict[str, Any] = Bound(default_factory=dict)


GOOD = Invoice(
    title="Chairs",
    text="Two of them.\nIn red.",
    state="paid",
    urgent=True,
    share=0.25,
    pieces=2,
    tags=("a", "b"),
    scores=[1, 2],
    lines=(Line(what="chair", amount=Decimal("12.50")), Line(what="table", amount=Decimal("80.00"))),
    address=Address(street="Main St"),
    due=date(2026, 3, 2),
    extra={"k": [1]},
)
SCHEMA = Invoice.model_json_schema()


def sends(form: Field) -> dict[str, str]:
    """What a browser sends for a form as it stands: boxes that are not ticked are left out."""
    sent: dict[str, str] = {}
    match form.control:
        case "group":
            if form.may_lack and not form.is_on:
                return {}
            sent = {f"{form.name}.?": "on"} if form.may_lack else {}
        case "list":
            sent = {f"{form.name}.#": form.text}
        case "check":
            return {form.name: "on"} if form.is_on else {}
        case _:
            return {form.name: form.text.replace("\n", "\r\n")}
    for one in form.fields:
        sent |= sends(one)
    return sent


def there_and_back(value: Invoice | None) -> Any:
    payload = value.model_dump(mode="json") if value else None
    return read_form(SCHEMA, sends(form_of(SCHEMA, payload, "edited")), "edited")


def test_what_is_shown_comes_back_unchanged() -> None:
    """Every kind of field: sent as it was shown it is the same contract again."""
    assert Invoice.model_validate(there_and_back(GOOD)) == GOOD


def test_each_field_has_the_control_that_fits() -> None:
    """Long texts have several lines, choices are a list, objects are groups; limits are the contract's."""
    form = form_of(SCHEMA, GOOD.model_dump(mode="json"), "edited")
    fields = {one.name.removeprefix("edited."): one for one in form.fields}
    assert {name: one.control for name, one in fields.items()} == {
        "title": "text", "text": "area", "state": "choice", "urgent": "check", "share": "number",
        "pieces": "number", "tags": "lines", "scores": "lines", "lines": "list", "address": "group",
        "due": "date", "extra": "json",
    }  # fmt: skip
    assert fields["title"].limits == {"minlength": "1", "maxlength": "80"} and fields["title"].is_required
    assert fields["title"].hint == "What it says on top." and fields["title"].label == "Title"
    assert fields["share"].limits == {"min": "0", "max": "1", "step": "any"}
    assert fields["pieces"].limits["step"] == "1" and not fields["pieces"].is_required
    assert fields["state"].options == (('"open"', "open"), ('"paid"', "paid"))
    assert fields["address"].may_lack and len(fields["lines"].fields) == 3  # one place is spare


def test_a_form_without_a_draft_is_empty_and_says_what_is_missing() -> None:
    """Sent as it is, the contract names the fields that it needs."""
    with pytest.raises(ContractViolation) as caught:
        Invoice.accept(there_and_back(None), by="ada")
    at = {one["at"].partition(".")[2] for one in caught.value.problems}
    assert at == {"title", "share"}


def test_lists_grow_and_shrink() -> None:
    """The spare place adds an item; a ticked box takes one out; empty places are passed over."""
    sent = sends(form_of(SCHEMA, GOOD.model_dump(mode="json"), "edited"))
    sent |= {"edited.lines.0.-": "on", "edited.lines.2.what": "lamp", "edited.lines.2.amount": "7.00"}
    value = Invoice.model_validate(read_form(SCHEMA, sent, "edited"))
    assert [one.what for one in value.lines] == ["table", "lamp"]


def test_what_cannot_be_read_is_kept_and_told_at_its_field() -> None:
    """The contract says what is wrong; the form shows it beside the field, with the words still there."""
    sent = sends(form_of(SCHEMA, GOOD.model_dump(mode="json"), "edited"))
    sent |= {
        "edited.share": "a lot",
        "edited.pieces": "1.5",
        "edited.lines.1.amount": "much",
        "edited.due": "soon",
    }
    sent |= {"edited.scores": "1\nx", "edited.extra": "{"}
    value = read_form(SCHEMA, sent, "edited")
    with pytest.raises(ValueError, match="validation errors") as caught:
        Invoice.model_validate(value)
    problems = violation_of(caught.value, by="ada").problems  # type: ignore[arg-type]
    errors = {"edited." + one["at"].partition(".")[2]: one["says"] for one in problems}
    form = form_of(SCHEMA, value, "edited", errors)
    fields = {one.name.removeprefix("edited."): one for one in form.fields}
    for name, text in {"share": "a lot", "pieces": "1.5", "due": "soon", "extra": "{"}.items():
        assert fields[name].error and fields[name].text == text
    assert fields["scores"].error and fields["scores"].text == "1\nx"
    amount = fields["lines"].fields[1].fields[1]
    assert amount.name == "edited.lines.1.amount" and amount.error and amount.text == "much"
    assert not fields["title"].error


@pytest.mark.parametrize("text", ["nan", "inf", "1e999"])
def test_no_number_is_not_a_number(text: str) -> None:
    """What JSON does not know stays text, and the contract refuses it."""
    sent = sends(form_of(SCHEMA, GOOD.model_dump(mode="json"), "edited")) | {"edited.share": text}
    assert read_form(SCHEMA, sent, "edited")["share"] == text


def test_a_contract_inside_itself_ends_in_json() -> None:
    """A tree is shown some levels deep; what lies below is JSON, and nothing runs for ever."""

    class Tree(Contract):
        name: str
        below: Tree | None = None

    value: dict[str, Any] = {"name": "root"}
    for level in range(12):
        value = {"name": str(level), "below": value}
    schema = Tree.model_json_schema()
    form = form_of(schema, value, "edited")
    assert read_form(schema, sends(form), "edited") == value or form.fields

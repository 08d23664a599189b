"""Our contracts fit OpenAI's strict mode, and what does not fit is explained."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import Field

from langgraph_switchboard.contracts import Contract, Decision
from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.models import strict_schema
from langgraph_switchboard.models.schema import response_format
from langgraph_switchboard.testing.model_answers import fitting


class Card(Contract):
    """One card."""

    kind: Literal["card"] = "card"
    last4: str = Field(pattern=r"^\d{4}$")


class Transfer(Contract):
    kind: Literal["transfer"] = "transfer"
    amount: Decimal = Field(ge=0, le=10)


class Everything(Contract):
    """All that a contract may well hold."""

    text: str = Field(min_length=1, max_length=400)
    """What is sent."""
    topic: Literal["billing", "other"] = "other"
    score: float = Field(ge=0, le=1)
    count: int = Field(gt=0, multiple_of=2)
    cites: tuple[str, ...] = ()
    cards: tuple[Card, ...] = Field(default=(), min_length=1, max_length=3)
    best: Card | None = None
    """The card that is meant."""
    method: Annotated[Card | Transfer, Field(discriminator="kind")]
    fixed: Literal["a"]
    born: date
    seen: datetime
    key: UUID
    price: Decimal
    website: str | None = Field(default=None, json_schema_extra={"format": "uri"})


class Tree(Contract):
    name: str
    inside: tuple[Tree, ...] = ()


ALLOWED = set(
    "type properties required additionalProperties items anyOf enum const $ref $defs description pattern "  # noqa: SIM905  # reads as a list of words
    "format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems".split()
)


def faults(schema: Any, at: str = "$") -> Iterator[str]:
    """What OpenAI's published rules for strict mode forbid in a schema."""
    yield from (f"{at}: {word}" for word in set(schema) - ALLOWED)
    if "$ref" in schema and len(schema) > 1:
        yield f"{at}: words beside $ref"
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            yield f"{at}: open"
        if schema.get("required") != list(schema["properties"]):
            yield f"{at}: not all required"
    if "(?" in schema.get("pattern", ""):
        yield f"{at}: look-around in a pattern"
    for name, inner in {**schema.get("properties", {}), **schema.get("$defs", {})}.items():
        yield from faults(inner, f"{at}.{name}")
    for inner in [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])]:
        yield from faults(inner, f"{at}[]")


@pytest.mark.parametrize("contract", [Everything, Tree, Decision, Card])
def test_a_contract_fits_strict_mode(contract: type[Contract]) -> None:
    """Closed objects, everything required, no word that the server does not know."""
    schema = strict_schema(contract)
    assert schema["type"] == "object"
    assert list(faults(schema)) == []


def test_control_the_stock_schema_does_not_fit() -> None:
    """The negative control: pydantic's own schema breaks the rules in many places."""
    assert len(list(faults(Everything.model_json_schema()))) > 10


def test_bounds_that_strict_mode_lacks_are_told_to_the_model() -> None:
    """A rule is never lost: the server holds it, or the description says it, and the contract checks it."""
    properties = strict_schema(Everything)["properties"]
    assert (
        properties["text"]["description"]
        == "What is sent. At least 1 character(s). At most 400 character(s)."
    )
    assert (properties["score"]["minimum"], properties["score"]["maximum"]) == (0, 1)
    assert properties["count"]["multipleOf"] == 2
    assert properties["cards"]["maxItems"] == 3
    assert properties["topic"]["description"] == "If nothing fits: other."
    assert properties["seen"]["format"] == "date-time"
    assert "uri" in properties["website"]["description"]


def test_an_answer_that_fits_the_strict_schema_fits_the_contract() -> None:
    """The two agree: what the server lets through, the contract takes."""
    value = fitting(strict_schema(Tree))
    assert Tree.accept(value, by="model") == Tree(name="text")
    assert Decision.accept(fitting(strict_schema(Decision)), by="model").type == "approve"


class FreeKeys(Contract):
    prices: dict[str, int]


class Anything(Contract):
    value: Any


class Pair(Contract):
    pair: tuple[str, int]


@pytest.mark.parametrize(
    ("contract", "at", "mend"),
    [
        (FreeKeys, "FreeKeys.prices", "a tuple of contracts"),
        (Anything, "Anything.value", "the types that it may have"),
        (Pair, "Pair.pair", "a nested contract"),
    ],
)
def test_what_does_not_fit_is_named_and_mended(contract: type[Contract], at: str, mend: str) -> None:
    """The error names the field and says what to write instead, before any request is made."""
    with pytest.raises(ConfigurationError, match=mend) as caught:
        strict_schema(contract)
    assert caught.value.where == at


def test_the_format_carries_a_name_that_the_server_takes() -> None:
    """Names are letters, digits and underscores, 64 at most."""

    class Old(Contract, name="billing/Réply v2 " + "x" * 80):
        text: str

    name = response_format(Old)["json_schema"]["name"]
    assert name.startswith("billing_R_ply_v2_")
    assert len(name) == 64

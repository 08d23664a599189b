"""The desk's contracts."""

from __future__ import annotations

import pytest

from contracts.support import Account, Reply, ReplyDecision, SupportCase, Ticket
from langgraph_switchboard.contracts import open_envelope, seal
from langgraph_switchboard.errors import ContractViolation
from langgraph_switchboard.routing.decision import Route


def test_a_ticket_is_the_only_input_of_a_support_case() -> None:
    """All else is written by steps on the way."""
    fields = SupportCase.fields()
    assert [name for name, field in fields.items() if field.is_input] == ["ticket"]
    assert {name: field.contract for name, field in fields.items()}["route"] is Route


@pytest.mark.parametrize("text", ["", "x" * 20_001])
def test_a_ticket_without_text_or_with_too_much_is_refused(text: str) -> None:
    """The bounds of a ticket stand in its contract, not in an agent."""
    with pytest.raises(ContractViolation):
        Ticket.accept({"id": "T-1", "text": text}, by="input")
    assert Ticket.accept({"id": "T-1", "text": "x" * 20_000}, by="input").customer is None


@pytest.mark.parametrize("confidence", [-0.01, 1.01, float("nan")])
def test_a_confidence_is_a_share(confidence: float) -> None:
    """A reply that is more than sure is no reply."""
    with pytest.raises(ContractViolation):
        Reply.accept({"text": "Hello", "confidence": confidence}, by="billing")


@pytest.mark.parametrize("balance", ["12", "1e3", "NaN", "12.345", "a lot"])
def test_money_is_a_decimal_number_as_text(balance: str) -> None:
    """Floats lose pennies."""
    with pytest.raises(ContractViolation):
        Account.accept({"known": True, "balance": balance}, by="intake")


def test_an_edit_brings_the_reply_to_send() -> None:
    """A person's edit is a whole reply, checked like any other."""
    edit = {"type": "edit", "edited": {"text": "Hello Iris", "confidence": 1.0}}
    decided = ReplyDecision.accept(edit, by="pat")
    assert decided.edited == Reply(text="Hello Iris", confidence=1.0)
    for wrong in ({"type": "edit"}, {"type": "respond", "message": "x" * 4001}):
        with pytest.raises(ContractViolation):
            ReplyDecision.accept(wrong, by="pat")


def test_every_contract_of_the_desk_survives_its_envelope() -> None:
    """What is checkpointed is plain JSON, and comes back as it was."""
    for one in (
        Ticket(id="T-1", text="Hello", customer="C-1001"),
        Account(known=False),
        Reply(text="Hello", cites=("a",), rows=("charge:CH-1",), confidence=0.5),
        ReplyDecision(type="reject", message="No."),
    ):
        assert open_envelope(seal(one, type(one), by="test"), type(one)) == one

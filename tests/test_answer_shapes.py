"""The question as Agent Inbox and LangChain's clients read it, and the answers that they send.

The fixtures are what those clients are known to send: `HumanResponse` in a list of one, `HITLResponse`,
one decision; all come to the same decision, judged by the review's own contract.
"""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents.middleware.human_in_the_loop import HITLRequest
from langgraph.prebuilt.interrupt import HumanInterrupt
from pydantic import ConfigDict, Field, TypeAdapter

from langgraph_switchboard import END, Blueprint, CaseState, Contract, Decision, Switchboard
from langgraph_switchboard.contracts import restored
from langgraph_switchboard.errors import DecisionMalformed
from langgraph_switchboard.nodes import StepContext
from tests.seam import Bench


class Question(Contract):
    """What is wanted."""

    text: str


class Offer(Contract):
    """An offer in which a number must stay one."""

    model_config = ConfigDict(strict=True)

    price: float = Field(gt=0)
    pieces: int = Field(ge=1)
    express: bool = False
    code: int | str = 0
    note: str = ""
    discount: float | None = None
    lines: list[int] = Field(default_factory=list)


class Sent(Contract):
    """That it was sent."""

    key: str


class OfferDecision(Decision):
    """approve, edit, reject or respond."""

    edited: Offer | None = None


class OfferCase(CaseState):
    question: Question
    offer: Offer | None = None
    decision: OfferDecision | None = None
    sent: Sent | None = None


DRAFT = {
    "price": 20.5, "pieces": 3, "express": False, "code": 7, "note": "5", "discount": None, "lines": [1, 2],
}  # fmt: skip
TEXTS = {
    "price": "20.5", "pieces": "3", "express": "false", "code": "7", "note": "5", "discount": "null",
    "lines": "[1, 2]",
}  # fmt: skip
"""The draft as Agent Inbox gives it back: every value as text."""
INPUT = {"question": {"text": "three, please"}}


def in_words(message: str, draft: Offer | None) -> Offer:
    return Offer(price=float(message), pieces=1)


def offers(*, responds: bool = True, draft: bool = True) -> Blueprint:
    """Draft -> review -> send."""

    async def propose(question: Question) -> Offer:
        if not draft:
            raise RuntimeError("no idea")
        return Offer.model_validate(DRAFT)

    async def send(offer: Offer, ctx: StepContext) -> Sent:
        return Sent(key=ctx.outbox("offer", offer.model_dump(mode="json")))

    flow = Blueprint("offers", case=OfferCase, owner="sales")
    flow.step(propose, name="propose", then="look", fallback="look")
    flow.review(
        "look", of="offer", decides=OfferDecision, then="send", responds=in_words if responds else None
    )
    flow.effect(send, then=END)
    return flow


async def asked(flow: Blueprint) -> tuple[Bench, dict[str, Any]]:
    bench = Bench(flow)
    await bench.run(INPUT)
    [question] = (await bench.snapshot()).interrupts
    return bench, dict(question.value)


# -- the question ---------------------------------------------------------------------------------


async def test_the_question_is_what_agent_inbox_renders() -> None:
    """Both of its forms: the legacy one, and the newer one that looks for `arguments`."""
    _, value = await asked(offers())
    legacy = TypeAdapter(HumanInterrupt).validate_python(value)
    assert legacy["action_request"] == {"action": "look", "args": DRAFT}
    assert set(legacy["config"].values()) == {True}
    assert isinstance(legacy["description"], str)
    assert value["action_requests"][0]["arguments"] == DRAFT


async def test_the_question_is_what_langchains_clients_render() -> None:
    """`HITLRequest`, with the decisions that this review takes."""
    _, value = await asked(offers())
    request = TypeAdapter(HITLRequest).validate_python(value)
    (action,), (config,) = request["action_requests"], request["review_configs"]
    assert (action["name"], action["args"]) == ("look", DRAFT)
    assert config == {
        "action_name": "look",
        "allowed_decisions": ["approve", "edit", "reject", "respond"],
    }


async def test_no_client_offers_what_would_be_refused() -> None:
    """Nothing to approve without a draft; no free answer where nobody reads it."""
    _, value = await asked(offers(draft=False))
    assert value["review_configs"][0]["allowed_decisions"] == ["edit", "reject", "respond"]
    assert value["config"]["allow_accept"] is False
    _, value = await asked(offers(responds=False))
    assert value["review_configs"][0]["allowed_decisions"] == ["approve", "edit", "reject"]
    assert value["config"]["allow_respond"] is False


# -- the answers ----------------------------------------------------------------------------------

MENDED = {**DRAFT, "price": 18.0}
RESPONSES: dict[str, tuple[Any, str, dict[str, Any] | None]] = {
    # Agent Inbox, as it posts them to LangGraph's API: a list of one
    "Agent Inbox: accept": (
        [{"type": "accept", "args": {"action": "look", "args": TEXTS}}],
        "approve",
        DRAFT,
    ),
    "Agent Inbox: accept, newer": ([{"type": "accept", "args": None}], "approve", DRAFT),
    "Agent Inbox: edit": (
        [{"type": "edit", "args": {"action": "look", "args": {**TEXTS, "price": "18"}}}],
        "edit",
        MENDED,
    ),
    "Agent Inbox: response": ([{"type": "response", "args": "9"}], "respond", None),
    "Agent Inbox: ignore": ([{"type": "ignore", "args": None}], "reject", None),
    # LangChain's middleware clients: one decision for each action request
    "HITL: approve": ({"decisions": [{"type": "approve"}]}, "approve", DRAFT),
    "HITL: edit": (
        {"decisions": [{"type": "edit", "edited_action": {"name": "look", "args": MENDED}}]},
        "edit",
        MENDED,
    ),
    "HITL: reject": ({"decisions": [{"type": "reject", "message": "too dear"}]}, "reject", None),
    "HITL: respond": ({"decisions": [{"type": "respond", "message": "9"}]}, "respond", None),
    # per call: one decision
    "Decision: approve": ({"type": "approve"}, "approve", DRAFT),
    "Decision: edit": ({"type": "edit", "edited_action": {"name": "look", "args": MENDED}}, "edit", MENDED),
    "Decision: reject": ({"type": "reject"}, "reject", None),
    # our own
    "ours": ({"type": "edit", "edited": MENDED}, "edit", MENDED),
}


@pytest.mark.parametrize(("answer", "kind", "offer"), RESPONSES.values(), ids=RESPONSES.keys())
async def test_every_shape_comes_to_the_same_decision_by_either_door(
    answer: Any, kind: str, offer: dict[str, Any] | None
) -> None:
    """Resumed as the SDK does, and decided over our own route; numbers stay numbers, texts stay texts."""
    bench, _ = await asked(offers())
    await bench.answer(answer)
    [review] = await bench.store.reviews(status="decided")
    by_resume = [one.row for one in await bench.outbox()]
    async with Switchboard.open("memory") as switchboard:
        await switchboard.run(offers(), INPUT, case_id="c1")
        [other] = await switchboard.reviews()
        await switchboard.decide(other.review_id, answer, by="ann")
        by_route = [one.row for one in await switchboard.services.store.outbox()]
    assert review.decision is not None and review.decision["type"] == kind
    assert by_resume == by_route
    if offer is not None:
        assert by_resume == [offer]
        assert [type(value) for value in by_resume[0].values()] == [type(one) for one in offer.values()]


SLIPPING: dict[str, Any] = {
    "a text for a number, by our own form": {"type": "edit", "edited": {**DRAFT, "price": "18"}},
    "a text for a number, by LangChain's": {
        "decisions": [{"type": "edit", "edited_action": {"name": "look", "args": {**DRAFT, "pieces": "3"}}}]
    },
    "a word for a number, by Agent Inbox": [
        {"type": "edit", "args": {"action": "look", "args": {**TEXTS, "price": "eighteen"}}}
    ],
    "a number for a flag": [{"type": "edit", "args": {"action": "look", "args": {**TEXTS, "express": "1"}}}],
    "a number that is none": [
        {"type": "edit", "args": {"action": "look", "args": {**TEXTS, "price": "NaN"}}}
    ],
    "a fraction for a whole number": [
        {"type": "edit", "args": {"action": "look", "args": {**TEXTS, "pieces": "2.5"}}}
    ],
}


@pytest.mark.parametrize("answer", SLIPPING.values(), ids=SLIPPING.keys())
async def test_a_text_does_not_slip_in_for_a_number_where_the_contract_is_strict(answer: Any) -> None:
    """It is refused before anything is kept, by either door, and the review stays open."""
    bench, _ = await asked(offers())
    with pytest.raises(ValueError, match="validation error"):
        await bench.answer(answer)
    assert len(await bench.store.reviews()) == 1 and await bench.outbox() == []
    async with Switchboard.open("memory") as switchboard:
        await switchboard.run(offers(), INPUT, case_id="c1")
        [review] = await switchboard.reviews()
        with pytest.raises(DecisionMalformed):
            await switchboard.decide(review.review_id, answer, by="ann")
        assert await switchboard.reviews() == [review]


@pytest.mark.parametrize(
    ("text", "draft", "becomes"),
    [
        ("7", 3, 7),
        (" 7.5 ", 3, 7.5),
        ("1e3", 1, 1000.0),
        ("seven", 3, "seven"),
        ("7", "3", "7"),
        ("True", False, True),
        ("1", True, "1"),
        ("true", 1, "true"),
        ("null", None, None),
        ("", None, ""),
        ("[1]", [2], [1]),
        ("{}", [2], "{}"),
        ('{"a": 1}', {"b": 2}, {"a": 1}),
        ("[" * 100_000, [1], "[" * 100_000),
        (7, 3, 7),
    ],
)
def test_a_text_takes_the_type_of_what_was_shown_or_stays_a_text(text: Any, draft: Any, becomes: Any) -> None:
    """Nothing is guessed: it reads as the draft's kind of value, or the contract has to judge it."""
    (answer,) = restored([{"type": "edit", "args": {"action": "a", "args": {"x": text}}}], {"x": draft})
    value = answer["args"]["args"]["x"]
    assert (value, type(value)) == (becomes, type(becomes))


@pytest.mark.parametrize("answer", ["approve", None, 3, [], [1, 2], {}, {"type": "edit"}, [{"type": "edit"}]])
def test_what_is_no_edit_of_agent_inbox_is_left_as_it_is(answer: Any) -> None:
    """Whatever it is, it is for the contract to judge."""
    assert restored(answer, {"x": 1}) is answer

"""How sure we are of a model's answer: never by its own word alone."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.support import Reply
from langgraph_switchboard import END, Blueprint, StepContext
from langgraph_switchboard.cases import MemoryStore
from langgraph_switchboard.knowledge import articles_of, grounding
from langgraph_switchboard.models import Question
from langgraph_switchboard.nodes import memory_services
from langgraph_switchboard.nodes.confidence import (
    FIGURES,
    Confidence,
    approval_rate,
    past_approval,
    validated,
)
from langgraph_switchboard.testing import ScriptedModel
from langgraph_switchboard.testing.model_faults import INJECTION
from nodes.answerers import answer_simple
from nodes.trust import VALIDATORS, sources_of
from tests.case_builders import NOON, a_review, opens, settle, task
from tests.seam import Bench, Order, Payment, PaymentCase, PaymentDecision, pay

SOURCE = (
    "A transfer within Europe takes one working day. Transfers abroad cost 1.50 EUR and take up to five "
    "working days, and for amounts over 1,000.00 EUR we ask for proof. You find them under Payments."
)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("A transfer within Europe takes one working day.", 1.0),
        ("Hello Iris,\n\nTransfers abroad cost 1.50 EUR and take up to five working days.", 1.0),
        ("Over 1000.00 EUR we ask for proof; transfers abroad take up to five working days.", 1.0),
        ("Transfers abroad cost 2.50 EUR and take up to five working days.", 0.0),
        ("Your account was hacked by criminals from the moon.", 0.0),
        ("Thanks!", 0.0),
        ("", 0.0),
        (INJECTION, 0.0),
    ],
)
def test_a_text_is_held_by_its_sources_or_not(text: str, score: float) -> None:
    """Word by word: a wrong figure or made-up matter is not held, greetings are not judged."""
    assert grounding(text, [SOURCE]).score == pytest.approx(score)


def test_what_is_partly_held_says_which_part_is_not() -> None:
    """A reviewer sees the sentence that nobody can vouch for."""
    found = grounding("Transfers abroad cost 1.50 EUR. We have doubled your balance overnight.", [SOURCE])
    assert 0.3 < found.score < 0.7
    assert found.unheld == ("We have doubled your balance overnight.",)
    assert found.sentences == 2


def test_what_no_source_was_named_for_is_held_by_nothing() -> None:
    """An article that is not cited holds nothing."""
    assert grounding("A transfer within Europe takes one working day.", []).score == 0.0


@given(st.text(max_size=300), st.lists(st.text(max_size=200), max_size=3))
def test_any_text_has_a_share(text: str, sources: list[str]) -> None:
    """From 0 to 1, whatever comes; and what is quoted whole is held whole."""
    assert 0.0 <= grounding(text, sources).score <= 1.0
    assert grounding(text, [*sources, text]).score in (0.0, 1.0)


def test_the_help_centre_holds_its_own_articles_and_no_others() -> None:
    """Held by itself: all; by another article: hardly ever."""
    articles = articles_of("nodes.knowledge")[:40]
    own = [grounding(one.text, [one.text]).score for one in articles]
    foreign = [grounding(one.text, [articles[place - 1].text]).score for place, one in enumerate(articles)]
    assert min(own) == 1.0
    assert sum(foreign) / len(foreign) < 0.15


# -- the formula -----------------------------------------------------------------------


def test_a_sure_model_without_grounds_comes_out_at_nothing() -> None:
    """The negative control beside it: its own word alone would have gone out."""
    assert Confidence(said=1.0, grounded=0.0, approved=0.9).value == 0.0
    assert Confidence(said=1.0, grounded=1.0, approved=1.0).value == 1.0


shares = st.floats(0, 1)


@given(shares, shares, shares, shares, shares)
def test_more_of_anything_never_lowers_it(
    said: float, held: float, passed: float, rate: float, more: float
) -> None:
    """Monotone in each part, and never above what is grounded or what the validators give."""
    sure = Confidence(said, held, passed, rate)
    assert 0 <= sure.value <= min(held, passed) + 0.001
    for name in FIGURES:
        assert replace(sure, **{name: max(getattr(sure, name), more)}).value >= sure.value


def test_the_least_validator_counts_and_is_named() -> None:
    """True is 1 and False is 0; one that raises is never passed over."""

    def half(answer: object) -> float:
        return 0.5

    def fine(answer: object) -> bool:
        return True

    def broken(answer: object) -> bool:
        raise ZeroDivisionError

    assert validated("x", [fine, half]) == (0.5, ("half",))
    assert validated("x", []) == (1.0, ())
    with pytest.raises(ZeroDivisionError):
        validated("x", [fine, broken])


async def test_what_people_approved_before_counts() -> None:
    """Eight of ten to begin with; then what was decided on this agent's drafts, for 90 days."""
    store = MemoryStore()
    for number in range(30):
        review = a_review(f"r{number}", f"c{number}", agent="faq" if number < 20 else "billing")
        await settle(store, task("t", f"c{number}"), opens(review))
        kind = "approve" if number % 2 or number >= 20 else "edit"
        said = {"type": kind, "by": "ann"}
        await store.decide(
            review.review_id, version=review.version, digest=review.digest, decision=said, by="ann", at=NOON
        )

    async def rate(agent: str, flow: str = "desk", days: int = 1) -> float:
        return await past_approval(store, flow, agent, NOON + timedelta(days=days))

    assert await rate("faq") == pytest.approx(18 / 30)
    assert await rate("billing") == pytest.approx(18 / 20)
    assert await rate("nobody") == await rate("faq", "other") == approval_rate(0, 0) == 0.8
    assert await rate("faq", days=100) == 0.8


# -- in a step -------------------------------------------------------------------------


async def run(*script: Any, answerer: Any = None) -> Bench:
    async def propose(order: Order, ctx: StepContext) -> Payment:
        paid = await ctx.ask(Payment, "Propose.", answerer=answerer)
        sure = await ctx.confidence(
            paid, said=paid.confidence, claims="Transfers abroad cost 1.50 EUR.", sources=[SOURCE]
        )
        return paid.model_copy(update={"confidence": sure})

    flow = Blueprint("payments", case=PaymentCase, owner="accounts")
    flow.step(propose, then="gate", fallback="by_hand")
    flow.gate("gate", of="payment", sure="pay", unsure="by_hand")
    flow.review("by_hand", of="payment", decides=PaymentDecision, then="pay")
    flow.effect(pay, then=END)
    services = memory_services()
    async with ScriptedModel(*script) as services.models:
        bench = Bench(flow, services=services)
        await bench.run()
    return bench


async def test_a_step_judges_a_models_answer_and_tells_the_parts() -> None:
    """The gate reads the figure that was made of all of them; the ledger has each."""
    bench = await run(Payment(amount=1.5, confidence=0.95))
    (told,) = [one.event.data for one in await bench.story() if one.event.step == "propose"]
    assert told["confidence_parts"] == {"said": 0.95, "grounded": 1.0, "validated": 1.0, "approved": 0.8}
    assert told["confidence"] == round(math.sqrt(0.95 * 0.8), 3)


async def test_plain_code_keeps_its_own_figure() -> None:
    """It is calibrated already, and says nothing that it was not given."""
    from langgraph_switchboard.errors import ModelBusy

    async def plainly(question: Question[Payment]) -> Payment:
        return Payment(amount=1.5, confidence=0.9)

    bench = await run(ModelBusy("busy", retryable=False), answerer=plainly)
    (told,) = [one.event.data for one in await bench.story() if one.event.step == "propose"]
    assert "confidence_parts" not in told
    assert told["confidence"] == pytest.approx(0.72)


# -- at the desk -----------------------------------------------------------------------

CHARGED = "On 3 May we charged 1.50 EUR for a transfer."
FACTS: dict[str, Any] = {
    "articles": [
        {"id": "transfers", "title": "Transfers", "passage": SOURCE, "agreed": "both", "margin": 1.0},
        {
            "id": "cards",
            "title": "Cards",
            "passage": "A card costs 5.00 EUR.",
            "agreed": "alone",
            "margin": 0.5,
        },
    ],
    "rows": [{"refs": ["charge:CH-1"], "says": CHARGED, "strength": 1.0}],
    "account": {"known": False, "name": None, "plan": None, "status": None},
    "route": {"confidence": 1.0, "topic_confidence": 1.0},
    "needs_rows": False,
}


async def test_the_desks_own_replies_are_held_by_what_they_cite() -> None:
    """The measure fits the replies that we know to be grounded."""
    reply = await answer_simple(Question(Reply, "", FACTS))
    assert grounding(reply.text, sources_of(reply, FACTS)).score == 1.0


@pytest.mark.parametrize(
    ("text", "cites", "rows", "score"),
    [
        ("A card costs 5.00 EUR.", ("cards",), (), 1.0),
        ("A card costs 5.00 EUR.", ("transfers",), (), 0.0),
        (CHARGED, (), ("charge:CH-1",), 1.0),
        (CHARGED, (), (), 0.0),
    ],
)
def test_a_reply_is_held_by_what_it_names_and_by_nothing_else(
    text: str, cites: tuple[str, ...], rows: tuple[str, ...], score: float
) -> None:
    """To have been shown an article is not to cite it."""
    reply = Reply(text=text, cites=cites, rows=rows, confidence=1.0)
    assert grounding(reply.text, sources_of(reply, FACTS)).score == score


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("We will refund 5.00 EUR.", "promises_nothing"),
        ("Log in at http://larkpay.example/verify to go on.", "sends_nobody_away"),
        (INJECTION, "speaks_to_the_customer"),
    ],
)
def test_what_is_never_right_is_never_trusted(text: str, broken: str) -> None:
    """Promises, links, and a reply that talks like a prompt."""
    least, names = validated(Reply(text=text, confidence=1.0), VALIDATORS)
    assert least == 0.0 and broken in names


def test_an_ordinary_reply_passes_every_validator() -> None:
    """The desk's own articles among them."""
    for article in articles_of("nodes.knowledge"):
        reply = Reply(text=article.text[:4000], confidence=1.0)
        assert set(validated(reply, VALIDATORS)[1]) <= {"promises_nothing"}

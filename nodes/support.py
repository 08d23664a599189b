"""The agents of the support desk: one plain async function each.

intake -> route_ticket -> faq | billing | technical | account -> ... -> send
                          (generalist, where one of them cannot go on)
"""

from collections.abc import Mapping
from typing import Any

from contracts.support import Account, Card, Reply, Sent, Ticket
from langgraph_switchboard.models import Answerer
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.routing.decision import Route
from nodes.answerers import (
    ACCOUNT,
    BILLING,
    FAQ,
    GENERALIST,
    TECHNICAL,
    UNSURE,
    answer_in_need,
    answer_simple,
    answer_with_rows,
)
from nodes.evidence import articles_for, facts_of, file_of, rows_for
from nodes.high_stakes import is_high_stakes
from nodes.promises import promises_money
from nodes.router import decide, simple_enough
from nodes.trust import VALIDATORS, sources_of

__all__ = [
    "account_care",
    "billing",
    "by_hand",
    "faq",
    "generalist",
    "intake",
    "is_high_stakes",
    "route_ticket",
    "send",
    "technical",
]

NOBODY = Account(known=False)
"""The account of a ticket that names nobody, or whose sender could not be looked up."""


async def intake(ticket: Ticket, ctx: StepContext) -> Account:
    """Look up who wrote, by the customer number that the ticket came with and by nothing in its text."""
    for place, message in enumerate(ticket.earlier):
        ctx.say(message.by, message.text, key=f"earlier/{place}")
    ctx.say("customer", ticket.text, key="ticket")
    if ticket.customer is None:
        return NOBODY
    found = await file_of(ticket.customer, ctx)
    if not found.get("account"):
        ctx.note(customer="unknown")
        return NOBODY
    row = found["account"][0]
    cards = found.get("card", [])
    return Account(
        known=True,
        customer=row["customer"],
        name=row["name"],
        plan=row["plan"],
        status=row["status"],
        cards=tuple(Card(**{key: card[key] for key in Card.model_fields}) for card in cards),
        balance=row["balance"] or "0.00",
        currency=row["currency"] or "EUR",
        identity_verified=row["identity_verified"],
    )


async def route_ticket(ticket: Ticket, account: Account | None, ctx: StepContext) -> Route:
    """Say who takes the ticket: simple questions go to faq, the rest to the department of its topic."""
    route = await decide(ticket.text, await file_of((account or NOBODY).customer, ctx))
    if not simple_enough(ticket, route):
        return route
    articles = await articles_for(ticket, route, ctx)
    if not articles or articles[0]["agreed"] != "both":
        return route
    reason = f"a simple question that the article {articles[0]['id']!r} answers; {route.reason}"
    return route.model_copy(update={"agent": "faq", "reason": reason[:400]})


async def faq(ticket: Ticket, account: Account | None, route: Route, ctx: StepContext) -> Reply:
    """Answer a simple question from the help centre, without looking at anybody's payments."""
    return await _answer(ticket, account, route, ctx, FAQ, answer_simple, reads_rows=False)


async def billing(ticket: Ticket, account: Account | None, route: Route, ctx: StepContext) -> Reply:
    """Explain charges, fees and exchange rates by the rows that stand in the customer's account."""
    return await _answer(ticket, account, route, ctx, BILLING, answer_with_rows)


async def technical(ticket: Ticket, account: Account | None, route: Route, ctx: StepContext) -> Reply:
    """Explain what happened to a payment, a top-up, a card or the app, and what to do next."""
    return await _answer(ticket, account, route, ctx, TECHNICAL, answer_with_rows)


async def account_care(ticket: Ticket, account: Account | None, route: Route, ctx: StepContext) -> Reply:
    """Help with cards, limits, personal details and the identity check."""
    return await _answer(ticket, account, route, ctx, ACCOUNT, answer_with_rows)


async def generalist(ticket: Ticket, account: Account | None, route: Route, ctx: StepContext) -> Reply:
    """Draft where nobody was sure, or a specialist could not go on: honest, and never sure."""
    # Where a specialist failed it may have been the tables that did: the stand-in leaves them alone.
    nobody_sure = route.agent is None
    reply = await _answer(ticket, account, route, ctx, GENERALIST, answer_in_need, reads_rows=nobody_sure)
    return reply.model_copy(update={"confidence": min(UNSURE, reply.confidence)})


def by_hand(message: str, draft: Reply | None) -> Reply:
    """A reply in a person's own words; it rests on that person, not on articles or rows."""
    return Reply(text=message, confidence=1.0)


async def send(ticket: Ticket, reply: Reply, ctx: StepContext) -> Sent:
    """Put the reply into the outbox; it leaves in the same commit as the step."""
    row = {"ticket": ticket.id, "customer": ticket.customer, **reply.model_dump(mode="json")}
    ctx.say("us", reply.text, key="reply")
    return Sent(outbox_key=ctx.outbox("reply", row))


async def _answer(
    ticket: Ticket,
    account: Account | None,
    route: Route,
    ctx: StepContext,
    prompt: str,
    answerer: Answerer[Reply],
    reads_rows: bool = True,
) -> Reply:
    sender = account or NOBODY
    articles = await articles_for(ticket, route, ctx)
    rows = await rows_for(ticket, sender, route, ctx) if reads_rows else []
    facts = facts_of(ticket, sender, route, articles, rows)
    if ticket.earlier:
        facts["untrusted_conversation"] = (await ctx.history()).facts()
    reply = await ctx.ask(Reply, prompt, facts=facts, answerer=answerer)
    sources = sources_of(reply, facts)
    sure = await ctx.confidence(
        reply, said=reply.confidence, claims=reply.text, sources=sources, validators=VALIDATORS
    )
    grounded = _grounded(reply.model_copy(update={"confidence": sure}), facts)
    if facts["claims_money"]:
        return grounded.model_copy(update={"confidence": min(UNSURE, grounded.confidence)})
    return grounded


def _grounded(reply: Reply, facts: Mapping[str, Any]) -> Reply:
    """Leave out ids that were not among the facts, and keep back what a person must see first.

    A reply that named such an id, or that promises money, never goes out alone.
    """
    articles = {one["id"] for one in facts["articles"]}
    rows = {ref for one in facts["rows"] for ref in one["refs"]}
    cites = tuple(one for one in reply.cites if one in articles)
    named = tuple(one for one in reply.rows if one in rows)
    if (cites, named) == (reply.cites, reply.rows) and not promises_money(reply.text):
        return reply
    return reply.model_copy(
        update={"cites": cites, "rows": named, "confidence": min(UNSURE, reply.confidence)}
    )

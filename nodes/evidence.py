"""What a reply may rest on: the articles and the rows that fit a ticket, as plain facts."""

from collections.abc import Sequence
from typing import Any, Literal

from contracts.support import Account, Ticket
from langgraph_switchboard.knowledge import Article, Hit, best_sentences
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.routing.decision import Route
from nodes.holdings import holdings
from nodes.promises import without_promises
from nodes.rows import MEANT, OFTEN_GENERAL, TWICE, Fact, matching

SEARCHED = 2_000
"""So many characters of a ticket are searched for; pasted logs and mail footers come later."""
HITS = 5
SENTENCES = 3

Agreed = Literal["both", "router", "search"]
"""Who speaks for an article: search and router both, the router's topic alone, or search alone."""


async def articles_for(ticket: Ticket, route: Route, ctx: StepContext) -> list[dict[str, Any]]:
    """The articles that fit the ticket, best first, each with the passage to quote.

    The article on the router's topic goes before the others that search found: words
    mislead, and the router has learned from many tickets.
    """
    words = ticket.text[:SEARCHED]
    # Where nobody was sure, the topic is a guess that may lead astray; then search speaks alone.
    topic = None if route.by == "person" else route.topic
    hits = await ctx.search(words, HITS)
    at = _place_of_topic(hits, topic)
    agreed: Agreed = "search" if at is None else "both" if at == 0 else "router"
    if at is None and topic:
        more = await ctx.search(f"{topic.replace('_', ' ')} {words}", HITS)
        at = _place_of_topic(more, topic)
        if at is not None:
            hits, agreed = more, "router"
    if not hits:
        return []
    best = hits[at or 0]
    others = [hit for hit in hits if hit is not best][:1]
    margin = _margin(hits)
    return [_article(best, words, agreed, margin), *(_article(hit, words, "search", 0.0) for hit in others)]


async def rows_for(ticket: Ticket, account: Account, route: Route, ctx: StepContext) -> list[Fact]:
    """What the tables of the signed-in customer say about the ticket."""
    if account.customer is None:
        return []
    cards = await ctx.rows("cards_of", customer=account.customer)
    plan = await ctx.rows("plan_limits", plan=account.plan) if account.plan else []
    tables = {
        "charge": await ctx.rows("charges_of", customer=account.customer),
        "transaction": await ctx.rows("transactions_of", customer=account.customer),
    }
    held = holdings(
        route.topic,
        customer=account.customer,
        verified=account.identity_verified,
        cards=cards,
        plan=plan[0] if plan else None,
    )
    return [*matching(ticket.text, route.topic, tables), *held]


def facts_of(
    ticket: Ticket, account: Account, route: Route, articles: Sequence[dict[str, Any]], rows: Sequence[Fact]
) -> dict[str, Any]:
    """All that a reply may rest on, JSON-plain: for a model's prompt and for plain code alike."""
    return {
        "untrusted_ticket": ticket.text,
        "account": {
            "known": account.known,
            "name": account.name,
            "plan": account.plan,
            "status": account.status,
        },
        "route": {"label": route.label, "topic": route.topic, "confidence": route.confidence},
        "articles": list(articles),
        "rows": [{"refs": list(row.refs), "says": row.says, "strength": row.strength} for row in rows],
        "needs_rows": needs_rows(route.topic),
    }


def needs_rows(topic: str | None) -> bool:
    """Whether a ticket of this topic can only be answered from the customer's own payments or charges."""
    plain = (topic or "").lower().rstrip("?")
    return (plain in MEANT and plain not in OFTEN_GENERAL) or plain == TWICE


def _place_of_topic(hits: Sequence[Hit], topic: str | None) -> int | None:
    return next((place for place, hit in enumerate(hits) if topic and topic in hit.topics), None)


def _article(hit: Hit, words: str, agreed: Agreed, margin: float) -> dict[str, Any]:
    whole = Article(hit.article_id, hit.title, hit.text)
    quoted = _best_passage(whole, f"{hit.title} {words}")
    return {"id": hit.article_id, "title": hit.title, "passage": quoted, "agreed": agreed, "margin": margin}


def _best_passage(article: Article, query: str) -> str:
    """The first paragraph, and the one that holds most of the best sentences, both whole.

    An article says first what it is about, and sentences torn apart read badly.
    """
    paragraphs = [" ".join(one.split()) for one in article.text.split("\n\n")]
    best = best_sentences(article, query, SENTENCES)
    fits = max(paragraphs, key=lambda one: sum(found.score for found in best if found.text in one))
    return without_promises(" ".join(dict.fromkeys((paragraphs[0], fits))))


def _margin(hits: Sequence[Hit]) -> float:
    """The share by which the best hit's score is above the second's; 1 if it stands alone."""
    if len(hits) < 2:
        return 1.0
    return round((hits[0].score - hits[1].score) / hits[0].score, 4)

"""What a reply may rest on: the articles and the rows that fit a ticket, as plain facts."""

from collections.abc import Sequence
from typing import Any, Literal

from contracts.support import Account, Ticket
from langgraph_switchboard.knowledge import Article, Hit, best_sentences
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.routing.decision import Route
from nodes.holdings import holdings
from nodes.promises import without_promises
from nodes.rows import BACKGROUND, CLAIMS, MEANT, OFTEN_GENERAL, TWICE, Fact, matching
from nodes.wording import asks_in_general

SEARCHED = 2_000
"""So many characters of a ticket are searched for; pasted logs and mail footers come later."""
HITS = 5
DEEPER = 30
"""So many hits are looked through for the article on the router's topic, if the first few lack it."""
GOOD_GUESS = 0.3
"""From this confidence in the topic its article is the better draft, though nobody was sure."""
SENTENCES = 3

CustomerFile = dict[str, list[dict[str, Any]]]
"""The rows of one customer by the part of the tables that they come from."""

Agreed = Literal["both", "router", "search"]
"""Who speaks for an article: search and router both, the router's topic alone, or search alone."""


async def articles_for(ticket: Ticket, route: Route, ctx: StepContext) -> list[dict[str, Any]]:
    """The articles that fit the ticket, best first, each with the passage to quote.

    The article on the router's topic goes before the others that search found: words
    mislead, and the router has learned from many tickets.
    """
    words = ticket.text[:SEARCHED]
    # Where nobody was sure, the topic is a guess; a poor one leads astray, and search speaks alone.
    guessed = (route.topic_confidence or 0.0) >= GOOD_GUESS
    topic = route.topic if route.by != "person" or guessed else None
    hits = await ctx.search(words, HITS)
    at = _place_of_topic(hits, topic)
    agreed: Agreed = "search" if at is None else "both" if at == 0 else "router"
    if at is None and topic:
        more = await ctx.search(f"{topic.replace('_', ' ')} {words}", DEEPER)
        at = _place_of_topic(more, topic)
        if at is not None:
            hits, agreed = more, "router"
    if not hits:
        return []
    best = hits[at or 0]
    others = [hit for hit in hits if hit is not best][:1]
    margin = _margin(hits)
    return [_article(best, words, agreed, margin), *(_article(hit, words, "search", 0.0) for hit in others)]


async def file_of(customer: str | None, ctx: StepContext) -> CustomerFile:
    """All that our tables hold of a customer, in one query.

    The parts are `account`, `plan`, `card`, `charge` and `transaction`, each a list of rows, newest
    first where they have a day; an unknown customer has none.
    """
    found: CustomerFile = {}
    if customer is not None:
        for row in await ctx.rows("file_of", customer=customer):
            found.setdefault(row["part"], []).append(row["row"])
    return found


async def rows_for(ticket: Ticket, account: Account, route: Route, ctx: StepContext) -> list[Fact]:
    """What the tables of the signed-in customer say about the ticket."""
    if account.customer is None:
        return []
    tables = await file_of(account.customer, ctx)
    held = holdings(
        route.topic,
        customer=account.customer,
        verified=account.identity_verified,
        cards=tables.get("card", []),
        plan=next(iter(tables.get("plan", [])), None),
    )
    # A question about the rules is not about the one row that happens to be there.
    told = [] if asks_in_general(ticket.text) else matching(ticket.text, route.topic, tables)
    return [*told, *held]


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
        "route": {
            "label": route.label,
            "topic": route.topic,
            "confidence": route.confidence,
            "topic_confidence": route.topic_confidence,
        },
        "articles": list(articles),
        "rows": [{"refs": list(row.refs), "says": row.says, "strength": row.strength} for row in rows],
        "needs_rows": needs_rows(route.topic) and not asks_in_general(ticket.text),
        "claims_money": claims_money(route.topic, rows),
    }


def needs_rows(topic: str | None) -> bool:
    """Whether a ticket of this topic can only be answered from the customer's own payments or charges."""
    plain = _plain(topic)
    return (plain in MEANT and plain not in OFTEN_GENERAL) or plain == TWICE


def claims_money(topic: str | None, rows: Sequence[Fact]) -> bool:
    """Whether the ticket says of a payment in our tables that it took too much.

    An article can say how such a claim is made; whether this one holds, a person decides.
    """
    spoken = {ref.partition(":")[0] for row in rows if row.strength > BACKGROUND for ref in row.refs}
    return _plain(topic) in CLAIMS and bool(spoken & {"charge", "transaction"})


def _plain(topic: str | None) -> str:
    return (topic or "").lower().rstrip("?")


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

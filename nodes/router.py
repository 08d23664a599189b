"""Who takes a ticket: the desk's rules, then a classifier trained on our own labelled tickets.

The classifier reads a ticket in plain form (`nodes.wording`), and beside it what the customer's
own rows say about its topic (`nodes.leads`).
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from contracts.support import Ticket
from langgraph_switchboard.postgres.place import default_home
from langgraph_switchboard.routing import Cascade, Judgement, Route, Rule
from nodes.high_stakes import high_stakes_wording, is_high_stakes
from nodes.leads import lead_of
from nodes.wording import plain, reads_as_english

LABELLED = Path(__file__).parent.parent / "evals" / "datasets" / "topics.jsonl"
THRESHOLD = 0.7
"""Confidence in the department from which the classifier may decide; 0.7 carries no promise."""
SIMPLE_LENGTH = 300
"""Characters of the longest ticket that is taken for a simple question."""

RULES = (
    Rule(
        "high_stakes",
        lambda text: high_stakes_wording(text) is not None,
        because="Its words tell of a matter that a person must see",
        flag="high_stakes",
    ),
)

SIMPLE = frozenset(
    {
        "age_limit",
        "apple_pay_or_google_pay",
        "atm_support",
        "automatic_top_up",
        "card_acceptance",
        "card_delivery_estimate",
        "change_pin",
        "country_support",
        "disposable_card_limits",
        "edit_personal_details",
        "exchange_charge",
        "exchange_rate",
        "exchange_via_app",
        "fiat_currency_support",
        "get_disposable_virtual_card",
        "get_physical_card",
        "getting_spare_card",
        "getting_virtual_card",
        "order_physical_card",
        "receiving_money",
        "supported_cards_and_currencies",
        "top_up_by_bank_transfer_charge",
        "top_up_by_card_charge",
        "top_up_by_cash_or_cheque",
        "top_up_limits",
        "transfer_into_account",
        "transfer_timing",
        "verify_my_identity",
        "visa_or_mastercard",
        "why_verify_identity",
    }
)
"""Topics whose answer is the same for everybody, so that nobody's payments need to be read."""

_OWN_MATTER = re.compile(r"\b(?:CH|TX|CD)-\d+|[\u00a3\u20ac$]\s?\d|\d[.,]\d\d\b", re.IGNORECASE)

_one_at_a_time = Lock()


class Reader:
    """The classifier as it reads one customer's ticket.

    Args:
        classifier: A `routing.classifier.Classifier`, trained on tickets in plain form.
        tables: The customer's own rows under `charge` and `transaction`; empty for a stranger.
    """

    def __init__(self, classifier: Any, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self.classifier = classifier
        self.tables = tables

    def judge(self, text: str) -> Judgement:
        """What the words and the rows say together."""
        lead = lead_of(text, self.tables)
        said = plain(text, self.tables.get("transaction", ()))
        weights = lead.weights(dict(self.classifier.predict_topics(said))) if lead else None
        judged: Judgement = self.classifier.judge(said, weights)
        # Who names a payment of their own does not write from another world, though perhaps in
        # another language, which nobody here reads well enough to answer.
        at_home = lead is not None and reads_as_english(said)
        return replace(judged, familiarity=1.0) if at_home else judged


async def decide(text: str, tables: Mapping[str, Sequence[Mapping[str, Any]]] | None = None) -> Route:
    """The department and topic of a text; without an agent if nobody is sure.

    Args:
        text: What the customer wrote.
        tables: The signed-in customer's own rows under `charge` and `transaction`; None for a stranger.
    """
    # Training takes seconds, once for each process; the event loop must not stand still for it.
    cascade = await asyncio.to_thread(_trained_once)
    if not tables:
        return await cascade.route(text)
    trained = cascade.classifier.classifier if isinstance(cascade.classifier, Reader) else cascade.classifier
    return await Cascade(RULES, Reader(trained, tables), threshold=THRESHOLD).route(text)


def simple_enough(ticket: Ticket, route: Route) -> bool:
    """Whether this is a plain how-to question, which one article can answer for anybody."""
    return (
        route.agent is not None
        and route.topic in SIMPLE
        and len(ticket.text) <= SIMPLE_LENGTH
        and not _OWN_MATTER.search(ticket.text)
        and is_high_stakes(ticket, route) is None
    )


@cache
def desk_cascade(labelled: Path = LABELLED) -> Cascade:
    """The desk's cascade: read from the cache in the home folder, or trained now, which takes seconds.

    Args:
        labelled: Labelled tickets; one JSON object with `text`, `topic` and `department` a line.
    """
    # What learns is an optional extra, so it is imported when it is needed.
    from langgraph_switchboard.routing.training import fit, load_labelled, prepared, trained

    def fitted() -> Any:
        return fit(prepared(load_labelled(labelled), plain))

    home = default_home()
    try:
        # The home is made by whoever starts Postgres; without one nothing is kept.
        kept = home.is_dir()
        classifier = trained(labelled, home / "routers", prepare=plain) if kept else fitted()
    except OSError:  # a cache that cannot be written is no reason to stop
        classifier = fitted()
    return Cascade(RULES, Reader(classifier, {}), threshold=THRESHOLD)


def _trained_once() -> Cascade:
    with _one_at_a_time:
        return desk_cascade()

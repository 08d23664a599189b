"""What our tables say about a customer's cards, plan and identity check, for a topic."""

from collections.abc import Iterator, Mapping
from typing import Any

from nodes.rows import ALONE, BACKGROUND, Fact, day

RowData = Mapping[str, Any]

_ON_ITS_WAY = frozenset(
    {"card_arrival", "card_delivery_estimate", "activate_my_card", "order_physical_card", "get_physical_card"}
)
_OUT_OF_USE = frozenset(
    {
        "card_not_working",
        "declined_card_payment",
        "declined_cash_withdrawal",
        "pin_blocked",
        "contactless_not_working",
        "virtual_card_not_working",
        "change_pin",
    }
)
_IDENTITY = frozenset({"verify_my_identity", "why_verify_identity", "unable_to_verify_identity"})
_PLAN = {
    "cash_withdrawal_charge": "{cash_free_month} GBP of cash a month is free, then {cash_fee_percent} %",
    "exchange_charge": "the weekend markup is {weekend_markup} %",
    "exchange_rate": "the weekend markup is {weekend_markup} %",
    "top_up_limits": "you can top up up to {top_up_day} GBP a day",
    "disposable_card_limits": "you can make up to {disposable_day} payments a day with disposable cards",
}


def holdings(
    topic: str | None, *, customer: str, verified: bool, cards: list[dict[str, Any]], plan: RowData | None
) -> list[Fact]:
    """The facts about cards, plan and identity that a topic asks for.

    Args:
        topic: The ticket's topic; None if nobody knows, and then there are none.
        customer: The customer's number.
        verified: Whether the identity check is done.
        cards: The rows of `cards_of`.
        plan: The row of `plan_limits`; None if there is none.
    """
    topic = (topic or "").lower()
    facts = list(_card_facts(topic, cards))
    if topic in _IDENTITY:
        state = "is verified" if verified else "is not verified yet"
        facts.append(Fact((f"customer:{customer}",), f"Your identity {state}.", ALONE))
    if topic in _PLAN and plan:
        says = f"On your {plan['plan']} plan {_PLAN[topic].format(**plan)}."
        facts.append(Fact((f"plan:{plan['plan']}",), says, BACKGROUND))
    return facts


def _card_facts(topic: str, cards: list[dict[str, Any]]) -> Iterator[Fact]:
    for card in cards:
        name = f"Your {card['kind']} card ending {card['last4']}"
        says = ""
        if topic in _ON_ITS_WAY and card["status"] == "ordered":
            due = f" and should arrive by {day(card['expected_by'])}" if card["expected_by"] else ""
            says = f"{name} was ordered on {day(card['ordered_on'])}{due}"
        elif topic in _OUT_OF_USE and card["status"] in {"frozen", "blocked", "expired"}:
            says = f"{name} {'has expired' if card['status'] == 'expired' else 'is ' + card['status']}"
        elif topic == "card_about_to_expire" and card["kind"] == "physical" and card["status"] != "closed":
            verb = "expired" if card["status"] == "expired" else "is valid until"
            says = f"{name} {verb} {'on ' if verb == 'expired' else ''}{day(card['expires_on'])}"
        if says:
            yield Fact((f"card:{card['id']}",), f"{says} ({card['id']}).", ALONE)

"""What a customer's own rows say about the topic of a ticket, before its words are weighed.

Who asks about 12.50 on 3 May, and has on that day a declined payment of 12.50, most likely
asks why it was declined. A payment that stands in the tables may still be one that the
customer never made, so it makes no high-stakes topic less likely; a fee of our own may.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nodes.high_stakes import HIGH_STAKES_TOPICS
from nodes.wording import amounts_in, says_day, says_id, says_name

RowData = Mapping[str, Any]

ELSEWHERE = 0.02
"""How likely a topic stays beside one that the named row speaks for; chosen on half of the examples."""

SECOND = 0.5
"""How likely the further topics of a row are that is not completed: its state is what most ask about."""
NOT_MINE = frozenset({topic for topic in HIGH_STAKES_TOPICS if topic.endswith("_not_recognised")})
"""Topics about somebody else's hand on the account, which no fee of our own shows."""

_SPEAKS_FOR: dict[tuple[str, str], tuple[str, ...]] = {
    ("card_payment", "pending"): ("pending_card_payment",),
    ("card_payment", "declined"): (
        "declined_card_payment",
        "card_not_working",
        "contactless_not_working",
        "virtual_card_not_working",
        "pin_blocked",
    ),
    ("card_payment", "reverted"): ("reverted_card_payment",),
    ("card_payment", "completed"): (
        "transaction_charged_twice",
        "card_payment_fee_charged",
        "card_payment_wrong_exchange_rate",
        "extra_charge_on_statement",
    ),
    ("cash_withdrawal", "pending"): ("pending_cash_withdrawal", "wrong_amount_of_cash_received"),
    ("cash_withdrawal", "declined"): ("declined_cash_withdrawal", "pin_blocked", "card_swallowed"),
    ("cash_withdrawal", "completed"): (
        "wrong_amount_of_cash_received",
        "cash_withdrawal_charge",
        "wrong_exchange_rate_for_cash_withdrawal",
    ),
    ("top_up", "pending"): (
        "pending_top_up",
        "balance_not_updated_after_bank_transfer",
        "balance_not_updated_after_cheque_or_cash_deposit",
    ),
    ("top_up", "failed"): ("top_up_failed",),
    ("top_up", "reverted"): ("top_up_reverted",),
    ("top_up", "completed"): (
        "top_up_by_card_charge",
        "top_up_by_bank_transfer_charge",
        "balance_not_updated_after_bank_transfer",
        "verify_source_of_funds",
    ),
    ("transfer", "pending"): (
        "pending_transfer",
        "transfer_timing",
        "transfer_not_received_by_recipient",
        "cancel_transfer",
    ),
    ("transfer", "failed"): ("failed_transfer", "transfer_not_received_by_recipient"),
    ("transfer", "declined"): ("declined_transfer", "beneficiary_not_allowed"),
    ("transfer", "completed"): (
        "transfer_not_received_by_recipient",
        "transfer_fee_charged",
        "cancel_transfer",
        "transfer_timing",
    ),
    ("exchange", "completed"): ("exchange_charge", "exchange_rate", "exchange_via_app"),
    ("cash_fee", ""): ("cash_withdrawal_charge",),
    ("exchange_fee", ""): ("exchange_charge",),
    ("transfer_fee", ""): ("transfer_fee_charged",),
    ("top_up_fee", ""): ("top_up_by_card_charge",),
    ("card_payment_fee", ""): ("card_payment_fee_charged",),
    ("delivery_fee", ""): ("extra_charge_on_statement",),
    ("replacement_fee", ""): ("extra_charge_on_statement",),
    ("plan_fee", ""): ("extra_charge_on_statement",),
}
"""The topics that a row of this kind and state speaks for; a charge has no state."""


@dataclass(frozen=True)
class Lead:
    """The topics that the rows which a ticket names speak for."""

    topics: Mapping[str, float]
    """How likely the rows are under each topic that they speak for, up to a common factor."""
    fee: bool
    """Whether the rows are fees that we charged, rather than payments."""

    def weights(self, chances: Mapping[str, float]) -> dict[str, float]:
        """The factor by which the chance of each topic changes, up to a common one.

        Args:
            chances: What the words alone say; the topics of high stakes keep their share of it.
        """
        factor = {topic: self.topics.get(_name(topic), ELSEWHERE) for topic in chances}
        high = HIGH_STAKES_TOPICS.keys() - (NOT_MINE if self.fee else set())
        held = {topic for topic in chances if _name(topic) in high}
        rest = sum(chance for topic, chance in chances.items() if topic not in held)
        kept = sum(chances[topic] * factor[topic] for topic in chances if topic not in held)
        neutral = kept / rest if rest else 1.0
        return factor | {topic: max(neutral, ELSEWHERE) for topic in held}


def _name(topic: str) -> str:
    return topic.lower().rstrip("?")


def lead_of(text: str, tables: Mapping[str, Sequence[RowData]]) -> Lead | None:
    """What the rows speak for that the ticket names by id, by its sum, or by name and day; None if none.

    Args:
        text: The ticket.
        tables: The customer's own rows under `charge` and `transaction`.
    """
    amounts = amounts_in(text)

    def pointed(row: RowData) -> int:
        sum_said = any(f"{one:.2f}" == row["amount"] for one in amounts)
        return 6 * says_id(text, row) + 3 * sum_said + 2 * says_name(text, row) + says_day(text, row)

    rows = [row for table in ("charge", "transaction") for row in tables.get(table, ())]
    best = max(map(pointed, rows), default=0)
    if best < 3:
        return None
    named = [row for row in rows if pointed(row) == best]
    topics: dict[str, float] = {}
    for row in named:
        for topic, weight in _spoken_for(row):
            topics[topic] = max(weight, topics.get(topic, 0.0))
    if len(named) > 1 and len({(row["kind"], row["amount"]) for row in named}) == 1:
        topics["transaction_charged_twice"] = 1.0
    return Lead(topics, fee=all("status" not in row for row in named)) if topics else None


def _spoken_for(row: RowData) -> Iterator[tuple[str, float]]:
    status = row.get("status") or ""
    for place, topic in enumerate(_SPEAKS_FOR.get((row["kind"], status), ())):
        yield topic, SECOND if place and status not in {"", "completed"} else 1.0

"""Which rows of our tables a ticket is about, and what they say in words.

A row is matched by the ticket's topic (which kinds and states are meant) and by what the
ticket mentions (an id, an amount, a name, a day). Only rows of the signed-in customer are
ever looked at, so nothing that a ticket says can bring up somebody else's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from nodes.wording import amounts_in, names_something, says_day, says_id, says_name

RowData = Mapping[str, Any]

NAMED, ALONE, NEWEST, OFF_TOPIC, BACKGROUND = 1.0, 0.8, 0.5, 0.3, 0.0
"""How strongly a row is tied to a ticket: mentioned in it; the only one of the kind that its
topic means; the newest of several of that kind; plainly named, but of another kind; or true whatever
happened, such as a plan's limits."""


@dataclass(frozen=True)
class Fact:
    """Something that our tables say."""

    refs: tuple[str, ...]
    """The rows that say it, as `table:id`."""
    says: str
    """A sentence that may be told to the customer."""
    strength: float
    """How strongly it is tied to the ticket: NAMED, ALONE, NEWEST, OFF_TOPIC or BACKGROUND."""


@dataclass(frozen=True)
class Meant:
    """Which rows a topic is about."""

    table: str
    kinds: frozenset[str]
    states: frozenset[str] = frozenset()
    """Empty means every state."""

    def holds(self, row: RowData) -> bool:
        """Whether the row is of a kind and in a state that is meant."""
        return row["kind"] in self.kinds and (not self.states or row["status"] in self.states)


def _charges(*kinds: str) -> Meant:
    return Meant("charge", frozenset(kinds))


def _moves(kind: str, *states: str) -> Meant:
    return Meant("transaction", frozenset({kind}), frozenset(states))


_EVERY_FEE = _charges(
    "cash_fee", "exchange_fee", "transfer_fee", "top_up_fee", "card_payment_fee", "delivery_fee",
    "replacement_fee", "plan_fee",
)  # fmt: skip

MEANT: dict[str, tuple[Meant, ...]] = {
    "cash_withdrawal_charge": (_charges("cash_fee"),),
    "card_payment_fee_charged": (_charges("card_payment_fee", "exchange_fee"),),
    "exchange_charge": (_charges("exchange_fee"),),
    "extra_charge_on_statement": (_EVERY_FEE,),
    "transfer_fee_charged": (_charges("transfer_fee"),),
    "top_up_by_card_charge": (_charges("top_up_fee"),),
    "top_up_by_bank_transfer_charge": (_charges("top_up_fee"),),
    "card_payment_wrong_exchange_rate": (_charges("exchange_fee"),),
    "wrong_amount_of_cash_received": (_moves("cash_withdrawal", "completed", "pending"),),
    "reverted_card_payment": (_moves("card_payment", "reverted"),),
    "top_up_reverted": (_moves("top_up", "reverted"),),
    "refund_not_showing_up": (_moves("card_payment", "reverted"),),
    "pending_card_payment": (_moves("card_payment", "pending"),),
    "pending_cash_withdrawal": (_moves("cash_withdrawal", "pending"),),
    "pending_top_up": (_moves("top_up", "pending"),),
    "pending_transfer": (_moves("transfer", "pending"),),
    "declined_card_payment": (_moves("card_payment", "declined"),),
    "card_not_working": (_moves("card_payment", "declined"),),
    "contactless_not_working": (_moves("card_payment", "declined"),),
    "virtual_card_not_working": (_moves("card_payment", "declined"),),
    "declined_cash_withdrawal": (_moves("cash_withdrawal", "declined"),),
    "declined_transfer": (_moves("transfer", "declined"),),
    "beneficiary_not_allowed": (_moves("transfer", "declined", "failed"),),
    "failed_transfer": (_moves("transfer", "failed"),),
    "top_up_failed": (_moves("top_up", "failed"),),
    "transfer_not_received_by_recipient": (_moves("transfer", "pending", "failed"),),
    "balance_not_updated_after_bank_transfer": (_moves("top_up", "pending"),),
}
"""What each topic is about; a topic that is not here asks for no transaction or charge."""

TWICE = "transaction_charged_twice"

CLAIMS = frozenset({TWICE, "wrong_amount_of_cash_received"})
"""Topics that say of a payment in our tables that it took too much."""

OFTEN_GENERAL = frozenset(
    {
        "exchange_charge",
        "top_up_by_card_charge",
        "top_up_by_bank_transfer_charge",
        "card_not_working",
        "contactless_not_working",
        "virtual_card_not_working",
    }
)
"""Topics on which a row helps, but which an article answers without one."""


def matching(
    text: str, topic: str | None, tables: Mapping[str, Sequence[RowData]], most: int = 2
) -> list[Fact]:
    """The facts that a ticket is about, strongest first.

    A ticket that names an id or an amount which is not there gets no row at all: to tell of
    another one would be worse than to say nothing.

    Args:
        text: The ticket.
        topic: Its topic; None if nobody knows.
        tables: The customer's own rows, newest first, under `charge` and `transaction`.
        most: At most so many facts.
    """
    topic = (topic or "").lower().rstrip("?")
    if topic == TWICE:
        pairs = _twice(text, tables, most)
        return pairs or _pinned(text, tables, most)
    meant = MEANT.get(topic, ())
    found = [
        (table, row)
        for table, row in _every(tables)
        if any(one.table == table and one.holds(row) for one in meant)
    ]
    best = max((marks(text, row) for _, row in found), default=0)
    if best:
        named = [(table, row) for table, row in found if marks(text, row) == best]
        return [tell(table, row, NAMED) for table, row in named[:most]]
    return _pinned(text, tables, most) or (
        []
        if names_something(text)
        else [tell(table, row, ALONE if len(found) == 1 else NEWEST) for table, row in found[:1]]
    )


def marks(text: str, row: RowData) -> int:
    """In how many ways the ticket names this row: by amount, by name, by its day; an id counts for all."""
    if says_id(text, row):
        return 3
    amount = any(f"{one:.2f}" == row["amount"] for one in amounts_in(text))
    return amount + says_name(text, row) + says_day(text, row)


def _pinned(text: str, tables: Mapping[str, Sequence[RowData]], most: int) -> list[Fact]:
    """Rows that the ticket names in two ways, or by id, though its topic is about others.

    Then the topic itself is in doubt, so they are told, but make nobody sure.
    """
    named = [(table, row) for table, row in _every(tables) if marks(text, row) >= 2]
    return [tell(table, row, OFF_TOPIC) for table, row in named[:most]]


def _every(tables: Mapping[str, Sequence[RowData]]) -> list[tuple[str, RowData]]:
    return [(table, row) for table in ("charge", "transaction") for row in tables.get(table, ())]


def tell(table: str, row: RowData, strength: float) -> Fact:
    """One row in words."""
    says = _tell_charge(row) if table == "charge" else _tell_transaction(row)
    return Fact((f"{table}:{row['id']}",), says, strength)


def day(stamp: str) -> str:
    """An ISO date or moment as `13 November 2026`."""
    moment = date.fromisoformat(stamp[:10])
    return f"{moment.day} {moment:%B %Y}"


def kind_in_words(kind: str) -> str:
    """`card_payment` as `card payment`; `top_up` as `top-up`."""
    return "top-up" if kind == "top_up" else kind.replace("_", " ")


def _tell_charge(row: RowData) -> str:
    return f"On {day(row['at'])} we charged {row['amount']} {row['currency']}: {row['reason']} ({row['id']})."


def _tell_transaction(row: RowData) -> str:
    toward = {"top_up": "from", "cash_withdrawal": "at", "exchange": "from"}.get(row["kind"], "to")
    head = (
        f"Your {kind_in_words(row['kind'])} of {row['amount']} {row['currency']} {toward} "
        f"{row['counterparty']} on {day(row['at'])}"
    )
    state = {"pending": "is still pending", "completed": "is completed"}.get(
        row["status"], f"{'has' if row['status'] == 'failed' else 'was'} {row['status']}"
    )
    why = f": {row['reason_says']}" if row.get("reason_says") else ""
    due = (
        f". It should be settled by {day(row['due'])}"
        if row.get("due") and row["status"] == "pending"
        else ""
    )
    return f"{head} {state}{why}{due} ({row['id']})."


def _twice(text: str, tables: Mapping[str, Sequence[RowData]], most: int) -> list[Fact]:
    pairs = [(table, *pair) for table in ("charge", "transaction") for pair in _pairs(tables.get(table, ()))]
    named = [pair for pair in pairs if marks(text, pair[1])]
    if not named and names_something(text):
        return []
    strength = NAMED if named else ALONE if len(pairs) == 1 else NEWEST
    return [_tell_pair(*pair, strength) for pair in (named or pairs[:1])[:most]]


def _pairs(rows: Sequence[RowData]) -> Iterable[tuple[RowData, RowData]]:
    """Neighbours with the same kind, amount and other side within an hour, earlier one first."""
    for later, earlier in pairwise(rows):
        same = all(
            later.get(key) == earlier.get(key) for key in ("kind", "counterparty", "amount", "currency")
        )
        near = _moment(later) - _moment(earlier) <= timedelta(hours=1)
        if same and near and {later.get("status"), earlier.get("status")} <= {"completed", "pending", None}:
            yield earlier, later


def _tell_pair(table: str, first: RowData, second: RowData, strength: float) -> Fact:
    apart = int((_moment(second) - _moment(first)).total_seconds())
    toward = f"to {first['counterparty']}" if table == "transaction" else f"for {first['reason']}"
    says = (
        f"Your account shows two {kind_in_words(first['kind'])}s of {first['amount']} {first['currency']} "
        f"{toward} on {day(first['at'])}, {apart} seconds apart ({first['id']} and {second['id']})."
    )
    return Fact((f"{table}:{first['id']}", f"{table}:{second['id']}"), says, strength)


def _moment(row: RowData) -> datetime:
    return datetime.fromisoformat(str(row["at"]))

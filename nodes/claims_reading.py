"""Reading money and days out of text: strict where a figure decides, and open about what is doubtful."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP"}
_WORDS = {"dollars": "USD", "euros": "EUR", "euro": "EUR", "pounds": "GBP", "francs": "CHF"}
_CODE = r"EUR|USD|GBP|CHF|SEK|NOK|DKK|PLN|CZK|CAD|AUD|JPY|[$€£]|dollars|euros?|pounds|francs"
_NUMBER = r"\d{1,3}(?:[.,' ]\d{3})+(?:[.,]\d{2})?|\d+(?:[.,]\d{1,2})?"
_MONEY = re.compile(rf"(?:({_CODE})\s*)?(?<![\w.,-])({_NUMBER})(?![\w]|[.,]\d|-\d)(?:\s*({_CODE})\b)?")
_MONTHS = {
    name: number
    for number, names in enumerate(
        ["january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul",
         "august aug", "september sept sep", "october oct", "november nov", "december dec"], 1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAYS = (
    re.compile(r"\b(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})\b"),
    re.compile(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\.? (?:of )?(?P<w>{_MONTH})\.?,? (?P<y>\d{{4}})\b", re.I),
    re.compile(rf"\b(?P<w>{_MONTH})\.? (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y>\d{{4}})\b", re.I),
    re.compile(r"\b(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})\b"),
    re.compile(r"\b(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})\b"),
)


@dataclass(frozen=True)
class Sum:
    """An amount of money as it stands in a text.

    Args:
        amount: The figure.
        currency: Its currency; None where the text does not say.
    """

    amount: Decimal
    currency: str | None


@dataclass(frozen=True)
class Day:
    """A day as it stands in a text.

    Args:
        day: The day.
        sure: False where day and month could be exchanged, as in 03/04/2026.
    """

    day: date
    sure: bool = True


def as_money(amount: Decimal) -> str:
    """Decimal text with two places, rounded half up as money is."""
    return str(amount.quantize(CENT, ROUND_HALF_UP))


def sums_in(text: str, *, named: bool = True) -> list[Sum]:
    """Every amount in the text, in order.

    Args:
        text: Where to look.
        named: Only amounts with a currency beside them; a bare number may be anything.
    """
    found = []
    for match in _MONEY.finditer(text):
        before, number, after = match.groups()
        currency = _currency(before) or _currency(after)
        if currency or not named:
            found.append(Sum(_decimal(number), currency))
    return found


def day_in(text: str) -> Day | None:
    """The first day that the text names, or None.

    An impossible day, such as 31 April, is none: nobody knows what was meant.
    """
    matches = [match for pattern in _DAYS if (match := pattern.search(text))]
    for match in sorted(matches, key=lambda one: one.start()):
        parts = match.groupdict()
        month = _MONTHS[parts["w"].lower()] if parts.get("w") else int(parts["m"])
        year, day, slashed = int(parts["y"]), int(parts["d"]), "/" in match.group()
        if slashed and month > 12:  # 02/25/2026 can only be the American order
            day, month = month, day
        try:
            return Day(date(year, month, day), sure=not slashed or day > 12 or month > 12 or day == month)
        except ValueError:
            continue
    return None


def _currency(word: str | None) -> str | None:
    if not word:
        return None
    return _SIGNS.get(word) or _WORDS.get(word.lower()) or word


def _decimal(number: str) -> Decimal:
    digits = number.replace("'", "").replace(" ", "")
    tail = re.search(r"[.,](\d{1,2})$", digits)
    whole = digits[: tail.start()] if tail else digits
    return Decimal(re.sub(r"[.,]", "", whole) + (f".{tail.group(1)}" if tail else ""))

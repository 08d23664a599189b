"""What a ticket names in its own words: sums, days, other sides and ids, and how it reads without them.

A classifier learns from words; a sum or a day is another one in every ticket and tells it
nothing but that there is one. So tickets are read in plain form, when it learns and when it
judges: `Why was 12.50 at Blue Door Deli on 3 May declined?` is to it `Why was AMOUNT at a
shop DAY declined?`.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

RowData = Mapping[str, Any]

AMOUNT, DAY, HOUR = " zzm ", " zzd ", " zzt "
"""What stands for a sum, a day, an hour: letters that no word shares."""

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth",
    "nineteenth", "twentieth",
)  # fmt: skip
_DAY = re.compile(
    rf"\b(?:the )?(?:\d{{1,2}}(?:st|nd|rd|th)?|{'|'.join(_ORDINALS)})(?: of)? {_MONTH}\b(?: \d{{4}})?|"
    rf"\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?\b|\b\d{{4}}-\d\d-\d\d\b|\bthe \d{{1,2}}(?:st|nd|rd|th)\b",
    re.IGNORECASE,
)
_HOUR = re.compile(r"\b(?:at )?\d{1,2}:\d\d\b|\b\d{1,2} ?[ap]m\b", re.IGNORECASE)
_CARD = re.compile(r"\b(ending|ends|number|card)(?: in| with)? \d{4}\b", re.IGNORECASE)
_ID = re.compile(r"\b(?:CH|TX|CD)-\d+", re.IGNORECASE)
_CURRENCY = (
    r"(?:us dollars?|pounds?|quid|euros?|dollars?|bucks|francs?|crowns?|kron(?:or|er|a)|forints?|"
    r"z[l\u0142]ot\w{0,2}|z[l\u0142]|gbp|eur|usd|chf|pln|sek|nok|dkk|czk|huf|kr)"
)
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|\d{1,7}(?:[.,]\d{1,2})?"
_SUM = re.compile(
    rf"[\u00a3\u20ac$]\s?(?:{_NUMBER})|\b(?:{_NUMBER})\s?{_CURRENCY}\b|"
    rf"\b\d{{1,6}}[.,]\d\d\b|\b\d{{1,3}}(?:,\d{{3}})+\b|\b\d{{2,6}}\b",
    re.IGNORECASE,
)
_FREE_NUMBER = re.compile(rf"(?<![\d.,:/-])(?:{_NUMBER})(?![\d:/%]|[.,]\d)")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?")
_SMALL = 10
"""Below this a whole number is more often a count than a sum."""

_IN_PLACE_OF = {"card_payment": "a shop", "transfer": "a friend", "cash_withdrawal": "a cash machine"}
_DOUBLED = re.compile(r"\b(?:ATM|the) (a (?:cash machine|shop|friend))\b", re.IGNORECASE)
_HAPPENED = re.compile(
    r"\b(?:my|mine|was|were|wasn't|did|didn't|has|hasn't|have|haven't|had|been|took|taken|charged|kept|went|gone|"
    r"paid|sent|bought|loaded|withdrew|declined|failed|refused|reverted|pending|still|yet|today|yesterday|"
    r"i've|this|these)\b",
    re.IGNORECASE,
)
_ENGLISH = frozenset(
    {
        "the", "my", "is", "was", "of", "and", "what", "why", "how", "which", "that", "it", "you", "your",
        "did", "does", "do", "can", "could", "not", "to", "from", "has", "have", "at", "on", "for", "with",
        "this", "when", "where", "please", "are", "been", "says",
    }
)  # fmt: skip


def plain(text: str, rows: Iterable[RowData] = ()) -> str:
    """The text with a mark in place of each sum, day and hour, and a common noun for each known name.

    Args:
        text: What the customer wrote.
        rows: The customer's own transactions; other names stand as they are.
    """
    text = text.replace("\u2019", "'")
    for found, noun in _names(text, rows).items():
        text = text.replace(found, noun)
    text = _DOUBLED.sub(r"\1", text)
    for pattern, mark in ((_ID, " "), (_CARD, r"\1"), (_DAY, DAY), (_HOUR, HOUR), (_SUM, AMOUNT)):
        text = pattern.sub(mark, text)
    return " ".join(text.split()) or "-"


def amounts_in(text: str) -> frozenset[Decimal]:
    """The sums that a text names, in whatever currency; days, hours and card numbers are none."""
    rest = _HOUR.sub(" ", _CARD.sub(" ", _DAY.sub(" ", _ID.sub(" ", text))))
    found = set()
    for said in _FREE_NUMBER.findall(rest):
        exact = "." in said or "," in said
        amount = Decimal(said.replace(",", "" if _THOUSANDS.fullmatch(said) else "."))
        if exact or amount >= _SMALL:
            found.add(amount)
    return frozenset(found)


def names_something(text: str) -> bool:
    """Whether the text points to one row: by an id or a sum."""
    return bool(_ID.search(text) or amounts_in(text))


def asks_in_general(text: str) -> bool:
    """Whether it asks how things are for everybody: it names no row, and tells of nothing that happened."""
    return "?" in text and not names_something(text) and not _HAPPENED.search(text)


def says_id(text: str, row: RowData) -> bool:
    """Whether the text holds the row's id."""
    return re.search(rf"\b{re.escape(row['id'])}\b", text, re.IGNORECASE) is not None


def says_name(text: str, row: RowData) -> bool:
    """Whether the text names the other side, with or without `ATM` before it or a country behind it."""
    return _said_name(text, row) is not None


def says_day(text: str, row: RowData) -> bool:
    """Whether the text names the row's day: `3 May`, `the 3rd`, `the third of May`, `2026-05-03`."""
    at = datetime.fromisoformat(str(row["at"]))
    said = rf"{at.day}(?:st|nd|rd|th)?"
    month = rf"(?:{at:%B}|{at:%b})"
    forms = [
        f"{at:%Y-%m-%d}",
        f"{said}(?: of)? {month}",
        f"{month} (?:the )?{said}",
        f"the {at.day}(?:st|nd|rd|th)",
    ]
    if at.day <= len(_ORDINALS):
        forms.append(f"{_ORDINALS[at.day - 1]}(?: of)? (?:{month}|this month)")
    return re.search(rf"\b(?:{'|'.join(forms)})\b", text, re.IGNORECASE) is not None


def reads_as_english(text: str) -> bool:
    """Whether some of its words are the small words of English; a lone name or sum is no language."""
    tokens = re.findall(r"[a-z']+", text.casefold())
    small = sum(token in _ENGLISH for token in tokens)
    return small >= 2 and small * 8 >= len(tokens)


def _names(text: str, rows: Iterable[RowData]) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in rows:
        said = _said_name(text, row) if row["kind"] in _IN_PLACE_OF else None
        if said:
            found.setdefault(said, _IN_PLACE_OF[row["kind"]])
    return found


def _said_name(text: str, row: RowData) -> str | None:
    name = re.sub(r"^ATM | \([A-Z]{2}\)$", "", str(row.get("counterparty") or ""))
    found = re.search(rf"\b{re.escape(name)}(?!\w)", text, re.IGNORECASE) if name else None
    return found.group() if found else None

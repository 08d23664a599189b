"""Redaction: what must not leave the process is replaced by its kind, here and nowhere else.

Found by form, and where there is a checksum, by checksum, so that an order number that
only looks like a card stays readable: e-mail addresses, payment cards (Luhn,
ISO/IEC 7812), IBANs (mod 97, ISO 13616), phone numbers (written the international way,
in a national way with separators, or after a word such as "call"), keys, bearer tokens,
passwords in addresses and after their names. Names of people and postal addresses have
no form and are not found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

DEEPEST = 64
"""Levels of nesting that are looked at; what lies deeper is dropped, never passed on unseen."""

MARKS = ("<secret>", "<email>", "<iban>", "<card>", "<phone>")
"""What stands in place of what was redacted."""

_HIDDEN_NAMES = (
    r"passw(?:or)?d|pwd|passphrase|secret|token|api_?key|apikey|private_?key|access_?key|"
    r"authorization|cookie|credentials?|cvv|cvc|pin_?code"
)
_HIDDEN_KEY = re.compile(rf"(?:.*_)?(?:{_HIDDEN_NAMES})", re.IGNORECASE)

_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_KEYS = re.compile(
    r"\b(?:sk|pk|rk)[-_](?=[\w-]{0,200}\d)[A-Za-z0-9_-]{16,}"
    r"|\b(?:gh[opsur]_|github_pat_|glpat-|xox[abprs]-|lsv2_)[A-Za-z0-9_-]{12,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[\w-]{30,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
)
_BEARER = re.compile(r"\b(?:bearer|basic)\s+(?=[^\s\"']{0,200}\d)[\w.~+/=-]{12,}", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@:]{1,200}:[^\s/@]{1,200}(?=@)")
_NAMED = re.compile(
    rf"(?P<name>(?<![^\W_])(?:{_HIDDEN_NAMES.replace('_?', '[_ -]?')})[\"']?\s{{0,3}}[:=]\s{{0,3}})"
    r"(?:(?P<quote>[\"'])(?:(?!(?P=quote)).){1,4000}(?P=quote)|[^\s\"',;}&]+)",
    re.IGNORECASE,
)
# The look-behind lets a match begin only where a word does, which keeps long texts linear.
_EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]+@(?:[\w-]+\.)+[^\W\d_]{2,}")

_GAP = r"[ \u00a0.-]"
_CARD = re.compile(
    rf"(?<![\w+])(?<!\d\.)(?:\d{{13,19}}|\d{{4}}(?:{_GAP}\d{{4}}){{2}}{_GAP}\d{{1,4}}(?:{_GAP}\d{{1,3}})?"
    rf"|\d{{4}}{_GAP}\d{{6}}{_GAP}\d{{4,5}})(?!\w)"
)
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9])")

_INTERNATIONAL = re.compile(r"(?<![\w+])(?:\+|00)[1-9](?:[ \u00a0()./-]{0,2}\d){6,14}(?![\d])")
_NATIONAL = re.compile(
    r"(?<![\w.,/-])(?:"
    r"\(0\d{1,4}\)[ -]?\d{2,4}(?:[ -]?\d{2,4}){1,3}"  # (030) 123 456
    r"|0\d{2,4}[ /-]\d{3,4}(?:[ -]?\d{2,4}){1,2}"  # 030 1234567, 0170/1234567
    r"|0[67]\d{8,9}"  # 07700900123
    r"|\([2-9]\d{2}\) ?\d{3}[ .-]\d{4}|[2-9]\d{2}([.-])\d{3}\1\d{4}"  # (555) 123-4567
    r")(?![\w-])"
)
_ANNOUNCED = re.compile(
    r"(?P<word>\b(?:tele)?(?:phone|mobile|cell|tel|call|ring|text|sms|whatsapp)\b"
    r"(?:[ \t]{1,3}(?:number|no|nr|is|me|us|at|on|back|under)\b){0,4}[ \t.:#]{1,4})"
    r"(?P<number>\d(?:[ ()./-]{0,2}\d){6,14})(?![\d.,]*\d)",
    re.IGNORECASE,
)

# Length of an IBAN by country, from the registry of ISO 13616.
_IBAN_LENGTHS = {
    length: countries.split()
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
}
_IBAN_LENGTH = {country: length for length, countries in _IBAN_LENGTHS.items() for country in countries}


def redact(value: Any) -> Any:
    """The value with every secret and every personal mark replaced by its kind, such as `<email>`.

    Args:
        value: Text, or JSON-plain data of any depth up to `DEEPEST`. In mappings a value
            under the name of a secret (`password`, `api_key` ...) is replaced whatever it
            is, unless it is None. Any other object is turned into text first.

    Returns:
        A new value of the same shape; the given one is not changed. Redacting twice
        gives the same as redacting once.
    """
    return _redact(value, 0)


def _redact(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return "<card>" if _is_card(str(value)) else value
    if depth >= DEEPEST:
        return "<too deep>"
    if isinstance(value, Mapping):
        return {_key(key): _under(key, inner, depth) for key, inner in value.items()}
    if isinstance(value, list):
        return [_redact(inner, depth + 1) for inner in value]
    if isinstance(value, tuple | set | frozenset):
        return tuple(_redact(inner, depth + 1) for inner in value)
    return _text(str(value))


def _key(key: Any) -> Any:
    return _text(key) if isinstance(key, str) else key


def _under(key: Any, value: Any, depth: int) -> Any:
    if value is not None and isinstance(key, str) and _HIDDEN_KEY.fullmatch(_snake(key)):
        return "<secret>"
    return _redact(value, depth + 1)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").replace(" ", "_")


def _text(text: str) -> str:
    for step in _STEPS:
        text = step(text)
    return text


def _sub(pattern: re.Pattern[str], to: str | Callable[[re.Match[str]], str]) -> Callable[[str], str]:
    return lambda text: pattern.sub(to, text)


def _ibans(text: str) -> str:
    pieces, last = [], 0
    for start in _IBAN_START.finditer(text):
        end = _iban_end(text, start.start()) if start.start() >= last else None
        if end:
            pieces += [text[last : start.start()], "<iban>"]
            last = end
    return "".join([*pieces, text[last:]])


def _iban_end(text: str, start: int) -> int | None:
    length = _IBAN_LENGTH.get(text[start : start + 2].upper())
    if not length:
        return None
    found = re.compile(rf"(?:[A-Za-z0-9][ \u00a0-]?){{{length - 1}}}[A-Za-z0-9](?![A-Za-z0-9])").match(
        text, start
    )
    if not found:
        return None
    plain = re.sub(r"[^A-Z0-9]", "", found[0].upper())
    number = "".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])
    return found.end() if int(number) % 97 == 1 else None


def _card(found: re.Match[str]) -> str:
    text = found[0]
    if _is_card(re.sub(r"\D", "", text)):
        return "<card>"
    # "4111 1111 1111 1111 12/27": the last group may belong to what follows.
    cut = re.search(rf"{_GAP}\d{{1,3}}$", text)
    if cut and _is_card(re.sub(r"\D", "", text[: cut.start()])):
        return "<card>" + cut[0]
    return text


def _is_card(digits: str) -> bool:
    if not (13 <= len(digits) <= 19 and digits.isascii() and digits.isdigit() and digits[0] in "23456"):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(one - 9 if one > 9 else one for one in doubled) % 10 == 0


def _international(found: re.Match[str]) -> str:
    is_amount = re.fullmatch(r"\+[\d ]+\.\d{2}", found[0])
    return found[0] if is_amount else "<phone>"


_STEPS: tuple[Callable[[str], str], ...] = (
    _sub(_PEM, "<secret>"),
    _sub(_IN_ADDRESS, "<secret>"),
    _sub(_BEARER, "<secret>"),
    _sub(_NAMED, r"\g<name>\g<quote><secret>\g<quote>"),
    _sub(_KEYS, "<secret>"),
    _sub(_EMAIL, "<email>"),
    _ibans,
    _sub(_CARD, _card),
    _sub(_INTERNATIONAL, _international),
    _sub(_NATIONAL, "<phone>"),
    _sub(_ANNOUNCED, r"\g<word><phone>"),
)

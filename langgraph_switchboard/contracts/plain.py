"""What JSON, msgpack and Postgres can all keep: the plain values of an envelope."""

from __future__ import annotations

from math import isfinite
from typing import Any

_WIDEST = 2**63
_DEEPEST = 64


def plain_problem(value: object, at: str, depth: int = 0) -> dict[str, str] | None:
    """The first reason why `value` cannot be stored everywhere, or None.

    JSON itself takes more than the stores behind it: msgpack stops at 64-bit integers,
    UTF-8 has no lone surrogates, and Postgres text and jsonb have no NUL.
    """
    # Nearly every value has none, and the way to a fault is made only where there is one.
    return None if _is_plain(value, depth) else _problem(value, at, depth)


def _is_plain(value: Any, depth: int) -> bool:
    """Whether there is nothing to find; a value of an unusual type is left to the search."""
    kind = type(value)
    if kind is dict:
        for key in value:
            if type(key) is not str or not _is_text(key):
                return False
        value = value.values()
    elif kind is not list and kind is not tuple:
        return _is_plain_leaf(value, kind)
    if depth >= _DEEPEST and value:
        return False
    for inner in value:
        kind = type(inner)
        if not (_is_text(inner) if kind is str else inner is None or _is_plain(inner, depth + 1)):
            return False
    return True


def _is_plain_leaf(value: Any, kind: type) -> bool:
    if kind is str:
        return _is_text(value)
    if kind is float:
        return isfinite(value)
    return value is None or kind is bool or (kind is int and -_WIDEST <= value < _WIDEST)


def _is_text(text: str) -> bool:
    return "\x00" not in text and (text.isascii() or not _has_surrogate(text))


def _problem(value: object, at: str, depth: int) -> dict[str, str] | None:
    if depth > _DEEPEST:
        return {"at": at, "code": "too_deep", "says": f"is nested deeper than {_DEEPEST} levels"}
    if isinstance(value, str):
        return _text_problem(value, at)
    if isinstance(value, float):
        return None if isfinite(value) else {"at": at, "code": "not_finite", "says": "is no finite number"}
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        wide = not -_WIDEST <= value < _WIDEST
        return {"at": at, "code": "int_too_wide", "says": "does not fit 64 bits"} if wide else None
    if isinstance(value, dict):
        for key, inner in value.items():
            problem = _text_problem(str(key), at) or _problem(inner, f"{at}.{place(key)}", depth + 1)
            if problem:
                return problem
        return None
    if isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            problem = _problem(inner, f"{at}.{index}", depth + 1)
            if problem:
                return problem
        return None
    return {"at": at, "code": "not_json", "says": f"holds a {type(value).__name__}"}


def place(part: object) -> str:
    """One part of the path to a fault; a key that is no name may be data, and is not repeated."""
    text = str(part)
    return text if isinstance(part, int) or (text.isidentifier() and len(text) <= 64) else "<key>"


def _text_problem(text: str, at: str) -> dict[str, str] | None:
    if "\x00" in text:
        return {"at": at, "code": "nul", "says": "holds a NUL character"}
    if not text.isascii() and _has_surrogate(text):
        return {"at": at, "code": "surrogate", "says": "holds a lone surrogate, which is not text"}
    return None


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False

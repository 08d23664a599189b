"""What JSON, msgpack and Postgres can all keep: the plain values of an envelope."""

from __future__ import annotations

from math import isfinite

_WIDEST = 2**63
_DEEPEST = 64


def plain_problem(value: object, at: str, depth: int = 0) -> dict[str, str] | None:
    """The first reason why `value` cannot be stored everywhere, or None.

    JSON itself takes more than the stores behind it: msgpack stops at 64-bit integers,
    UTF-8 has no lone surrogates, and Postgres text and jsonb have no NUL.
    """
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
            problem = _text_problem(str(key), at) or plain_problem(inner, f"{at}.{place(key)}", depth + 1)
            if problem:
                return problem
        return None
    if isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            problem = plain_problem(inner, f"{at}.{index}", depth + 1)
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
    if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
        return {"at": at, "code": "surrogate", "says": "holds a lone surrogate, which is not text"}
    return None

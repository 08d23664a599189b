"""What a process card says, in the words of people who never saw code."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from langgraph_switchboard.graphs.durations import spoken
from langgraph_switchboard.limits import BreakerPolicy, Budget, Rate
from langgraph_switchboard.nodes import Retry

_PLAIN: dict[object, str] = {
    str: "text", int: "whole number", float: "number", bool: "yes or no", Decimal: "decimal number",
    date: "day", datetime: "moment", time: "time of day", timedelta: "length of time", bytes: "data",
    Any: "anything", object: "anything",
}  # fmt: skip


def type_words(kind: Any) -> str:
    """A type as people call it: "text", "list of whole numbers", "one of billing, outage".

    Args:
        kind: A type annotation.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return type_words(inner[0])
    if origin is Literal:
        return f"one of {', '.join(map(str, inner))}" if len(inner) > 1 else f"always {inner[0]}"
    if origin in (Union, types.UnionType):
        return " or ".join(type_words(one) for one in inner if one is not types.NoneType)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"table of {_many(inner[1])}"
    if origin in (tuple, list, set, frozenset) and inner:
        return f"list of {_many(inner[0])}"
    return _PLAIN.get(kind) or str(getattr(kind, "__name__", kind))


def _many(kind: Any) -> str:
    words = type_words(kind)
    return f"{words}s" if words in ("number", "whole number", "decimal number", "day", "moment") else words


def bounds_words(field: FieldInfo) -> str:
    """What a field's value is held to: "0 to 1", "at most 4,000 letters"."""
    least: float | None = None
    most: float | None = None
    said: list[str] = []
    longest: int | None = None
    for one in field.metadata:
        longest = getattr(one, "max_length", longest)
        least = getattr(one, "ge", getattr(one, "gt", least))
        most = getattr(one, "le", getattr(one, "lt", most))
    if least is not None and most is not None:
        said.append(f"{_plain(least)} to {_plain(most)}")
    elif least is not None or most is not None:
        said.append(f"from {_plain(least)}" if least is not None else f"up to {_plain(most)}")
    if longest is not None:
        is_text = type_words(field.annotation).startswith("text")
        said.append(f"at most {longest:,} {'letters' if is_text else 'items'}")
    return ", ".join(said)


def contracts_within(kind: Any) -> Iterable[type[BaseModel]]:
    """The nouns that a type is made of, so that each can be told of."""
    if isinstance(kind, type) and get_origin(kind) is None and issubclass(kind, BaseModel):
        yield kind
    for one in get_args(kind):
        yield from contracts_within(one)


def retry_words(retry: Retry) -> str:
    """How often something is tried: "up to 3 times, 2 s and 4 s apart"."""
    if retry.attempts <= 1:
        return "once"
    waits = [min(retry.base * retry.factor**n, retry.longest) for n in range(min(retry.attempts - 1, 3))]
    apart = join_words([spoken(wait) for wait in dict.fromkeys(waits)])
    more = " and longer" if retry.attempts > 4 and len(set(waits)) > 1 else ""
    return f"up to {retry.attempts} times, {apart}{more} apart"


def budget_words(budget: Budget | None) -> str:
    """What may be spent; empty where nothing bounds it."""
    if budget is None:
        return ""
    bounds = [
        (budget.usd, budget.tokens, "for one case"),
        (budget.usd_per_call, budget.tokens_per_call, "for one question"),
        (budget.usd_per_day, budget.tokens_per_day, "on one day"),
    ]
    said = []
    for usd, tokens, per in bounds:
        sums = [f"${_plain(usd)}"] if usd is not None else []
        sums += [f"{tokens:,} tokens"] if tokens is not None else []
        said += [f"at most {' and '.join(sums)} {per}"] if sums else []
    return "; ".join(said)


def rate_words(rate: Rate | None) -> str:
    """How often it may be called; empty where nothing bounds it."""
    if rate is None:
        return ""
    burst = f", {_plain(rate.burst)} at once" if rate.burst > 1 else ""
    return f"at most {_plain(rate.per_second)} calls a second{burst}"


def breaker_words(breaker: BreakerPolicy | None) -> str:
    """When it is left alone for a while; empty where it never is."""
    if breaker is None:
        return ""
    reasons = {
        "{:.0%} of calls fail": breaker.errors,
        "{:.0%} of answers are rejected": breaker.rejections,
        "sureness falls under {:.2f}": breaker.confidence,
    }
    said = [words.format(bound) for words, bound in reasons.items() if bound is not None]
    said += [f"it takes {spoken(breaker.slower)}"] if breaker.slower is not None else []
    return f"left alone for {spoken(breaker.cool)} when {' or '.join(said)}" if said else ""


def join_words(words: Iterable[str], last: str = "and") -> str:
    """Words as a sentence lists them: "a, b and c"."""
    *first, end = list(words) or [""]
    return f"{', '.join(first)} {last} {end}" if first else end


def _plain(number: float | None) -> str:
    return f"{number:,.10g}" if number is not None else ""

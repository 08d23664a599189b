"""Words for people: times, amounts, names and short texts, as the templates fill them in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from jinja2 import Environment

from langgraph_switchboard.switchboard.telling import words_of

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))
_WHOM = ("customer", "claimant", "holder", "requester", "sender", "person", "name", "email")
"""Fields that say for whom somebody waits, the best first."""


def span(length: timedelta | float | None) -> str:
    """A length of time in its largest whole unit: `3 h`."""
    if length is None:
        return ""
    seconds = int(length.total_seconds() if isinstance(length, timedelta) else length)
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago a moment was."""
    return span(now - moment)


def due(moment: datetime | None, now: datetime) -> str:
    """When something is due, from now; empty where nothing was promised."""
    if moment is None:
        return ""
    return f"due in {span(moment - now)}" if moment > now else f"overdue by {span(now - moment)}"


def clock(moment: datetime) -> str:
    """A moment in UTC, for those who read it exactly."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def took(seconds: float | None) -> str:
    """How long a step took."""
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


def percent(share: float | None) -> str:
    """A share of one, in hundredths."""
    return "" if share is None else f"{100 * share:.0f} %"


def named(name: str) -> str:
    """A name of a program as a person would write it."""
    return name.replace("_", " ")


def plain(value: object) -> str:
    """A JSON value as a person would write it, on one line."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case Mapping():
            return ", ".join(f"{named(str(key))}: {plain(one)}" for key, one in value.items() if full(one))
        case list() | tuple():
            return ", ".join(map(plain, value))
        case _:
            return str(value)


def full(value: object) -> bool:
    """Whether there is anything in a value."""
    return value not in (None, "", [], {}, ())


def excerpt(shown: Mapping[str, Any], inputs: Iterable[str] = (), length: int = 160) -> str:
    """The beginning of the longest text that came in, to know a case by.

    Args:
        shown: Payload by field.
        inputs: The fields that came in; all of them unless given.
        length: At most so many characters.
    """
    names = [name for name in inputs if name in shown] or list(shown)
    values = [shown[name] for name in names]
    texts = [one for value in values if isinstance(value, Mapping) for one in value.values()]
    text = " ".join(max((one for one in texts if isinstance(one, str)), key=len, default="").split())
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def for_whom(shown: Mapping[str, Any]) -> str:
    """Who waits for the outside world: the customer of the case, if a field says so."""
    for name in _WHOM:
        for value in shown.values():
            found = value.get(name) if isinstance(value, Mapping) else None
            if isinstance(found, str) and found.strip():
                return found
    return ""


def teach(environment: Environment) -> None:
    """Let templates use these words.

    Args:
        environment: The templates.
    """
    environment.filters |= {
        "span": span, "ago": ago, "due": due, "clock": clock, "took": took, "percent": percent,
        "named": named, "plain": plain, "told": words_of,
    }  # fmt: skip
    environment.tests["full"] = full

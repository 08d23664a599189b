"""Durations as people write them: 30, "45s", "4h"."""

from __future__ import annotations

import re
from datetime import timedelta

from langgraph_switchboard.errors import BlueprintError

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds_of(duration: float | str | timedelta, where: str) -> float:
    """Seconds, from a number of seconds or text such as "30s", "5m", "4h", "2d".

    Raises:
        BlueprintError: It is no duration, or not positive.
    """
    if isinstance(duration, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", duration)
        seconds = float(match[1]) * _UNITS[match[2]] if match else -1.0
    elif isinstance(duration, timedelta):
        seconds = duration.total_seconds()
    else:
        seconds = float(duration)
    if seconds <= 0:
        raise BlueprintError(
            "a duration must be positive",
            where=where,
            wanted='seconds, or "30s", "5m", "4h", "2d"',
            came=repr(duration),
        )
    return seconds


def spoken(seconds: float) -> str:
    """A length of time as people say it: "30 s", "4 h", "1 h 30 min".

    Args:
        seconds: Not negative.
    """
    if seconds < 60:
        return f"{seconds:g} s"
    left, words = round(seconds), []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        words += [f"{count} {unit}"] if count else []
    return " ".join(words[:2])


def written(seconds: float) -> str | float:
    """A length of time as a blueprint writes it: "4h", or seconds where no unit divides it.

    Args:
        seconds: Not negative.
    """
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return int(seconds) if seconds == int(seconds) else seconds

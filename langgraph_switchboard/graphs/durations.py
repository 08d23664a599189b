"""Durations as people write them: 30, "45s", "4h"."""

from __future__ import annotations

import re

from langgraph_switchboard.errors import BlueprintError

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds_of(duration: float | str, where: str) -> float:
    """Seconds, from a number of seconds or text such as "30s", "5m", "4h", "2d".

    Raises:
        BlueprintError: It is no duration, or not positive.
    """
    if isinstance(duration, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", duration)
        seconds = float(match[1]) * _UNITS[match[2]] if match else -1.0
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

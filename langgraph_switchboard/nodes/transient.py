"""Transient faults: which failures may be over when a step is tried again, and when that is."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from langchain_core.exceptions import ModelError as LangChainModelError

from langgraph_switchboard.errors import StepTimeout, SwitchboardError
from langgraph_switchboard.models.faults import retry_after

_STATUSES = (408, 409, 425, 429)
"""Request timeout, conflict, too early, too many requests; and everything from 500 on."""
_FAULTS = {
    "httpx": {"TimeoutException", "NetworkError", "RemoteProtocolError", "ProxyError"},
    "httpcore": {"TimeoutException", "NetworkError", "RemoteProtocolError", "ProxyError"},
    "openai": {"APIConnectionError"},
    "anthropic": {"APIConnectionError"},
    "requests": {"ConnectionError", "Timeout", "ChunkedEncodingError"},
    "urllib3": {"TimeoutError", "ProtocolError"},
    "psycopg_pool": {"PoolTimeout"},
    "aiohttp": {"ClientConnectionError", "ClientPayloadError"},
}
"""Timeouts and connection faults of clients, by the package and the name of the class: a client is
no dependency of the library, and some stand on another package than the one they are named after."""


def may_pass(error: BaseException) -> bool:
    """Whether the same work may succeed when it is done again.

    Worth another attempt are a status of 408, 409, 425, 429 or 5xx, timeouts and faults of the
    connection, and what says of itself that it is (`retryable`, `is_retryable`). Not so whatever
    would be the same again: a broken contract, a spent budget, a refused key or right, a bug.
    A group of errors is when all of them are.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(map(may_pass, error.exceptions))
    if isinstance(error, SwitchboardError):
        # Among them are connection errors and timeouts of our own store, which no step is to blame for.
        return isinstance(error, StepTimeout) or getattr(error, "retryable", False) is True
    if getattr(error, "code", None) == "insufficient_quota":
        return False  # a 429 that no waiting helps against
    if isinstance(error, LangChainModelError):
        return bool(error.is_retryable)
    status = _status(error)
    if status is not None:
        return status in _STATUSES or status >= 500
    return isinstance(error, TimeoutError | ConnectionError | socket.gaierror) or _is_of_a_client(error)


def asks_to_wait(error: BaseException, now: datetime) -> float | None:
    """Seconds that the other side asked us to wait, in seconds or as a date; None if it did not.

    Args:
        error: What was raised; of a group the longest wait counts.
        now: The present moment, which a date is compared with.
    """
    waits = [wait for one in _alone(error) if (wait := _asked(one, now)) is not None]
    return max(waits, default=None)


def _asked(error: BaseException, now: datetime) -> float | None:
    said = getattr(error, "retry_after", None)
    if isinstance(said, int | float) and not isinstance(said, bool):
        return max(0.0, float(said)) if float("-inf") < said < float("inf") else None
    headers = getattr(getattr(error, "response", None), "headers", None)
    return None if headers is None else retry_after(headers, now.timestamp())


def _alone(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _alone(one)
    else:
        yield error


def _status(error: BaseException) -> int | None:
    """The HTTP status that an error stands for. A response may call itself false: it is never asked."""
    response: Any = getattr(error, "response", None)
    for said in (
        getattr(error, "status_code", None),
        getattr(response, "status_code", None),
        getattr(error, "status", None),
    ):
        if isinstance(said, int) and not isinstance(said, bool):
            return said
    return None


def _is_of_a_client(error: BaseException) -> bool:
    return any(
        kind.__name__ in names
        for kind in type(error).__mro__
        for package, names in _FAULTS.items()
        # httpx2 and its like are the same client under another name.
        if kind.__module__.partition(".")[0].rstrip("0123456789") == package
    )

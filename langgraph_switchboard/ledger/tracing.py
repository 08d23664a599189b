"""Traces for LangSmith: switched on by its own variables, redacted before they leave.

The ledger is the truth and a trace is one reader of it. With `LANGSMITH_TRACING=true`
LangGraph itself reports every node; here the reports are redacted and the running node
is given what only the switchboard knows: agent, route, confidence, tokens, cost.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import langsmith
from langsmith import Client
from langsmith.run_helpers import get_current_run_tree

from langgraph_switchboard.ledger.redaction import redact

_SWITCHES = ("LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING", "LANGCHAIN_TRACING")
"""LangSmith's own variables, in the order in which LangSmith obeys them."""


def tracing_is_on(environment: Mapping[str, str] | None = None) -> bool:
    """Whether LangSmith's variables ask for traces; the first one that is set decides."""
    settings = os.environ if environment is None else environment
    return next((settings[name] for name in _SWITCHES if settings.get(name)), "") == "true"


def configure_tracing() -> bool:
    """Make sure that traces leave this process redacted, or not at all.

    Call it once, before the first run; calling again does no harm. With the variables
    set, one LangSmith client is installed whose inputs, outputs, metadata and error
    texts pass through `redact`. The error text matters: LangGraph reports a pause for a
    person as an error that quotes the whole question. Without the variables tracing is
    switched off for the process, and no client, thread or request exists; code that
    asks for a trace by `langsmith.tracing_context(enabled=True)` still gets it, by a
    client of its own making.

    Returns:
        Whether traces are sent.
    """
    if not tracing_is_on():
        langsmith.configure(enabled=False)
        return False
    # Said outright, because LangSmith remembers how its variables stood when it first looked.
    langsmith.configure(client=_redacting_client(), enabled=True)
    return True


def annotate(**metadata: Any) -> None:
    """Add facts to the trace of the node that is running; without tracing nothing happens.

    Args:
        **metadata: Such as `agent`, `owner`, `route`, `confidence` (0 to 1), `attempt`
            (from 1), `input_tokens`, `output_tokens`, `cost_usd`, `case`. What is None
            is left out: an unknown cost must not show as a cost.
    """
    run = get_current_run_tree()
    if run is not None:
        run.add_metadata(redact({name: fact for name, fact in metadata.items() if fact is not None}))


async def flush_tracing(seconds: float = 10.0) -> None:
    """Wait until the traces so far have been sent; without tracing, not at all.

    Args:
        seconds: The longest wait; an endpoint that is down must not hold up a shutdown.
    """
    if tracing_is_on():
        # In a thread, because LangSmith's client blocks while it waits.
        await asyncio.to_thread(_redacting_client().flush, seconds)


@cache
def _redacting_client() -> Client:
    return Client(anonymizer=redact)

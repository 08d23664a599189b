"""The ledger: what happened, step by step; its traces, and what must not leave in them."""

from langgraph_switchboard.ledger.events import Event, EventKind, LedgerEntry
from langgraph_switchboard.ledger.journal import Entry, Journal, Row, Table, TaskKey
from langgraph_switchboard.ledger.prices import Price, Prices
from langgraph_switchboard.ledger.redaction import redact
from langgraph_switchboard.ledger.tracing import annotate, configure_tracing, flush_tracing, tracing_is_on

__all__ = [
    "Entry",
    "Event",
    "EventKind",
    "Journal",
    "LedgerEntry",
    "Price",
    "Prices",
    "Row",
    "Table",
    "TaskKey",
    "annotate",
    "configure_tracing",
    "flush_tracing",
    "redact",
    "tracing_is_on",
]

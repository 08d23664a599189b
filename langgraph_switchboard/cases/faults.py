"""Faults: what psycopg raises, as errors of the library, without the values of any row."""

from __future__ import annotations

import psycopg
from psycopg import errors as pg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from langgraph_switchboard.cases import refusals
from langgraph_switchboard.errors import StoreError, StoreUnavailable

KEY_TAKEN = "SB001"
"""SQLSTATE of the trigger `outbox_once`."""

_FULL = (pg.DiskFull, pg.OutOfMemory)
_POOL = (PoolClosed, PoolTimeout, TooManyRequests)


def may_pass(error: psycopg.Error) -> bool:
    """Whether the same statement may succeed at once on another connection."""
    if isinstance(error, _POOL):
        return False
    lost = error.sqlstate is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    state = error.sqlstate or ""
    # 08: connection; 57P: the server is going down or came back; 40: deadlock, serialisation.
    return lost or state.startswith(("08", "57P", "40"))


def store_fault(error: psycopg.Error, doing: str, case_id: str = "") -> StoreError:
    """The library's error for one of psycopg's.

    Args:
        error: What psycopg raised.
        doing: Name of the statement.
        case_id: The case, if the statement was about one alone.
    """
    diag = error.diag
    if error.sqlstate == KEY_TAKEN:
        return refusals.effect_conflict(case_id, diag.message_detail or "")
    if isinstance(error, pg.NotNullViolation) and diag.table_name == "cases" and case_id:
        return refusals.case_missing(case_id)
    came = type(error).__name__ + (f" (SQLSTATE {error.sqlstate})" if error.sqlstate else "")
    unreachable = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if unreachable and not isinstance(error, _FULL):
        return StoreUnavailable(
            "Postgres cannot be reached just now", where=doing, came=came, mend="Try again once it answers."
        )
    facts = {"sqlstate": error.sqlstate, "table": diag.table_name, "constraint": diag.constraint_name}
    return StoreError(
        "Postgres refused the statement; nothing of it is written",
        where=doing,
        came=came,
        mend="Its own log says more.",
        **{name: value for name, value in facts.items() if value},
    )
